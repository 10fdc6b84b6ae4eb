//! Figures as PNG: plotters' bitmap backend at four pixels to the CSS pixel, halved for smooth edges.

use super::figure::{Anchor, Figure, Label, Shape};
use super::text;
use super::theme::{AREA, Color};
use crate::error::{Error, Result};
use plotters::backend::{BitMapBackend, RGBPixel};
use plotters::prelude::{DrawingBackend, RGBColor, ShapeStyle};
use plotters::style::Color as _;

const OP: &str = "figure";
const FINE: f64 = 4.0;
/// Fine pixels to a pixel of the file, on each axis.
const HALF: usize = 2;
const MAX_SIDE: f64 = 8000.0;

fn fine(v: f64) -> i32 {
    (v * FINE).round() as i32
}

fn point(p: (f64, f64)) -> (i32, i32) {
    (fine(p.0), fine(p.1))
}

fn style(color: Color) -> ShapeStyle {
    let (r, g, b) = color.rgb();
    ShapeStyle { color: RGBColor(r, g, b).into(), filled: true, stroke_width: 1 }
}

pub(crate) fn draw(figure: &Figure) -> Result<Vec<u8>> {
    let (w, h) = figure.size;
    let side = w.max(h) * FINE / HALF as f64;
    if !(w > 0.0 && h > 0.0 && side <= MAX_SIDE) {
        return Err(Error::InvalidArgument {
            op: OP,
            rule: "a PNG must have 1 to 8000 pixels a side",
            got: format!("{w} by {h} CSS pixels"),
            repair: "draw fewer panels or save an SVG",
        });
    }
    let (out_w, out_h) = ((w * FINE / HALF as f64).ceil() as usize, (h * FINE / HALF as f64).ceil() as usize);
    let (fine_w, fine_h) = (out_w * HALF, out_h * HALF);
    let mut pixels = vec![255; fine_w * fine_h * 3];
    let mut backend = BitMapBackend::<RGBPixel>::with_buffer(&mut pixels, (fine_w as u32, fine_h as u32));
    for shape in &figure.shapes {
        draw_shape(&mut backend, shape)?;
    }
    drop(backend);
    encode_png(&halved(&pixels, out_w, out_h), out_w, out_h, png::ColorType::Rgb)
}

fn broken(cause: impl std::fmt::Display) -> Error {
    Error::encode(OP, "PNG", cause)
}

fn draw_shape(backend: &mut BitMapBackend<'_>, shape: &Shape) -> Result<()> {
    match shape {
        Shape::Rect { at, size, color } => {
            let (from, to) = (point(*at), point((at.0 + size.0, at.1 + size.1)));
            backend.draw_rect(from, to, &style(*color), true).map_err(broken)
        }
        Shape::Line { from, to, width, color } => stroke(backend, &[*from, *to], *width, *color),
        Shape::Path { points, width, color } => stroke(backend, points, *width, *color),
        Shape::Area { points, color } => {
            let mut style = style(*color);
            style.color = style.color.mix(AREA);
            backend.fill_polygon(points.iter().map(|&p| point(p)), &style).map_err(broken)
        }
        Shape::Disc { at, radius, color } => {
            backend.draw_circle(point(*at), fine(*radius).max(1) as u32, &style(*color), true).map_err(broken)
        }
        Shape::Text(label) => draw_text(backend, label),
    }
}

/// A path as one quadrilateral for each piece and a disc on each corner: round joins, as in the SVG.
fn stroke(backend: &mut BitMapBackend<'_>, points: &[(f64, f64)], width: f64, color: Color) -> Result<()> {
    let style = style(color);
    let half = width / 2.0;
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let (dx, dy) = (x1 - x0, y1 - y0);
        if dx == 0.0 || dy == 0.0 {
            let (from, to) = ((x0.min(x1), y0.min(y1)), (x0.max(x1), y0.max(y1)));
            let (a, b) = if dx == 0.0 { (half, 0.0) } else { (0.0, half) };
            let (from, to) = (point((from.0 - a, from.1 - b)), point((to.0 + a, to.1 + b)));
            backend
                .draw_rect(from, (to.0.max(from.0 + 1), to.1.max(from.1 + 1)), &style, true)
                .map_err(broken)?;
            continue;
        }
        let length = (dx * dx + dy * dy).sqrt();
        let (nx, ny) = (-dy / length * half, dx / length * half);
        let corners = [(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)];
        backend.fill_polygon(corners.map(point), &style).map_err(broken)?;
    }
    if points.len() > 2 {
        for &p in points {
            backend
                .draw_circle(point(p), (half * FINE).floor().max(1.0) as u32, &style, true)
                .map_err(broken)?;
        }
    }
    Ok(())
}

fn draw_text(backend: &mut BitMapBackend<'_>, label: &Label) -> Result<()> {
    let px = label.px * FINE;
    let w = text::width(&label.text, px, label.bold);
    let from = match label.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -w / 2.0,
        Anchor::End => -w,
    };
    // The point is on the middle of digits and capitals, which are 0.714 em high in Noto Sans.
    let (x, y) = (from.round() as i32, (0.357 * px).round() as i32);
    let (at_x, at_y) = point(label.at);
    let (r, g, b) = label.color.rgb();
    let ink = RGBColor(r, g, b);
    let mut drawn = Ok(());
    text::rasterize(&label.text, px, label.bold, |gx, gy, cover| {
        let (dx, dy) = (x + gx, y + gy);
        let (dx, dy) = if label.upward { (dy, -dx) } else { (dx, dy) };
        let alpha = f64::from(cover.clamp(0.0, 1.0));
        if alpha > 0.0 && drawn.is_ok() {
            drawn = backend.draw_pixel((at_x + dx, at_y + dy), ink.mix(alpha).to_backend_color());
        }
    });
    drawn.map_err(broken)
}

/// The mean of each block of fine pixels.
fn halved(fine: &[u8], w: usize, h: usize) -> Vec<u8> {
    let row = w * HALF * 3;
    let mut out = Vec::with_capacity(w * h * 3);
    for y in 0..h {
        for x in 0..w {
            for c in 0..3 {
                let mut sum = 0;
                for dy in 0..HALF {
                    for dx in 0..HALF {
                        sum += u32::from(fine[(y * HALF + dy) * row + (x * HALF + dx) * 3 + c]);
                    }
                }
                let cells = (HALF * HALF) as u32;
                out.push(((sum + cells / 2) / cells) as u8);
            }
        }
    }
    out
}

/// Eight-bit pixels, row by row, as a PNG file.
pub(crate) fn encode_png(pixels: &[u8], w: usize, h: usize, color: png::ColorType) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, w as u32, h as u32);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(broken)?;
    writer.write_image_data(pixels).map_err(broken)?;
    writer.finish().map_err(broken)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::theme::{INK, PAPER, SERIES};

    fn decode(bytes: &[u8]) -> (usize, usize, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut buf = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut buf).unwrap();
        (info.width as usize, info.height as usize, buf)
    }

    #[test]
    fn shapes_land_on_their_pixels() {
        let mut figure = Figure::new("t", (20.0, 10.0));
        figure.push(Shape::Rect { at: (5.0, 2.0), size: (4.0, 3.0), color: SERIES[0] });
        let (w, h, pixels) = decode(&figure.png().unwrap());
        assert_eq!((w, h), (40, 20));
        let blue = |x: usize, y: usize| pixels[(y * w + x) * 3..][..3] == [0x00, 0x72, 0xB2];
        let inside: Vec<(usize, usize)> =
            (0..h).flat_map(|y| (0..w).map(move |x| (x, y))).filter(|&(x, y)| blue(x, y)).collect();
        assert_eq!((inside.first(), inside.last()), (Some(&(10, 4)), Some(&(17, 9))));
        assert_eq!(inside.len(), 8 * 6);
    }

    #[test]
    fn text_leaves_ink_around_its_point_only_and_upward_text_is_turned() {
        for upward in [false, true] {
            let mut figure = Figure::new("t", (60.0, 60.0));
            let mut label = Label::new("HHHH", (30.0, 30.0), 10.0, INK, Anchor::Middle);
            label.upward = upward;
            let [left, top, right, bottom] = label.bounds().map(|v| v * 2.0);
            figure.text(label);
            let (w, _, pixels) = decode(&figure.png().unwrap());
            let ink: Vec<(f64, f64)> = (0..pixels.len() / 3)
                .filter(|i| pixels[i * 3] < 128)
                .map(|i| ((i % w) as f64, (i / w) as f64))
                .collect();
            assert!(ink.len() > 100);
            // Two pixels for rounding and smoothing.
            let slack = 2.0;
            for (x, y) in ink {
                assert!(x >= left - slack && x <= right + slack, "{x} not in {left}..{right}");
                assert!(y >= top - slack && y <= bottom + slack, "{y} not in {top}..{bottom}");
            }
        }
    }

    #[test]
    fn drawing_outside_and_sizes_that_cannot_be_do_not_panic() {
        let mut figure = Figure::new("t", (10.0, 10.0));
        figure.push(Shape::Rect { at: (-5.0, -5.0), size: (100.0, 100.0), color: PAPER });
        figure.push(Shape::Path {
            points: vec![(-50.0, 3.0), (90.0, 70.0), (5.0, -9.0)],
            width: 2.0,
            color: INK,
        });
        figure.push(Shape::Disc { at: (-3.0, 12.0), radius: 4.0, color: INK });
        figure.text(Label::new("far out", (-40.0, 5.0), 12.0, INK, Anchor::Start));
        assert!(figure.png().is_ok());
        let text = Figure::new("t", (1e9, 10.0)).png().unwrap_err().to_string();
        assert_eq!(
            text,
            "[figure] a PNG must have 1 to 8000 pixels a side; got 1000000000 by 10 CSS pixels; \
             draw fewer panels or save an SVG"
        );
        assert!(Figure::new("t", (0.0, 0.0)).png().is_err());
    }
}

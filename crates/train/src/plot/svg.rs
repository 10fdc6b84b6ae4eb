//! Figures as SVG, by plotters' SVG backend.
//!
//! The backend has whole coordinates only, so the figure is drawn on a view box of quarter pixels.

use super::figure::{Anchor, Figure, Label, Shape};
use super::theme::{AREA, Color, FONTS};
use crate::error::{Error, Result};
use plotters::prelude::{DrawingBackend, RGBColor, SVGBackend, ShapeStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontDesc, FontFamily, FontStyle, FontTransform, TextStyle};

const FINE: f64 = 4.0;
/// An inline figure starts here: the page has margins of its own.
const MARGIN: (f64, f64) = (15.0, 10.0);
/// plotters writes a font of this size as one of 1 px.
const FONT_UNIT: f64 = 1.24;

fn fine(v: f64) -> i32 {
    (v * FINE).round() as i32
}

fn point(p: (f64, f64)) -> (i32, i32) {
    (fine(p.0), fine(p.1))
}

fn style(color: Color, width: f64) -> ShapeStyle {
    let (r, g, b) = color.rgb();
    ShapeStyle { color: RGBColor(r, g, b).into(), filled: true, stroke_width: fine(width).max(1) as u32 }
}

/// The document; `inline` leaves its size to the page that holds it.
pub(crate) fn draw(figure: &Figure, inline: bool) -> Result<String> {
    let broken = |e: &dyn std::fmt::Display| Error::encode("figure", "SVG", e);
    let (w, h) = figure.size;
    let mut body = String::new();
    let mut backend = SVGBackend::with_string(&mut body, (fine(w).max(1) as u32, fine(h).max(1) as u32));
    for shape in &figure.shapes {
        match shape {
            Shape::Rect { at, size, color } => {
                let to = (at.0 + size.0, at.1 + size.1);
                backend.draw_rect(point(*at), point(to), &style(*color, 1.0), true)
            }
            Shape::Line { from, to, width, color } => {
                backend.draw_line(point(*from), point(*to), &style(*color, *width))
            }
            Shape::Path { points, width, color } => {
                backend.draw_path(points.iter().map(|&p| point(p)), &style(*color, *width))
            }
            Shape::Area { points, color } => {
                let mut style = style(*color, 1.0);
                style.color = style.color.mix(AREA);
                backend.fill_polygon(points.iter().map(|&p| point(p)), &style)
            }
            Shape::Disc { at, radius, color } => {
                backend.draw_circle(point(*at), fine(*radius).max(1) as u32, &style(*color, 1.0), true)
            }
            Shape::Text(label) => {
                // SVG's middle is that of the small letters; digits and capitals stand taller.
                let drop = 0.09 * label.px;
                let at = if label.upward {
                    (label.at.0 + drop, label.at.1)
                } else {
                    (label.at.0, label.at.1 + drop)
                };
                backend.draw_text(&label.text, &text_style(label), point(at))
            }
        }
        .map_err(|e| broken(&e))?;
    }
    backend.present().map_err(|e| broken(&e))?;
    drop(backend);

    let inner = body.split_once('>').map_or("", |(_, rest)| rest);
    let (x, y) = if inline { MARGIN } else { (0.0, 0.0) };
    let size = if inline { "class=\"figure\"".into() } else { format!("width=\"{w}\" height=\"{h}\"") };
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" {size} viewBox=\"{} {} {} {}\" role=\"img\" \
         stroke-linejoin=\"round\" stroke-linecap=\"round\" aria-label=\"{}\">{}",
        fine(x),
        fine(y),
        fine(w - x).max(1),
        fine(h - y).max(1),
        crate::report::escape(&figure.title),
        inner
    ))
}

fn text_style(label: &Label) -> TextStyle<'static> {
    let h_pos = match label.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let weight = if label.bold { FontStyle::Bold } else { FontStyle::Normal };
    let mut font = FontDesc::new(FontFamily::Name(FONTS), label.px * FINE * FONT_UNIT, weight);
    if label.upward {
        font = font.transform(FontTransform::Rotate270);
    }
    let (r, g, b) = label.color.rgb();
    let color = RGBColor(r, g, b).to_backend_color();
    TextStyle { font, color, pos: Pos::new(h_pos, VPos::Center) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::theme::INK;

    #[test]
    fn text_and_title_are_escaped_and_the_size_is_in_css_pixels() {
        let mut figure = Figure::new("a < \"b\" & c", (100.0, 50.5));
        figure.text(Label::new("<script>&", (10.0, 10.25), 12.0, INK, Anchor::Middle).bold());
        let svg = figure.svg().unwrap();
        assert!(svg.starts_with(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"50.5\" viewBox=\"0 0 400 202\""
        ));
        assert!(svg.contains("aria-label=\"a &lt; &quot;b&quot; &amp; c\""), "{svg}");
        assert!(svg.contains("&lt;script&gt;&amp;") && !svg.contains("<script>"), "{svg}");
        assert!(svg.contains("font-size=\"48\"") && svg.contains("font-weight=\"bold\""), "{svg}");
        assert!(svg.contains("y=\"45\"") && svg.contains("fill=\"#1F2933\""), "{svg}");
        assert!(svg.trim_end().ends_with("</svg>"), "{svg}");
    }

    #[test]
    fn an_inline_figure_has_no_ground_and_no_fixed_size() {
        let svg = Figure::new("t", (10.0, 10.0)).inline_svg().unwrap();
        assert!(
            svg.contains("class=\"figure\"") && !svg.contains("width=") && !svg.contains("<rect"),
            "{svg}"
        );
        assert!(Figure::new("t", (10.0, 10.0)).svg().unwrap().contains("<rect"));
    }
}

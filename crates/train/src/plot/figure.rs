//! A laid-out drawing: shapes at places, not yet a file.

use super::theme::{Color, PAPER};
use super::{raster, svg};
use crate::atomic::write_atomic;
use crate::error::{Error, Result};
use std::path::Path;

/// Where text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text; its point is on the middle of the height of its capitals and digits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub text: String,
    pub at: (f64, f64),
    pub px: f64,
    pub bold: bool,
    pub color: Color,
    pub anchor: Anchor,
    /// Reads upwards instead of to the right.
    pub upward: bool,
}

impl Label {
    pub fn new(text: impl Into<String>, at: (f64, f64), px: f64, color: Color, anchor: Anchor) -> Self {
        Label { text: text.into(), at, px, bold: false, color, anchor, upward: false }
    }

    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    pub fn upward(mut self) -> Self {
        self.upward = true;
        self
    }

    /// Left, top, right, bottom of the letters, for layout and its tests.
    #[cfg(test)]
    pub fn bounds(&self) -> [f64; 4] {
        let w = super::text::width(&self.text, self.px, self.bold);
        let from = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -w / 2.0,
            Anchor::End => -w,
        };
        let h = 0.36 * self.px;
        let (x, y) = self.at;
        if self.upward {
            [x - h, y - from - w, x + h, y - from]
        } else {
            [x + from, y - h, x + from + w, y + h]
        }
    }
}

/// What a figure is made of, in CSS pixels from the upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Rect {
        at: (f64, f64),
        size: (f64, f64),
        color: Color,
    },
    Line {
        from: (f64, f64),
        to: (f64, f64),
        width: f64,
        color: Color,
    },
    Path {
        points: Vec<(f64, f64)>,
        width: f64,
        color: Color,
    },
    /// A polygon, filled with a breath of its colour.
    Area {
        points: Vec<(f64, f64)>,
        color: Color,
    },
    Disc {
        at: (f64, f64),
        radius: f64,
        color: Color,
    },
    Text(Label),
}

/// A finished plot, which can be had as SVG text, as PNG bytes or as a file.
///
/// ```
/// use train::plot::LineChart;
/// let figure = LineChart::new("y = x²").series("y", (0..9).map(|x| (x as f64, (x * x) as f64))).figure();
/// assert_eq!(figure.size(), (520.0, 350.0));
/// let dir = tempfile::tempdir().unwrap();
/// figure.save(dir.path().join("square.svg")).unwrap();
/// figure.save(dir.path().join("square.png")).unwrap();
/// assert!(figure.save(dir.path().join("square.jpg")).is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub(crate) title: String,
    pub(crate) size: (f64, f64),
    pub(crate) shapes: Vec<Shape>,
}

impl Figure {
    pub(crate) fn new(title: impl Into<String>, size: (f64, f64)) -> Self {
        Figure { title: title.into(), size, shapes: Vec::new() }
    }

    pub(crate) fn push(&mut self, shape: Shape) {
        self.shapes.push(shape);
    }

    pub(crate) fn text(&mut self, label: Label) {
        self.shapes.push(Shape::Text(label));
    }

    /// Width and height in CSS pixels; a PNG has twice as many for sharp screens.
    pub fn size(&self) -> (f64, f64) {
        self.size
    }

    /// What the figure shows, in words.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Puts figures side by side, `columns` to a row, in order. No figures make an empty one.
    ///
    /// ```
    /// use train::plot::{Figure, LineChart};
    /// let one = LineChart::new("a").figure();
    /// let all = Figure::grid(&[one.clone(), one.clone(), one.clone()], 2);
    /// assert_eq!(all.size(), (2.0 * one.size().0, 2.0 * one.size().1));
    /// ```
    pub fn grid(figures: &[Figure], columns: usize) -> Figure {
        let columns = columns.max(1);
        let titles: Vec<&str> = figures.iter().map(Figure::title).collect();
        let mut all = Figure::new(titles.join(", "), (0.0, 0.0));
        let mut y = 0.0;
        for row in figures.chunks(columns) {
            let mut x = 0.0;
            for figure in row {
                all.shapes.extend(figure.shapes.iter().map(|s| moved(s, x, y)));
                x += figure.size.0;
            }
            y += row.iter().map(|f| f.size.1).fold(0.0, f64::max);
            all.size = (all.size.0.max(x), y);
        }
        all
    }

    /// The figure as an SVG document on a white ground.
    ///
    /// # Errors
    /// [`Error::Encoding`] only if the drawing library fails, which it has no reason to.
    pub fn svg(&self) -> Result<String> {
        svg::draw(&self.with_ground(), false)
    }

    /// The figure as an SVG element for inside a page: no ground, as wide as its place.
    pub(crate) fn inline_svg(&self) -> Result<String> {
        svg::draw(self, true)
    }

    /// The figure as a PNG file's bytes, at two pixels to the CSS pixel.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a figure of more than 8000 pixels a side.
    pub fn png(&self) -> Result<Vec<u8>> {
        raster::draw(&self.with_ground())
    }

    /// Writes the figure to a file, whole or not at all; its name must end in `.svg` or `.png`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another name, and as [`write_atomic`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        let bytes = match extension.as_deref() {
            Some("svg") => self.svg()?.into_bytes(),
            Some("png") => self.png()?,
            _ => {
                return Err(Error::InvalidArgument {
                    op: "figure",
                    rule: "the file's name must end in .svg or .png",
                    got: format!("'{}'", path.display()),
                    repair: "give the file one of the two endings",
                });
            }
        };
        write_atomic(path, |out| out.write_all(&bytes))
    }

    fn with_ground(&self) -> Figure {
        let mut figure = self.clone();
        figure.shapes.insert(0, Shape::Rect { at: (0.0, 0.0), size: self.size, color: PAPER });
        figure
    }
}

fn moved(shape: &Shape, dx: f64, dy: f64) -> Shape {
    let mut shape = shape.clone();
    let shift = |p: &mut (f64, f64)| *p = (p.0 + dx, p.1 + dy);
    match &mut shape {
        Shape::Rect { at, .. } | Shape::Disc { at, .. } => shift(at),
        Shape::Line { from, to, .. } => {
            shift(from);
            shift(to);
        }
        Shape::Path { points, .. } | Shape::Area { points, .. } => points.iter_mut().for_each(shift),
        Shape::Text(label) => shift(&mut label.at),
    }
    shape
}

/// No text overlaps another or leaves the figure, and it can be drawn.
#[cfg(test)]
pub(crate) fn assert_readable(fig: &Figure) {
    let labels: Vec<&Label> =
        fig.shapes.iter().filter_map(|s| if let Shape::Text(l) = s { Some(l) } else { None }).collect();
    for (i, a) in labels.iter().enumerate() {
        let p = a.bounds();
        let inside = p[0] >= 0.0 && p[1] >= 0.0 && p[2] <= fig.size.0 && p[3] <= fig.size.1;
        assert!(inside, "'{}' is cut in '{}': {p:?} in {:?}", a.text, fig.title, fig.size);
        for b in &labels[..i] {
            let q = b.bounds();
            let apart = p[0] >= q[2] || q[0] >= p[2] || p[1] >= q[3] || q[1] >= p[3];
            assert!(apart, "'{}' overlaps '{}' in '{}'", a.text, b.text, fig.title);
        }
    }
    let svg = fig.svg().unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{svg}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_another_ending_is_refused_by_name() {
        let text = Figure::new("", (10.0, 10.0)).save("plot.pdf").unwrap_err().to_string();
        assert_eq!(
            text,
            "[figure] the file's name must end in .svg or .png; got 'plot.pdf'; give the file one of the two endings"
        );
    }

    #[test]
    fn a_grid_moves_every_shape() {
        let mut one = Figure::new("one", (10.0, 20.0));
        one.push(Shape::Disc { at: (1.0, 2.0), radius: 1.0, color: PAPER });
        let all = Figure::grid(&[one.clone(), one], 1);
        assert_eq!(all.size, (10.0, 40.0));
        assert_eq!(all.title(), "one, one");
        assert_eq!(all.shapes[1], Shape::Disc { at: (1.0, 22.0), radius: 1.0, color: PAPER });
        assert_eq!(Figure::grid(&[], 2).size, (0.0, 0.0));
    }
}

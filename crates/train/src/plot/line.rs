//! Lines over a common horizontal axis.

use super::figure::{Anchor, Figure, Label, Shape};
use super::text;
use super::theme::{AXIS, Color, FAINT, GRID, INK, MUTED, PAPER, SERIES};
use super::ticks::Scale;

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 350.0;
const TITLE: f64 = 15.0;
const SMALL: f64 = 12.0;
/// Up to this many points, each has a dot.
const DOTS: usize = 40;

/// A line chart: a title, a legend above the plot, round numbers on both axes.
///
/// A value that is not finite, or not positive on a logarithmic axis, leaves a gap in its line. More points than
/// the plot has columns are thinned to the lowest and highest of each column, so no peak is lost.
///
/// ```
/// use train::plot::LineChart;
/// let svg = LineChart::new("Loss")
///     .x_label("epoch")
///     .integer_x()
///     .series("train", [(1.0, 0.9), (2.0, 0.5), (3.0, 0.3)])
///     .series("valid", [(1.0, 1.0), (2.0, 0.7), (3.0, 0.8)])
///     .mark(1, 2.0, 0.7, "best: epoch 2, 0.7000")
///     .figure()
///     .svg()
///     .unwrap();
/// assert!(svg.contains("train") && svg.contains("best: epoch 2"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    title: String,
    x_label: String,
    y_label: String,
    integer_x: bool,
    log_x: bool,
    log_y: bool,
    unit_square: bool,
    size: (f64, f64),
    reference: Option<(String, Vec<(f64, f64)>)>,
    series: Vec<(String, Vec<(f64, f64)>)>,
    bands: Vec<Band>,
    mark: Option<Mark>,
}

/// A line by its number, and where the band around it lies: places, lower and upper ends.
type Band = (usize, Vec<(f64, f64, f64)>);

#[derive(Debug, Clone, PartialEq)]
struct Mark {
    series: usize,
    at: (f64, f64),
    text: String,
}

impl LineChart {
    /// A chart of no lines.
    pub fn new(title: impl Into<String>) -> Self {
        LineChart {
            title: title.into(),
            x_label: String::new(),
            y_label: String::new(),
            integer_x: false,
            log_x: false,
            log_y: false,
            unit_square: false,
            size: (WIDTH, HEIGHT),
            reference: None,
            series: Vec::new(),
            bands: Vec::new(),
            mark: None,
        }
    }

    /// Names the horizontal axis.
    pub fn x_label(mut self, text: impl Into<String>) -> Self {
        self.x_label = text.into();
        self
    }

    /// Names the vertical axis.
    pub fn y_label(mut self, text: impl Into<String>) -> Self {
        self.y_label = text.into();
        self
    }

    /// Both axes from 0 to 1, whatever the values; lines only, without a dot at each point.
    pub(super) fn unit_square(mut self) -> Self {
        self.unit_square = true;
        self
    }

    /// A faint line to compare with, such as what guessing would reach; last in the legend.
    pub(super) fn reference(
        mut self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.reference = Some((name.into(), points.into_iter().collect()));
        self
    }

    /// Writes whole numbers only on the horizontal axis, as for epochs.
    pub fn integer_x(mut self) -> Self {
        self.integer_x = true;
        self
    }

    /// Makes the horizontal axis logarithmic, as for learning rates; unless all points are positive it stays linear.
    pub fn log_x(mut self) -> Self {
        self.log_x = true;
        self
    }

    /// Makes the vertical axis logarithmic; without a positive value it stays linear.
    pub fn log_y(mut self) -> Self {
        self.log_y = true;
        self
    }

    /// Sets width and height in CSS pixels, at least 240 by 180 and at most 4000 each.
    pub fn size(mut self, width: f64, height: f64) -> Self {
        let within = |v: f64, least: f64| if v.is_finite() { v.clamp(least, 4000.0) } else { least };
        self.size = (within(width, 240.0), within(height, 180.0));
        self
    }

    /// Adds a line through these points, in the order in which they are given.
    pub fn series(mut self, name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.series.push((name.into(), points.into_iter().collect()));
        self
    }

    /// Fills the band from `low` to `high` around the line that was added as number `series` (from 0), such as an interval of
    /// confidence: points `(x, low, high)`. One with a number that is not finite, or not positive on a logarithmic axis, ends it there.
    pub fn band(mut self, series: usize, points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.bands.push((series, points.into_iter().collect()));
        self
    }

    /// Marks one point of the line that was added as number `series` (from 0), with a text in the legend.
    pub fn mark(mut self, series: usize, x: f64, y: f64, text: impl Into<String>) -> Self {
        self.mark = Some(Mark { series, at: (x, y), text: text.into() });
        self
    }

    /// Lays the chart out.
    pub fn figure(&self) -> Figure {
        let (w, h) = self.size;
        let mut fig = Figure::new(self.title.clone(), self.size);
        fig.text(
            Label::new(
                text::fit(&self.title, TITLE, true, w - 32.0),
                (16.0, 22.0),
                TITLE,
                INK,
                Anchor::Start,
            )
            .bold(),
        );
        let log = self.log_y && self.points().any(|p| p.1 > 0.0);
        let drawable = |p: &(f64, f64)| p.0.is_finite() && p.1.is_finite() && (!log || p.1 > 0.0);
        let shown: Vec<(f64, f64)> = self.points().filter(drawable).collect();
        let legend_bottom = self.legend(&mut fig, w);
        let (top, right) = (legend_bottom + 22.0, w - 22.0);
        let bottom = h - if self.x_label.is_empty() { 34.0 } else { 52.0 };
        let log_x = self.log_x && shown.iter().all(|p| p.0 > 0.0);
        let (x, y) = if self.unit_square {
            (Scale::linear(0.0, 1.0, 5, false, true), Scale::linear(0.0, 1.0, 5, false, true))
        } else {
            scales(&shown, (log_x, log), self.integer_x, (right, bottom - top))
        };
        let label_width = y.ticks.iter().map(|t| text::width(&t.1, SMALL, false)).fold(0.0, f64::max);
        let left = if self.y_label.is_empty() { 16.0 } else { 34.0 } + label_width + 8.0;
        let place = |p: (f64, f64)| (left + x.at(p.0) * (right - left), bottom - y.at(p.1) * (bottom - top));

        for (value, name) in &y.ticks {
            let at = bottom - y.at(*value) * (bottom - top);
            fig.push(Shape::Line { from: (left, at), to: (right, at), width: 1.0, color: GRID });
            fig.text(Label::new(name.clone(), (left - 8.0, at), SMALL, MUTED, Anchor::End));
        }
        fig.push(Shape::Line { from: (left, bottom), to: (right, bottom), width: 1.0, color: AXIS });
        for (value, name) in &x.ticks {
            let at = left + x.at(*value) * (right - left);
            fig.push(Shape::Line { from: (at, bottom), to: (at, bottom + 4.0), width: 1.0, color: AXIS });
            fig.text(Label::new(name.clone(), (at, bottom + 15.0), SMALL, MUTED, Anchor::Middle));
        }
        if !self.x_label.is_empty() {
            let at = ((left + right) / 2.0, h - 15.0);
            fig.text(Label::new(self.x_label.clone(), at, SMALL, MUTED, Anchor::Middle));
        }
        if !self.y_label.is_empty() {
            let name = text::fit(&self.y_label, SMALL, false, bottom - top);
            fig.text(Label::new(name, (22.0, (top + bottom) / 2.0), SMALL, MUTED, Anchor::Middle).upward());
        }
        if let Some((_, points)) = &self.reference {
            let points = points.iter().map(|&p| place(p)).collect();
            fig.push(Shape::Path { points, width: 1.5, color: FAINT });
        }
        if shown.is_empty() {
            let at = ((left + right) / 2.0, (top + bottom) / 2.0);
            fig.text(Label::new("no finite values", at, 13.0, MUTED, Anchor::Middle));
        }
        for (i, points) in &self.bands {
            let whole = |p: &(f64, f64, f64)| drawable(&(p.0, p.1)) && drawable(&(p.0, p.2));
            for run in points.split(|p| !whole(p)).filter(|run| run.len() > 1) {
                let upper = run.iter().map(|&(x, _, high)| place((x, high)));
                let lower = run.iter().rev().map(|&(x, low, _)| place((x, low)));
                fig.push(Shape::Area { points: upper.chain(lower).collect(), color: color(*i) });
            }
        }
        for (i, (_, points)) in self.series.iter().enumerate() {
            for run in points.split(|p| !drawable(p)).filter(|r| !r.is_empty()) {
                let places = thin(run.iter().map(|&p| place(p)).collect());
                let color = color(i);
                if places.len() <= DOTS && !self.unit_square {
                    places.iter().for_each(|&at| fig.push(Shape::Disc { at, radius: 2.5, color }));
                }
                if places.len() > 1 {
                    fig.push(Shape::Path { points: places, width: 2.0, color });
                }
            }
        }
        if let Some(mark) = self.mark.as_ref().filter(|m| drawable(&m.at)) {
            let at = place(mark.at);
            for (radius, color) in [(6.5, PAPER), (5.5, color(mark.series)), (2.5, PAPER)] {
                fig.push(Shape::Disc { at, radius, color });
            }
        }
        fig
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let edges = self.bands.iter().flat_map(|(_, points)| points);
        let edges = edges.flat_map(|&(x, low, high)| [(x, low), (x, high)]);
        self.series.iter().flat_map(|s| s.1.iter().copied()).chain(edges)
    }

    /// Lines, names and the mark, broken into as many rows as they need; returns the lower edge of the last.
    fn legend(&self, fig: &mut Figure, w: f64) -> f64 {
        let (mut x, mut y) = (16.0, 46.0);
        let mut next = |width: f64| {
            if x > 16.0 && x + width > w - 16.0 {
                (x, y) = (16.0, y + 18.0);
            }
            let at = (x, y);
            x += width + 18.0;
            at
        };
        for (i, (name, _)) in self.series.iter().enumerate() {
            let name = text::fit(name, SMALL, false, w - 60.0);
            let (x, y) = next(22.0 + text::width(&name, SMALL, false));
            fig.push(Shape::Line { from: (x, y), to: (x + 16.0, y), width: 3.0, color: color(i) });
            fig.text(Label::new(name, (x + 22.0, y), SMALL, INK, Anchor::Start));
        }
        if let Some((name, _)) = &self.reference {
            let name = text::fit(name, SMALL, false, w - 60.0);
            let (x, y) = next(22.0 + text::width(&name, SMALL, false));
            fig.push(Shape::Line { from: (x, y), to: (x + 16.0, y), width: 1.5, color: FAINT });
            fig.text(Label::new(name, (x + 22.0, y), SMALL, MUTED, Anchor::Start));
        }
        if let Some(mark) = &self.mark {
            let name = text::fit(&mark.text, SMALL, false, w - 60.0);
            let at = next(18.0 + text::width(&name, SMALL, false));
            for (radius, color) in [(5.5, color(mark.series)), (2.5, PAPER)] {
                fig.push(Shape::Disc { at: (at.0 + 6.0, at.1), radius, color });
            }
            fig.text(Label::new(name, (at.0 + 18.0, at.1), SMALL, INK, Anchor::Start));
        }
        y
    }
}

fn color(series: usize) -> Color {
    SERIES[series % SERIES.len()]
}

fn scales(
    points: &[(f64, f64)],
    (log_x, log): (bool, bool),
    integer_x: bool,
    (w, h): (f64, f64),
) -> (Scale, Scale) {
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = || points.iter().map(of);
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    if points.is_empty() {
        return (Scale::linear(0.0, 1.0, 5, false, true), Scale::linear(0.0, 1.0, 5, false, true));
    }
    let (x0, x1) = range(|p| p.0);
    let (mut y0, y1) = range(|p| p.1);
    let x = match log_x {
        true => Scale::log(x0, x1, (w / 75.0) as usize),
        false => Scale::linear(x0, x1, (w / 75.0) as usize, integer_x, false),
    };
    if log {
        return (x, Scale::log(y0, y1, (h / 45.0) as usize));
    }
    // A loss that falls towards zero is best judged against zero.
    if y0 > 0.0 && y0 < 0.4 * y1 {
        y0 = 0.0;
    }
    (x, Scale::linear(y0, y1, (h / 45.0) as usize, false, true))
}

/// At most four points in each column of pixels: the first, the lowest, the highest and the last.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() < 2000 {
        return points;
    }
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        let by = |pick: fn(f64, f64) -> bool| {
            (0..column.len()).reduce(|a, b| if pick(column[b].1, column[a].1) { b } else { a }).unwrap_or(0)
        };
        let mut picks = [0, by(|b, a| b < a), by(|b, a| b > a), column.len() - 1];
        picks.sort_unstable();
        for (i, &p) in picks.iter().enumerate() {
            if i == 0 || picks[i - 1] != p {
                kept.push(column[p]);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::figure::assert_readable;
    use super::*;

    fn labels(fig: &Figure) -> Vec<&Label> {
        let text = |s: &'_ _| matches!(s, Shape::Text(_));
        fig.shapes
            .iter()
            .filter(|s| text(s))
            .map(|s| if let Shape::Text(l) = s { l } else { unreachable!() })
            .collect()
    }

    fn falling(n: usize) -> Vec<(f64, f64)> {
        (1..=n).map(|e| (e as f64, 2.0 / e as f64)).collect()
    }

    #[test]
    fn no_text_overlaps_or_leaves_the_figure_at_any_length_and_size() {
        for n in [1, 2, 3, 7, 30, 100, 999, 10_000] {
            for (w, h) in [(240.0, 180.0), (520.0, 350.0), (1200.0, 300.0)] {
                for log in [false, true] {
                    let chart = LineChart::new("A rather long title for a chart of this size")
                        .x_label("epoch")
                        .y_label("the name of a vertical axis")
                        .integer_x()
                        .size(w, h)
                        .series("training part", falling(n))
                        .series("validation part", falling(n))
                        .mark(0, 1.0, 2.0, "best: epoch 1, 2.0000");
                    assert_readable(&if log { chart.log_y() } else { chart }.figure());
                }
            }
        }
    }

    #[test]
    fn values_that_are_not_finite_leave_a_gap() {
        let points = [
            (1.0, 1.0),
            (2.0, 2.0),
            (3.0, f64::NAN),
            (4.0, 3.0),
            (5.0, f64::INFINITY),
            (6.0, 1.0),
            (7.0, 1.0),
        ];
        let fig = LineChart::new("t").series("s", points).figure();
        let paths = fig.shapes.iter().filter(|s| matches!(s, Shape::Path { .. })).count();
        let dots = fig.shapes.iter().filter(|s| matches!(s, Shape::Disc { .. })).count();
        assert_eq!((paths, dots), (2, 5));
    }

    #[test]
    fn bands_lie_inside_the_axes_and_end_at_what_is_not_finite() {
        let edges =
            [(1.0, 0.5, 9.0), (10.0, 1.0, 2.0), (100.0, f64::NAN, 2.0), (1e3, 1.0, 2.0), (1e4, 1.0, 3.0)];
        let chart = LineChart::new("t").log_x().series("mean", [(1.0, 1.0), (1e4, 1.5)]).band(0, edges);
        let fig = chart.figure();
        let areas: Vec<_> = fig
            .shapes
            .iter()
            .filter_map(|s| if let Shape::Area { points, .. } = s { Some(points) } else { None })
            .collect();
        assert_eq!(areas.iter().map(|points| points.len()).collect::<Vec<_>>(), [4, 4]);
        assert!(
            areas.iter().flat_map(|a| a.iter()).all(|p| p.0 > 0.0 && p.0 < 520.0 && p.1 > 0.0 && p.1 < 350.0)
        );
        // Equal factors are equal distances.
        let (a, b) = (areas[0][1].0 - areas[0][0].0, areas[1][1].0 - areas[1][0].0);
        assert!(a > 10.0 && (a - b).abs() < 1e-9, "{a} {b}");
        assert!(labels(&fig).iter().any(|l| l.text == "1e4" || l.text == "10000"));
        assert!(fig.png().is_ok() && fig.svg().unwrap().contains("<polygon"));
    }

    #[test]
    fn nothing_to_draw_says_so() {
        for chart in [LineChart::new("t"), LineChart::new("t").series("s", [(1.0, f64::NAN)]).log_y()] {
            let fig = chart.mark(0, 1.0, f64::NAN, "n/a").figure();
            assert!(labels(&fig).iter().any(|l| l.text == "no finite values"));
            assert!(fig.png().is_ok() && fig.svg().is_ok());
        }
    }

    #[test]
    fn thinning_keeps_the_peaks_and_the_ends() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i) / 1000.0, 1.0)).collect();
        points[54_321].1 = 99.0;
        points[54_320].1 = -99.0;
        let kept = thin(points.clone());
        assert!(kept.len() <= 400, "{}", kept.len());
        for p in [points[0], points[54_320], points[54_321], points[99_999]] {
            assert!(kept.contains(&p), "{p:?}");
        }
        assert!(kept.is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn more_lines_than_colours_and_wild_sizes_are_drawn() {
        let mut chart = LineChart::new("t").size(f64::NAN, 1e9);
        for i in 0..9 {
            chart = chart.series(format!("line {i}"), [(0.0, f64::from(i)), (1.0, 1.0)]);
        }
        assert_eq!(chart.figure().size, (240.0, 4000.0));
        assert_readable(&chart.figure());
    }
}

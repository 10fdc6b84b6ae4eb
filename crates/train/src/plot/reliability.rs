//! The reliability diagram: how often things happen, against how probable they were said to be.

use super::figure::{Anchor, Figure, Label, Shape};
use super::theme::{AXIS, Color, FAINT, GRID, INK, MUTED, RIGHT, WRONG};
use crate::format;
use crate::metrics::Calibration;

const SIDE: f64 = 340.0;
const SMALL: f64 = 12.0;
const LEFT: f64 = 66.0;
const TOP: f64 = 88.0;
/// The strip below, which shows how many samples a bin has.
const COUNTS: f64 = 54.0;
const TRUE: Color = RIGHT[4];
const OVER: Color = WRONG[2];
const UNDER: Color = RIGHT[2];

/// A reliability diagram (M. H. DeGroot and S. E. Fienberg, The Statistician 32, 1983): for each bin, a bar as high as
/// the share that came true, and the gap to the mean probability; below it, how many samples each bin has.
///
/// Orange stands on a bar up to what was promised: the model is too sure of itself. Pale blue is the top of a bar that
/// is higher than promised.
///
/// ```
/// use train::metrics::Calibration;
/// let mut calibration = Calibration::new(10).unwrap();
/// calibration.update(&[0.95, 0.95, 0.15], &[1, 0, 0]).unwrap();
/// let svg = train::plot::reliability_plot(&calibration).svg().unwrap();
/// assert!(svg.contains("expected calibration error 0.3500, 3 samples"));
/// ```
pub fn reliability_plot(calibration: &Calibration) -> Figure {
    let strip = TOP + SIDE + 16.0;
    let (right, bottom) = (LEFT + SIDE, TOP + SIDE);
    let mut fig = Figure::new("Reliability", (right + 22.0, strip + COUNTS + 52.0));
    fig.text(Label::new("Reliability", (16.0, 22.0), 15.0, INK, Anchor::Start).bold());
    let heading = match calibration.value() {
        None => "no samples".into(),
        Some(ece) => {
            let samples = format::grouped(calibration.count());
            format!("expected calibration error {}, {samples} samples", format::metric(ece))
        }
    };
    fig.text(Label::new(heading, (16.0, 45.0), 11.5, MUTED, Anchor::Start));
    legend(&mut fig);

    let place = |x: f64, y: f64| (LEFT + x * SIDE, bottom - y * SIDE);
    for tick in 0..=5 {
        let value = f64::from(tick) / 5.0;
        let (from, to) = (place(0.0, value), place(1.0, value));
        fig.push(Shape::Line { from, to, width: 1.0, color: GRID });
        let name = format!("{value:.1}");
        fig.text(Label::new(name.clone(), (LEFT - 8.0, from.1), SMALL, MUTED, Anchor::End));
        let under = place(value, 0.0).0;
        fig.text(Label::new(name, (under, strip + COUNTS + 15.0), SMALL, MUTED, Anchor::Middle));
    }

    let bins = calibration.bins();
    let most = bins.iter().map(|b| b.count).max().unwrap_or(0).max(1) as f64;
    let gap = if SIDE / bins.len() as f64 >= 8.0 { 1.0 } else { 0.0 };
    let mut bar = |lo: f64, hi: f64, top: f64, height: f64, color| {
        if height > 0.0 {
            let at = (LEFT + lo * SIDE + gap, top);
            fig.push(Shape::Rect { at, size: ((hi - lo) * SIDE - 2.0 * gap, height), color });
        }
    };
    for bin in &bins {
        if let (Some(accuracy), Some(confidence)) = (bin.accuracy, bin.confidence) {
            bar(bin.lo, bin.hi, place(0.0, accuracy).1, accuracy * SIDE, TRUE);
            let (high, low) = (accuracy.max(confidence), accuracy.min(confidence));
            let color = if confidence > accuracy { OVER } else { UNDER };
            bar(bin.lo, bin.hi, place(0.0, high).1, (high - low) * SIDE, color);
        }
        let height = (bin.count as f64 / most * (COUNTS - 8.0)).max(if bin.count > 0 { 1.0 } else { 0.0 });
        bar(bin.lo, bin.hi, strip + COUNTS - height, height, FAINT);
    }
    fig.push(Shape::Path { points: vec![place(0.0, 0.0), place(1.0, 1.0)], width: 1.5, color: MUTED });
    fig.push(Shape::Line { from: (LEFT, bottom), to: (right, bottom), width: 1.0, color: AXIS });
    let ground = strip + COUNTS;
    fig.push(Shape::Line { from: (LEFT, ground), to: (right, ground), width: 1.0, color: AXIS });
    let middle = (22.0, TOP + SIDE / 2.0);
    fig.text(Label::new("share that came true", middle, SMALL, MUTED, Anchor::Middle).upward());
    fig.text(Label::new("samples", (22.0, strip + COUNTS / 2.0), SMALL, MUTED, Anchor::Middle).upward());
    let under = (LEFT + SIDE / 2.0, ground + 36.0);
    fig.text(Label::new("probability", under, SMALL, MUTED, Anchor::Middle));
    fig
}

fn legend(fig: &mut Figure) {
    let y = 68.0;
    let mut x = 16.0;
    let colors =
        [("came true", Some(TRUE)), ("too sure", Some(OVER)), ("too unsure", Some(UNDER)), ("ideal", None)];
    for (name, color) in colors {
        match color {
            Some(color) => fig.push(Shape::Rect { at: (x, y - 6.0), size: (16.0, 12.0), color }),
            None => fig.push(Shape::Line { from: (x, y), to: (x + 16.0, y), width: 1.5, color: MUTED }),
        }
        fig.text(Label::new(name, (x + 22.0, y), SMALL, INK, Anchor::Start));
        x += 40.0 + super::text::width(name, SMALL, false);
    }
}

#[cfg(test)]
mod tests {
    use super::super::figure::assert_readable;
    use super::*;

    fn calibration(bins: usize, samples: usize) -> Calibration {
        let (p, y): (Vec<f64>, Vec<i64>) = (0..samples)
            .map(|i| ((i * 37 % 101) as f64 / 100.0, i64::from(i * 53 % 97 < i * 37 % 101)))
            .unzip();
        let mut c = Calibration::new(bins).unwrap();
        c.update(&p, &y).unwrap();
        c
    }

    #[test]
    fn no_text_overlaps_or_leaves_the_figure_at_any_number_of_bins() {
        for (bins, samples) in [(1, 1), (10, 0), (10, 1_000), (15, 123_456), (300, 1_000)] {
            let fig = reliability_plot(&calibration(bins, samples));
            assert_readable(&fig);
            assert!(fig.png().is_ok());
        }
    }

    #[test]
    fn empty_bins_have_no_bar_and_gaps_show_their_direction() {
        let colors = |p: f64| {
            let mut c = Calibration::new(4).unwrap();
            c.update(&[p, p], &[1, 0]).unwrap();
            let fig = reliability_plot(&c);
            let bars = fig
                .shapes
                .iter()
                .filter_map(|s| if let Shape::Rect { color, .. } = s { Some(*color) } else { None });
            // The first three are the legend's.
            bars.skip(3).collect::<Vec<_>>()
        };
        assert_eq!(colors(0.9), [TRUE, OVER, FAINT]);
        assert_eq!(colors(0.1), [TRUE, UNDER, FAINT]);
        assert_eq!(colors(0.5), [TRUE, FAINT]);
    }

    #[test]
    fn without_samples_the_heading_says_so() {
        assert!(reliability_plot(&Calibration::default()).svg().unwrap().contains("no samples"));
    }
}

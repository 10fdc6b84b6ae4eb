//! The confusion matrix as a heat map.

use super::figure::{Anchor, Figure, Label, Shape};
use super::text;
use super::theme::{EMPTY, FAINT, INK, MUTED, ON_STRONG, RIGHT, WRONG};
use crate::format;
use crate::metrics::ConfusionMatrix;

const GRID_SIDE: f64 = 400.0;
const LABEL: f64 = 12.0;

/// A heat map of the counts: true classes down, predicted classes across.
///
/// Right answers are blue by their share of the true class; mistakes are orange, by the square root of that share,
/// so that a single one is still seen. A count is left out only where its cell is too small for it (above about
/// 30 classes); then the names of classes are thinned as well.
///
/// ```
/// use train::metrics::ConfusionMatrix;
/// let mut cm = ConfusionMatrix::new(["cat", "dog"]).unwrap();
/// cm.update_labels(&[0, 1, 1], &[0, 0, 1]).unwrap();
/// let svg = train::plot::confusion_plot(&cm).svg().unwrap();
/// assert!(svg.contains("cat") && svg.contains("66.7 % of 3 right"));
/// ```
pub fn confusion_plot(cm: &ConfusionMatrix) -> Figure {
    let n = cm.classes();
    // Whole quarter pixels, so that every cell has the same size in every file.
    let cell = ((GRID_SIDE / n as f64).clamp(4.0, 56.0) * 4.0).floor() / 4.0;
    let side = cell * n as f64;
    let names: Vec<String> = cm.names().iter().map(|name| text::fit(name, LABEL, false, 130.0)).collect();
    let widest = names.iter().map(|s| text::width(s, LABEL, false)).fold(0.0, f64::max);
    let upward = widest > cell - 4.0;
    let (left, top) = (48.0 + widest, 66.0);
    let below = if upward { widest + 10.0 } else { 18.0 };
    let heading = match cm.accuracy() {
        Some(share) => format!("{} of {} right", format::percent(Some(share)), format::grouped(cm.count())),
        None => "no samples".into(),
    };
    let right = (left + side + 20.0).max(text::width("Confusion matrix", 15.0, true) + 40.0);
    let right = right.max(text::width(&heading, 11.5, false) + 40.0);
    let mut fig = Figure::new("Confusion matrix", (right, top + side + below + 36.0));
    fig.text(Label::new("Confusion matrix", (16.0, 22.0), 15.0, INK, Anchor::Start).bold());
    fig.text(Label::new(heading, (16.0, 45.0), 11.5, MUTED, Anchor::Start));

    for t in 0..n {
        for p in 0..n {
            draw_cell(&mut fig, cm, (t, p), (left + cell * p as f64, top + cell * t as f64), cell);
        }
    }
    let stride = (14.0 / cell).ceil().max(1.0) as usize;
    for (i, name) in names.iter().enumerate().step_by(stride) {
        let middle = cell * (i as f64 + 0.5);
        fig.text(Label::new(name.clone(), (left - 8.0, top + middle), LABEL, INK, Anchor::End));
        let label = if upward {
            Label::new(name.clone(), (left + middle, top + side + 7.0), LABEL, INK, Anchor::End).upward()
        } else {
            Label::new(name.clone(), (left + middle, top + side + 12.0), LABEL, INK, Anchor::Middle)
        };
        fig.text(label);
    }
    let bottom = (left + side / 2.0, top + side + below + 14.0);
    fig.text(Label::new("predicted", bottom, LABEL, MUTED, Anchor::Middle));
    fig.text(Label::new("true", (22.0, top + side / 2.0), LABEL, MUTED, Anchor::Middle).upward());
    fig
}

fn draw_cell(fig: &mut Figure, cm: &ConfusionMatrix, (t, p): (usize, usize), at: (f64, f64), cell: f64) {
    let count = cm.get(t, p);
    let share = count as f64 / cm.support(t).max(1) as f64;
    let level = |x: f64| ((x * 8.0) as usize).min(7);
    let (color, ink) = match (count, t == p) {
        (0, _) => (EMPTY, FAINT),
        (_, true) => (RIGHT[level(share)], if level(share) < 4 { INK } else { ON_STRONG }),
        (_, false) => {
            let step = level(share.sqrt());
            (WRONG[step], if step < 4 { INK } else { ON_STRONG })
        }
    };
    let gap = if cell >= 16.0 { 0.5 } else { 0.0 };
    let size = (cell - 2.0 * gap, cell - 2.0 * gap);
    fig.push(Shape::Rect { at: (at.0 + gap, at.1 + gap), size, color });
    let px = (cell * 0.34).min(14.0);
    let number = if count < 10_000 { count.to_string() } else { format::si(count as f64) };
    let px = px.min(px * (cell - 4.0) / text::width(&number, px, true).max(1.0));
    if px >= 6.5 {
        let label = Label::new(number, (at.0 + cell / 2.0, at.1 + cell / 2.0), px, ink, Anchor::Middle);
        fig.text(if count > 0 { label.bold() } else { label });
    }
}

#[cfg(test)]
mod tests {
    use super::super::figure::assert_readable;
    use super::*;

    fn labels(fig: &Figure) -> Vec<&Label> {
        fig.shapes.iter().filter_map(|s| if let Shape::Text(l) = s { Some(l) } else { None }).collect()
    }

    fn diagonal(n: usize, name: impl Fn(usize) -> String) -> ConfusionMatrix {
        let mut cm = ConfusionMatrix::new((0..n).map(name)).unwrap();
        for c in 0..n as i64 {
            cm.update_labels(&[c, c, (c + 1) % n as i64], &[c; 3]).unwrap();
        }
        cm
    }

    #[test]
    fn no_text_overlaps_at_any_number_of_classes_and_length_of_names() {
        for n in [1, 2, 3, 10, 26, 47, 100, 150] {
            for long in [false, true] {
                let cm =
                    diagonal(
                        n,
                        |c| if long { format!("a long class name number {c}") } else { c.to_string() },
                    );
                assert_readable(&confusion_plot(&cm));
            }
        }
    }

    #[test]
    fn every_count_is_written_where_there_is_room() {
        let fig = confusion_plot(&diagonal(10, |c| c.to_string()));
        let counts = labels(&fig).iter().filter(|l| l.text == "2" && l.bold).count();
        assert_eq!(counts, 10);
    }

    #[test]
    fn without_samples_the_heading_says_so() {
        let fig = confusion_plot(&ConfusionMatrix::with_classes(3).unwrap());
        assert!(labels(&fig).iter().any(|l| l.text == "no samples"));
        assert!(!fig.svg().unwrap().contains("NaN") && fig.png().is_ok());
    }
}

//! Curves over all thresholds: ROC, and precision against recall.

use super::{Figure, LineChart};
use crate::format;
use crate::metrics::{PrecisionRecallCurve, RocCurve};

/// A little wider than high, so that both axes have one scale.
const SIZE: (f64, f64) = (440.0, 460.0);

/// ROC curves in one square, each named with the area under it, and the diagonal of guessing.
///
/// ```
/// use train::metrics::BinaryScores;
/// let mut scores = BinaryScores::new();
/// scores.update(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]).unwrap();
/// let curve = scores.roc_curve().unwrap();
/// let svg = train::plot::roc_plot(&[("mlp", &curve)]).svg().unwrap();
/// assert!(svg.contains("mlp, area 0.7500") && svg.contains("guessing"));
/// ```
pub fn roc_plot(curves: &[(&str, &RocCurve)]) -> Figure {
    let mut chart = LineChart::new("ROC")
        .x_label("false positive rate")
        .y_label("true positive rate")
        .unit_square()
        .size(SIZE.0, SIZE.1)
        .reference("guessing", [(0.0, 0.0), (1.0, 1.0)]);
    for (name, curve) in curves {
        let points = curve.points().iter().map(|p| (p.false_positive_rate, p.true_positive_rate));
        chart = chart.series(format!("{name}, area {}", format::metric(curve.auc())), points);
    }
    chart.figure()
}

/// Precision-recall curves in one square, each named with its average precision. For a single curve, or several of
/// the same samples, a line shows the share of positive samples, the precision of guessing.
///
/// The steps are drawn as steps, so that the area under a curve is its average precision.
///
/// ```
/// use train::metrics::BinaryScores;
/// let mut scores = BinaryScores::new();
/// scores.update(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]).unwrap();
/// let curve = scores.precision_recall_curve().unwrap();
/// let svg = train::plot::precision_recall_plot(&[("mlp", &curve)]).svg().unwrap();
/// assert!(svg.contains("mlp, average 0.8333") && svg.contains("guessing, 0.5000"));
/// ```
pub fn precision_recall_plot(curves: &[(&str, &PrecisionRecallCurve)]) -> Figure {
    let mut chart = LineChart::new("Precision and recall")
        .x_label("recall")
        .y_label("precision")
        .unit_square()
        .size(SIZE.0, SIZE.1);
    for (name, curve) in curves {
        let average = format::metric(curve.average_precision());
        chart = chart.series(format!("{name}, average {average}"), steps(curve));
    }
    let rates: Vec<f64> = curves.iter().map(|c| c.1.base_rate()).collect();
    if let Some(&rate) = rates.first().filter(|&first| rates.iter().all(|r| r == first)) {
        chart = chart.reference(format!("guessing, {}", format::metric(rate)), [(0.0, rate), (1.0, rate)]);
    }
    chart.figure()
}

/// Between two recalls, the precision of the higher one holds. The first point, where nothing is taken, has no step.
fn steps(curve: &PrecisionRecallCurve) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for p in &curve.points()[1..] {
        let recall = steps.last().map_or(0.0, |last| last.0);
        if p.recall > recall {
            steps.push((recall, p.precision));
        }
        steps.push((p.recall, p.precision));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::super::figure::{Label, Shape, assert_readable};
    use super::*;
    use crate::metrics::BinaryScores;

    fn scores(n: usize) -> BinaryScores {
        let (s, y): (Vec<f64>, Vec<i64>) =
            (0..n).map(|i| (((i * 37) % 101) as f64 + (i % 3) as f64 * 20.0, i64::from(i % 3 == 2))).unzip();
        let mut scores = BinaryScores::new();
        scores.update(&s, &y).unwrap();
        scores
    }

    fn labels(fig: &Figure) -> Vec<&Label> {
        fig.shapes.iter().filter_map(|s| if let Shape::Text(l) = s { Some(l) } else { None }).collect()
    }

    #[test]
    fn no_text_overlaps_with_any_number_of_curves() {
        let s = scores(5000);
        let (roc, pr) = (s.roc_curve().unwrap(), s.precision_recall_curve().unwrap());
        for n in [0, 1, 3, 9] {
            let names: Vec<String> = (0..n).map(|i| format!("a model with a name, {i}")).collect();
            let rocs: Vec<_> = names.iter().map(|name| (name.as_str(), &roc)).collect();
            let prs: Vec<_> = names.iter().map(|name| (name.as_str(), &pr)).collect();
            for fig in [roc_plot(&rocs), precision_recall_plot(&prs)] {
                assert_readable(&fig);
                assert!(fig.png().is_ok());
            }
        }
    }

    #[test]
    fn the_area_under_the_steps_is_the_average_precision() {
        for n in [3, 10, 300] {
            let curve = scores(n).precision_recall_curve().unwrap();
            let steps = steps(&curve);
            let area: f64 = steps.windows(2).map(|w| (w[1].0 - w[0].0) * w[1].1).sum();
            // One rounding for each of at most 300 steps.
            assert!((area - curve.average_precision()).abs() < 300.0 * f64::EPSILON, "{area}");
        }
    }

    #[test]
    fn curves_of_different_samples_have_no_common_guess() {
        let (a, b) = (scores(300), scores(100));
        let (a, b) = (a.precision_recall_curve().unwrap(), b.precision_recall_curve().unwrap());
        let fig = precision_recall_plot(&[("a", &a), ("b", &b)]);
        assert!(labels(&fig).iter().all(|l| !l.text.contains("guessing")));
    }
}

//! Learning curves: a metric over the epochs, on both parts.

use super::{Figure, LineChart};
use crate::error::{Error, Result};
use crate::format;
use crate::history::{Direction, History, Part};

/// One metric over the epochs, training and validation, with the best epoch marked.
///
/// The best epoch is the best on the validation part, or on the training part where nothing was validated.
///
/// # Errors
/// [`Error::InvalidArgument`] when no epoch has the metric; it names those that there are.
///
/// ```
/// use train::{Direction, EpochRecord, History, MetricValues};
/// let mut history = History::new();
/// for epoch in 1..=3 {
///     let train = MetricValues::from([("loss", 1.0 / epoch as f64)]);
///     history.push(EpochRecord { epoch, step: 0, train, valid: None, lr: 0.1, seconds: 1.0 }).unwrap();
/// }
/// let svg = train::plot::learning_curve(&history, "loss", Direction::Lower).unwrap().figure().svg().unwrap();
/// assert!(svg.contains("best: epoch 3"));
/// ```
pub fn learning_curve(history: &History, metric: &str, direction: Direction) -> Result<LineChart> {
    let mut chart = LineChart::new(title(metric)).x_label("epoch").integer_x();
    let mut drawn = 0;
    let mut mark = None;
    for part in [Part::Train, Part::Valid] {
        let series = history.series(part, metric);
        if series.is_empty() {
            continue;
        }
        if let Some(best) = history.best(part, metric, direction)
            && let Some(value) = best.value(part, metric)
        {
            mark = Some((drawn, best.epoch as f64, value));
        }
        chart = chart.series(part.to_string(), series.into_iter().map(|(e, v)| (e as f64, v)));
        drawn += 1;
    }
    if drawn == 0 {
        let mut names = history.metrics(Part::Train);
        names.extend(history.metrics(Part::Valid));
        names.dedup();
        return Err(Error::InvalidArgument {
            op: "learning_curve",
            rule: "the metric must have been measured in an epoch",
            got: format!("'{metric}' in a history of {} epochs with {names:?}", history.len()),
            repair: "use one of the history's metrics",
        });
    }
    if let Some((series, epoch, value)) = mark {
        chart = chart.mark(series, epoch, value, format!("best: epoch {epoch}, {}", format::metric(value)));
    }
    Ok(chart)
}

/// Several metrics side by side in one figure.
///
/// # Errors
/// As [`learning_curve`].
///
/// ```
/// use train::{Direction, EpochRecord, History, MetricValues};
/// let mut history = History::new();
/// let train = MetricValues::from([("loss", 0.5), ("acc", 0.9)]);
/// history.push(EpochRecord { epoch: 1, step: 0, train, valid: None, lr: 0.1, seconds: 1.0 }).unwrap();
/// let metrics = [("loss", Direction::Lower), ("acc", Direction::Higher)];
/// let figure = train::plot::learning_curves(&history, &metrics).unwrap();
/// assert_eq!(figure.size(), (2.0 * 520.0, 350.0));
/// assert!(train::plot::learning_curves(&history, &[("f1", Direction::Higher)]).is_err());
/// ```
pub fn learning_curves(history: &History, metrics: &[(&str, Direction)]) -> Result<Figure> {
    let figures: Result<Vec<Figure>> =
        metrics.iter().map(|&(m, d)| learning_curve(history, m, d).map(|c| c.figure())).collect();
    Ok(Figure::grid(&figures?, 2))
}

/// The names of the usual metrics in full.
fn title(metric: &str) -> String {
    match metric {
        "loss" => "Loss".into(),
        "acc" | "accuracy" => "Accuracy".into(),
        "mae" => "Mean absolute error".into(),
        "mse" => "Mean squared error".into(),
        "rmse" => "Root mean squared error".into(),
        "r2" => "R²".into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{EpochRecord, MetricValues};

    #[test]
    fn the_best_validation_epoch_is_marked() {
        let mut history = History::new();
        for (epoch, loss) in [(1, 0.5), (2, 0.2), (3, 0.4)] {
            let train = MetricValues::from([("loss", loss / 10.0)]);
            let valid = Some(MetricValues::from([("loss", loss)]));
            history.push(EpochRecord { epoch, step: 0, train, valid, lr: 0.1, seconds: 1.0 }).unwrap();
        }
        let svg = learning_curve(&history, "loss", Direction::Lower).unwrap().figure().svg().unwrap();
        assert!(svg.contains("best: epoch 2, 0.2000"), "{svg}");
    }

    #[test]
    fn a_metric_that_was_never_measured_is_named_with_those_that_were() {
        let mut history = History::new();
        let train = MetricValues::from([("loss", 0.5)]);
        history.push(EpochRecord { epoch: 1, step: 0, train, valid: None, lr: 0.1, seconds: 1.0 }).unwrap();
        let text = learning_curve(&history, "acc", Direction::Higher).unwrap_err().to_string();
        assert_eq!(
            text,
            "[learning_curve] the metric must have been measured in an epoch; \
             got 'acc' in a history of 1 epochs with [\"loss\"]; use one of the history's metrics"
        );
        assert!(learning_curve(&History::new(), "loss", Direction::Lower).is_err());
    }
}

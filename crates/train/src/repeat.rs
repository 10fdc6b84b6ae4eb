//! The same run again: over the parts of a cross-validation, and over seeds.

use crate::error::{Error, Result};
use crate::history::{Direction, History, MetricValues, Part};
use crate::plot::LineChart;
use crate::stats::Spread;
use crate::table::{Align, Table};
use data::Split;

/// What was measured on each part of a cross-validation.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossValidation {
    /// The measures of each part, on the rows that its model had not seen.
    pub folds: Vec<MetricValues>,
}

/// Runs `fit` once for each fold, which makes a model, trains it on the fold's training rows and returns what it measured on the
/// others. Make everything anew in it, preprocessing too: what is fitted on all rows has seen those it is measured on.
///
/// Errors: no folds; those of `fit`, as they are.
///
/// ```
/// use train::{MetricValues, cross_validate};
/// let folds = data::k_folds(100, 5, 0)?;
/// let found = cross_validate(&folds, |i, fold| {
///     assert_eq!((fold.train.len(), fold.validation.len()), (80, 20));
///     Ok(MetricValues::from([("accuracy", 0.9 + 0.01 * i as f64)]))
/// })?;
/// assert_eq!(found.spread("accuracy").unwrap().to_string(), "0.9200 ± 0.0196");
/// # Ok::<(), train::Error>(())
/// ```
pub fn cross_validate(
    folds: &[Split],
    mut fit: impl FnMut(usize, &Split) -> Result<MetricValues>,
) -> Result<CrossValidation> {
    if folds.is_empty() {
        return Err(none(
            "cross_validate",
            "there must be at least one fold",
            "use k_folds with k of 2 or more",
        ));
    }
    let folds = folds.iter().enumerate().map(|(i, fold)| fit(i, fold)).collect::<Result<_>>()?;
    Ok(CrossValidation { folds })
}

impl CrossValidation {
    /// The spread of a measure over the folds; `None` where a fold has not got it.
    pub fn spread(&self, metric: &str) -> Option<Spread> {
        Spread::of(self.folds.iter().map(|fold| fold.get(metric)).collect::<Option<Vec<_>>>()?)
    }

    /// A row for each fold, and the mean with its interval.
    pub fn table(&self) -> Table {
        let names: Vec<&str> =
            self.folds.first().into_iter().flat_map(MetricValues::iter).map(|(n, _)| n).collect();
        let mut table = Table::new(["fold"].into_iter().chain(names.iter().copied()));
        for (i, fold) in self.folds.iter().enumerate() {
            let cells = names.iter().map(|name| crate::format::optional(fold.get(name)));
            table.row([(i + 1).to_string()].into_iter().chain(cells));
        }
        let spread = |name: &&str| self.spread(name).map_or_else(|| "n/a".to_string(), |s| s.to_string());
        table.rule().row(["mean".to_string()].into_iter().chain(names.iter().map(spread)));
        (0..table.columns()).skip(1).for_each(|column| {
            table.align(column, Align::Right);
        });
        table
    }
}

/// Runs of one configuration from several seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Seeds {
    /// Each seed and what was measured in its run.
    pub runs: Vec<(u64, History)>,
}

/// Runs `fit` once for each seed and keeps the histories. Errors: no seeds; those of `fit`, as they are.
///
/// ```
/// use train::{EpochRecord, History, MetricValues, Part, over_seeds};
/// let found = over_seeds(0..3, |seed| {
///     let mut history = History::new();
///     let train = MetricValues::from([("loss", 0.5 + 0.1 * seed as f64)]);
///     history.push(EpochRecord { epoch: 1, step: 1, train, valid: None, lr: 0.1, seconds: 1.0 })?;
///     Ok(history)
/// })?;
/// let (epoch, spread) = found.curve(Part::Train, "loss")[0];
/// assert_eq!((epoch, spread.count), (1, 3));
/// assert!((spread.mean - 0.6).abs() < 1e-12);
/// # Ok::<(), train::Error>(())
/// ```
pub fn over_seeds(
    seeds: impl IntoIterator<Item = u64>,
    mut fit: impl FnMut(u64) -> Result<History>,
) -> Result<Seeds> {
    let runs: Vec<_> = seeds.into_iter().map(|seed| Ok((seed, fit(seed)?))).collect::<Result<_>>()?;
    match runs.is_empty() {
        true => Err(none("over_seeds", "there must be at least one seed", "use 0..5 or the like")),
        false => Ok(Seeds { runs }),
    }
}

impl Seeds {
    /// The spread of a measure over the seeds in each epoch; of those seeds that came so far.
    pub fn curve(&self, part: Part, metric: &str) -> Vec<(usize, Spread)> {
        let longest = self.runs.iter().map(|(_, history)| history.len()).max().unwrap_or(0);
        (1..=longest)
            .filter_map(|epoch| {
                let records = self.runs.iter().filter_map(|(_, history)| history.epochs().get(epoch - 1));
                Some((epoch, Spread::of(records.filter_map(|record| record.value(part, metric)))?))
            })
            .collect()
    }

    /// The best value of each run, as `direction` says.
    pub fn best(&self, part: Part, metric: &str, direction: Direction) -> Option<Spread> {
        let best = |(_, history): &(u64, History)| history.best(part, metric, direction)?.value(part, metric);
        Spread::of(self.runs.iter().map(best).collect::<Option<Vec<_>>>()?)
    }

    /// The mean over the epochs and its 95 % interval, on both parts. Errors: a measure that no run has.
    pub fn chart(&self, metric: &str) -> Result<LineChart> {
        let mut chart = LineChart::new(format!("{metric}, mean of {} seeds", self.runs.len()));
        chart = chart.x_label("epoch").integer_x();
        let mut drawn = 0;
        for part in [Part::Train, Part::Valid] {
            let curve = self.curve(part, metric);
            if curve.is_empty() {
                continue;
            }
            let edge =
                |(epoch, spread): &(usize, Spread)| (*epoch as f64, spread.interval().0, spread.interval().1);
            chart = chart
                .series(part.to_string(), curve.iter().map(|(epoch, spread)| (*epoch as f64, spread.mean)))
                .band(drawn, curve.iter().map(edge));
            drawn += 1;
        }
        match drawn {
            0 => Err(Error::InvalidArgument {
                op: "seeds",
                rule: "the metric must have been measured in an epoch",
                got: format!("'{metric}'"),
                repair: "use one of the histories' metrics",
            }),
            _ => Ok(chart),
        }
    }
}

fn none(op: &'static str, rule: &'static str, repair: &'static str) -> Error {
    Error::InvalidArgument { op, rule, got: "none".into(), repair }
}

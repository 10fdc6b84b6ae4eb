//! What is to be learned: the loss, and the measures that are reported beside it.

use crate::error::Result;
use crate::history::{Direction, MetricValues};
use crate::metrics::{ConfusionMatrix, Mae, MeanMetric, R2};
use autodiff::{Reduction, Var};
use nn::loss::CrossEntropy;
use tensor::{DType, Tensor};

/// A loss and its measures. [`Classification`] and [`Regression`] cover the usual ones; implement it for your own.
pub trait Task {
    /// The loss of a batch: one number, the mean over its rows.
    fn loss(&self, output: &Var, targets: &Tensor) -> Result<Var>;

    /// A fresh collector of measures, for one pass over a part of the data.
    fn meter(&self) -> Result<Meter>;

    /// The measure, besides the loss, that people look at, and which way is better.
    fn main_metric(&self) -> (&'static str, Direction);
}

/// Collects measures over the batches of a pass.
#[derive(Debug, Clone)]
pub struct Meter {
    loss: MeanMetric,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Loss,
    Classes(ConfusionMatrix),
    Numbers { mae: Mae, r2: R2 },
}

impl Meter {
    /// The loss alone.
    pub fn loss_only() -> Self {
        Self { loss: MeanMetric::new(), kind: Kind::Loss }
    }

    /// The loss, and accuracy and confusion between classes of these names. Errors: no names, or one twice.
    pub fn classes<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Result<Self> {
        Ok(Self { kind: Kind::Classes(ConfusionMatrix::new(names)?), ..Self::loss_only() })
    }

    /// The loss, mean absolute error and R².
    pub fn numbers() -> Self {
        Self { kind: Kind::Numbers { mae: Mae::new(), r2: R2::new() }, ..Self::loss_only() }
    }

    /// Adds a batch: its output, targets and mean loss.
    ///
    /// Errors: outputs and targets that do not fit each other, labels outside the classes.
    pub fn add(&mut self, output: &Tensor, targets: &Tensor, loss: f64) -> Result<()> {
        self.loss.add(loss, targets.shape().first().copied().unwrap_or(1) as f64);
        match &mut self.kind {
            Kind::Loss => {}
            Kind::Classes(confusion) => {
                let predicted = output.argmax(-1)?.to_vec::<i64>()?;
                confusion.update_labels(&predicted, &targets.to_dtype(DType::I64)?.to_vec::<i64>()?)?;
            }
            Kind::Numbers { mae, r2 } => {
                let (y, t) = (
                    output.to_dtype(DType::F64)?.to_vec::<f64>()?,
                    targets.to_dtype(DType::F64)?.to_vec::<f64>()?,
                );
                mae.update(&y, &t)?;
                r2.update(&y, &t)?;
            }
        }
        Ok(())
    }

    /// The names of its measures, defined yet or not.
    pub fn names(&self) -> &'static [&'static str] {
        match &self.kind {
            Kind::Loss => &["loss"],
            Kind::Classes(_) => &["loss", "accuracy"],
            Kind::Numbers { .. } => &["loss", "mae", "r2"],
        }
    }

    /// The mean loss so far.
    pub fn loss(&self) -> Option<f64> {
        self.loss.value()
    }

    /// All measures by name; one that is not defined yet is left out.
    pub fn values(&self) -> MetricValues {
        let mut values = MetricValues::new();
        values.set_defined("loss", self.loss.value());
        match &self.kind {
            Kind::Loss => {}
            Kind::Classes(confusion) => values.set_defined("accuracy", confusion.accuracy()),
            Kind::Numbers { mae, r2 } => {
                values.set_defined("mae", mae.value());
                values.set_defined("r2", r2.value());
            }
        }
        values
    }

    /// What it has collected, as numbers.
    pub(crate) fn state(&self) -> Vec<f64> {
        let mut state = self.loss.state().to_vec();
        match &self.kind {
            Kind::Loss => {}
            Kind::Classes(confusion) => state.extend(confusion.counts().iter().map(|&count| count as f64)),
            Kind::Numbers { mae, r2 } => {
                state.extend(mae.state());
                state.extend(r2.state());
            }
        }
        state
    }

    /// Goes on from what [`state`](Self::state) gave; false if that was of another kind.
    pub(crate) fn restore(&mut self, state: &[f64]) -> bool {
        let Some((loss, rest)) = state.split_first_chunk::<2>() else { return false };
        self.loss = MeanMetric::of_state(*loss);
        match (&mut self.kind, rest) {
            (Kind::Loss, []) => true,
            (Kind::Classes(confusion), counts) => confusion.set_counts(counts),
            (Kind::Numbers { mae, r2 }, &[sum, weight, count, mean, spread, residual]) => {
                *mae = Mae::of_state([sum, weight]);
                *r2 = R2::of_state([count, mean, spread, residual]);
                true
            }
            _ => false,
        }
    }

    /// The confusion matrix, for classes.
    pub fn into_confusion(self) -> Option<ConfusionMatrix> {
        match self.kind {
            Kind::Classes(confusion) => Some(confusion),
            _ => None,
        }
    }
}

/// One of several classes: cross-entropy between logits `(B, classes)` and labels `(B)`.
#[derive(Debug, Clone, Default)]
pub struct Classification {
    /// The classes, in the order of their numbers.
    pub class_names: Vec<String>,
    /// Class weights, label smoothing and the rest.
    pub loss: CrossEntropy,
}

impl Classification {
    /// Plain cross-entropy between classes of these names.
    pub fn new<S: Into<String>>(class_names: impl IntoIterator<Item = S>) -> Self {
        Self { class_names: class_names.into_iter().map(Into::into).collect(), loss: CrossEntropy::default() }
    }
}

impl Task for Classification {
    fn loss(&self, output: &Var, targets: &Tensor) -> Result<Var> {
        Ok(output.cross_entropy(targets, &self.loss)?)
    }
    fn meter(&self) -> Result<Meter> {
        Meter::classes(self.class_names.iter().cloned())
    }
    fn main_metric(&self) -> (&'static str, Direction) {
        ("accuracy", Direction::Higher)
    }
}

/// Numbers: the mean squared error between outputs and targets of one shape.
#[derive(Debug, Clone, Copy, Default)]
pub struct Regression;

impl Task for Regression {
    fn loss(&self, output: &Var, targets: &Tensor) -> Result<Var> {
        Ok(output.mse_loss(&Var::from(targets), Reduction::Mean)?)
    }
    fn meter(&self) -> Result<Meter> {
        Ok(Meter::numbers())
    }
    fn main_metric(&self) -> (&'static str, Direction) {
        ("mae", Direction::Lower)
    }
}

//! Cross-entropy of logits x with targets t, `l = −Σ_c w_c·t'_c·ln softmax(x)_c` with `t' = (1 − ε)·t + ε/classes`.
//! `dx = (softmax(x)·Σ_c w_c·t'_c − w·t')·g`, `dt = −(1 − ε)·w·ln softmax(x)·g`
//!
//! A label is a target of 1 for its class. The mean over labels divides by the sum of the labels' weights, that over
//! soft targets by the number of rows. All as in PyTorch, but that no label is ignored unless asked for (there: −100).
//! Fused: one pass over the logits forward, which keeps four numbers for each row, and one backward.
//! Label smoothing: Szegedy et al. 2016, equation 2 with u(k) = 1/classes.

use super::cross_entropy_grad::CrossEntropyGrad;
use crate::check::{OpSpec, Samples};
use crate::error::{Error, Result};
use crate::op::{Grads, Op, Saved, Saves};
use crate::reduction::Reduction;
use crate::var::Var;
use tensor::fused::{self, CrossEntropyConfig};
use tensor::{DType, Tensor};

/// What [`Var::cross_entropy`] may be told beside logits and targets. The default: no weights, no label ignored, no
/// smoothing, the mean.
#[derive(Debug, Clone, Default)]
pub struct CrossEntropy {
    /// A weight for each class, `(classes)`; all 1 where there is none.
    pub weight: Option<Tensor>,
    /// The label of rows that count for nothing. For labels only.
    pub ignore_index: Option<i64>,
    /// ε in 0 to 1: the share of each target that is spread evenly over the classes.
    pub label_smoothing: f64,
    /// How the losses of rows are put together.
    pub reduction: Reduction,
}

impl CrossEntropy {
    pub(crate) fn config(&self) -> CrossEntropyConfig<'_> {
        CrossEntropyConfig {
            weight: self.weight.as_ref(),
            ignore_index: self.ignore_index,
            label_smoothing: self.label_smoothing,
        }
    }

    /// The same with weights of the logits' dtype.
    pub(super) fn for_dtype(&self, dtype: DType) -> Result<Self> {
        let weight = match &self.weight {
            Some(weight) if dtype.is_float() && weight.dtype() != dtype => Some(weight.to_dtype(dtype)?),
            weight => weight.clone(),
        };
        Ok(Self { weight, ..self.clone() })
    }
}

/// The loss of `(logits, target)`, of shapes `(rows, classes)` and `(rows)`, or of `(rows, classes)` both. Saves both,
/// and what the pass over the logits found out.
struct CrossEntropyLoss {
    how: CrossEntropy,
    stats: Option<Tensor>,
    /// What the mean divides by, else 1.
    divisor: f64,
}

impl Op for CrossEntropyLoss {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let found = fused::cross_entropy(x[0], x[1], &self.how.config())?;
        self.stats = Some(found.stats);
        let losses = found.losses;
        let loss = match self.how.reduction {
            Reduction::None => losses,
            Reduction::Sum => losses.sum(&[])?,
            Reduction::Mean => {
                let weight = found.weights.sum(&[])?;
                self.divisor = weight.item()?;
                if self.divisor == 0.0 {
                    return Err(no_weight("cross_entropy", losses.len()));
                }
                losses.sum(&[])?.div(&weight)?
            }
        };
        Ok(loss.to_dtype(x[0].dtype())?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, t) = (saved.input(0), saved.input(1));
        let g = if self.divisor == 1.0 { grad.clone() } else { grad.mul_scalar(1.0 / self.divisor)? };
        let dt = saved.if_needed(1, || {
            let by_row = if g.rank() == 0 { g.clone() } else { g.unsqueeze(1)? };
            let dt = x.log_softmax(1)?.mul(&by_row)?.mul_scalar(self.how.label_smoothing - 1.0)?;
            match &self.how.weight {
                Some(weight) => dt.mul(&weight.into()),
                None => Ok(dt),
            }
        })?;
        let stats = self.stats.clone().expect("invariant: forward has run");
        let dx = saved
            .if_needed(0, || Var::apply(CrossEntropyGrad { how: self.how.clone(), stats }, &[&x, &t, &g]))?;
        Ok(Grads::from_iter([dx, dt]))
    }
}

/// The refusal of a mean over n rows that weigh nothing.
pub(super) fn no_weight(op: &'static str, n: usize) -> Error {
    Error::InvalidArgument {
        op,
        rule: "the mean needs a label that is not ignored and has a weight",
        got: format!("{n} rows of weight 0 in sum"),
        repair: "leave such batches out, or use Reduction::Sum",
    }
}

impl Var {
    /// Cross-entropy of these logits, in nats, with labels or with soft targets.
    ///
    /// Shapes: logits `(.., classes)` with labels `(..)` of I64, or with probabilities `(.., classes)` of the logits'
    /// dtype, which need not sum to 1. The result is a scalar, or `(..)` with [`Reduction::None`].
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for a label outside the classes (its row is named,
    /// counted over all leading axes), for a smoothing outside 0 to 1, for `ignore_index` with soft targets, and for the
    /// mean where all labels are ignored or have weight 0.
    ///
    /// ```
    /// use autodiff::{Var, ops::loss::cross_entropy::CrossEntropy};
    /// use tensor::Tensor;
    /// let x = Var::variable(Tensor::zeros([2, 4], tensor::DType::F64)?);
    /// let loss = x.cross_entropy(Tensor::from_slice(&[3i64, 0], [2])?, &CrossEntropy::default())?;
    /// assert!((loss.item()? - 2.0 * std::f64::consts::LN_2).abs() < 1e-15);
    /// let dx = loss.backward()?.of(&x).unwrap().to_vec::<f64>()?;
    /// assert_eq!(dx, [0.125, 0.125, 0.125, -0.375, -0.375, 0.125, 0.125, 0.125]);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn cross_entropy(&self, target: impl Into<Var>, how: &CrossEntropy) -> Result<Var> {
        let target = target.into();
        let refuse = |rule, repair| {
            let shapes = vec![self.shape().to_vec(), target.shape().to_vec()];
            Err(tensor::Error::ShapeMismatch { op: "cross_entropy", rule, shapes, repair }.into())
        };
        let Some((&classes, leading)) = self.shape().split_last() else {
            return refuse("logits must have a last axis of classes", "unsqueeze the logits");
        };
        let labels = target.dtype() == DType::I64;
        if labels && target.shape() != leading {
            return refuse(
                "labels must have the shape of the logits without their last axis",
                "reshape the labels, or put the axis of classes last",
            );
        }
        if !labels && target.shape() != self.shape() {
            return refuse(
                "targets that are not labels of i64 must have the logits' shape",
                "give one probability for each class, or labels",
            );
        }
        if self.value().len() == 0 {
            return refuse("there must be at least one row and one class", "leave empty batches out");
        }
        let op = CrossEntropyLoss { how: how.for_dtype(self.dtype())?, stats: None, divisor: 1.0 };
        if self.rank() == 2 {
            return Var::apply(op, &[self, &target]);
        }
        let rows: usize = leading.iter().product();
        let targets = if labels { target.reshape([rows])? } else { target.reshape([rows, classes])? };
        let loss = Var::apply(op, &[&self.reshape([rows, classes])?, &targets])?;
        if how.reduction == Reduction::None { loss.reshape(leading) } else { Ok(loss) }
    }
}

/// Losses and weights of rows by the formula, from labels or probabilities and logits of `classes` columns.
pub(super) fn by_formula(x: &[Tensor], how: &CrossEntropy) -> (Vec<f64>, f64) {
    let logits = x[0].to_vec::<f64>().unwrap_or_default();
    let classes = *x[0].shape().last().unwrap_or(&1);
    let rows = logits.len() / classes;
    let w = how.weight.as_ref().map_or(vec![1.0; classes], |w| w.to_vec().unwrap_or_default());
    let soft = x[1].to_vec::<f64>().ok();
    let labels = x[1].to_vec::<i64>().unwrap_or_default();
    let (mut losses, mut weight) = (vec![0.0; rows], 0.0);
    for (i, row) in logits.chunks(classes).enumerate() {
        if labels.get(i).is_some_and(|&label| Some(label) == how.ignore_index) {
            continue;
        }
        weight += labels.get(i).map_or(1.0, |&label| w[label as usize]);
        let sum: f64 = row.iter().map(|&x| libm::exp(x)).sum();
        for c in 0..classes {
            let t = match &soft {
                Some(t) => t[i * classes + c],
                None => f64::from(labels[i] == c as i64),
            };
            let t = (1.0 - how.label_smoothing) * t + how.label_smoothing / classes as f64;
            losses[i] -= w[c] * t * libm::log(libm::exp(row[c]) / sum);
        }
    }
    (losses, weight)
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(44);
    let index = |values: &[i64], shape: &[usize]| {
        Tensor::from_slice(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    };
    let weight = Some(s.tensor(vec![0.5, 2.0, 0.0, 1.5], [4]));
    let plain = CrossEntropy::default();
    let sum = CrossEntropy { reduction: Reduction::Sum, ..plain.clone() };
    let rows = CrossEntropy { reduction: Reduction::None, label_smoothing: 0.1, ..plain.clone() };
    let full = CrossEntropy {
        weight: weight.clone(),
        ignore_index: Some(-100),
        label_smoothing: 0.2,
        ..plain.clone()
    };
    let soft = CrossEntropy { weight, label_smoothing: 0.2, ..plain.clone() };
    let call = |how: &CrossEntropy| {
        let how = how.clone();
        move |x: &[Var]| x[0].cross_entropy(&x[1], &how)
    };
    let reduced = |how: &CrossEntropy| {
        let how = how.clone();
        move |x: &[Tensor]| {
            let (losses, weight) = by_formula(x, &how);
            match how.reduction {
                Reduction::None => losses,
                Reduction::Sum => vec![losses.iter().sum()],
                Reduction::Mean => vec![losses.iter().sum::<f64>() / weight],
            }
        }
    };
    let mut logits = |shape: &[usize]| s.uniform(shape, -2.0, 2.0);
    let labels = index(&[3, 0, 1], &[3]);
    let mut spec = OpSpec::new("cross_entropy");
    for (label, how, target) in [
        ("labels, mean", &plain, labels.clone()),
        ("labels, sum", &sum, labels.clone()),
        ("weights, an ignored row, smoothing", &full, index(&[3, -100, 1], &[3])),
        ("soft targets", &plain, logits(&[3, 4]).softmax(1).expect("invariant: a float has a softmax")),
        ("soft targets, weights, smoothing", &soft, logits(&[3, 4])),
        ("soft targets, sum", &sum, logits(&[3, 4])),
    ] {
        spec = spec.case(label, [logits(&[3, 4]), target], [], call(how)).reference(reduced(how));
    }
    let no_class = index(&[1, 3], &[2]);
    let none_left = CrossEntropy { ignore_index: Some(2), ..plain.clone() };
    let over = CrossEntropy { label_smoothing: 1.5, ..plain.clone() };
    let ignored = CrossEntropy { ignore_index: Some(0), ..plain.clone() };
    vec![
        spec.case("labels of more axes, each row's", [logits(&[2, 3, 4]), index(&[0, 1, 2, 3, 0, 1], &[2, 3])], [2, 3], call(&rows))
            .reference(reduced(&rows))
            .case("soft targets, each row's", [logits(&[2, 1, 4]), logits(&[2, 1, 4])], [2, 1], call(&rows))
            .reference(reduced(&rows))
            .case("one row without a batch", [logits(&[4]), index(&[2], &[])], [], call(&plain))
            .reference(reduced(&plain))
            .case("beyond the range of exp", [index(&[1000, -1000], &[1, 2]).to_dtype(DType::F64).expect("invariant: small integers"), index(&[1], &[1])], [], call(&plain))
            .reference(|_| vec![2000.0])
            .case("large", [logits(&[1003, 70]), index(&[7; 1003], &[1003])], [], call(&plain))
            .large()
            .no_empty("a loss of nothing is refused")
            .error(
                [logits(&[0, 3]), index(&[], &[0])],
                call(&plain),
                "[cross_entropy] there must be at least one row and one class; got [0, 3] and [0]; leave empty batches out",
            )
            .error(
                [logits(&[2, 3]), no_class],
                call(&plain),
                "[cross_entropy] a label must name one of the classes, counted from 0; got label 3 in row 1, with 3 classes; correct the label, or pass the value of rows to be skipped as ignore_index",
            )
            .error(
                [logits(&[2, 3]), index(&[2, 2], &[2])],
                call(&none_left),
                "[cross_entropy] the mean needs a label that is not ignored and has a weight; got 2 rows of weight 0 in sum; leave such batches out, or use Reduction::Sum",
            )
            .error(
                [logits(&[2, 3, 4]), index(&[0, 1, 2, 3, 0, 1, 2, 3], &[2, 4])],
                call(&plain),
                "[cross_entropy] labels must have the shape of the logits without their last axis; got [2, 3, 4] and [2, 4]; reshape the labels, or put the axis of classes last",
            )
            .error(
                [logits(&[2, 3]), logits(&[2])],
                call(&plain),
                "[cross_entropy] targets that are not labels of i64 must have the logits' shape; got [2, 3] and [2]; give one probability for each class, or labels",
            )
            .error(
                [logits(&[2, 3]), index(&[0, 1], &[2])],
                call(&over),
                "[cross_entropy] label_smoothing must lie in 0..=1; got 1.5; use a small share such as 0.1",
            )
            .error(
                [logits(&[2, 3]), index(&[0, 1], &[2])],
                call(&soft),
                "[cross_entropy] there must be one weight for each class; got [2, 3] and [4]; correct the weights",
            )
            .error(
                [logits(&[2, 3]), logits(&[2, 3])],
                call(&ignored),
                "[cross_entropy] ignore_index needs labels, and soft targets have none; got ignore_index with targets of f64; leave ignore_index out, or give the targets as labels of i64",
            ),
    ]
}

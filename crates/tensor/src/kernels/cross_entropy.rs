//! Cross-entropy from logits in one pass over each row, and its gradient in another.
//!
//! With `lse` the logsumexp of a row, `ℓ_c = lse − x_c = −log_softmax(x)_c`, `C` classes, weights `w` (1 unless given)
//! and label smoothing `ε`:
//!
//! * a label `y`: loss `(1 − ε)·w_y·ℓ_y + ε/C · Σ_c w_c·ℓ_c`, weight `w_y`; an ignored label: both 0;
//! * soft targets `t`: with `t'_c = (1 − ε)·t_c + ε/C`, loss `Σ_c w_c·t'_c·ℓ_c`, weight 1.
//!
//! The mean over a batch is `Σ loss / Σ weight`. All as in PyTorch's `cross_entropy`. Nothing of the size of the
//! logits is stored: the gradient computes `exp(x − m)/s` anew from the row's maximum `m` and sum `s`.

use super::softmax::{GRAIN, exp_line};
use crate::dtype::{DType, Float, Number};
use crate::error::{Error, Result};
use crate::loops::reduce::{CHUNK, fold_line};
use crate::math::Math;
use crate::ops::arithmetic::{same_dtype, wrong_dtype};
use crate::ops::reduce::{Max, Sum};
use crate::parallel::for_chunks;
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};

/// What cross-entropy may be told beside logits and targets.
#[derive(Clone, Copy, Default)]
pub struct CrossEntropyConfig<'a> {
    /// A weight for each class, (classes), of the logits' dtype; all 1 where there is none.
    pub weight: Option<&'a Tensor>,
    /// The label of rows that count for nothing. For labels only.
    pub ignore_index: Option<i64>,
    /// `ε` in 0..=1: the share of each target that is spread evenly over the classes.
    pub label_smoothing: f64,
}

/// The result of [`cross_entropy`], in the type that the logits are computed in ([`DType::compute`]).
#[derive(Clone)]
pub struct CrossEntropy {
    /// The loss of each row, (n).
    pub losses: Tensor,
    /// What each row weighs in the mean `Σ losses / Σ weights`, (n).
    pub weights: Tensor,
    /// What [`cross_entropy_grad`] needs to know, (n, 4).
    pub stats: Tensor,
}

impl CrossEntropy {
    pub(super) fn of_stats(stats: Tensor) -> Result<Self> {
        let column =
            |i: usize| stats.with_layout(stats.layout().stepped(1, i, 1, 1).without_axis(1)).contiguous();
        Ok(Self { losses: column(0)?, weights: column(1)?, stats })
    }
}

/// What a row's target says.
#[derive(Clone, Copy)]
pub(super) enum Target<'a, T> {
    Labels(&'a [i64]),
    Soft(&'a [T]),
}

/// Constants of a call.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a, T> {
    classes: usize,
    weight: Option<&'a [T]>,
    /// Σ w
    weight_sum: T,
    ignore: Option<i64>,
    /// 1 − ε
    keep: T,
    /// ε/C
    spread: T,
}

impl<T: Float> Rule<'_, T> {
    #[inline(always)]
    fn weight(&self, class: usize) -> T {
        self.weight.map_or(T::ONE, |w| w[class])
    }

    /// What a row of this label weighs in the mean.
    pub(super) fn row_weight(&self, label: i64) -> T {
        if Some(label) == self.ignore { T::ZERO } else { self.weight(label as usize) }
    }
}

simd_fn! {
    /// `out`: loss, weight, max, sum of each row from `first` on.
    pub(super) fn forward_rows[T: Float](rule: Rule<T>, x: &[T], target: Target<T>, out: &mut [T]) {
        let mut room = vec![T::ZERO; rule.classes];
        let mut logs = Vec::with_capacity(out.len() / 4);
        for (x, out) in x.chunks_exact(rule.classes).zip(out.chunks_exact_mut(4)) {
            out[2] = fold_line(Max, x);
            out[3] = exp_line(x, out[2], &mut room[..rule.classes.min(CHUNK)]);
            logs.push(out[3]);
        }
        // Together, so that many are taken at a time.
        for log in &mut logs {
            *log = Math::ln(*log);
        }
        let rows = x.chunks_exact(rule.classes).zip(out.chunks_exact_mut(4)).zip(&logs);
        for (i, ((x, out), &log)) in rows.enumerate() {
            let max = out[2];
            let (loss, weight) = match target {
                Target::Labels(labels) if Some(labels[i]) == rule.ignore => (T::ZERO, T::ZERO),
                Target::Labels(labels) => {
                    let label = labels[i] as usize;
                    let weight = rule.weight(label);
                    let mut loss = rule.keep.mul(weight).mul(log.sub(x[label].sub(max)));
                    if rule.spread > T::ZERO {
                        for c in 0..rule.classes {
                            room[c] = rule.weight(c).mul(log.sub(x[c].sub(max)));
                        }
                        loss = loss.add(rule.spread.mul(fold_line(Sum, &room)));
                    }
                    (loss, weight)
                }
                Target::Soft(t) => {
                    let t = &t[i * rule.classes..][..rule.classes];
                    for c in 0..rule.classes {
                        let t = rule.keep.mul(t[c]).add(rule.spread);
                        room[c] = rule.weight(c).mul(t).mul(log.sub(x[c].sub(max)));
                    }
                    (fold_line(Sum, &room), T::ONE)
                }
            };
            (out[0], out[1]) = (loss, weight);
        }
    }

    /// `dx_c = g·(p_c·Σ_k w_k·t'_k − w_c·t'_c)`, where a label is a target of 1.
    pub(super) fn backward_rows[T: Float](rule: Rule<T>, x: &[T], target: Target<T>, stats: &[T], g: &[T], out: &mut [T]) {
        let mut room = Vec::new();
        let rows = x.chunks_exact(rule.classes).zip(out.chunks_exact_mut(rule.classes)).zip(stats.chunks_exact(4));
        for (i, ((x, out), stats)) in rows.enumerate() {
            let (max, g) = (stats[2], if g.len() == 1 { g[0] } else { g[i] });
            let mut hard = T::ZERO;
            let total = match target {
                Target::Labels(labels) if Some(labels[i]) == rule.ignore => {
                    out.fill(T::ZERO);
                    continue;
                }
                Target::Labels(labels) => {
                    hard = rule.keep.mul(rule.weight(labels[i] as usize));
                    hard.add(rule.spread.mul(rule.weight_sum))
                }
                Target::Soft(t) => {
                    room.resize(rule.classes, T::ZERO);
                    for (c, (room, &t)) in room.iter_mut().zip(&t[i * rule.classes..]).enumerate() {
                        *room = rule.weight(c).mul(rule.keep.mul(t).add(rule.spread));
                    }
                    fold_line(Sum, &room)
                }
            };
            exp_line(x, max, out);
            let (scale, factor) = (T::ONE.div(stats[3]), g.mul(total));
            for out in out.iter_mut() {
                *out = out.mul(scale).mul(factor);
            }
            match target {
                Target::Labels(labels) => {
                    if rule.spread > T::ZERO {
                        for (c, out) in out.iter_mut().enumerate() {
                            *out = out.sub(g.mul(rule.spread).mul(rule.weight(c)));
                        }
                    }
                    let label = labels[i] as usize;
                    out[label] = out[label].sub(g.mul(hard));
                }
                Target::Soft(_) => {
                    for (out, &share) in out.iter_mut().zip(&room) {
                        *out = out.sub(g.mul(share));
                    }
                }
            }
        }
    }
}

fn mismatch(rule: &'static str, x: &Tensor, y: &Tensor, repair: &'static str) -> Error {
    mismatch_in(OP, rule, x, y, repair)
}

fn mismatch_in(op: &'static str, rule: &'static str, x: &Tensor, y: &Tensor, repair: &'static str) -> Error {
    Error::ShapeMismatch { op, rule, shapes: vec![x.shape().to_vec(), y.shape().to_vec()], repair }
}

const OP: &str = "cross_entropy";

/// Refuses a configuration that does not fit `x`, which decides the dtype, and the number of classes.
pub(super) fn check_config(
    op: &'static str,
    x: &Tensor,
    classes: usize,
    config: &CrossEntropyConfig,
) -> Result<()> {
    if !(0.0..=1.0).contains(&config.label_smoothing) {
        return Err(Error::InvalidArgument {
            op,
            rule: "label_smoothing must lie in 0..=1",
            got: config.label_smoothing.to_string(),
            repair: "use a small share such as 0.1",
        });
    }
    if let Some(weight) = config.weight {
        same_dtype(op, x, weight)?;
        if weight.shape() != [classes] {
            return Err(mismatch_in(
                op,
                "there must be one weight for each class",
                x,
                weight,
                "correct the weights",
            ));
        }
    }
    Ok(())
}

/// Refuses labels that name no class, and are not to be ignored.
pub(super) fn check_labels(
    op: &'static str,
    labels: &Tensor,
    classes: usize,
    config: &CrossEntropyConfig,
) -> Result<()> {
    let labels = labels.contiguous()?;
    let labels = labels.as_slice::<i64>().unwrap_or_default();
    let is_bad = |&label: &i64| Some(label) != config.ignore_index && !(0..classes as i64).contains(&label);
    match labels.iter().position(is_bad) {
        None => Ok(()),
        Some(row) => Err(Error::InvalidArgument {
            op,
            rule: "a label must name one of the classes, counted from 0",
            got: format!("label {} in row {row}, with {classes} classes", labels[row]),
            repair: "correct the label, or pass the value of rows to be skipped as ignore_index",
        }),
    }
}

fn check(logits: &Tensor, target: &Tensor, config: &CrossEntropyConfig) -> Result<()> {
    let &[n, classes] = logits.shape() else {
        return Err(mismatch(
            "logits must have the shape (rows, classes)",
            logits,
            target,
            "reshape the logits",
        ));
    };
    if !logits.dtype().is_float() {
        return Err(wrong_dtype(OP, "the logits must be floats", logits.dtype()));
    }
    check_config(OP, logits, classes, config)?;
    if target.dtype() != DType::I64 {
        same_dtype(OP, logits, target)?;
        if config.ignore_index.is_some() {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "ignore_index needs labels, and soft targets have none",
                got: format!("ignore_index with targets of {}", target.dtype()),
                repair: "leave ignore_index out, or give the targets as labels of i64",
            });
        }
        if target.shape() != logits.shape() {
            let repair = "give one probability for each class, or labels of i64";
            return Err(mismatch("soft targets must have the logits' shape", logits, target, repair));
        }
        return Ok(());
    }
    if target.shape() != [n] {
        return Err(mismatch(
            "there must be one label for each row of logits",
            logits,
            target,
            "reshape the labels",
        ));
    }
    check_labels(OP, target, classes, config)
}

pub(super) fn rule<'a, T: Float>(
    classes: usize,
    weight: Option<&'a [T]>,
    config: &CrossEntropyConfig,
) -> Rule<'a, T> {
    Rule {
        classes,
        weight,
        weight_sum: weight.map_or(T::of(classes as f64), |w| fold_line(Sum, w)),
        ignore: config.ignore_index,
        keep: T::of(1.0 - config.label_smoothing),
        spread: T::of(config.label_smoothing / classes as f64),
    }
}

/// `x` in the type it is computed in.
pub(super) fn as_computed(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(x.dtype().compute())
}

/// The target of rows from `start`.
fn target_from<'a, T: Float>(target: &'a Tensor, start: usize, classes: usize) -> Target<'a, T> {
    match target.as_slice::<i64>() {
        Some(labels) => Target::Labels(&labels[start..]),
        None => Target::Soft(&target.as_slice::<T>().unwrap_or_default()[start * classes..]),
    }
}

/// Cross-entropy of `logits` (n, classes) against `target`: labels (n) of I64, or probabilities (n, classes) of the
/// logits' dtype. Formulas in the module's documentation.
///
/// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for a label outside the classes (the first such row is
/// named), for a smoothing outside 0..=1, and for `ignore_index` with soft targets.
pub fn cross_entropy(logits: &Tensor, target: &Tensor, config: &CrossEntropyConfig) -> Result<CrossEntropy> {
    check(logits, target, config)?;
    if logits.dtype().is_narrow() {
        let [logits, target] = [logits, target].map(as_computed);
        let weight = config.weight.map(as_computed).transpose()?;
        return cross_entropy(&logits?, &target?, &CrossEntropyConfig { weight: weight.as_ref(), ..*config });
    }
    let (n, classes) = (logits.shape()[0], logits.shape()[1]);
    let (logits, target) = (logits.contiguous()?, target.contiguous()?);
    let weight = config.weight.map(Tensor::contiguous).transpose()?;
    let stats = with_dtype!(logits.dtype(), T, float => {
        let rule = rule::<T>(classes, weight.as_ref().and_then(Tensor::as_slice), config);
        let x = logits.as_slice::<T>().unwrap_or_default();
        Tensor::build(OP, &[n, 4], |out: &mut [T]| match classes {
            // No class: soft targets that say nothing, or nothing but ignored labels.
            0 => out.fill(T::ZERO),
            _ => for_chunks(out, GRAIN.div_ceil(classes) * 4, |start, out| {
                let row = start / 4;
                let x = &x[row * classes..(row + out.len() / 4) * classes];
                forward_rows(rule, x, target_from::<T>(&target, row, classes), out);
            }),
        })
    }?, else dtype => return Err(wrong_dtype(OP, "the logits must be floats", dtype)));
    CrossEntropy::of_stats(stats)
}

/// The gradient of [`cross_entropy`] by the logits, (n, classes), from `stats` as it returned them and the gradient
/// `g` of the losses: (n), or a single number for all rows.
///
/// Errors: as [`cross_entropy`], and `ShapeMismatch` for `stats` or `g` that do not belong to these logits.
pub fn cross_entropy_grad(
    logits: &Tensor,
    target: &Tensor,
    config: &CrossEntropyConfig,
    stats: &Tensor,
    g: &Tensor,
) -> Result<Tensor> {
    check(logits, target, config)?;
    same_dtype(OP, logits, g)?;
    if logits.dtype().is_narrow() {
        let dtype = logits.dtype();
        let [logits, target, stats, g] = [logits, target, stats, g].map(as_computed);
        let weight = config.weight.map(as_computed).transpose()?;
        let config = CrossEntropyConfig { weight: weight.as_ref(), ..*config };
        return cross_entropy_grad(&logits?, &target?, &config, &stats?, &g?)?.narrowed_to(dtype);
    }
    let (n, classes) = (logits.shape()[0], logits.shape()[1]);
    same_dtype(OP, logits, stats)?;
    if g.shape() != [n] && g.len() != 1 {
        return Err(mismatch(
            "there must be one gradient, or one for each row of logits",
            logits,
            g,
            "reshape it",
        ));
    }
    if stats.shape() != [n, 4] {
        let repair = "pass the stats that cross_entropy returned";
        return Err(mismatch("there must be the statistics of each row of logits", logits, stats, repair));
    }
    let (logits, target) = (logits.contiguous()?, target.contiguous()?);
    let (stats, g) = (stats.contiguous()?, g.contiguous()?);
    let weight = config.weight.map(Tensor::contiguous).transpose()?;
    with_dtype!(logits.dtype(), T, float => {
        let rule = rule::<T>(classes, weight.as_ref().and_then(Tensor::as_slice), config);
        let x = logits.as_slice::<T>().unwrap_or_default();
        let stats = stats.as_slice::<T>().unwrap_or_default();
        let g = g.as_slice::<T>().unwrap_or_default();
        Tensor::build(OP, &[n, classes], |out: &mut [T]| {
            if out.is_empty() {
                return;
            }
            for_chunks(out, GRAIN.div_ceil(classes) * classes, |start, out| {
                let (first, end) = (start / classes, (start + out.len()) / classes);
                let g = if g.len() == 1 { g } else { &g[first..end] };
                let x = &x[start..start + out.len()];
                backward_rows(rule, x, target_from(&target, first, classes), &stats[first * 4..end * 4], g, out);
            });
        })
    }, else dtype => Err(wrong_dtype(OP, "the logits must be floats", dtype)))
}

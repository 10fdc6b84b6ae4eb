//! Connectionist temporal classification, `−ln Σ Π p_t(π_t)` over all ways π in which the steps may spell the labels, with
//! blanks between them and repeats.   `dy_t(c) = −P(π_t = c)·g`
//!
//! Forward sums over ways from both ends and keeps the probabilities. Where a gradient is differentiated itself, the rule is
//! that of the same sums in simpler operations. Source: Graves et al. 2006.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::functional::vjp;
use crate::op::{Grads, Op, Saved, Saves};
use crate::reduction::Reduction;
use crate::var::Var;
use tensor::{CtcTargets, Tensor};

/// What [`Var::ctc_loss`] is told beside log probabilities and labels.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ctc {
    /// The class of no label.
    pub blank: usize,
    /// What becomes of the losses of single sequences; the mean is that of losses over their numbers of labels.
    pub reduction: Reduction,
    /// Whether a sequence that cannot be spelt counts for nothing, not as an infinite loss. Its gradient is 0 either way.
    pub zero_infinity: bool,
}

/// The losses of sequences, `(n)`, of log probabilities y. Saves y, and the probabilities of being at each class.
struct CtcOp {
    labels: Tensor,
    label_lengths: Vec<usize>,
    input_lengths: Vec<usize>,
    blank: usize,
    keep: bool,
    /// The probabilities, and for each sequence whether there is a way.
    kept: Option<Tensor>,
    possible: Vec<bool>,
}

impl Op for CtcOp {
    fn name(&self) -> &'static str {
        "ctc_loss"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let targets = CtcTargets {
            labels: &self.labels,
            label_lengths: &self.label_lengths,
            input_lengths: &self.input_lengths,
            blank: self.blank,
        };
        let (losses, kept) = x[0].ctc_loss(&targets, self.keep)?;
        self.possible = losses.to_vec::<f64>()?.into_iter().map(f64::is_finite).collect();
        self.kept = kept;
        Ok(losses.to_dtype(x[0].dtype())?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let y = saved.input(0);
        if saved.higher || grad.is_tracked() {
            let dy = vjp(|y| self.composed(&y[0]), &[y], grad)?.1.remove(0);
            return Ok(Grads::from_iter([Some(dy)]));
        }
        let kept = self.kept.clone().expect("invariant: a tracked operand's probabilities are kept");
        let g = grad.unsqueeze(-1)?.neg()?;
        let dy = Var::from(kept).mul(&g)?;
        Ok(Grads::from_iter([Some(match self.possible.iter().all(|&p| p) {
            true => dy,
            // An infinite loss has no gradient, whatever it is multiplied by.
            false => Var::where_(&self.possible_mask()?, &dy, &Var::from(Tensor::zeros([], y.dtype())?))?,
        })]))
    }
}

/// The log of what is not: far below all others, and a number.
const NEVER: f64 = -1e30;

impl CtcOp {
    /// `(n, 1)`
    fn possible_mask(&self) -> Result<Tensor> {
        Ok(Tensor::from_slice(&self.possible, [self.possible.len(), 1])?)
    }

    /// The losses in simpler operations.
    fn composed(&self, y: &Var) -> Result<Var> {
        let dtype = y.dtype();
        let row = |values: Vec<f64>| -> Result<Var> {
            let n = values.len();
            Ok(Tensor::from_vec(values, [n])?.to_dtype(dtype)?.into())
        };
        let all = self.labels.to_vec::<i64>()?;
        let longest = self.labels.shape()[1];
        let mut losses = Vec::with_capacity(self.possible.len());
        for (i, &possible) in self.possible.iter().enumerate() {
            let mut labels = vec![self.blank as i64; 2 * self.label_lengths[i] + 1];
            for (k, label) in all[i * longest..][..self.label_lengths[i]].iter().enumerate() {
                labels[2 * k + 1] = *label;
            }
            let (n, steps) = (labels.len(), self.input_lengths[i]);
            if !possible || steps == 0 {
                losses.push(row(vec![if possible { 0.0 } else { f64::INFINITY }])?);
                continue;
            }
            let allowed = |s: usize| s >= 2 && labels[s] != labels[s - 2] && labels[s] != self.blank as i64;
            let skip = row((0..n).map(|s| if allowed(s) { 0.0 } else { NEVER }).collect())?;
            let here = y.select(1, i as isize)?.index_select(1, Tensor::from_slice(&labels, [n])?)?;
            let start = row((0..n).map(|s| if s < 2 { 0.0 } else { NEVER }).collect())?;
            let mut paths = here.select(0, 0)?.add(&start)?;
            let pad = row(vec![NEVER; 2])?;
            for t in 1..steps {
                let padded = Var::cat(&[&pad, &paths], 0)?;
                let ways = [padded.narrow(0, 2, n)?, padded.narrow(0, 1, n)?, padded.narrow(0, 0, n)?.add(&skip)?];
                let sum = Var::stack(&ways.iter().collect::<Vec<_>>(), 0)?.logsumexp(0)?;
                paths = here.select(0, t as isize)?.add(&sum)?;
            }
            let ends = if n > 1 { 2 } else { 1 };
            losses.push(paths.narrow(0, n - ends, ends)?.logsumexp(0)?.neg()?.reshape([1usize])?);
        }
        Var::cat(&losses.iter().collect::<Vec<_>>(), 0)
    }
}

impl Var {
    /// The loss of sequences of labels that are shorter than the sequences of steps which spell them: as
    /// [`Tensor::ctc_loss`], reduced.
    ///
    /// Shapes: this `(time, n, classes)`, log probabilities, as `log_softmax` gives them; `targets.labels` `(n, longest)`.
    /// Differs from PyTorch in: the gradient is that of the formula for any input, where PyTorch's is right only behind a
    /// `log_softmax`; labels are a matrix with lengths, not one row. Errors: as [`Tensor::ctc_loss`].
    ///
    /// ```
    /// use autodiff::{Var, ops::loss::ctc::Ctc};
    /// use tensor::{CtcTargets, Tensor};
    /// // Two steps and one label: label label, label blank, blank label.
    /// let y: Var = Tensor::full([2, 1, 2], 0.5f64.ln(), tensor::DType::F64)?.into();
    /// let labels = Tensor::from_slice(&[1i64], [1, 1])?;
    /// let targets = CtcTargets { labels: &labels, label_lengths: &[1], input_lengths: &[2], blank: 0 };
    /// assert!((y.ctc_loss(&targets, &Ctc::default())?.item()? + 0.75f64.ln()).abs() < 1e-15);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn ctc_loss(&self, targets: &CtcTargets, how: &Ctc) -> Result<Var> {
        let op = CtcOp {
            labels: targets.labels.clone(),
            label_lengths: targets.label_lengths.to_vec(),
            input_lengths: targets.input_lengths.to_vec(),
            blank: how.blank,
            keep: self.is_tracked(),
            kept: None,
            possible: Vec::new(),
        };
        let mut losses = Var::apply(op, &[self])?;
        if how.zero_infinity {
            let finite = losses.value().lt(&Tensor::full([], f64::INFINITY, losses.dtype())?)?;
            losses = Var::where_(&finite, &losses, &Var::from(Tensor::zeros([], losses.dtype())?))?;
        }
        if how.reduction == Reduction::Mean {
            let labels: Vec<f64> = targets.label_lengths.iter().map(|&len| len.max(1) as f64).collect();
            let labels = Tensor::from_vec(labels, [targets.label_lengths.len()])?.to_dtype(losses.dtype())?;
            losses = losses.div(&Var::from(labels))?;
        }
        how.reduction.of(&losses)
    }
}

/// Over every way that there is.
fn by_enumeration(x: &[Tensor], labels: &[&[usize]], lengths: &[usize]) -> Vec<f64> {
    let y = x[0].to_vec::<f64>().unwrap_or_default();
    let (n, classes) = (x[0].shape()[1], x[0].shape()[2]);
    (0..n)
        .map(|i| {
            let mut total = 0.0;
            for way in 0..classes.pow(lengths[i] as u32) {
                let at = |t: usize| way / classes.pow(t as u32) % classes;
                let mut spelt: Vec<usize> = (0..lengths[i]).map(at).collect();
                spelt.dedup();
                spelt.retain(|&c| c != 0);
                if spelt == labels[i] {
                    let log: f64 = (0..lengths[i]).map(|t| y[(t * n + i) * classes + at(t)]).sum();
                    total += libm::exp(log);
                }
            }
            -libm::log(total)
        })
        .collect()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(461);
    let labels = Tensor::from_slice(&[1i64, 2, 2, 2, 0, 0], [2, 3]).expect("invariant: six labels");
    fn targets<'a>(labels: &'a Tensor, label_lengths: &'a [usize], input_lengths: &'a [usize]) -> CtcTargets<'a> {
        CtcTargets { labels, label_lengths, input_lengths, blank: 0 }
    }
    let none = Ctc { reduction: Reduction::None, ..Ctc::default() };
    let call = |how: Ctc, label_lengths: [usize; 2], input_lengths: [usize; 2]| {
        let labels = labels.clone();
        move |x: &[Var]| x[0].ctc_loss(&targets(&labels, &label_lengths, &input_lengths), &how)
    };
    let (first, second): (&'static [usize], &'static [usize]) = (&[1, 2, 2], &[2]);
    vec![
        OpSpec::new("ctc_loss")
            .case("two lengths", [s.uniform([5, 2, 3], -3.0, 0.0)], [2], call(none, [3, 1], [5, 4]))
            .reference(move |x| by_enumeration(x, &[first, second], &[5, 4]))
            .ulps(32.0, 64.0)
            .case("mean", [s.uniform([5, 2, 3], -3.0, 0.0)], [], call(Ctc::default(), [3, 1], [5, 4]))
            .reference(move |x| {
                let each = by_enumeration(x, &[first, second], &[5, 4]);
                vec![(each[0] / 3.0 + each[1]) / 2.0]
            })
            .ulps(32.0, 64.0)
            .case("no labels", [s.uniform([3, 2, 3], -3.0, 0.0)], [2], call(none, [0, 1], [3, 1]))
            .reference(move |x| by_enumeration(x, &[&[], second], &[3, 1]))
            .ulps(32.0, 64.0)
            .case(
                "a sequence that cannot be spelt counts for nothing",
                [s.uniform([5, 2, 3], -3.0, 0.0)],
                [2],
                call(Ctc { zero_infinity: true, ..none }, [3, 1], [3, 4]),
            )
            .reference(move |x| {
                let each = by_enumeration(x, &[first, second], &[3, 4]);
                vec![0.0, each[1]]
            })
            .ulps(32.0, 64.0)
            .no_empty("a batch without sequences has no mean")
            .error(
                [s.uniform([5, 2, 3], -3.0, 0.0)],
                call(none, [3, 1], [5, 6]),
                "[ctc_loss] no length may exceed what there is; got 6 steps of 5 and 1 labels of 3 for sequence 1; shorten the length",
            )
            .error(
                [s.uniform([5, 2, 2], -3.0, 0.0)],
                call(none, [3, 1], [5, 5]),
                "[ctc_loss] a label must be a class other than the blank; got label 2 of 2 classes with blank 0 in sequence 0; check how the labels were made",
            ),
    ]
}

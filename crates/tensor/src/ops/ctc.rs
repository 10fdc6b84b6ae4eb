//! Connectionist temporal classification: the checks.

use super::arithmetic::wrong_dtype;
use super::index::mismatch;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernels::ctc::{Sizes, Targets, losses};
use crate::tensor::{Tensor, with_dtype};

const OP: &str = "ctc_loss";

/// The labels of a batch for [`Tensor::ctc_loss`].
#[derive(Debug, Clone, Copy)]
pub struct CtcTargets<'a> {
    /// `(n, longest)`, I64: the labels of each sequence, then anything.
    pub labels: &'a Tensor,
    /// How many of them count, for each sequence.
    pub label_lengths: &'a [usize],
    /// How many steps count, for each sequence.
    pub input_lengths: &'a [usize],
    /// The class of no label.
    pub blank: usize,
}

impl Tensor {
    /// The negative log likelihood of each sequence of labels, summed over all ways in which the steps may spell it, with
    /// blanks and repeats, `(n)` in F64; and, if so wished, the probability of being at each class at each step, `(time, n,
    /// classes)`, which is minus the gradient. A sequence with no such way has an infinite loss, and no gradient.
    ///
    /// Shapes: this `(time, n, classes)`, log probabilities. Source: Graves et al. 2006, as [`crate`]'s kernel says.
    /// Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for lengths that are too long, labels that are no class,
    /// and blanks among them.
    pub fn ctc_loss(&self, targets: &CtcTargets, posteriors: bool) -> Result<(Tensor, Option<Tensor>)> {
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: OP, rule, got, repair });
        let &CtcTargets { labels, label_lengths, input_lengths, blank } = targets;
        let [time, n, classes] = *self.shape() else {
            let rule = "log probabilities must be (time, n, classes)";
            return Err(mismatch(OP, rule, &[self.shape()], "add the axis that lacks with unsqueeze"));
        };
        if labels.dtype() != DType::I64 {
            return Err(wrong_dtype(OP, "labels must be I64", labels.dtype()));
        }
        if labels.rank() != 2 || [labels.shape()[0], label_lengths.len(), input_lengths.len()] != [n; 3] {
            let rule = "there must be labels and two lengths for each sequence";
            let lengths = [label_lengths.len(), input_lengths.len()];
            return Err(mismatch(
                OP,
                rule,
                &[self.shape(), labels.shape(), &lengths],
                "give labels (n, longest)",
            ));
        }
        if blank >= classes {
            return refuse(
                "the blank must be a class",
                format!("{blank} of {classes}"),
                "use a class below their number",
            );
        }
        let longest = labels.shape()[1];
        let labels = labels.contiguous()?;
        let all = labels.as_slice::<i64>().unwrap_or_default();
        for i in 0..n {
            if input_lengths[i] > time || label_lengths[i] > longest {
                let got = format!(
                    "{} steps of {time} and {} labels of {longest} for sequence {i}",
                    input_lengths[i], label_lengths[i]
                );
                return refuse("no length may exceed what there is", got, "shorten the length");
            }
            let bad = |label: &&i64| **label < 0 || **label >= classes as i64 || **label == blank as i64;
            if let Some(label) = all[i * longest..][..label_lengths[i]].iter().find(bad) {
                let got = format!("label {label} of {classes} classes with blank {blank} in sequence {i}");
                return refuse(
                    "a label must be a class other than the blank",
                    got,
                    "check how the labels were made",
                );
            }
        }
        let wide = match self.dtype().is_narrow() && self.dtype().is_float() {
            true => self.to_dtype(self.dtype().compute())?,
            false => self.contiguous()?,
        };
        with_dtype!(wide.dtype(), T, float => {
            let y = wide.as_slice::<T>().unwrap_or_default();
            let mut made = match posteriors {
                true => Some(Tensor::zeros(self.shape(), wide.dtype())?),
                false => None,
            };
            let of = Targets { labels: all, longest, label_lengths, input_lengths, blank };
            let out = made.as_mut().and_then(|m| m.as_mut_slice::<T>()).unwrap_or_default();
            let losses = Tensor::build(OP, &[n], |to: &mut [f64]| losses(y, Sizes { n, classes }, &of, to, out))?;
            Ok((losses, made.map(|m| m.narrowed_to(self.dtype())).transpose()?))
        }, else dtype => Err(wrong_dtype(OP, "log probabilities must be floats", dtype)))
    }
}

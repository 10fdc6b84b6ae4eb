//! Binary cross-entropy of logits x with targets t in 0..1, `l = −p·t·ln σ(x) − (1 − t)·ln(1 − σ(x))`.
//! `dx = ((1 + (p − 1)·t)·σ(x) − p·t)·g`
//!
//! Computed free of overflow as `softplus(x) − x·t`, which is `max(x, 0) − x·t + ln(1 + e^−|x|)`; with a weight p of the
//! positive class as `(1 − t)·x + (1 + (p − 1)·t)·softplus(−x)`. Composed: softplus is smooth, so that the derivative is
//! right at x = 0 too, where those of `max` and `|x|` are not.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::reduction::{Reduction, one_shape};
use crate::ops::widened::widened;
use crate::var::Var;
use smallvec::SmallVec;
use tensor::Tensor;

impl Var {
    /// Binary cross-entropy of these logits with `target` (0 to 1), in nats, reduced.
    ///
    /// `pos_weight`, which broadcasts to the logits' shape, multiplies the loss of positives. The mean divides by the
    /// number of elements, weighted or not.
    ///
    /// Errors: `ShapeMismatch` unless logits and target have one shape, not empty, to which the weight broadcasts;
    /// `DTypeMismatch` unless floats of one dtype.
    ///
    /// ```
    /// use autodiff::{Reduction, Var};
    /// use tensor::Tensor;
    /// let (x, t) = (Var::from(Tensor::scalar(0.0)), Var::from(Tensor::scalar(1.0)));
    /// assert_eq!(x.bce_with_logits(&t, None, Reduction::Mean)?.item()?, std::f64::consts::LN_2);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn bce_with_logits(
        &self,
        target: &Var,
        pos_weight: Option<&Var>,
        reduction: Reduction,
    ) -> Result<Var> {
        one_shape("bce_with_logits", self, target)?;
        let operands: SmallVec<[&Var; 3]> = [Some(self), Some(target), pos_weight].into_iter().flatten().collect();
        if let Some(out) = widened(&operands, &|x| x[0].bce_with_logits(x[1], x.get(2).copied(), reduction)) {
            return out;
        }
        let Some(weight) = pos_weight else {
            return reduction.of(&self.softplus()?.sub(&self.mul(target)?)?);
        };
        if weight.value().expand(self.shape()).is_err() {
            return Err(tensor::Error::ShapeMismatch {
                op: "bce_with_logits",
                rule: "the weight of positives must broadcast to the logits' shape",
                shapes: vec![weight.shape().to_vec(), self.shape().to_vec()],
                repair: "give one weight, or one for each column",
            }
            .into());
        }
        // t·p and 1 − t, whose sum weighs the logarithm.
        let (positive, negative) = (target.mul(weight)?, target.neg()?.add_scalar(1.0)?);
        let tail = positive.add(&negative)?.mul(&self.neg()?.softplus()?)?;
        reduction.of(&negative.mul(self)?.add(&tail)?)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(43);
    let losses = |x: &[Tensor], weight: &[f64]| -> Vec<f64> {
        let (x, t) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
        let of = |x: f64, t: f64, p: f64| {
            let sigma = 1.0 / (1.0 + libm::exp(-x));
            -p * t * libm::log(sigma) - (1.0 - t) * libm::log(1.0 - sigma)
        };
        x.iter().zip(t).enumerate().map(|(i, (&x, t))| of(x, t, weight[i % weight.len()])).collect()
    };
    let mut pair = |shape: &[usize]| [s.uniform(shape, -3.0, 3.0), s.uniform(shape, 0.0, 1.0)];
    let four = |values: [f64; 4]| Tensor::from_slice(&values, [4]).expect("invariant: four elements");
    let weights = four([0.5, 1.0, 2.0, 4.0]);
    let weighted = [&pair(&[3, 4])[..], std::slice::from_ref(&weights)].concat();
    vec![
        OpSpec::new("bce_with_logits")
            .case("mean", pair(&[3, 4]), [], |x| x[0].bce_with_logits(&x[1], None, Reduction::Mean))
            .reference(move |x| vec![losses(x, &[1.0]).iter().sum::<f64>() / 12.0])
            .case("sum", pair(&[3, 4]), [], |x| x[0].bce_with_logits(&x[1], None, Reduction::Sum))
            .reference(move |x| vec![losses(x, &[1.0]).iter().sum()])
            .case("weighted columns", weighted.clone(), [3, 4], |x| x[0].bce_with_logits(&x[1], Some(&x[2]), Reduction::None))
            .reference(move |x| losses(x, &[0.5, 1.0, 2.0, 4.0]))
            .case("weighted mean", weighted, [], |x| x[0].bce_with_logits(&x[1], Some(&x[2]), Reduction::Mean))
            .reference(move |x| vec![losses(x, &[0.5, 1.0, 2.0, 4.0]).iter().sum::<f64>() / 12.0])
            .case("logits of 0", [four([0.0; 4]), four([0.0, 0.3, 0.5, 1.0])], [4], |x| {
                x[0].bce_with_logits(&x[1], None, Reduction::None)
            })
            .reference(|_| vec![std::f64::consts::LN_2; 4])
            .case("beyond the range of exp", [[1e4, 1e4, -1e4, -1e4], [1.0, 0.0, 1.0, 0.0]].map(four), [4], |x| {
                x[0].bce_with_logits(&x[1], None, Reduction::None)
            })
            .reference(|_| vec![0.0, 1e4, 1e4, 0.0])
            // A difference with a step in proportion to 10000 is no derivative here.
            .no_derivative()
            .case("large", pair(&[100_003]), [], |x| x[0].bce_with_logits(&x[1], None, Reduction::Mean))
            .large()
            .no_empty("a loss of nothing is refused")
            .error(
                [pair(&[3, 4])[0].clone(), weights],
                |x| x[0].bce_with_logits(&x[0], Some(&x[1].narrow(0, 0, 3)?), Reduction::Mean),
                "[bce_with_logits] the weight of positives must broadcast to the logits' shape; got [3] and [3, 4]; give one weight, or one for each column",
            )
            .error(
                [pair(&[3])[0].clone(), pair(&[1, 3])[0].clone()],
                |x| x[0].bce_with_logits(&x[1], None, Reduction::Mean),
                "[bce_with_logits] prediction and target must have one shape; got [3] and [1, 3]; reshape one of them",
            ),
    ]
}

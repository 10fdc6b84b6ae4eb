//! Huber's loss of `d = x − y`: `d²/2` where |d| ≤ δ, else `δ·(|d| − δ/2)`.   `dx = clamp(d, −δ, δ)·g`, `dy = −dx`
//!
//! Source: Huber 1964. With `c = clamp(d, −δ, δ)` both branches are `c·(d − c/2)`, and so it is composed: smooth at 0,
//! and once differentiable at ±δ. δ times PyTorch's `smooth_l1_loss` with β = δ.

use crate::check::{OpSpec, Samples};
use crate::error::{Error, Result};
use crate::reduction::{Reduction, one_shape};
use crate::ops::widened::widened;
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// Huber's loss of prediction and target, reduced: squares within `delta`, absolute values beyond.
    ///
    /// Errors: `InvalidArgument` unless `delta` is positive and finite; `ShapeMismatch` unless the shapes are equal and
    /// not empty; `DTypeMismatch` unless floats of one dtype.
    ///
    /// ```
    /// use autodiff::{Reduction, Var};
    /// use tensor::Tensor;
    /// let (x, y) = (Var::from(Tensor::from_slice(&[1.0, 5.0], [2])?), Var::from(Tensor::from_slice(&[2.0, 2.0], [2])?));
    /// assert_eq!(x.huber_loss(&y, 1.0, Reduction::None)?.value().to_vec::<f64>()?, [0.5, 2.5]);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn huber_loss(&self, target: &Var, delta: f64, reduction: Reduction) -> Result<Var> {
        if !(delta > 0.0 && delta.is_finite()) {
            return Err(Error::InvalidArgument {
                op: "huber_loss",
                rule: "delta must be positive and finite",
                got: delta.to_string(),
                repair: "use 1.0 where nothing is known",
            });
        }
        one_shape("huber_loss", self, target)?;
        if let Some(out) = widened(&[self, target], &|x| x[0].huber_loss(x[1], delta, reduction)) {
            return out;
        }
        let d = self.sub(target)?;
        let c = d.clamp(-delta, delta)?;
        reduction.of(&c.mul(&d.sub(&c.mul_scalar(0.5)?)?)?)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(42);
    const DELTA: f64 = 0.75;
    let losses = |x: &[Tensor]| -> Vec<f64> {
        let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
        let of = |d: f64| if d <= DELTA { d * d / 2.0 } else { DELTA * d - DELTA * DELTA / 2.0 };
        a.into_iter().zip(b).map(|(a, b)| of((a - b).abs())).collect()
    };
    // Differences on a grid of odd multiples of 2/12, of which no one is ±δ = ±9/12.
    let mut pair = |shape: &[usize]| {
        [s.distinct(shape, 2.0), Tensor::zeros(shape, tensor::DType::F64).expect("invariant: small")]
    };
    vec![
        OpSpec::new("huber_loss")
            .case("mean", pair(&[3, 4]), [], |x| x[0].huber_loss(&x[1], DELTA, Reduction::Mean))
            .reference(move |x| vec![losses(x).iter().sum::<f64>() / 12.0])
            .case("sum", pair(&[3, 4]), [], |x| x[1].huber_loss(&x[0], DELTA, Reduction::Sum))
            .reference(move |x| vec![losses(x).iter().sum()])
            .case("none", pair(&[3, 4]), [3, 4], |x| x[0].huber_loss(&x[1], DELTA, Reduction::None))
            .reference(losses)
            .case("large", pair(&[100_003]), [], |x| x[0].huber_loss(&x[1], DELTA, Reduction::Mean))
            .large()
            .no_empty("a loss of nothing is refused")
            .error(
                pair(&[2]),
                |x| x[0].huber_loss(&x[1], 0.0, Reduction::Mean),
                "[huber_loss] delta must be positive and finite; got 0; use 1.0 where nothing is known",
            )
            .error(
                [pair(&[2])[0].clone(), pair(&[1])[0].clone()],
                |x| x[0].huber_loss(&x[1], 1.0, Reduction::Mean),
                "[huber_loss] prediction and target must have one shape; got [2] and [1]; reshape one of them",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivative_is_the_difference_clamped() -> Result<()> {
        let x = Var::variable(Tensor::from_slice(&[0.0, 0.5, -1.0, 1.0, -4.0, 4.0], [6])?);
        let zero = Var::from(Tensor::zeros([6], tensor::DType::F64)?);
        let grads = x.huber_loss(&zero, 1.0, Reduction::Sum)?.backward()?;
        assert_eq!(grads.of(&x).map(|g| g.to_vec::<f64>()), Some(Ok(vec![0.0, 0.5, -1.0, 1.0, -1.0, 1.0])));
        Ok(())
    }
}

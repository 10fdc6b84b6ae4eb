//! Absolute error, `l = |x − y|`.   `dx = sign(x − y)·g`, `dy = −dx`
//!
//! The derivative where x = y is taken as 0. Composed of `sub` and `abs`.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::reduction::{Reduction, one_shape};
use crate::ops::widened::widened;
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// `|x − y|` of prediction and target, reduced.
    ///
    /// Errors: `ShapeMismatch` unless the shapes are equal and not empty; `DTypeMismatch` unless floats of one dtype.
    ///
    /// ```
    /// use autodiff::{Reduction, Var};
    /// use tensor::Tensor;
    /// let (x, y) = (Var::from(Tensor::from_slice(&[1.0, 5.0], [2])?), Var::from(Tensor::from_slice(&[2.0, 2.0], [2])?));
    /// assert_eq!(x.l1_loss(&y, Reduction::Mean)?.item()?, 2.0);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn l1_loss(&self, target: &Var, reduction: Reduction) -> Result<Var> {
        one_shape("l1_loss", self, target)?;
        if let Some(out) = widened(&[self, target], &|x| x[0].l1_loss(x[1], reduction)) {
            return out;
        }
        reduction.of(&self.sub(target)?.abs()?)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(41);
    let losses = |x: &[Tensor]| -> Vec<f64> {
        let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
        a.into_iter().zip(b).map(|(a, b)| a.max(b) - a.min(b)).collect()
    };
    // Never closer than a step of a difference: one side below −0.1, the other above 0.1.
    let mut apart = |shape: &[usize]| [s.uniform(shape, -2.0, -0.1), s.uniform(shape, 0.1, 2.0)];
    vec![
        OpSpec::new("l1_loss")
            .case("mean", apart(&[3, 4]), [], |x| x[0].l1_loss(&x[1], Reduction::Mean))
            .reference(move |x| vec![losses(x).iter().sum::<f64>() / 12.0])
            .case("sum", apart(&[3, 4]), [], |x| x[1].l1_loss(&x[0], Reduction::Sum))
            .reference(move |x| vec![losses(x).iter().sum()])
            .case("none", apart(&[3, 4]), [3, 4], |x| x[0].l1_loss(&x[1], Reduction::None))
            .reference(losses)
            .case("large", apart(&[100_003]), [], |x| x[0].l1_loss(&x[1], Reduction::Mean))
            .large()
            .no_empty("a loss of nothing is refused")
            .error(
                [Tensor::scalar(0.5), Tensor::scalar(1i64)],
                |x| x[0].l1_loss(&x[1], Reduction::Mean),
                "[l1_loss] prediction and target must be floats of one dtype; got f64 and i64; convert one with to_dtype",
            )
            .error(
                apart(&[0, 3]),
                |x| x[0].l1_loss(&x[1], Reduction::Sum),
                "[l1_loss] there must be at least one element; got [0, 3] and [0, 3]; leave empty batches out",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivative_is_0_where_prediction_and_target_agree() -> Result<()> {
        let (x, y) = (Tensor::from_slice(&[1.0, 2.0, 3.0], [3])?, Tensor::from_slice(&[1.0, 3.0, 2.0], [3])?);
        let x = Var::variable(x);
        let grads = x.l1_loss(&y.into(), Reduction::Sum)?.backward()?;
        assert_eq!(grads.of(&x).map(|g| g.to_vec::<f64>()), Some(Ok(vec![0.0, -1.0, 1.0])));
        Ok(())
    }
}

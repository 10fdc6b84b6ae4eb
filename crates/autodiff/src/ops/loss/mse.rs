//! Squared error, `l = 1/n Σ (x − y)²` in the mean.   `dx = 2/n·(x − y)·g`, `dy = −dx`
//!
//! The mean is fused: composed of `sub`, `square` and `mean` it would make three more tensors of the inputs' size.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::reduction::{Reduction, one_shape};
use crate::ops::widened::widened;
use crate::var::Var;
use tensor::{Tensor, fused};

/// The mean squared error of two tensors of one shape. Saves both.
pub struct MseLoss;

impl Op for MseLoss {
    fn name(&self) -> &'static str {
        "mse_loss"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(fused::mse(x[0], x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dx = Var::apply(MseLossGrad, &[&saved.input(0), &saved.input(1), grad])?;
        let dy = saved.if_needed(1, || dx.neg())?;
        Ok(Grads::from_iter([Some(dx), dy]))
    }
}

/// `2/n·(x − y)·g` of `(x, y, g)`, in one pass.
pub struct MseLossGrad;

impl Op for MseLossGrad {
    fn name(&self) -> &'static str {
        "mse_loss_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1, 2])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(fused::mse_grad(x[0], x[1], x[2])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y, g) = (saved.input(0), saved.input(1), saved.input(2));
        let scale = 2.0 / x.value().len() as f64;
        let dx = grad.mul(&g)?.mul_scalar(scale)?;
        let dg = grad.mul(&x.sub(&y)?)?.sum(&[])?.mul_scalar(scale)?;
        grads([dx.clone(), dx.neg()?, dg])
    }
}

impl Var {
    /// `(x − y)²` of prediction and target, reduced.
    ///
    /// Errors: `ShapeMismatch` unless the shapes are equal and not empty; `DTypeMismatch` unless floats of one dtype.
    ///
    /// ```
    /// use autodiff::{Reduction, Var};
    /// use tensor::Tensor;
    /// let (x, y) = (Var::from(Tensor::from_slice(&[1.0, 5.0], [2])?), Var::from(Tensor::from_slice(&[2.0, 2.0], [2])?));
    /// assert_eq!(x.mse_loss(&y, Reduction::Mean)?.item()?, 5.0);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn mse_loss(&self, target: &Var, reduction: Reduction) -> Result<Var> {
        one_shape("mse_loss", self, target)?;
        if let Some(out) = widened(&[self, target], &|x| x[0].mse_loss(x[1], reduction)) {
            return out;
        }
        match reduction {
            Reduction::Mean => Var::apply(MseLoss, &[self, target]),
            _ => reduction.of(&self.sub(target)?.square()?),
        }
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(40);
    vec![
        OpSpec::new("mse_loss")
            .case("matrices", [s.uniform([3, 4], -2.0, 2.0), s.uniform([3, 4], -2.0, 2.0)], [], |x| x[0].mse_loss(&x[1], Reduction::Mean))
            .reference(|x| {
                let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                vec![a.iter().zip(&b).map(|(a, b)| a * a - 2.0 * a * b + b * b).sum::<f64>() / a.len() as f64]
            })
            .case("large", [s.uniform([100_003], -2.0, 2.0), s.uniform([100_003], -2.0, 2.0)], [], |x| x[0].mse_loss(&x[1], Reduction::Mean))
            .large()
            .case("sum", [s.uniform([3, 4], -2.0, 2.0), s.uniform([3, 4], -2.0, 2.0)], [], |x| x[0].mse_loss(&x[1], Reduction::Sum))
            .reference(|x| {
                let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                vec![a.iter().zip(&b).map(|(a, b)| a * a - 2.0 * a * b + b * b).sum::<f64>()]
            })
            .case("none", [s.uniform([3, 4], -2.0, 2.0), s.uniform([3, 4], -2.0, 2.0)], [3, 4], |x| x[0].mse_loss(&x[1], Reduction::None))
            .no_empty("the mean of nothing is refused")
            .error(
                [s.uniform([2, 3], 0.0, 1.0), s.uniform([2], 0.0, 1.0)],
                |x| x[0].mse_loss(&x[1], Reduction::Mean),
                "[mse_loss] prediction and target must have one shape; got [2, 3] and [2]; reshape one of them",
            )
            .error(
                [s.empty([0, 3]), s.empty([0, 3])],
                |x| x[0].mse_loss(&x[1], Reduction::Mean),
                "[mse_loss] there must be at least one element; got [0, 3] and [0, 3]; leave empty batches out",
            ),
        OpSpec::new("mse_loss_grad")
            .case("matrices", [s.uniform([3, 4], -2.0, 2.0), s.uniform([3, 4], -2.0, 2.0), s.uniform([], 0.5, 1.0)], [3, 4], |x| {
                Var::apply(MseLossGrad, &[&x[0], &x[1], &x[2]])
            })
            .reference(|x| {
                let v: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
                v[0].iter().zip(&v[1]).map(|(a, b)| v[2][0] * (a - b) / 6.0).collect()
            })
            .no_empty("only made by mse_loss, which refuses empty inputs"),
    ]
}

//! `z = max(x, y)` element by element, shapes broadcast.   `dx = g where x > y`, `dy = g where y > x`
//!
//! Where both are equal, each takes half of the gradient, as in PyTorch: the mean of the derivatives on the two sides.
//! NaN wins.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `z = max(x, y)`. Saves both inputs.
pub struct Maximum;

impl Op for Maximum {
    fn name(&self) -> &'static str {
        "maximum"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].maximum(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let dx = saved.if_needed(0, || winners_share(x.value(), y.value(), grad))?;
        let dy = saved.if_needed(1, || winners_share(y.value(), x.value(), grad))?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

/// `g` where `x` is the larger, half of it where it equals `y`, 0 elsewhere. The choice is constant wherever it has a
/// derivative.
fn winners_share(x: &Tensor, y: &Tensor, grad: &Var) -> Result<Var> {
    let wins = x.gt(y)?.logical_or(&x.is_nan()?)?.to_dtype(grad.dtype())?;
    let ties = x.eq(y)?.to_dtype(grad.dtype())?;
    grad.mul(&Var::constant(wins.add(&ties.mul_scalar(0.5)?)?))
}

impl Var {
    /// The larger of `x` and `y`, shapes broadcast; NaN wins. Errors: as [`Tensor::maximum`].
    pub fn maximum(&self, y: &Var) -> Result<Var> {
        Var::apply(Maximum, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(133);
    // Halves of one shuffled grid: no two elements are equal or near.
    let mut pair = |a: &[usize], b: &[usize]| {
        let (n, m): (usize, usize) = (a.iter().product(), b.iter().product());
        let all = s.distinct([n + m], 2.0).to_vec::<f64>().unwrap_or_default();
        [s.tensor(all[..n].to_vec(), a), s.tensor(all[n..].to_vec(), b)]
    };
    let call = |x: &[Var]| x[0].maximum(&x[1]);
    let t =
        |values: &[f64]| Tensor::from_slice(values, [values.len()]).expect("invariant: as many as there are");
    vec![
        OpSpec::new("maximum")
            .case("same shape", pair(&[3, 4], &[3, 4]), [3, 4], call)
            .reference_pairwise(|a, b| (a + b + (a - b).abs()) / 2.0)
            .case("a row repeats", pair(&[2, 3], &[3]), [2, 3], call)
            .case("both repeat", pair(&[2, 1, 3], &[4, 1]), [2, 4, 3], call)
            .case("with a scalar", pair(&[], &[2, 2]), [2, 2], call)
            .case(
                "ties, NaN, infinities",
                [t(&[1.0, f64::NAN, 1.0, f64::INFINITY]), t(&[1.0, 1.0, f64::NAN, 0.0])],
                [4],
                call,
            )
            .reference(|_| vec![1.0, f64::NAN, f64::NAN, f64::INFINITY])
            .no_derivative()
            .case("empty", pair(&[0, 2], &[2]), [0, 2], call)
            .case("large", pair(&[300, 401], &[401]), [300, 401], call)
            .large()
            .error(
                pair(&[2, 3], &[4]),
                call,
                "[maximum] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] and [4]; reshape or expand one operand",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_elements_share_the_gradient() -> Result<()> {
        let x = Var::variable(Tensor::from_vec(vec![1.0, 2.0, 3.0], [3])?);
        let y = Var::variable(Tensor::scalar(2.0));
        let grads = x.maximum(&y)?.mul_scalar(4.0)?.sum(&[])?.backward()?;
        let of = |v: &Var| grads.of(v).map(|g| g.to_vec::<f64>()).transpose().map(Option::unwrap_or_default);
        assert_eq!(of(&x)?, [0.0, 2.0, 4.0]);
        assert_eq!(of(&y)?, [6.0]);
        Ok(())
    }
}

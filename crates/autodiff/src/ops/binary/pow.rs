//! `z = xʸ` element by element, shapes broadcast.   `dx = g·y·xʸ⁻¹`, `dy = g·z·ln x`
//!
//! At x = 0 the derivatives are the limits from the right that exist, as in PyTorch: dx is 0 for y = 0, 0 for y > 1 and
//! ∞ between; dy is 0 for y ≥ 0. For x < 0 and whole y, dx exists and dy is NaN; other y give NaN.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `z = xʸ`. Saves both inputs and the result.
pub struct Pow;

impl Op for Pow {
    fn name(&self) -> &'static str {
        "pow"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].pow(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let zero = Tensor::zeros([], x.dtype())?;
        let one = Var::constant(Tensor::ones([], x.dtype())?);
        let x_is_zero = x.value().eq(&zero)?;
        // Where a limit would be 0·∞, the infinite factor is made 1; the other is 0.
        let dx = saved.if_needed(0, || {
            let limit = x_is_zero.logical_and(&y.value().eq(&zero)?)?;
            let exponent = Var::where_(&limit, &one, &y)?.add_scalar(-1.0)?;
            x.pow(&exponent)?.mul(&y)?.mul(grad)
        })?;
        let dy = saved.if_needed(1, || {
            let limit = x_is_zero.logical_and(&y.value().ge(&zero)?)?;
            Var::where_(&limit, &one, &x)?.ln()?.mul(&saved.output())?.mul(grad)
        })?;
        Ok(Grads::from_iter([dx, dy]))
    }
}

impl Var {
    /// `xʸ` element by element, shapes broadcast; see [`pow_scalar`](Var::pow_scalar) for one exponent.
    ///
    /// Errors: as [`Tensor::pow`].
    pub fn pow(&self, y: &Var) -> Result<Var> {
        Var::apply(Pow, &[self, y])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(132);
    let call = |x: &[Var]| x[0].pow(&x[1]);
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, 0.5, 2.0), s.uniform(b, -2.0, 2.0)];
    let spec = OpSpec::of_number_pairs("pow", call, |a, b| libm::exp(b * libm::log(a)), &mut pair);
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    vec![
        spec.case("one exponent", pair(&[3, 4], &[]), [3, 4], call)
            .case("one base", pair(&[], &[5]), [5], call)
            .at_pairs("a negative base", call, &[(-1.5, 2.0, 2.25), (-1.5, 3.0, -3.375), (-2.0, -1.0, -0.5), (-1.0, 0.5, nan)])
            .at_pairs("at 0", call, &[(0.0, 0.0, 1.0), (0.0, 2.0, 0.0), (0.0, -1.0, inf), (nan, 0.0, 1.0)])
            .case("integers", [Tensor::scalar(-3i64), Tensor::scalar(5i64)], [], call)
            .reference(|_| vec![-243.0])
            .error(
                [Tensor::scalar(2i64), Tensor::scalar(-2i64)],
                call,
                "[pow] an integer cannot be raised to a negative power; got an exponent below 0; convert to floats",
            )
            .error(
                [Tensor::scalar(true), Tensor::scalar(true)],
                call,
                "[pow] operands must be numbers; got bool; convert with to_dtype first",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradients of Σ xʸ.
    fn gradients(x: &[f64], y: &[f64]) -> Result<[Vec<f64>; 2]> {
        let x = Var::variable(Tensor::from_slice(x, [x.len()])?);
        let y = Var::variable(Tensor::from_slice(y, [y.len()])?);
        let grads = x.pow(&y)?.sum(&[])?.backward()?;
        let of = |v: &Var| grads.of(v).map(|g| g.to_vec()).transpose().map(Option::unwrap_or_default);
        Ok([of(&x)?, of(&y)?])
    }

    #[test]
    fn at_base_zero_the_derivatives_are_limits_from_the_right() -> Result<()> {
        let [dx, dy] = gradients(&[0.0; 5], &[0.0, 0.5, 1.0, 2.0, 3.0])?;
        assert_eq!(dx, [0.0, f64::INFINITY, 1.0, 0.0, 0.0]);
        assert_eq!(dy, [0.0; 5]);
        Ok(())
    }

    #[test]
    fn a_negative_base_has_a_derivative_at_whole_exponents() -> Result<()> {
        let [dx, dy] = gradients(&[-2.0, -2.0, -2.0], &[3.0, 0.0, -1.0])?;
        assert_eq!(dx, [12.0, 0.0, -0.25]);
        assert!(dy.iter().all(|dy| dy.is_nan()));
        Ok(())
    }
}

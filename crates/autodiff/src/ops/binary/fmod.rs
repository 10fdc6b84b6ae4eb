//! `z = x − y·trunc(x/y)`, the remainder with the sign of x.   `dx = g`, `dy = −g·trunc(x/y)`
//!
//! Exact; by one rule with `remainder`, and on the same samples. The value jumps where x/y is whole, and the derivatives do not. NaN for y = 0; integers refuse that.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `x − y·trunc(x/y)`, the remainder with the sign of x. Saves both inputs and the result.
pub struct Fmod;

impl Op for Fmod {
    fn name(&self) -> &'static str {
        "fmod"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].fmod(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        rule(saved, grad)
    }
}

impl Var {
    /// `x − y·trunc(x/y)`, the remainder with the sign of x.
    ///
    /// Shapes broadcast. Errors: as [`Tensor::fmod`].
    pub fn fmod(&self, y: &Var) -> Result<Var> {
        Var::apply(Fmod, &[self, y])
    }
}

/// `dx = g`, `dy = −g·q` of a remainder z, with the whole quotient `q = (x − z)/y`, constant between its steps.
pub(super) fn rule(saved: &Saved, grad: &Var) -> Result<Grads> {
    let (x, y) = (saved.input(0), saved.input(1));
    let quotient = || -> Result<Var> {
        Ok(Var::constant(x.value().sub(saved.output().value())?.div(y.value())?.round()?))
    };
    let dy = saved.if_needed(1, || grad.mul(&quotient()?)?.neg())?;
    Ok(Grads::from_iter([Some(grad.clone()), dy]))
}

/// Halves by whole numbers: quotients stay away from whole ones, where the value jumps.
pub(super) fn off_steps(s: &mut Samples, a: &[usize], b: &[usize]) -> [Tensor; 2] {
    let whole = |x: Tensor| x.floor().expect("invariant: floats");
    let x = whole(s.uniform(a, -9.0, 9.0)).add_scalar(0.5).expect("invariant: floats");
    [x, whole(s.uniform(b, -4.0, -1.0))]
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(261);
    let call = |x: &[Var]| x[0].fmod(&x[1]);
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    vec![
        OpSpec::of_number_pairs("fmod", call, libm::fmod, |a, b| off_steps(&mut s, a, b))
            .at_pairs("signs, ends", call, &[(7.5, 2.0, 1.5), (-7.5, 2.0, -1.5), (7.5, -2.0, 1.5), (1.0, inf, 1.0), (inf, 1.0, nan), (1.0, 0.0, nan)])
            .case("integers", [Tensor::scalar(-7i64), Tensor::scalar(2i64)], [], call)
            .reference(|_| vec![-1.0])
            .error(
                [Tensor::scalar(2i64), Tensor::scalar(0i64)],
                call,
                "[fmod] an integer cannot be divided by 0; got a divisor with a 0 in it; mask the zeros or convert to floats",
            )
            .error(
                [Tensor::scalar(true), Tensor::scalar(true)],
                call,
                "[fmod] operands must be numbers; got bool; convert with to_dtype first",
            ),
    ]
}

//! The inverse, `Y = A⁻¹`.   `dA = −Yᵀ·g·Yᵀ`
//!
//! Source: Giles, "An extended collection of matrix derivative results", 2008, section 2.2.3.

use super::solve::{eliminate, regular};
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::ops::declared::declared;
use crate::var::Var;
use tensor::{DType, Tensor};

/// `Y = A⁻¹`. Saves the result.
pub struct Inv;

impl Op for Inv {
    fn name(&self) -> &'static str {
        "inv"
    }
    fn saves(&self) -> Saves {
        Saves::OUTPUT
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].inv()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let yt = saved.output().t()?;
        grads([yt.matmul(grad)?.matmul(&yt)?.neg()?])
    }
}

impl Var {
    /// The inverse, see [`Tensor::inv`].
    pub fn inv(&self) -> Result<Var> {
        Var::apply(Inv, &[self])
    }

    /// The matrix power Aᵖ by repeated squaring; a negative p takes the inverse, p = 0 gives the identity.
    ///
    /// Shapes: `(.., n, n)` to the same. Errors: as [`Tensor::inv`].
    pub fn matrix_power(&self, p: i32) -> Result<Var> {
        // Types that are no type of linear algebra are refused there.
        let refused = self.dtype().compute() != self.dtype();
        if p == 0 || refused || !self.is_tracked() {
            return declared("matrix_power", &self.detach(), move |x| x.matrix_power(p));
        }
        let mut base = if p < 0 { self.inv()? } else { self.clone() };
        let (mut left, mut y) = (p.unsigned_abs(), None::<Var>);
        loop {
            if left & 1 == 1 {
                y = Some(match y {
                    Some(y) => y.matmul(&base)?,
                    None => base.clone(),
                });
            }
            left >>= 1;
            match y {
                Some(y) if left == 0 => return Ok(y),
                _ => base = base.matmul(&base)?,
            }
        }
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(402);
    let inverse = |x: &[Tensor]| Tensor::eye(3, DType::F64).map(|eye| eliminate(&x[0], &eye)).unwrap_or_default();
    vec![
        OpSpec::new("inv")
            .case("matrix", [regular(&mut s, &[1, 3, 3])], [1, 3, 3], |x| x[0].inv())
            .reference(inverse)
            .case("batch", [regular(&mut s, &[2, 2, 2])], [2, 2, 2], |x| x[0].inv())
            .case("power 5", [s.uniform([2, 2], -1.0, 1.0)], [2, 2], |x| x[0].matrix_power(5))
            .case("power −2", [regular(&mut s, &[1, 2, 2])], [1, 2, 2], |x| x[0].matrix_power(-2))
            .case("empty", [s.empty([0, 2, 2])], [0, 2, 2], |x| x[0].inv())
            .case("large", [regular(&mut s, &[8, 40, 40])], [8, 40, 40], |x| x[0].inv())
            .large()
            .error(
                [s.tensor(vec![1.0, 2.0, 2.0, 4.0], [2, 2])],
                |x| x[0].inv(),
                "[inv] a matrix must not be singular; got a singular matrix at pivot 1; add a multiple of the identity, or use pinv or lstsq",
            ),
    ]
}

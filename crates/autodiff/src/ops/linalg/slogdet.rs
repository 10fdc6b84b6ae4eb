//! Sign and logarithm of the determinant.   `dA = g·A⁻ᵀ`, g of the logarithm; the sign has none
//!
//! Source: Giles, "An extended collection of matrix derivative results", 2008, section 2.2.4.

use super::solve::regular;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// `(sign, log|det A|)` as a last axis of 2. Saves A. A singular matrix has no gradient: the inverse refuses it.
pub struct SlogDet;

impl Op for SlogDet {
    fn name(&self) -> &'static str {
        "slogdet"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].slogdet_packed()?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        grads([saved.input(0).inv()?.t()?.mul(&grad.narrow(-1, 1, 1)?.unsqueeze(-1)?)?])
    }
}

impl Var {
    /// Sign and logarithm of the absolute value of the determinant, see [`Tensor::slogdet`].
    pub fn slogdet(&self) -> Result<(Var, Var)> {
        let packed = Var::apply(SlogDet, &[self])?;
        Ok((packed.select(-1, 0)?, packed.select(-1, 1)?))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(403);
    vec![
        OpSpec::new("slogdet")
            .case("matrix", [regular(&mut s, &[1, 2, 2])], [1], |x| Ok(x[0].slogdet()?.1))
            .reference(|x| {
                let a = x[0].to_vec::<f64>().unwrap_or_default();
                vec![libm::log(a[0] * a[3] - a[1] * a[2])]
            })
            .case("batch", [regular(&mut s, &[2, 3, 3])], [2], |x| Ok(x[0].slogdet()?.1))
            .case("empty", [s.empty([0, 2, 2])], [0], |x| Ok(x[0].slogdet()?.1))
            .case("large", [regular(&mut s, &[8, 40, 40])], [8], |x| Ok(x[0].slogdet()?.1))
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0)],
                |x| Ok(x[0].slogdet()?.1),
                "[slogdet] matrices must be square; got [2, 3]; use lstsq, pinv, qr or svd for other shapes",
            ),
    ]
}

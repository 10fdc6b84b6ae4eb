//! The cross product of 3-vectors, `z₀ = x₁y₂ − x₂y₁` and so on in a circle.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::widened::widened;
use crate::var::Var;
use tensor::Tensor;
use tensor::einsum::check_cross;

impl Var {
    /// The cross product along `axis`, see [`Tensor::cross`].
    pub fn cross(&self, b: &Var, axis: isize) -> Result<Var> {
        check_cross(self.shape(), b.shape(), axis)?;
        if let Some(out) = widened(&[self, b], &|x| x[0].cross(x[1], axis)) {
            return out;
        }
        let turned = |x: &Var, by: &[i64]| x.index_select(axis, Tensor::from_slice(by, [3])?);
        let forward = turned(self, &[1, 2, 0])?.mul(&turned(b, &[2, 0, 1])?).map_err(|e| e.named("cross"))?;
        forward.sub(&turned(self, &[2, 0, 1])?.mul(&turned(b, &[1, 2, 0])?)?)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(38);
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, -1.0, 1.0), s.uniform(b, -1.0, 1.0)];
    vec![
        OpSpec::new("cross")
            .case("vectors", pair(&[3], &[3]), [3], |x| x[0].cross(&x[1], 0))
            .reference(|x| {
                // By Levi-Civita's symbol, (i − j)(j − k)(k − i)/2.
                let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                let sign = |i: i32, j: i32, k: i32| f64::from((i - j) * (j - k) * (k - i) / 2);
                let term = |i: i32, jk: i32| sign(i, jk / 3, jk % 3) * a[(jk / 3) as usize] * b[(jk % 3) as usize];
                (0..3).map(|i| (0..9).map(|jk| term(i, jk)).sum()).collect()
            })
            .case("columns that broadcast", pair(&[3, 2], &[3, 1]), [3, 2], |x| x[0].cross(&x[1], 0))
            .case("empty", pair(&[0, 3], &[1, 3]), [0, 3], |x| x[0].cross(&x[1], -1))
            .error(
                pair(&[2, 3], &[2, 3]),
                |x| x[0].cross(&x[1], 0),
                "[cross] operands must have one rank, and 3 positions along the axis; got [2, 3] and [2, 3]; name the axis of the vectors' components",
            ),
    ]
}

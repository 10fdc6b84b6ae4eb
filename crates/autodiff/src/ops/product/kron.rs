//! Kronecker's product, `z[i·p + k, j·q + l] = x[i, j]·y[k, l]`: a product that broadcasts, reshaped.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::einsum::kron_shapes;

impl Var {
    /// Each element of this value times all of the other, see [`tensor::Tensor::kron`].
    pub fn kron(&self, b: &Var) -> Result<Var> {
        let [a_shape, b_shape, shape] = kron_shapes(self.shape(), b.shape())?;
        self.reshape(&a_shape)?.mul(&b.reshape(&b_shape)?).map_err(|e| e.named("kron"))?.reshape(&shape)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(36);
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, -1.0, 1.0), s.uniform(b, -1.0, 1.0)];
    let call = |x: &[Var]| x[0].kron(&x[1]);
    vec![
        OpSpec::new("kron")
            .case("matrices", pair(&[2, 2], &[3, 2]), [6, 4], call)
            .reference(|x| {
                let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                let at = |r: usize, c: usize| a[r / 3 * 2 + c / 2] * b[r % 3 * 2 + c % 2];
                (0..24).map(|i| at(i / 4, i % 4)).collect()
            })
            .case("vector and matrix", pair(&[2], &[2, 3]), [2, 6], call)
            .case("empty", pair(&[0, 2], &[2, 2]), [0, 4], call),
    ]
}

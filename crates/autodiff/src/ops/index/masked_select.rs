//! The elements where a mask holds, in row-major order.   `dx` is g where they stood, 0 elsewhere

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// The elements where the boolean `mask` holds, of rank 1; both broadcast. Errors: as [`Tensor::masked_select`].
    pub fn masked_select(&self, mask: &Tensor) -> Result<Var> {
        let (shape, positions) = self.value().masked_positions(mask)?;
        self.expand(&shape)?.reshape([shape.iter().product::<usize>()])?.index_select(0, &positions)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(403);
    let mask = |values: &[bool], shape: &[usize]| {
        Tensor::from_slice(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    };
    let many: Vec<bool> = (0..401).map(|i| i % 3 == 0).collect();
    let call = |x: &[Var]| x[1].masked_select(x[0].value());
    vec![
        OpSpec::new("masked_select")
            .case("some", [mask(&[true, false, false, true], &[2, 2]), s.uniform([2, 2], -1.0, 1.0)], [2], call)
            .reference(|x| {
                let x = x[1].to_vec::<f64>().unwrap_or_default();
                vec![x[0], x[3]]
            })
            .case("a row twice", [mask(&[true, false, true, true], &[2, 2]), s.uniform([2], -1.0, 1.0)], [3], call)
            .reference(|x| {
                let x = x[1].to_vec::<f64>().unwrap_or_default();
                vec![x[0], x[0], x[1]]
            })
            .case("none", [mask(&[false], &[1]), s.uniform([2, 2], -1.0, 1.0)], [0], call)
            .case("empty", [mask(&[true], &[1]), s.empty([0, 2])], [0], call)
            .case("large", [mask(&many, &[401]), s.uniform([300, 401], -1.0, 1.0)], [300 * 134], call)
            .large()
            .error(
                [Tensor::scalar(1i64), s.uniform([2], 0.0, 1.0)],
                call,
                "[masked_select] the mask must be boolean; got i64; convert with to_dtype first",
            )
            .error(
                [mask(&[true; 2], &[2]), s.uniform([3], 0.0, 1.0)],
                call,
                "[masked_select] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [3] and [2]; reshape or expand one operand",
            ),
    ]
}

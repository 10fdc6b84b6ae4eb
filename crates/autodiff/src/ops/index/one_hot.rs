//! A last axis with 1 where the index points and 0 elsewhere. Indices are whole numbers: it has no derivative.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::declared::declared;
use crate::var::Var;
use tensor::{DType, Tensor};

impl Var {
    /// These indices (I64) as rows of zeros with a 1 at the index: `[…]` to `[…, classes]`. Not differentiable.
    ///
    /// Errors: as [`Tensor::one_hot`].
    pub fn one_hot(&self, classes: usize, dtype: DType) -> Result<Var> {
        declared("one_hot", self, move |x| x.one_hot(classes, dtype))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let s = Samples::new(74);
    let index = |values: &[i64]| {
        Tensor::from_slice(values, [values.len()]).expect("invariant: a vector of its length")
    };
    vec![
        OpSpec::new("one_hot")
            .not_differentiable()
            .case("two of three", [index(&[2, 0])], [2, 3], |x| x[0].one_hot(3, DType::F64))
            .reference(|_| vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
            .case("empty", [index(&[])], [0, 3], |x| x[0].one_hot(3, DType::F32))
            .error(
                [index(&[0, 3])],
                |x| x[0].one_hot(3, DType::F64),
                "[one_hot] an index must lie in 0..3; got 3 at position 1; check the indices or the size they were made for",
            )
            .error(
                [s.tensor(vec![0.0], [1])],
                |x| x[0].one_hot(3, DType::F64),
                "[one_hot] indices must be i64; got f64; convert with to_dtype first",
            ),
    ]
}

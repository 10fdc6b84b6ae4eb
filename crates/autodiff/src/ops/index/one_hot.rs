//! A last axis with 1 where the index points and 0 elsewhere. Indices are whole numbers: it has no derivative.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, not_differentiable};
use crate::var::Var;
use tensor::{DType, Tensor};

/// 1 at the index, 0 at the other `classes`.
pub struct OneHot {
    classes: usize,
    dtype: DType,
}

impl Op for OneHot {
    fn name(&self) -> &'static str {
        "one_hot"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].one_hot(self.classes, self.dtype)?)
    }
    fn backward(&self, _: &Saved, _: &Var) -> Result<Grads> {
        not_differentiable(self.name())
    }
}

impl Var {
    /// These indices (I64) as rows of zeros with a 1 at the index: `[…]` to `[…, classes]`. Not differentiable.
    ///
    /// Errors: as [`Tensor::one_hot`].
    pub fn one_hot(&self, classes: usize, dtype: DType) -> Result<Var> {
        Var::apply(OneHot { classes, dtype }, &[self])
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

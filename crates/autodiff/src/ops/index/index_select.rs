//! The positions of an axis that indices name, as a table of embeddings is read.   `dx[i] = Σ g` over where i was named

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `y = x` at the positions of `axis` that the second input names. Saves the indices.
pub struct IndexSelect {
    axis: isize,
}

impl Op for IndexSelect {
    fn name(&self) -> &'static str {
        "index_select"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].index_select(self.axis, x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dx = IndexSelectGrad { axis: self.axis, shape: saved.shape(0).to_vec() };
        Ok(Grads::from_iter([Some(Var::apply(dx, &[&saved.input(1), grad])?), None]))
    }
    fn adds_to(&self) -> Option<usize> {
        Some(0)
    }
    fn add_grad(&self, saved: &Saved, grad: &Var, sum: Tensor) -> Result<Tensor> {
        Ok(sum.index_add_owned(self.axis, saved.input(1).value(), grad.value())?)
    }
}

/// Zeros of `shape` with g added at the indices, of `(indices, g)`.   `dg` is the gradient at the indices
pub struct IndexSelectGrad {
    axis: isize,
    shape: Vec<usize>,
}

impl Op for IndexSelectGrad {
    fn name(&self) -> &'static str {
        "index_select_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::zeros(&self.shape, x[1].dtype())?.index_add_owned(self.axis, x[0], x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        Ok(Grads::from_iter([None, Some(grad.index_select(self.axis, saved.input(0))?)]))
    }
}

impl Var {
    /// The positions of an axis that `indices` (I64) name, in that order, as often as named.
    ///
    /// Shapes: `[…, n, …]` with indices `[…i]` of any rank gives `[…, …i, …]`. Errors: as [`Tensor::index_select`].
    pub fn index_select(&self, axis: isize, indices: impl Into<Var>) -> Result<Var> {
        Var::apply(IndexSelect { axis }, &[self, &indices.into()])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(70);
    let index = |values: &[i64], shape: &[usize]| {
        Tensor::from_slice(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    };
    vec![
        OpSpec::new("index_select")
            .case("rows, one twice", [s.uniform([3, 2], -1.0, 1.0), index(&[2, 0, 2, 1], &[2, 2])], [2, 2, 2], |x| {
                x[0].index_select(0, &x[1])
            })
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                [2, 0, 2, 1].iter().flat_map(|i| [x[2 * i], x[2 * i + 1]]).collect()
            })
            .case("last axis", [s.uniform([2, 4], -1.0, 1.0), index(&[3, 1, 3], &[3])], [2, 3], |x| {
                x[0].index_select(-1, &x[1])
            })
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[3], x[1], x[3], x[7], x[5], x[7]]
            })
            .case("one index", [s.uniform([2, 4], -1.0, 1.0), index(&[2], &[])], [2], |x| x[0].index_select(1, &x[1]))
            .case("no index", [s.uniform([2, 4], -1.0, 1.0), index(&[], &[0])], [0, 4], |x| x[0].index_select(0, &x[1]))
            .case("large", [s.uniform([50, 70], -1.0, 1.0), s.indices([1000], 50)], [1000, 70], |x| {
                x[0].index_select(0, &x[1])
            })
            .large()
            .error(
                [s.uniform([3, 2], 0.0, 1.0), index(&[0, 3], &[2])],
                |x| x[0].index_select(0, &x[1]),
                "[index_select] an index must lie in 0..3; got 3 at position 1; check the indices or the size they were made for",
            )
            .error(
                [s.uniform([3, 2], 0.0, 1.0), s.uniform([2], 0.0, 1.0)],
                |x| x[0].index_select(0, &x[1]),
                "[index_select] indices must be i64; got f64; convert with to_dtype first",
            ),
        OpSpec::new("index_select_grad")
            .case("rows, one twice", [index(&[2, 0, 2], &[3]), s.uniform([3, 2], -1.0, 1.0)], [3, 2], |x| {
                Var::apply(IndexSelectGrad { axis: 0, shape: vec![3, 2] }, &[&x[0], &x[1]])
            })
            .reference(|x| {
                let g = x[1].to_vec::<f64>().unwrap_or_default();
                vec![g[2], g[3], 0.0, 0.0, g[0] + g[4], g[1] + g[5]]
            })
            .case("empty", [index(&[], &[0]), s.empty([2, 0])], [2, 3], |x| {
                Var::apply(IndexSelectGrad { axis: 1, shape: vec![2, 3] }, &[&x[0], &x[1]])
            }),
    ]
}

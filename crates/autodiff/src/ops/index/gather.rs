//! One element for each index, `y[i, j] = x[i, indices[i, j]]` on axis 1 of rank 2.   `dx[i, k] = Σ g` where k was named

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// The elements along `axis` that the second input names. Saves the indices.
pub struct Gather {
    axis: isize,
    /// The result, where whoever found the indices found it too.
    known: Option<Tensor>,
}

impl Op for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        match self.known.take() {
            Some(y) => Ok(y),
            None => Ok(x[0].gather(self.axis, x[1])?),
        }
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dx = GatherGrad { axis: self.axis, shape: saved.shape(0).to_vec() };
        Ok(Grads::from_iter([Some(Var::apply(dx, &[&saved.input(1), grad])?), None]))
    }
}

/// Zeros of `shape` with each element of g added where its index says, of `(indices, g)`.   `dg` is gathered again
pub struct GatherGrad {
    axis: isize,
    shape: Vec<usize>,
}

impl Op for GatherGrad {
    fn name(&self) -> &'static str {
        "gather_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::zeros(&self.shape, x[1].dtype())?.scatter_add_owned(self.axis, x[0], x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        Ok(Grads::from_iter([None, Some(grad.gather(self.axis, saved.input(0))?)]))
    }
}

impl Var {
    /// One element for each index (I64): `y[i, j, k] = x[i, indices[i, j, k], k]` for axis 1 of rank 3.
    ///
    /// Shapes: the indices have this value's rank, and on other axes at most its sizes; the result has their shape.
    /// Errors: as [`Tensor::gather`].
    pub fn gather(&self, axis: isize, indices: impl Into<Var>) -> Result<Var> {
        Var::apply(Gather { axis, known: None }, &[self, &indices.into()])
    }

    /// [`Var::gather`] with the result `y`.
    pub(crate) fn gathered(&self, axis: isize, indices: &Tensor, y: Tensor) -> Result<Var> {
        Var::apply(Gather { axis, known: Some(y) }, &[self, &indices.into()])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(71);
    let index = |values: &[i64], shape: &[usize]| {
        Tensor::from_slice(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    };
    vec![
        OpSpec::new("gather")
            .case("columns, one twice", [s.uniform([2, 3], -1.0, 1.0), index(&[2, 2, 0, 1], &[2, 2])], [2, 2], |x| {
                x[0].gather(1, &x[1])
            })
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[2], x[2], x[3], x[4]]
            })
            .case("fewer indices than columns", [s.uniform([2, 3], -1.0, 1.0), index(&[1, 0, 1], &[3, 1])], [3, 1], |x| {
                x[0].gather(0, &x[1])
            })
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                vec![x[3], x[0], x[3]]
            })
            .case("no index", [s.uniform([2, 4], -1.0, 1.0), index(&[], &[2, 0])], [2, 0], |x| x[0].gather(1, &x[1]))
            .case("large", [s.uniform([300, 70], -1.0, 1.0), s.indices([300, 200], 70)], [300, 200], |x| {
                x[0].gather(1, &x[1])
            })
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0), index(&[0, -1], &[2, 1])],
                |x| x[0].gather(1, &x[1]),
                "[gather] an index must lie in 0..3; got -1 at position 1; check the indices or the size they were made for",
            )
            .error(
                [s.uniform([2, 3], 0.0, 1.0), index(&[0, 1, 2], &[3, 1])],
                |x| x[0].gather(1, &x[1]),
                "[gather] indices must have the tensor's rank and, but on the axis, at most its sizes; got [3, 1] and [2, 3]; reshape or narrow the indices",
            ),
        OpSpec::new("gather_grad")
            .case("columns, one twice", [index(&[2, 2, 0, 1], &[2, 2]), s.uniform([2, 2], -1.0, 1.0)], [2, 3], |x| {
                Var::apply(GatherGrad { axis: 1, shape: vec![2, 3] }, &[&x[0], &x[1]])
            })
            .reference(|x| {
                let g = x[1].to_vec::<f64>().unwrap_or_default();
                vec![0.0, 0.0, g[0] + g[1], g[2], g[3], 0.0]
            })
            .case("empty", [index(&[], &[2, 0]), s.empty([2, 0])], [2, 3], |x| {
                Var::apply(GatherGrad { axis: 1, shape: vec![2, 3] }, &[&x[0], &x[1]])
            }),
    ]
}

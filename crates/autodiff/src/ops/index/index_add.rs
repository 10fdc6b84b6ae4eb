//! Rows of a source added at the positions that indices name.   `dx = g`, `dsrc` is g at the indices

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `x` with the third input added at the positions of `axis` that the second names. Saves the indices.
pub struct IndexAdd {
    axis: isize,
}

impl Op for IndexAdd {
    fn name(&self) -> &'static str {
        "index_add"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].index_add(self.axis, x[1], x[2])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dsrc = saved.if_needed(2, || grad.index_select(self.axis, saved.input(1)))?;
        Ok(Grads::from_iter([Some(grad.clone()), None, dsrc]))
    }
}

impl Var {
    /// This value with `src` added at the positions of an axis that `indices` (I64) name, in their order.
    ///
    /// Shapes: those that [`Var::index_select`] takes, with `src` of the shape it gives. Errors: as
    /// [`Tensor::index_add`].
    pub fn index_add(&self, axis: isize, indices: impl Into<Var>, src: &Var) -> Result<Var> {
        Var::apply(IndexAdd { axis }, &[self, &indices.into(), src])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(72);
    let index = |values: &[i64], shape: &[usize]| {
        Tensor::from_slice(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    };
    let call = |axis| move |x: &[Var]| x[0].index_add(axis, &x[1], &x[2]);
    vec![
        OpSpec::new("index_add")
            .case("rows, one twice", [s.uniform([3, 2], -1.0, 1.0), index(&[2, 0, 2], &[3]), s.uniform([3, 2], -1.0, 1.0)], [3, 2], call(0))
            .reference(|x| {
                let (x, src) = (x[0].to_vec::<f64>().unwrap_or_default(), x[2].to_vec::<f64>().unwrap_or_default());
                vec![x[0] + src[2], x[1] + src[3], x[2], x[3], x[4] + src[0] + src[4], x[5] + src[1] + src[5]]
            })
            .case("columns", [s.uniform([2, 3], -1.0, 1.0), index(&[1], &[1]), s.uniform([2, 1], -1.0, 1.0)], [2, 3], call(-1))
            .case("nothing added", [s.uniform([2, 3], -1.0, 1.0), index(&[], &[0]), s.empty([0, 3])], [2, 3], call(0))
            .case("large", [s.uniform([50, 300], -1.0, 1.0), s.indices([1000], 50), s.uniform([1000, 300], -1.0, 1.0)], [50, 300], call(0))
            .large()
            .error(
                [s.uniform([3, 2], 0.0, 1.0), index(&[0, 1], &[2]), s.uniform([3, 2], 0.0, 1.0)],
                call(0),
                "[index_add] the source must have the shape that index_select would give; got [3, 2] and [2] and [3, 2]; reshape the source or the indices",
            ),
    ]
}

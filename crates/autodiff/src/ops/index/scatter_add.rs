//! Each element of a source added where its index says, `x[i, indices[i, j]] += src[i, j]` on axis 1 of rank 2.
//! `dx = g`, `dsrc` is g gathered by the indices

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// `x` with the third input added along `axis` where the second says. Saves the indices.
pub struct ScatterAdd {
    axis: isize,
}

impl Op for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].scatter_add(self.axis, x[1], x[2])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dsrc = saved.if_needed(2, || grad.gather(self.axis, saved.input(1)))?;
        Ok(Grads::from_iter([Some(grad.clone()), None, dsrc]))
    }
}

impl Var {
    /// This value with each element of `src` added where its index (I64) says: `y[i, indices[i, j, k], k] += src[i, j, k]`
    /// for axis 1 of rank 3, in row-major order.
    ///
    /// Shapes: the indices as for [`Var::gather`], `src` as the indices. Errors: as [`Tensor::scatter_add`].
    pub fn scatter_add(&self, axis: isize, indices: impl Into<Var>, src: &Var) -> Result<Var> {
        Var::apply(ScatterAdd { axis }, &[self, &indices.into(), src])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(73);
    let index = |values: &[i64], shape: &[usize]| {
        Tensor::from_slice(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    };
    let call = |axis| move |x: &[Var]| x[0].scatter_add(axis, &x[1], &x[2]);
    vec![
        OpSpec::new("scatter_add")
            .case(
                "columns, one twice",
                [s.uniform([2, 3], -1.0, 1.0), index(&[2, 2, 0, 1], &[2, 2]), s.uniform([2, 2], -1.0, 1.0)],
                [2, 3],
                call(1),
            )
            .reference(|x| {
                let (x, src) =
                    (x[0].to_vec::<f64>().unwrap_or_default(), x[2].to_vec::<f64>().unwrap_or_default());
                vec![x[0], x[1], x[2] + src[0] + src[1], x[3] + src[2], x[4] + src[3], x[5]]
            })
            .case(
                "rows",
                [s.uniform([3, 2], -1.0, 1.0), index(&[1, 2], &[1, 2]), s.uniform([1, 2], -1.0, 1.0)],
                [3, 2],
                call(0),
            )
            .case(
                "nothing added",
                [s.uniform([2, 3], -1.0, 1.0), index(&[], &[2, 0]), s.empty([2, 0])],
                [2, 3],
                call(1),
            )
            .case(
                "large",
                [
                    s.uniform([300, 70], -1.0, 1.0),
                    s.indices([300, 200], 70),
                    s.uniform([300, 200], -1.0, 1.0),
                ],
                [300, 70],
                call(1),
            )
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0), index(&[0, 1], &[2, 1]), s.uniform([2], 0.0, 1.0)],
                call(1),
                "[scatter_add] source and indices must have one shape; got [2] and [2, 1]; narrow the larger",
            ),
    ]
}

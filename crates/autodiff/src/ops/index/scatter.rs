//! Written where the indices say, `y[i, indices[i, j]] = src[i, j]`.   `dx` is g with 0 there; `dsrc` is g gathered
//!
//! Where indices repeat, the last in row-major order stays, and the others have gradient 0.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::{DType, Tensor};

/// Overwriting along `axis` at constant indices, which are kept. Saves nothing else.
pub struct Scatter {
    axis: isize,
    indices: Tensor,
}

impl Op for Scatter {
    fn name(&self) -> &'static str {
        "scatter"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].scatter(self.axis, &self.indices, x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dx = saved.if_needed(0, || {
            let zeros = Var::constant(Tensor::zeros(self.indices.shape(), grad.dtype())?);
            grad.scatter(self.axis, &self.indices, &zeros)
        })?;
        let dsrc = saved.if_needed(1, || {
            let order = Tensor::arange(self.indices.len(), DType::I64)?.reshape(self.indices.shape())?;
            let last = Tensor::zeros(saved.shape(0), DType::I64)?
                .scatter(self.axis, &self.indices, &order)?
                .gather(self.axis, &self.indices)?;
            let zero = Var::constant(Tensor::zeros([], grad.dtype())?);
            Var::where_(&last.eq(&order)?, &grad.gather(self.axis, &self.indices)?, &zero)
        })?;
        Ok(Grads::from_iter([dx, dsrc]))
    }
}

impl Var {
    /// This with each element of `src` written where its index says; where indices repeat, the last stays. Errors: as
    /// [`Tensor::scatter`].
    pub fn scatter(&self, axis: isize, indices: &Tensor, src: &Var) -> Result<Var> {
        Var::apply(Scatter { axis, indices: indices.clone() }, &[self, src])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(401);
    let index = |values: &[i64], shape: &[usize]| {
        Tensor::from_slice(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    };
    let call = |axis| move |x: &[Var]| x[0].scatter(axis, x[1].value(), &x[2]);
    vec![
        OpSpec::new("scatter")
            .case(
                "the last of equals stays",
                [s.uniform([2, 3], -1.0, 1.0), index(&[2, 2, 0, 1], &[2, 2]), s.uniform([2, 2], -1.0, 1.0)],
                [2, 3],
                call(1),
            )
            .reference(|x| {
                let of = |i: usize| x[i].to_vec::<f64>().unwrap_or_default();
                let (x, v) = (of(0), of(2));
                vec![x[0], x[1], v[1], v[2], v[3], x[5]]
            })
            .case(
                "fewer columns",
                [s.uniform([2, 3], -1.0, 1.0), index(&[1, 0, 1, 1], &[2, 2]), s.uniform([2, 2], -1.0, 1.0)],
                [2, 3],
                call(0),
            )
            .reference(|x| {
                let of = |i: usize| x[i].to_vec::<f64>().unwrap_or_default();
                let (x, v) = (of(0), of(2));
                vec![x[0], v[1], x[2], v[2], v[3], x[5]]
            })
            .case("no index", [s.uniform([2, 3], -1.0, 1.0), index(&[], &[2, 0]), s.empty([2, 0])], [2, 3], call(1))
            .case("empty", [s.empty([0, 3]), index(&[], &[0, 3]), s.empty([0, 3])], [0, 3], call(1))
            .case(
                "large",
                [s.uniform([300, 70], -1.0, 1.0), s.indices([300, 200], 70), s.uniform([300, 200], -1.0, 1.0)],
                [300, 70],
                call(1),
            )
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0), index(&[0, -4], &[2, 1]), s.uniform([2, 1], 0.0, 1.0)],
                call(1),
                "[scatter] an index must lie in 0..3; got -4 at position 1; check the indices or the size they were made for",
            )
            .error(
                [s.uniform([2, 3], 0.0, 1.0), index(&[0, 1], &[2, 1]), s.uniform([2, 2], 0.0, 1.0)],
                call(1),
                "[scatter] source and indices must have one shape; got [2, 2] and [2, 1]; narrow the larger",
            ),
    ]
}

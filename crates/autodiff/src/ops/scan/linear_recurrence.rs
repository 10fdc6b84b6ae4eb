//! `h[k] = a[k]·h[k − 1] + b[k]` along an axis.   `db[k] = g[k] + a[k + 1]·db[k + 1]`, `da[k] = db[k]·h[k − 1]`
//!
//! The rule is a recurrence of the same kind, from the end; so there are derivatives of any order.

use super::cumprod::shifted;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::Tensor;

/// The recurrence along `axis`, of `(a, b)`; `h[0] = b[0]`. Saves a and the result.
pub struct LinearRecurrence {
    axis: isize,
}

impl Op for LinearRecurrence {
    fn name(&self) -> &'static str {
        "linear_recurrence"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0]).and_output()
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].linear_recurrence(x[1], self.axis)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let axis = self.axis;
        let a = shifted(&saved.input(0).flip(axis)?, axis, 0.0)?;
        let db = a.linear_recurrence(&grad.flip(axis)?, axis)?.flip(axis)?;
        grads([shifted(&saved.output(), axis, 0.0)?.mul(&db)?, db])
    }
}

impl Var {
    /// `h[k] = a[k]·h[k − 1] + b[k]` along `axis`, with `h[0] = b[0]`; this value is `a`.
    ///
    /// Shapes: both and the result have one. Errors: as [`Tensor::linear_recurrence`].
    pub fn linear_recurrence(&self, b: &Var, axis: isize) -> Result<Var> {
        Var::apply(LinearRecurrence { axis }, &[self, b])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(305);
    vec![
        OpSpec::new("linear_recurrence")
            .case("rows", [s.uniform([2, 3], -1.0, 1.0), s.uniform([2, 3], -1.0, 1.0)], [2, 3], |x| {
                x[0].linear_recurrence(&x[1], 1)
            })
            .reference(|x| {
                let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
                let row = |a: &[f64], b: &[f64]| [b[0], a[1] * b[0] + b[1], a[2] * (a[1] * b[0] + b[1]) + b[2]];
                a.chunks(3).zip(b.chunks(3)).flat_map(|(a, b)| row(a, b)).collect()
            })
            .case("columns", [s.uniform([3, 2], -1.0, 1.0), s.uniform([3, 2], -1.0, 1.0)], [3, 2], |x| {
                x[0].linear_recurrence(&x[1], 0)
            })
            .case("empty", [s.empty([0, 3]), s.empty([0, 3])], [0, 3], |x| x[0].linear_recurrence(&x[1], 0))
            .case("large", [s.uniform([301, 513], -1.0, 1.0), s.uniform([301, 513], -1.0, 1.0)], [301, 513], |x| {
                x[0].linear_recurrence(&x[1], 0)
            })
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0), s.uniform([3], 0.0, 1.0)],
                |x| x[0].linear_recurrence(&x[1], 0),
                "[linear_recurrence] both operands must have one shape; got [2] and [3]; expand one of them",
            ),
    ]
}

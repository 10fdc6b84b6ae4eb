//! Where the elements of a sorted axis stood. Positions, not quantities: no derivative.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::declared::declared;
use crate::var::Var;
#[allow(unused_imports)] // named in the documentation
use tensor::Tensor;
use tensor::Order;

impl Var {
    /// Where each element of the sorted axis stood, as [`Tensor::argsort`]. Not differentiable. Errors: `InvalidAxis`.
    pub fn argsort(&self, axis: isize, order: Order) -> Result<Var> {
        declared("argsort", self, move |x| x.argsort(axis, order))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(306);
    let odd = s.tensor(vec![f64::NAN, 0.0, f64::INFINITY, -0.0, -1.0, f64::NEG_INFINITY], [6]);
    vec![
        OpSpec::new("argsort")
            .not_differentiable()
            .case("columns", [s.tensor(vec![2.0, 1.0, 1.0, 1.0, 0.0, 1.0], [3, 2])], [3, 2], |x| {
                x[0].argsort(0, Order::Ascending)
            })
            .reference(|_| vec![2.0, 0.0, 1.0, 1.0, 0.0, 2.0])
            .case("NaN last, zeros equal", [odd.clone()], [6], |x| x[0].argsort(0, Order::Ascending))
            .reference(|_| vec![5.0, 4.0, 1.0, 3.0, 2.0, 0.0])
            .case("NaN first", [odd], [6], |x| x[0].argsort(0, Order::Descending))
            .reference(|_| vec![0.0, 2.0, 1.0, 3.0, 4.0, 5.0])
            .case("empty", [s.empty([2, 0])], [2, 0], |x| x[0].argsort(1, Order::Ascending))
            .case("large", [s.uniform([301, 1200], -1.0, 1.0)], [301, 1200], |x| x[0].argsort(1, Order::Ascending))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].argsort(1, Order::Ascending),
                "[argsort] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}

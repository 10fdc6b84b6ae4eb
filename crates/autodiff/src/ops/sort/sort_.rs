//! The elements along an axis in order.   The gradient goes back to where each stood, as gather's

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::{Order, Tensor};

impl Var {
    /// The elements along `axis` in order, and where each stood, as [`Tensor::sort`]. Equal elements keep their order,
    /// and each gets the gradient of its own place. Errors: `InvalidAxis`.
    pub fn sort(&self, axis: isize, order: Order) -> Result<(Var, Tensor)> {
        let (values, indices) = self.value().sort(axis, order)?;
        Ok((self.gathered(axis, &indices, values)?, indices))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(307);
    let sorted = |x: &[Var], axis, order| x[0].sort(axis, order).map(|(values, _)| values);
    vec![
        OpSpec::new("sort")
            .case("rows", [s.distinct([2, 5], 2.0)], [2, 5], move |x| sorted(x, 1, Order::Ascending))
            .reference(|x| {
                let mut x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks_mut(5).for_each(|row| row.sort_by(f64::total_cmp));
                x
            })
            .case("columns, descending", [s.distinct([4, 1], 2.0)], [4, 1], move |x| {
                sorted(x, 0, Order::Descending)
            })
            .reference(|_| vec![1.5, 0.5, -0.5, -1.5])
            .case("one", [s.tensor(vec![7.0], [1])], [1], move |x| sorted(x, 0, Order::Descending))
            .reference(|_| vec![7.0])
            .case("NaN and zeros", [s.tensor(vec![f64::NAN, 0.0, -0.0, f64::INFINITY], [4])], [4], move |x| {
                sorted(x, 0, Order::Ascending)
            })
            .reference(|_| vec![0.0, -0.0, f64::INFINITY, f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([0, 3])], [0, 3], move |x| sorted(x, 0, Order::Ascending))
            .case("large", [s.uniform([3, 70_000], -1.0, 1.0)], [3, 70_000], move |x| sorted(x, 1, Order::Ascending))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                move |x| sorted(x, 1, Order::Ascending),
                "[sort] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}

//! The first k elements of a sorted axis.   The gradient goes back to where each stood, 0 to all others

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::{Order, Tensor};

impl Var {
    /// The first `k` elements along `axis` in order, and where each stood, as [`Tensor::topk`]: the largest with
    /// `Order::Descending`. Errors: `InvalidAxis`; `InvalidArgument` where the axis has fewer than `k` elements.
    pub fn topk(&self, k: usize, axis: isize, order: Order) -> Result<(Var, Tensor)> {
        let (values, indices) = self.value().topk(k, axis, order)?;
        Ok((self.gathered(axis, &indices, values)?, indices))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(308);
    let top = |x: &[Var], k, axis| x[0].topk(k, axis, Order::Descending).map(|(values, _)| values);
    vec![
        OpSpec::new("topk")
            .case("two of five", [s.distinct([3, 5], 2.0)], [3, 2], move |x| top(x, 2, 1))
            .reference(|x| {
                let mut x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks_mut(5).for_each(|row| row.sort_by(|a, b| b.total_cmp(a)));
                x.chunks(5).flat_map(|row| row[..2].to_vec()).collect()
            })
            .case("NaN first", [s.tensor(vec![1.0, f64::NAN, 3.0, 2.0], [4])], [2], move |x| top(x, 2, 0))
            .reference(|_| vec![f64::NAN, 3.0])
            .no_derivative()
            .case("none", [s.uniform([2, 3], -1.0, 1.0)], [0, 3], move |x| top(x, 0, 0))
            .case("empty", [s.empty([0, 3])], [0, 1], move |x| top(x, 1, 1))
            .case("of a long row", [s.uniform([70_000], -1.0, 1.0)], [70], move |x| top(x, 70, 0))
            .large()
            .case("large", [s.uniform([301, 700], -1.0, 1.0)], [301, 9], move |x| top(x, 9, 1))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                move |x| top(x, 3, 0),
                "[topk] k must not exceed the axis; got k = 3 for shape [2] along axis 0; use a smaller k",
            ),
    ]
}

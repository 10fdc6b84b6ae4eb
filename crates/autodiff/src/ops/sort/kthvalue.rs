//! The k-th smallest element along an axis.   The gradient goes back to where it stood

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// The `k`-th smallest element along `axis`, from 1 on, and where it stands; the axis is left out of the results.
    ///
    /// Errors: as [`Tensor::kthvalue`].
    pub fn kthvalue(&self, k: usize, axis: isize) -> Result<(Var, Tensor)> {
        let places = self.value().kth_places(k, axis)?;
        Ok((self.gather(axis, &places)?.select(axis, 0)?, places.select(axis, 0)?))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(415);
    let kth = |k, axis| move |x: &[Var]| x[0].kthvalue(k, axis).map(|(values, _)| values);
    vec![
        OpSpec::new("kthvalue")
            .case("of rows", [s.distinct([3, 5], 2.0)], [3], kth(2, 1))
            .reference(|x| {
                let mut x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks_mut(5).for_each(|row| row.sort_by(f64::total_cmp));
                x.chunks(5).map(|row| row[1]).collect()
            })
            .case("of columns", [s.distinct([4, 2], 2.0)], [2], kth(4, 0))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..2).map(|j| (0..4).map(|i| x[2 * i + j]).fold(f64::NEG_INFINITY, f64::max)).collect()
            })
            .case("NaN last", [s.tensor(vec![f64::NAN, -0.0, 0.0, 5.0], [4])], [], kth(4, 0))
            .reference(|_| vec![f64::NAN])
            .no_derivative()
            .case("of one", [s.tensor(vec![2.0], [1, 1])], [1], kth(1, 0))
            .reference(|_| vec![2.0])
            .case("empty", [s.empty([0, 3])], [0], kth(2, 1))
            .case("large", [s.uniform([301, 700], -1.0, 1.0)], [301], kth(300, 1))
            .large()
            .case("of a long row", [s.uniform([70_000], -1.0, 1.0)], [], kth(70_000, 0))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                kth(3, 0),
                "[kthvalue] k must lie between 1 and the size of the axis; got k = 3 for shape [2] along axis 0; use another k",
            )
            .error(
                [s.uniform([2], 0.0, 1.0)],
                kth(0, -1),
                "[kthvalue] k must lie between 1 and the size of the axis; got k = 0 for shape [2] along axis 0; use another k",
            ),
    ]
}

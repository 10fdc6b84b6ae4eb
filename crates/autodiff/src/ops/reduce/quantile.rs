//! Quantiles and the median along an axis, between neighbours by a straight line.   By the rules of sort and select

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::widened::rounded;
use crate::var::Var;
#[allow(unused_imports)] // named in the documentation
use tensor::Tensor;

impl Var {
    /// The value at `q·(n − 1)` of the sorted `axis`, which is left out; between two, on the line that joins them. NaN
    /// where the axis holds one. Of two neighbours of one value the first has the whole gradient.
    ///
    /// Errors: as [`Tensor::quantile`].
    pub fn quantile(&self, q: f64, axis: isize) -> Result<Var> {
        self.quantile_by("quantile", q, axis)
    }

    /// The middle of the sorted `axis`, or the mean of the middle two: [`Var::quantile`] of 0.5.
    ///
    /// Errors: as there. Differs from PyTorch in: of two middles their mean, as NumPy, not the lower.
    pub fn median(&self, axis: isize) -> Result<Var> {
        self.quantile_by("median", 0.5, axis)
    }

    fn quantile_by(&self, op: &'static str, q: f64, axis: isize) -> Result<Var> {
        if let Some(out) = rounded(self, &|x| x.quantile_by(op, q, axis)) {
            return out;
        }
        let (places, share) = self.value().quantile_places(op, q, axis)?;
        let picked = self.gather(axis, &places)?;
        let (low, high, last) = (picked.select(axis, 0)?, picked.select(axis, 1)?, picked.select(axis, 2)?);
        let between = low.mul_scalar(1.0 - share)?.add(&high.mul_scalar(share)?)?;
        // Between two of one value there is that value, an infinity too.
        let one = low.value().eq(high.value())?;
        Var::where_(&last.value().is_nan()?, &last, &Var::where_(&one, &low, &between)?)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(414);
    let inf = f64::INFINITY;
    vec![
        OpSpec::new("quantile")
            .case("between two", [s.distinct([2, 4], 2.0)], [2], |x| x[0].quantile(0.25, 1))
            .reference(|x| {
                let mut x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks_mut(4).for_each(|r| r.sort_by(f64::total_cmp));
                x.chunks(4).map(|r| 0.25 * r[0] + 0.75 * r[1]).collect()
            })
            .case("median of three", [s.tensor(vec![3.0, -1.0, 2.0], [3])], [], |x| x[0].median(0))
            .reference(|_| vec![2.0])
            .case("median of four", [s.tensor(vec![3.0, -1.0, 2.0, 7.0], [4])], [], |x| x[0].median(0))
            .reference(|_| vec![2.5])
            .case("of one", [s.tensor(vec![3.0], [1, 1])], [1], |x| x[0].quantile(0.7, 0))
            .reference(|_| vec![3.0])
            .case("all of them", [s.distinct([5], 2.0)], [], |x| x[0].quantile(1.0, 0))
            .reference(|_| vec![1.6])
            .case("infinities", [s.tensor(vec![inf, inf, 1.0, -inf, inf, inf], [2, 3])], [2], |x| x[0].quantile(0.75, 1))
            .reference(move |_| vec![inf, inf])
            .no_derivative()
            .case("a NaN", [s.tensor(vec![3.0, f64::NAN, 2.0], [3])], [], |x| x[0].quantile(0.0, 0))
            .reference(|_| vec![f64::NAN])
            .no_derivative()
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].quantile(0.3, 1))
            .case("large", [s.uniform([301, 700], -1.0, 1.0)], [301], |x| x[0].quantile(0.3, 1))
            .large()
            .case("of a long row", [s.uniform([70_000], -1.0, 1.0)], [], |x| x[0].quantile(0.3, 0))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].quantile(1.5, 0),
                "[quantile] q must lie in 0..=1; got q = 1.5; use another q",
            )
            .error(
                [s.empty([2, 0])],
                |x| x[0].median(1),
                "[median] an empty axis has no quantile; got [2, 0] over axis 1; leave the empty axis out or give it elements",
            )
            .error(
                [s.indices([2], 3)],
                |x| x[0].median(0),
                "[median] the operand must be a float; got i64; convert with to_dtype first",
            ),
    ]
}

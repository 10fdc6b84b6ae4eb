//! Sums and means of what is a number.   `dx` is the sum's or the mean's, and 0 where x is NaN

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::widened::{require_float, rounded};
use crate::var::Var;

impl Var {
    /// `Σ x` over `axes`, which are dropped, without the NaN; 0 where there is nothing else. Errors: `InvalidAxis`.
    pub fn nansum(&self, axes: &[isize]) -> Result<Var> {
        self.masked_fill(&self.value().is_nan()?, 0.0)?.sum(axes)
    }

    /// The mean over `axes`, which are dropped, of what is not NaN; NaN where there is nothing else.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless a float.
    pub fn nanmean(&self, axes: &[isize]) -> Result<Var> {
        if let Some(out) = rounded(self, &|x| x.nanmean(axes)) {
            return out;
        }
        require_float("nanmean", self)?;
        let is_number = self.value().is_nan()?.logical_not()?;
        let numbers = is_number.count_nonzero(axes).map_err(|e| e.named("nanmean"))?;
        self.nansum(axes)?.div(&Var::constant(numbers.to_dtype(self.dtype())?))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(416);
    let nan = f64::NAN;
    let some = s.tensor(vec![1.0, nan, 2.0, nan, nan, nan], [2, 3]);
    vec![
        OpSpec::new("nansum")
            .case("rows", [some.clone()], [2], |x| x[0].nansum(&[1]))
            .reference(|_| vec![3.0, 0.0])
            .no_derivative()
            .case("no NaN", [s.uniform([2, 3], -1.0, 1.0)], [3], |x| x[0].nansum(&[0]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..3).map(|i| x[i] + x[i + 3]).collect()
            })
            .case("empty", [s.empty([0, 3])], [3], |x| x[0].nansum(&[0]))
            .reference(|_| vec![0.0; 3]),
        OpSpec::new("nanmean")
            .case("rows", [some], [2], |x| x[0].nanmean(&[1]))
            .reference(move |_| vec![1.5, nan])
            .no_derivative()
            .case("no NaN", [s.uniform([2, 3], -1.0, 1.0)], [3], |x| x[0].nanmean(&[0]))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                (0..3).map(|i| (x[i] + x[i + 3]) / 2.0).collect()
            })
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].nanmean(&[1]))
            .error(
                [s.indices([2], 3)],
                |x| x[0].nanmean(&[0]),
                "[nanmean] the operand must be a float; got i64; convert with to_dtype first",
            )
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].nanmean(&[1]),
                "[nanmean] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}

//! The points of a transform with frequency 0 in the middle, and back: rolls by half an axis.   Gradients are rolls back

use crate::check::{OpSpec, Samples};
use crate::error::{Error, Result};
use crate::var::Var;
use tensor::Tensor;

/// Rolls each named axis by the count that `by` makes of its length.
fn shifted(op: &'static str, x: &Var, axes: &[isize], by: fn(isize) -> isize) -> Result<Var> {
    if axes.is_empty() {
        // All axes would take a complex value's parts for frequencies.
        return Err(Error::from(tensor::Error::InvalidArgument {
            op,
            rule: "the axes of the transform must be named",
            got: format!("no axes for {:?}", x.shape()),
            repair: "name them; of a complex value all but the last",
        }));
    }
    let rank = x.rank() as isize;
    axes.iter().try_fold(x.clone(), |y, &axis| {
        let length = x.shape().get(axis.checked_rem_euclid(rank).unwrap_or(0) as usize).copied().unwrap_or(0);
        y.roll(by(length as isize), axis).map_err(|error| error.named(op))
    })
}

impl Var {
    /// Each named axis rolled so that its first position, of frequency 0, stands in the middle, at `n/2`.
    ///
    /// Axes are those of the value as it stands, the last of a complex value's being its parts. Errors: `InvalidArgument`
    /// for no axes; `InvalidAxis`.
    ///
    /// Differs from PyTorch in: axes must be named.
    pub fn fftshift(&self, axes: &[isize]) -> Result<Var> {
        shifted("fftshift", self, axes, |n| n / 2)
    }

    /// The inverse of [`Var::fftshift`]. Errors: as there.
    pub fn ifftshift(&self, axes: &[isize]) -> Result<Var> {
        shifted("ifftshift", self, axes, |n| -(n / 2))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(269);
    let numbers = |x: &[Tensor]| x[0].to_vec::<f64>().unwrap_or_default();
    let mut take = |shape: &[usize]| [s.uniform(shape, -1.0, 1.0)];
    vec![
        OpSpec::new("fftshift")
            .case("odd", take(&[5]), [5], |x| x[0].fftshift(&[0]))
            .reference(move |x| [3, 4, 0, 1, 2].map(|i| numbers(x)[i]).to_vec())
            .case("even, two axes", take(&[2, 4]), [2, 4], |x| x[0].fftshift(&[0, -1]))
            .reference(move |x| [6, 7, 4, 5, 2, 3, 0, 1].map(|i| numbers(x)[i]).to_vec())
            .case("empty", take(&[0, 3]), [0, 3], |x| x[0].fftshift(&[0, 1]))
            .case("large", take(&[300, 401]), [300, 401], |x| x[0].fftshift(&[0, 1]))
            .large()
            .error(
                take(&[3]),
                |x| x[0].fftshift(&[1]),
                "[fftshift] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            )
            .error(
                take(&[3, 2]),
                |x| x[0].fftshift(&[]),
                "[fftshift] the axes of the transform must be named; got no axes for [3, 2]; name them; of a complex value all but the last",
            ),
        OpSpec::new("ifftshift")
            .case("odd", take(&[5]), [5], |x| x[0].ifftshift(&[0]))
            .reference(move |x| [2, 3, 4, 0, 1].map(|i| numbers(x)[i]).to_vec())
            .case("undoes fftshift", take(&[3, 5, 2]), [3, 5, 2], |x| x[0].fftshift(&[0, 1])?.ifftshift(&[0, 1]))
            .reference(numbers)
            .case("empty", take(&[0]), [0], |x| x[0].ifftshift(&[0])),
    ]
}

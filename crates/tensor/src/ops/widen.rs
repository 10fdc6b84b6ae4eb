//! The one door through which BF16, F16, I32 and I8 are computed: operands go to the wider type that [`DType::compute`]
//! names, the operation runs there, and its result comes back once.
//!
//! An operation says so in a line at its front, [`in_wider!`]. Operands of several types stay its own business, so that
//! the refusal names them as they were given.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Returns from the function what `$run` gives for wider operands, where all have one narrow type. `narrowed`: in their
/// own type again; `rounded`: so too, but for floats alone, where integers have a rule of their own; `widened`: as it is
/// (positions, counts, truths).
macro_rules! in_wider {
    (rounded[$x:expr], $run:expr) => {
        if $x.dtype().is_float() {
            in_wider!(narrowed[$x], $run);
        }
    };
    ($how:ident[$($x:expr),+], $run:expr) => {
        in_wider!($how of &[$($x),+], $run)
    };
    ($how:ident of $operands:expr, $run:expr) => {
        if $crate::ops::widen::are_narrow($operands) {
            return $crate::ops::widen::$how($operands, &$run);
        }
    };
}
pub(crate) use in_wider;

/// Whether there are operands, and all have one type that is not computed in.
#[inline]
pub(crate) fn are_narrow(operands: &[&Tensor]) -> bool {
    let Some((first, rest)) = operands.split_first() else { return false };
    first.dtype().is_narrow() && rest.iter().all(|x| x.dtype() == first.dtype())
}

type Run<'a> = &'a dyn Fn(&[&Tensor]) -> Result<Tensor>;

/// `run` on wider operands, its result in their own type again.
#[inline(never)]
pub(crate) fn narrowed(operands: &[&Tensor], run: Run) -> Result<Tensor> {
    widened(operands, run)?.narrowed_to(operands[0].dtype())
}

/// `run` on wider operands, its result as it is.
#[inline(never)]
pub(crate) fn widened(operands: &[&Tensor], run: Run) -> Result<Tensor> {
    let dtype = operands[0].dtype();
    let wide = operands.iter().map(|x| x.to_dtype(dtype.compute())).collect::<Result<Vec<_>>>()?;
    run(&wide.iter().collect::<Vec<_>>()).map_err(|error| as_given(error, dtype))
}

/// The refusal, with the type that operands had.
fn as_given(mut error: Error, dtype: DType) -> Error {
    match &mut error {
        Error::DTypeMismatch { dtypes, .. } => {
            dtypes.iter_mut().filter(|d| **d == dtype.compute()).for_each(|d| *d = dtype);
        }
        Error::ShapeOverflow { dtype: wide, .. } if *wide == dtype.compute() => *wide = dtype,
        _ => {}
    }
    error
}

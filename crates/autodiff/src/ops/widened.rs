//! Compositions of narrow types, computed in the wider one so that they are rounded once, as single operations are.

use crate::error::Result;
use crate::var::Var;

/// `f` of wider values (see [`DType::compute`](tensor::DType::compute)), its result in their own type again; `None`
/// where they are computed in their own, or are of several types, which `f` itself refuses.
pub(crate) fn widened(x: &[&Var], f: &dyn Fn(&[&Var]) -> Result<Var>) -> Option<Result<Var>> {
    let dtype = x.first()?.dtype();
    if dtype.compute() == dtype || x.iter().any(|x| x.dtype() != dtype) {
        return None;
    }
    let wide: Result<Vec<Var>> = x.iter().map(|x| x.to_dtype(dtype.compute())).collect();
    Some(wide.and_then(|wide| f(&wide.iter().collect::<Vec<_>>())?.narrowed_to(dtype)))
}

/// Refuses what is no float.
pub(crate) fn require_float(op: &'static str, x: &Var) -> Result<()> {
    if x.dtype().is_float() {
        return Ok(());
    }
    let (rule, repair) = ("the operand must be a float", "convert with to_dtype first");
    Err(tensor::Error::DTypeMismatch { op, rule, dtypes: vec![x.dtype()], repair }.into())
}

/// As [`widened`], for floats alone.
pub(crate) fn rounded(x: &Var, f: &dyn Fn(&Var) -> Result<Var>) -> Option<Result<Var>> {
    if x.dtype().is_float() { widened(&[x], &|x| f(x[0])) } else { None }
}

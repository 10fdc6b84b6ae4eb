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

/// As [`widened`], for floats alone.
pub(crate) fn rounded(x: &Var, f: &dyn Fn(&Var) -> Result<Var>) -> Option<Result<Var>> {
    if x.dtype().is_float() { widened(&[x], &|x| f(x[0])) } else { None }
}

//! A rule that takes one of two ways for each matrix, so that none depends on those beside it.

use crate::error::Result;
use crate::var::Var;
use tensor::{MatrixNorm, Tensor};

/// The inverses, 0 where there is none, and which matrices have a condition number, of the 1-norm, above `most`.
pub(crate) fn inverse(a: &Tensor, most: f64) -> Result<(Tensor, Vec<bool>)> {
    let (inverse, info) = a.inv_ex()?;
    if a.len() == 0 {
        return Ok((inverse, vec![false; info.len()]));
    }
    let condition = a.matrix_norm(MatrixNorm::One)?.mul(&inverse.matrix_norm(MatrixNorm::One)?)?;
    let (condition, info) = (condition.to_dtype(tensor::DType::F64)?.to_vec::<f64>()?, info.to_vec::<i64>()?);
    // A condition that is not a number is a bad one.
    let ill = condition.iter().zip(&info).map(|(&c, &info)| info != 0 || c.is_nan() || c > most);
    Ok((inverse, ill.collect()))
}

/// `rule(which, matrices)` for those matrices of `of`, all `(.., m, n)` under the same leading axes, that are flagged and
/// for the others; the results in the order of the matrices.
pub(crate) fn by_matrix(
    flags: &[bool],
    of: &[&Var],
    rule: impl Fn(bool, &[Var]) -> Result<Var>,
) -> Result<Var> {
    let first = flags.first().copied().unwrap_or(false);
    if flags.iter().all(|&flag| flag == first) {
        return rule(first, &of.iter().map(|&x| x.clone()).collect::<Vec<_>>());
    }
    let lead = of[0].shape()[..of[0].rank() - 2].to_vec();
    let flat = of
        .iter()
        .map(|x| x.reshape([flags.len(), x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]]))
        .collect::<Result<Vec<_>>>()?;
    let mut order = Vec::with_capacity(flags.len());
    let mut parts = Vec::new();
    for which in [false, true] {
        let places: Vec<i64> = (0..flags.len()).filter(|&i| flags[i] == which).map(|i| i as i64).collect();
        let indices = Tensor::from_slice(&places, [places.len()])?;
        let own = flat.iter().map(|x| x.index_select(0, &indices)).collect::<Result<Vec<_>>>()?;
        parts.push(rule(which, &own)?);
        order.extend(places);
    }
    let mut back = vec![0i64; order.len()];
    order.iter().enumerate().for_each(|(i, &at)| back[at as usize] = i as i64);
    let y = Var::cat(&parts.iter().collect::<Vec<_>>(), 0)?;
    let y = y.index_select(0, Tensor::from_slice(&back, [back.len()])?)?;
    let own = y.shape()[1..].to_vec();
    y.reshape([lead, own].concat())
}

//! `y[k] = ln Σ exp(x[i]), i ≤ k` along an axis, with the largest so far taken out.   By the rules of what it is made of
//!
//! With m the largest so far, a constant, `y = m + ln S` and `S[k] = exp(m[k − 1] − m[k])·S[k − 1] + exp(x[k] − m[k])`, a
//! linear recurrence in which nothing overflows.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::widened::{require_float, rounded};
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// The logarithm of the sum of the exponentials of all elements up to each along `axis`.
    ///
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless a float.
    pub fn logcumsumexp(&self, axis: isize) -> Result<Var> {
        if let Some(out) = rounded(self, &|x| x.logcumsumexp(axis)) {
            return out;
        }
        require_float("logcumsumexp", self)?;
        let (m, _) = self.value().cummax(axis).map_err(|e| e.named("logcumsumexp"))?;
        let zero = Tensor::zeros([], self.dtype())?;
        let flat = Var::constant(Tensor::where_(&m.is_finite()?, &m, &zero)?);
        let b = self.sub(&flat)?.exp()?;
        let n = m.transpose(axis, -1)?.shape().last().copied().unwrap_or(0);
        if n == 0 {
            return Ok(b);
        }
        let falls = m.narrow(axis, 0, n - 1)?.sub(&m.narrow(axis, 1, n - 1)?)?;
        // Neighbours of one infinity lose nothing.
        let falls = Tensor::where_(&falls.is_nan()?, &zero, &falls)?.exp()?;
        let a = Var::constant(Tensor::cat(&[&m.narrow(axis, 0, 1)?.mul(&zero)?, &falls], axis)?);
        let s = a.linear_recurrence(&b, axis)?;
        // The logarithm has no slope there; what is −∞ so far has a gradient of 0, as in logsumexp.
        let none = s.value().eq(&zero)?;
        s.masked_fill(&none, 1.0)?.ln()?.masked_fill(&none, f64::NEG_INFINITY)?.add(&flat)
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(411);
    let inf = f64::INFINITY;
    vec![
        OpSpec::new("logcumsumexp")
            .case("rows", [s.uniform([2, 4], -1.0, 1.0)], [2, 4], |x| x[0].logcumsumexp(1))
            .reference(|x| {
                let x = x[0].to_vec::<f64>().unwrap_or_default();
                x.chunks(4)
                    .flat_map(|r| (1..=4).map(|k| r[..k].iter().map(|x| x.exp()).sum::<f64>().ln()))
                    .collect()
            })
            .case("far apart", [s.tensor(vec![-1000.0, 1000.0, -1000.0], [3])], [3], |x| x[0].logcumsumexp(0))
            .reference(|_| vec![-1000.0, 1000.0, 1000.0])
            .case("infinities", [s.tensor(vec![-inf, -inf, 2.0, inf, 1.0], [5])], [5], |x| x[0].logcumsumexp(0))
            .reference(move |_| vec![-inf, -inf, 2.0, inf, inf])
            .no_derivative()
            .case("empty", [s.empty([0, 3])], [0, 3], |x| x[0].logcumsumexp(0))
            .case("large", [s.uniform([513, 301], -1.0, 1.0)], [513, 301], |x| x[0].logcumsumexp(0))
            .large()
            .error(
                [s.indices([2], 3)],
                |x| x[0].logcumsumexp(0),
                "[logcumsumexp] the operand must be a float; got i64; convert with to_dtype first",
            )
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].logcumsumexp(1),
                "[logcumsumexp] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_so_far_has_no_gradient() -> Result<()> {
        let x = Var::variable(Tensor::from_slice(&[f64::NEG_INFINITY, 2.0, 2.0], [3])?);
        let y = x.logcumsumexp(0)?;
        assert_eq!(y.value().narrow(0, 0, 2)?.to_vec::<f64>()?, [f64::NEG_INFINITY, 2.0]);
        let grads = y.narrow(0, 1, 2)?.sum(&[])?.backward()?;
        assert_eq!(grads.of(&x).expect("a gradient").to_vec::<f64>()?, [0.0, 1.5, 0.5]);
        Ok(())
    }
}

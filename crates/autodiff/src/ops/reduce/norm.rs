//! Vector norms, `y = (Σ |x|^p)^(1/p)` over axes.   By the rules of what they are made of
//!
//! At 0, where a norm has no derivative, the gradient is 0: a subgradient for p ≥ 1.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::widened::{require_float, rounded};
use crate::var::Var;
use tensor::{Error, Tensor};

/// f(x), and 0 with gradient 0 where x is 0.
fn away_from_zero(x: &Var, f: impl FnOnce(&Var) -> Result<Var>) -> Result<Var> {
    let none = x.value().eq(&Tensor::zeros([], x.dtype())?)?;
    f(&x.masked_fill(&none, 1.0)?)?.masked_fill(&none, 0.0)
}

impl Var {
    /// The p-norm over `axes`, which are dropped; no axis means all. `p = 0` counts what is not 0, `p = ±∞` is the
    /// largest or the smallest |x|.
    ///
    /// The gradient is 0 where the norm is 0, and at zeros for p < 2. Powers are not scaled: they overflow where `|x|^p`
    /// does.
    /// Errors: `InvalidAxis`; `DTypeMismatch` unless a float; `InvalidArgument` for a NaN or another negative p;
    /// `EmptyReduction` for `p = ±∞` over nothing.
    pub fn norm(&self, p: f64, axes: &[isize]) -> Result<Var> {
        if let Some(out) = rounded(self, &|x| x.norm(p, axes)) {
            return out;
        }
        require_float("norm", self)?;
        if p == f64::INFINITY {
            return self.abs()?.max(axes);
        }
        if p == f64::NEG_INFINITY {
            return self.abs()?.min(axes);
        }
        if p.is_nan() || p < 0.0 {
            let (rule, repair) = ("p must be 0, positive or infinite", "use another p");
            return Err(Error::InvalidArgument { op: "norm", rule, got: format!("p = {p}"), repair }.into());
        }
        if p == 0.0 {
            return self.sign()?.abs()?.sum(axes);
        }
        if p == 1.0 {
            return self.abs()?.sum(axes);
        }
        if p == 2.0 {
            return away_from_zero(&self.square()?.sum(axes)?, Var::sqrt);
        }
        let powers = away_from_zero(&self.abs()?, |x| x.pow_scalar(p))?.sum(axes)?;
        away_from_zero(&powers, |s| s.pow_scalar(1.0 / p))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(413);
    let norms = |p: f64| {
        move |x: &[Tensor]| {
            let x = x[0].to_vec::<f64>().unwrap_or_default();
            x.chunks(3).map(|r| r.iter().map(|x| x.abs().powf(p)).sum::<f64>().powf(1.0 / p)).collect()
        }
    };
    let mut x = || s.away_from_zero([2, 3], 0.2, 1.0);
    let spec = OpSpec::new("norm")
        .case("p = 2", [x()], [2], |x| x[0].norm(2.0, &[1]))
        .reference(norms(2.0))
        .case("p = 1", [x()], [2], |x| x[0].norm(1.0, &[1]))
        .reference(norms(1.0))
        .case("p = 3.5", [x()], [2], |x| x[0].norm(3.5, &[1]))
        .reference(norms(3.5))
        .case("p = 0.5", [x()], [2], |x| x[0].norm(0.5, &[1]))
        .reference(norms(0.5));
    vec![
        spec.case("p = 0", [s.tensor(vec![0.0, -2.0, 3.0], [3])], [], |x| x[0].norm(0.0, &[]))
            .reference(|_| vec![2.0])
            .no_derivative()
            .case("p = ∞", [s.distinct([2, 3], 2.0)], [], |x| x[0].norm(f64::INFINITY, &[]))
            .reference(|x| vec![x[0].to_vec::<f64>().unwrap_or_default().iter().fold(0.0, |a, x| x.abs().max(a))])
            .no_derivative()
            .case("p = −∞", [s.tensor(vec![0.5, -0.25, 3.0], [3])], [], |x| x[0].norm(f64::NEG_INFINITY, &[]))
            .reference(|_| vec![0.25])
            .case("of zeros", [s.tensor(vec![0.0; 3], [3])], [], |x| x[0].norm(2.0, &[]))
            .reference(|_| vec![0.0])
            .no_derivative()
            .case("with a NaN", [s.tensor(vec![1.0, f64::NAN], [2])], [], |x| x[0].norm(3.0, &[]))
            .reference(|_| vec![f64::NAN])
            .no_derivative()
            .case("of nothing", [s.empty([0, 3])], [3], |x| x[0].norm(1.5, &[0]))
            .reference(|_| vec![0.0; 3])
            .case("empty", [s.empty([0, 3])], [0], |x| x[0].norm(2.0, &[1]))
            .case("large", [s.uniform([513, 301], 0.5, 1.0)], [301], |x| x[0].norm(2.0, &[0]))
            .large()
            .error(
                [s.uniform([2], 0.0, 1.0)],
                |x| x[0].norm(f64::NAN, &[]),
                "[norm] p must be 0, positive or infinite; got p = NaN; use another p",
            ),
    ]
}

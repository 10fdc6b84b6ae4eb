//! What kind of number each element is, and whether two are close: booleans, which have no derivative.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::declared::{declared, declared_pair};
use crate::var::Var;
use tensor::Tensor;

impl Var {
    /// Whether each element is NaN. Errors: `NotDifferentiable` backward.
    pub fn is_nan(&self) -> Result<Var> {
        declared("is_nan", self, Tensor::is_nan)
    }

    /// Whether each element is ∞ or −∞. Errors: `NotDifferentiable` backward.
    pub fn is_inf(&self) -> Result<Var> {
        declared("is_inf", self, Tensor::is_inf)
    }

    /// Whether each element is neither infinite nor NaN. Errors: `NotDifferentiable` backward.
    pub fn is_finite(&self) -> Result<Var> {
        declared("is_finite", self, Tensor::is_finite)
    }

    /// Whether `|x − y| ≤ atol + rtol·|y|`. Errors: forward as [`Tensor::is_close`]; `NotDifferentiable` backward.
    pub fn is_close(&self, y: &Var, rtol: f64, atol: f64) -> Result<Var> {
        declared_pair("is_close", self, y, move |x, y| x.is_close(y, rtol, atol))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    type Row = (&'static str, fn(&[Var]) -> Result<Var>, fn(f64) -> bool);
    let mut s = Samples::new(267);
    let odd = s.tensor(vec![0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e30], [5]);
    let rows: [Row; 3] = [
        ("is_nan", |x| x[0].is_nan(), |x| x.partial_cmp(&x).is_none()),
        ("is_inf", |x| x[0].is_inf(), |x| x.abs() > 1e308),
        ("is_finite", |x| x[0].is_finite(), |x| x.abs() < f64::INFINITY),
    ];
    let mut specs = Vec::new();
    for (name, call, reference) in rows {
        specs.push(
            OpSpec::new(name)
                .case("of every kind", [odd.clone()], [5], call)
                .reference_pointwise(move |x| f64::from(u8::from(reference(x))))
                .case("empty", [s.empty([2, 0])], [2, 0], call)
                .case("large", [s.uniform([300, 401], -1.0, 1.0)], [300, 401], call)
                .large()
                .not_differentiable(),
        );
    }
    let close = |x: &[Var]| x[0].is_close(&x[1], 0.1, 0.01);
    let spec = OpSpec::of_number_pairs(
        "is_close",
        close,
        |x, y| f64::from(u8::from((x - y).abs() <= 0.01 + 0.1 * y.abs())),
        |a, b| [s.uniform(a, -1.0, 1.0), s.uniform(b, -1.0, 1.0)],
    );
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    specs.push(
        spec.at_pairs(
            "infinite, NaN",
            close,
            &[(inf, inf, 1.0), (inf, -inf, 0.0), (nan, nan, 0.0), (1.0, inf, 0.0)],
        )
        .error(
            [Tensor::scalar(1.0f64), Tensor::scalar(1.0f64)],
            |x| x[0].is_close(&x[1], -1.0, 0.0),
            "[is_close] tolerances must be numbers of 0 or more; got rtol -1, atol 0; correct them",
        )
        .not_differentiable(),
    );
    specs
}

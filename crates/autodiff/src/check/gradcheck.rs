//! Analytic gradients against central differences, in double precision, under a random cotangent.

use crate::engine::grad_of;
use crate::error::{Error, Result};
use crate::var::Var;
use std::fmt;
use tensor::{DType, Rng, Tensor};

/// How closely gradients are compared.
///
/// The default suits functions of order 1 in double precision: a central difference with the step `∛ε·max(1, |x|)` is
/// good to about 1e-10, so 1e-7 relative leaves room for the function's own size and none for a wrong constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradCheck {
    /// Largest difference relative to the larger of the two gradients.
    pub rtol: f64,
    /// Largest absolute difference, added to the relative one.
    pub atol: f64,
    /// Step of the difference, relative to `max(1, |x|)`.
    pub step: f64,
    /// Inputs with more elements than this are checked along random directions instead of element by element.
    pub max_elements: usize,
    /// How many random directions.
    pub directions: usize,
    /// Seed of the cotangent and the directions.
    pub seed: u64,
}

impl Default for GradCheck {
    fn default() -> Self {
        Self {
            rtol: 1e-7,
            atol: 1e-8,
            step: libm::cbrt(f64::EPSILON),
            max_elements: 64,
            directions: 3,
            seed: 0,
        }
    }
}

/// What a passed check saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Derivatives compared.
    pub compared: usize,
    /// The largest difference, as a part of what was allowed.
    pub worst: f64,
}

/// Two derivatives that disagree.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Which input.
    pub input: usize,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The element, in row-major order; `None` for a random direction.
    pub element: Option<usize>,
    /// What the backward rule says.
    pub analytic: f64,
    /// What the differences say.
    pub numeric: f64,
    /// The difference that was allowed.
    pub allowed: f64,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, shape, element, analytic, numeric, allowed } = self;
        let place = match element {
            Some(i) => format!("element {i} of input {input} {shape:?}"),
            None => format!("a random direction in input {input} {shape:?}"),
        };
        write!(
            f,
            "[gradcheck] the backward rule must agree with finite differences; got {analytic:e} and {numeric:e} \
             (ratio {:.6}, allowed difference {allowed:.1e}) at {place}; correct the rule, or keep samples away from kinks",
            analytic / numeric
        )
    }
}

/// Checks the first derivatives of `f` at `inputs` with respect to each floating point input.
///
/// With `c` drawn at random, `⟨c, f(x)⟩` is differentiated backward and by central differences. Inputs of type f64 are
/// varied; those of other types are passed on as they are.
///
/// Errors: `CheckFailed` with the worst disagreement; `InvalidArgument` if no input is f64; what `f` returns.
///
/// ```
/// use autodiff::check::{GradCheck, gradcheck};
/// use tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![0.5, -1.5], [2])?;
/// gradcheck(|x| x[0].tanh()?.mul(&x[0]), &[x], &GradCheck::default())?;
/// # Ok::<(), autodiff::Error>(())
/// ```
pub fn gradcheck(f: impl Fn(&[Var]) -> Result<Var>, inputs: &[Tensor], how: &GradCheck) -> Result<Report> {
    let rng = Rng::seed(how.seed);
    let at = |x: &[Tensor]| f(&x.iter().map(Var::from).collect::<Vec<_>>());
    let value = at(inputs)?;
    require_f64(inputs, &value)?;
    let cotangent = rng.stream(0).normal(value.shape(), 0.0, 1.0, DType::F64)?;
    let leaves: Vec<Var> = inputs
        .iter()
        .map(|x| if x.dtype() == DType::F64 { Var::variable(x.clone()) } else { Var::from(x) })
        .collect();
    let weighted = f(&leaves)?.mul(&Var::from(&cotangent))?.sum(&[])?;
    let grads = if weighted.is_tracked() { weighted.backward()? } else { Default::default() };

    // Differences are taken of each element of the output before they are weighted, so that large values that do not
    // change cancel exactly.
    let difference = |input: usize, step: &Tensor| -> Result<f64> {
        let moved = |sign: f64| -> Result<Tensor> {
            let mut x = inputs.to_vec();
            x[input] = x[input].add(&step.mul_scalar(sign)?)?;
            Ok(at(&x)?.into_value())
        };
        Ok(moved(1.0)?.sub(&moved(-1.0)?)?.mul(&cotangent)?.sum(&[])?.item()? / 2.0)
    };

    let mut report = Report { compared: 0, worst: 0.0 };
    let mut failure: Option<(f64, Mismatch)> = None;
    for (input, x) in inputs.iter().enumerate().filter(|(_, x)| x.dtype() == DType::F64) {
        let grad = match grads.of(&leaves[input]) {
            Some(grad) => grad.clone(),
            None => Tensor::zeros(x.shape(), DType::F64)?,
        };
        let values = x.to_vec::<f64>()?;
        let whole = x.len() <= how.max_elements;
        for probe in 0..if whole { x.len() } else { how.directions } {
            let (step, length) = if whole {
                let h = how.step * values[probe].abs().max(1.0);
                // What the sum really moves by, free of rounding.
                let h = (values[probe] + h) - values[probe];
                let mut step = vec![0.0; x.len()];
                step[probe] = h;
                (Tensor::from_vec(step, x.shape())?, h)
            } else {
                let direction = rng.stream(1 + probe as u64).normal(x.shape(), 0.0, 1.0, DType::F64)?;
                (direction.mul_scalar(how.step)?, how.step)
            };
            let numeric = difference(input, &step)? / length;
            let analytic = grad.mul(&step)?.sum(&[])?.item()? / length;
            let allowed = how.atol + how.rtol * analytic.abs().max(numeric.abs());
            let excess = (analytic - numeric).abs() / allowed;
            report.compared += 1;
            // NaN must fail too.
            let beyond = |limit: f64| excess.is_nan() || excess > limit;
            if beyond(1.0) && failure.as_ref().is_none_or(|(worst, _)| beyond(*worst)) {
                let element = whole.then_some(probe);
                let shape = x.shape().to_vec();
                failure = Some((excess, Mismatch { input, shape, element, analytic, numeric, allowed }));
            }
            report.worst = report.worst.max(excess);
        }
    }
    match failure {
        None => Ok(report),
        Some((_, mismatch)) => Err(Error::CheckFailed(Box::new(mismatch))),
    }
}

/// Checks the second derivatives of `f`: its gradient, as a function of the inputs and of the cotangent, is itself
/// checked by [`gradcheck`]. Errors: as there.
pub fn gradgradcheck(
    f: impl Fn(&[Var]) -> Result<Var>,
    inputs: &[Tensor],
    how: &GradCheck,
) -> Result<Report> {
    let constants: Vec<Var> = inputs.iter().map(Var::from).collect();
    let value = f(&constants)?;
    require_f64(inputs, &value)?;
    let rng = Rng::seed(how.seed).stream(u64::MAX);
    let mut all = inputs.to_vec();
    all.push(rng.stream(0).normal(value.shape(), 0.0, 1.0, DType::F64)?);
    let weights: Vec<Var> = inputs
        .iter()
        .enumerate()
        .map(|(i, x)| Ok(Var::from(rng.stream(1 + i as u64).normal(x.shape(), 0.0, 1.0, DType::F64)?)))
        .collect::<Result<_>>()?;
    // ⟨w, ∂⟨c, f(x)⟩/∂x⟩, a number; its gradient is checked with respect to x and c.
    let weighted_gradient = |all: &[Var]| -> Result<Var> {
        let (cotangent, x) = all.split_last().expect("invariant: the cotangent was pushed");
        let x: Vec<Var> = x
            .iter()
            .map(|v| {
                if v.dtype() == DType::F64 && !v.is_tracked() {
                    Var::variable(v.value().clone())
                } else {
                    v.clone()
                }
            })
            .collect();
        let floats: Vec<&Var> = x.iter().filter(|v| v.dtype() == DType::F64).collect();
        let y = f(&x)?;
        let mut sum = Var::from(Tensor::scalar(0.0));
        if !y.is_tracked() {
            return Ok(sum);
        }
        let grads = grad_of(&[(&y, Some(cotangent))], &floats)?;
        let weights = weights.iter().zip(&x).filter(|(_, v)| v.dtype() == DType::F64).map(|(w, _)| w);
        for (grad, weight) in grads.into_iter().zip(weights) {
            if let Some(grad) = grad {
                sum = sum.add(&grad.mul(weight)?.sum(&[])?)?;
            }
        }
        Ok(sum)
    };
    gradcheck(weighted_gradient, &all, how)
}

fn require_f64(inputs: &[Tensor], value: &Var) -> Result<()> {
    if value.dtype() == DType::F64 && inputs.iter().any(|x| x.dtype() == DType::F64) {
        return Ok(());
    }
    let dtypes: Vec<String> = inputs.iter().map(|x| x.dtype().to_string()).collect();
    Err(Error::InvalidArgument {
        op: "gradcheck",
        rule: "at least one input and the result must be f64, or differences drown in rounding",
        got: format!("inputs {} and a result of {}", dtypes.join(", "), value.dtype()),
        repair: "convert with to_dtype(DType::F64)",
    })
}

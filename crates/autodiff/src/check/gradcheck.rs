//! Analytic gradients against central differences, in double precision, under a random cotangent.

use super::compare::Comparison;
use super::report::{Place, Report};
use crate::engine::grad_of;
use crate::error::{Error, Result};
use crate::var::Var;
use tensor::{DType, Rng, Tensor};

/// How much of the derivative is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckMode {
    /// Every element of every input, two calls of the function for each; inputs of more than
    /// [`max_elements`](GradCheck::max_elements) along random directions.
    #[default]
    Full,
    /// All inputs at once along random directions, two calls for each direction whatever the sizes. If one disagrees,
    /// [`Full`](CheckMode::Full) follows, to name the element.
    Fast,
}

/// How closely gradients are compared.
///
/// The default suits functions of order 1 in double precision: a central difference with the step `∛ε·max(1, |x|)` is
/// good to about 1e-10, so 1e-7 relative leaves room for the function's own size and none for a wrong constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradCheck {
    /// How much is compared.
    pub mode: CheckMode,
    /// Largest difference relative to the larger of the two gradients.
    pub rtol: f64,
    /// Largest absolute difference, added to the relative one.
    pub atol: f64,
    /// Step of the difference, relative to `max(1, |x|)`.
    pub step: f64,
    /// In full mode, inputs with more elements than this are checked along random directions instead of element by
    /// element; where one disagrees, an element is found by halving.
    pub max_elements: usize,
    /// How many random directions.
    pub directions: usize,
    /// Seed of the cotangent and the directions.
    pub seed: u64,
}

impl Default for GradCheck {
    fn default() -> Self {
        Self {
            mode: CheckMode::Full,
            rtol: 1e-7,
            atol: 1e-8,
            step: libm::cbrt(f64::EPSILON),
            max_elements: 64,
            directions: 3,
            seed: 0,
        }
    }
}

impl GradCheck {
    /// The default with [`CheckMode::Fast`].
    pub fn fast() -> Self {
        Self { mode: CheckMode::Fast, ..Self::default() }
    }
}

/// Checks the first derivatives of `f` at `inputs` with respect to each floating point input.
///
/// With `c` drawn at random, `g = Jᵀ·c` is what the backward rules say of `⟨c, f(x)⟩`. It is held against central
/// differences as [`GradCheck::mode`] says, and, along a random `u`, against forward mode: `⟨g, u⟩ = ⟨c, J·u⟩`, up to
/// rounding. Forward mode is the backward rule transposed, so a rule must be written in `Var` operations to pass; one that
/// computes on tensors is no linear function that could be. A direction `u` in which differences are taken has length 1, and the two may differ by `rtol` of the
/// larger or of `‖g·u‖` (a sum may cancel), by `atol`, and by the rounding of the results, `32·ε·‖c·f(x)‖/step`.
///
/// Inputs of type f64 are varied; those of other types are passed on as they are.
///
/// Errors: `CheckFailed` with the worst disagreement; `InvalidArgument` if no input is f64; what `f` returns.
///
/// ```
/// use autodiff::check::{GradCheck, gradcheck};
/// use tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![0.5, -1.5], [2])?;
/// let f = |x: &[autodiff::Var]| x[0].tanh()?.mul(&x[0]);
/// let report = gradcheck(f, &[x.clone()], &GradCheck::default())?;
/// assert_eq!(report.compared, 2);
/// gradcheck(f, &[x], &GradCheck::fast())?;
/// # Ok::<(), autodiff::Error>(())
/// ```
pub fn gradcheck(f: impl Fn(&[Var]) -> Result<Var>, inputs: &[Tensor], how: &GradCheck) -> Result<Report> {
    let value = f(&inputs.iter().map(Var::from).collect::<Vec<_>>())?;
    require_f64(inputs, &value)?;
    let mut check = Comparison::new(&f, inputs, value.value(), how)?;
    match how.mode {
        CheckMode::Full => check.full()?,
        CheckMode::Fast => {
            let all: Vec<usize> = check.varied().collect();
            for i in 0..how.directions {
                let found = check.along(&all, Place::Everywhere, i as u64)?;
                check.note(found);
            }
            if let Some(everywhere) = check.failure.take() {
                check.full()?;
                check.failure.get_or_insert(everywhere);
            }
        }
    }
    if check.failure.is_none() {
        check.failure = check.forward_mode()?;
    }
    match check.failure {
        None => Ok(check.report),
        Some(mismatch) => Err(Error::CheckFailed(Box::new(mismatch))),
    }
}

/// Checks the second derivatives of `f`: its gradient, as a function of the inputs and of the cotangent, is itself
/// checked by [`gradcheck`], in the same mode. Errors: as there.
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

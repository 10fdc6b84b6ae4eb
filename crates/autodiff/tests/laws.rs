//! What is true of every derivative: it is linear in the cotangent. For the operations of the list, case by case.

use autodiff::check::Case;
use autodiff::{Result, Var, grad_of};
use tensor::{DType, Rng, Tensor};

/// The operation of a case, ready for several cotangents.
struct Pulled {
    y: Var,
    leaves: Vec<Var>,
}

impl Pulled {
    /// None where there is nothing to differentiate.
    fn of(case: &Case) -> Result<Option<Self>> {
        let leaf = |x: &Tensor| if x.dtype().is_float() { Var::variable(x.clone()) } else { Var::from(x) };
        let inputs: Vec<Var> = case.inputs.iter().map(leaf).collect();
        let y = (case.call)(&inputs)?;
        let leaves: Vec<Var> = inputs.into_iter().filter(Var::is_tracked).collect();
        Ok((y.is_tracked() && y.dtype().is_float()).then_some(Self { y, leaves }))
    }

    fn cotangent(&self, seed: u64) -> Result<Var> {
        Ok(Rng::seed(seed).normal(self.y.shape(), 0.0, 1.0, DType::F64)?.to_dtype(self.y.dtype())?.into())
    }

    /// The gradients under `cotangent`, one after the other.
    fn back(&self, cotangent: &Var) -> Result<Vec<f64>> {
        let leaves: Vec<&Var> = self.leaves.iter().collect();
        let mut all = Vec::new();
        for (grad, x) in grad_of(&[(&self.y, Some(cotangent))], &leaves)?.into_iter().zip(&leaves) {
            let grad = grad.map_or_else(|| Tensor::zeros(x.shape(), x.dtype()), |g| Ok(g.into_value()))?;
            all.extend(grad.to_dtype(DType::F64)?.to_vec::<f64>()?);
        }
        Ok(all)
    }
}

/// What does not hold for a case under random cotangents.
fn broken(name: &str, case: &Case, seed: u64, checked: &mut usize) -> Result<Option<&'static str>> {
    let Some(pulled) = Pulled::of(case)? else { return Ok(None) };
    *checked += 1;
    let (c, d) = (pulled.cotangent(seed)?, pulled.cotangent(!seed)?);
    let of_c = pulled.back(&c)?;
    let size = of_c.iter().fold(1.0f64, |most, x| most.max(x.abs()));
    // Powers of two round nothing: neither in the products with the gradient nor in their sums. But the exponential of
    // a matrix is scaled by a norm that the cotangent is part of.
    let allowed = if name == "matrix_exp" { 100.0 * f64::EPSILON * size } else { 0.0 };
    if pulled.back(&c.mul_scalar(-4.0)?)?.iter().zip(&of_c).any(|(y, x)| (y + 4.0 * x).abs() > allowed) {
        return Ok(Some("a multiple of the cotangent does not give that multiple of the gradient"));
    }
    if pulled.back(&c.mul_scalar(0.0)?)?.iter().any(|&x| x != 0.0) {
        return Ok(Some("a cotangent of 0 does not give a gradient of 0"));
    }
    let of_d = pulled.back(&d)?;
    let of_sum = pulled.back(&c.add(&d)?)?;
    let size = of_d.iter().fold(size, |most, x| most.max(x.abs()));
    // A thousand roundings of the largest.
    let far = |((c, d), sum): ((&f64, &f64), &f64)| (c + d - sum).abs() > 1e3 * f64::EPSILON * size;
    let apart = of_c.iter().zip(&of_d).zip(&of_sum).any(far);
    Ok(apart.then_some("the gradient of a sum of cotangents is not the sum of their gradients"))
}

#[test]
fn gradients_are_linear_in_the_cotangent() {
    let mut checked = 0;
    let mut all = Vec::new();
    for spec in autodiff::ops::specs() {
        for case in spec.cases.iter().filter(|case| case.first_order && !spec.not_differentiable) {
            for seed in 0..3 {
                match broken(spec.name, case, seed, &mut checked) {
                    Ok(None) => {}
                    Ok(Some(what)) => all.push(format!("{} ({}): {what}", spec.name, case.label)),
                    Err(error) => all.push(format!("{} ({}): {error}", spec.name, case.label)),
                }
            }
        }
    }
    assert!(checked > 500, "{checked} cases");
    assert!(all.is_empty(), "{} of {checked}:\n{}", all.len(), all.join("\n"));
}

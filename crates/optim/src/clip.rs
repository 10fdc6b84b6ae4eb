//! Clipping of gradients by their global norm.

use crate::error::{Error, Result};
use autodiff::Gradients;
use tensor::{Tensor, fused};

/// √Σ g² over all gradients, accumulated in f64 in a fixed order.
pub fn grad_norm(grads: &Gradients) -> Result<f64> {
    let all: Vec<&Tensor> = grads.values().map(|(_, grad)| grad).collect();
    Ok(fused::sum_of_squares(&all)?.sqrt())
}

/// Scales all gradients by `max_norm / norm` where their global norm exceeds `max_norm`; returns the norm as it was.
///
/// Source: Pascanu et al. 2013, arXiv:1211.5063. Differs from PyTorch: no 1e-6 is added to the norm.
///
/// Errors: `InvalidArgument` unless `max_norm` is finite and positive, or if the norm is not finite: the gradients are
/// then as they were.
pub fn clip_grad_norm(grads: &mut Gradients, max_norm: f64) -> Result<f64> {
    check(max_norm)?;
    let norm = grad_norm(grads)?;
    clip_grads_with_norm(grads, max_norm, norm)?;
    Ok(norm)
}

/// [`clip_grad_norm`] where the norm is known already.
///
/// Errors: as there.
pub fn clip_grads_with_norm(grads: &mut Gradients, max_norm: f64, norm: f64) -> Result<()> {
    check(max_norm)?;
    if !norm.is_finite() {
        return Err(refuse(
            "gradients must be finite",
            format!("norm {norm}"),
            "skip the step, lower the learning rate or look at the data",
        ));
    }
    if norm > max_norm {
        for (_, grad) in grads.values_mut() {
            fused::scale(grad, max_norm / norm)?;
        }
    }
    Ok(())
}

fn check(max_norm: f64) -> Result<()> {
    match max_norm.is_finite() && max_norm > 0.0 {
        true => Ok(()),
        false => Err(refuse(
            "the largest norm must be finite and positive",
            max_norm.to_string(),
            "use 1.0 or the like",
        )),
    }
}

fn refuse(rule: &'static str, got: String, repair: &'static str) -> Error {
    Error::InvalidArgument { op: "clip_grad_norm", rule, got, repair }
}

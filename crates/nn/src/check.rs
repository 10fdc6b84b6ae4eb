//! Gradient checking of whole modules.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::module::Module;
use autodiff::Var;
use autodiff::check::{GradCheck, Report};
use std::cell::RefCell;
use tensor::{Rng, Tensor};

/// Checks the gradients of `forward(model, x)` with respect to `x` and to every trainable parameter of `model`, all in
/// f64, against finite differences, in the mode that `how` says. `forward` is called with a training context that draws
/// from the same stream every time, so that dropout can be checked too.
///
/// Errors: `CheckFailed` naming the input: 0 is `x`, 1 and on are the parameters in declaration order, whose path stands
/// in front; what `forward` returns.
///
/// ```
/// use nn::{Layer, Linear, LinearConfig, check::gradcheck_module};
/// use tensor::{DType, Rng};
/// let rng = &mut Rng::seed(0);
/// let config = LinearConfig { dtype: DType::F64, ..Default::default() };
/// let layer = Linear::with_config(3, 2, &config, rng)?;
/// let x = rng.normal([4, 3], 0.0, 1.0, DType::F64)?;
/// gradcheck_module(&layer, &x, |layer, x, cx| layer.forward(x, cx), &Default::default())?;
/// # Ok::<(), nn::Error>(())
/// ```
pub fn gradcheck_module<M: Module>(
    model: &M,
    x: &Tensor,
    forward: impl Fn(&M, &Var, &mut Context) -> Result<Var>,
    how: &GradCheck,
) -> Result<Report> {
    let params = model.named_params();
    let trained = || params.iter().map(|(_, param)| *param).filter(|param| param.is_trainable());
    let mut inputs = vec![x.clone()];
    inputs.extend(trained().map(|param| param.value().clone()));
    // What a nested error says about the module is kept; the checker needs its own type.
    let failure = RefCell::new(None);
    let run = |values: &[Var]| -> autodiff::Result<Var> {
        let mut cx = Context::train(&mut Rng::seed(0));
        cx.substitute(trained().map(|param| param.id()).zip(values[1..].iter().cloned()).collect());
        forward(model, &values[0], &mut cx).map_err(|error| {
            *failure.borrow_mut() = Some(error);
            autodiff::Error::NotTracked
        })
    };
    let result = autodiff::check::gradcheck(run, &inputs, how);
    match failure.into_inner() {
        Some(error) => Err(error),
        None => result.map_err(|error| {
            let path = match &error {
                autodiff::Error::CheckFailed(mismatch) => {
                    mismatch.place.input().and_then(|i| i.checked_sub(1))
                }
                _ => None,
            };
            let path = path.and_then(|i| params.iter().filter(|(_, param)| param.is_trainable()).nth(i));
            match path {
                Some((path, _)) => Error::from(error).at(path),
                None => error.into(),
            }
        }),
    }
}

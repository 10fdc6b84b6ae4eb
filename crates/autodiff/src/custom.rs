//! An operation made of two closures, for functions whose derivative is known better than it can be composed.

use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

struct Custom<F, B> {
    name: &'static str,
    forward: F,
    backward: B,
    n_inputs: usize,
}

impl<F, B> Op for Custom<F, B>
where
    F: Fn(&[&Tensor]) -> Result<Tensor> + Send + Sync + 'static,
    B: Fn(&[Var], &Var, &Var) -> Result<Grads> + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&(0..self.n_inputs).collect::<Vec<_>>()).and_output()
    }
    fn forward(&mut self, inputs: &[&Tensor]) -> Result<Tensor> {
        (self.forward)(inputs)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let inputs: Vec<Var> = (0..saved.len()).map(|i| saved.input(i)).collect();
        (self.backward)(&inputs, &saved.output(), grad)
    }
}

/// A function of at most 16 inputs with a rule of its own: `backward(inputs, output, grad)` returns one gradient for each
/// input. Saves the inputs and the output; [`Op`] is the form that saves less.
///
/// ```
/// use autodiff::{Var, custom_function, grads};
/// use tensor::Tensor;
///
/// let x = Var::variable(Tensor::scalar(3.0));
/// // The gradient is clipped on its way, the value is not touched.
/// let y = custom_function("clip_grad", &[&x], |x| Ok(x[0].clone()), |_, _, g| grads([g.clamp(-1.0, 1.0)?]))?;
/// assert_eq!(y.mul_scalar(5.0)?.backward()?.of(&x).unwrap().item()?, 1.0);
/// # Ok::<(), autodiff::Error>(())
/// ```
///
/// Errors: `InvalidArgument` for more than 16 inputs; what `forward` returns.
pub fn custom_function<F, B>(name: &'static str, inputs: &[&Var], forward: F, backward: B) -> Result<Var>
where
    F: Fn(&[&Tensor]) -> Result<Tensor> + Send + Sync + 'static,
    B: Fn(&[Var], &Var, &Var) -> Result<Grads> + Send + Sync + 'static,
{
    if inputs.len() > 16 {
        return Err(crate::Error::InvalidArgument {
            op: name,
            rule: "a function of closures takes at most 16 inputs",
            got: inputs.len().to_string(),
            repair: "stack some of them, or implement Op",
        });
    }
    Var::apply(Custom { name, forward, backward, n_inputs: inputs.len() }, inputs)
}

//! The identity, with a hook that sees the gradient on its way back.   `dx = f(g)`
//!
//! The engine calls a rule once, when every contribution to its result has arrived, so the hook sees the whole gradient
//! of the value that [`Var::on_grad`] returned.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use std::sync::Arc;
use tensor::Tensor;

/// What is called with a gradient: `None` lets it pass, another takes its place.
type Hook = Arc<dyn Fn(&Var) -> Result<Option<Var>> + Send + Sync>;

/// `y = x`. Saves nothing.
pub struct OnGrad {
    hook: Hook,
}

impl Op for OnGrad {
    fn name(&self) -> &'static str {
        "on_grad"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].clone())
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([(self.hook)(grad)?.unwrap_or_else(|| grad.clone())])
    }
}

impl Var {
    /// The same value; on the way back `hook` is called once with its whole gradient. `Ok(None)` lets the gradient
    /// pass, `Ok(Some(other))` puts another in its place, an error ends the backward pass.
    ///
    /// What goes in place of a gradient must have its shape and dtype. In [`grad_of`](crate::grad_of) the hook may
    /// compute with `Var` operations, and its part is then differentiated too.
    /// Differs from PyTorch's `register_hook` in: the hook belongs to the value returned, so the graph says where it is,
    /// and there is no handle to remove it by. Errors: `BadGradient` on the way back where the other does not fit.
    ///
    /// ```
    /// use autodiff::Var;
    /// use tensor::Tensor;
    /// let x = Var::variable(Tensor::scalar(3.0));
    /// let clipped = x.on_grad(|g| Ok(Some(g.clamp(-1.0, 1.0)?)))?;
    /// assert_eq!(clipped.square()?.backward()?.of(&x).unwrap().item()?, 1.0);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn on_grad(&self, hook: impl Fn(&Var) -> Result<Option<Var>> + Send + Sync + 'static) -> Result<Var> {
        Var::apply(OnGrad { hook: Arc::new(hook) }, &[self])
    }

    /// Shows the value to `look` and returns this, for a glance in the middle of a chain.
    pub fn inspect(&self, look: impl FnOnce(&Tensor)) -> &Self {
        look(self.value());
        self
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(190);
    vec![
        OpSpec::new("on_grad")
            .case("let pass", [s.uniform([3, 4], -1.0, 1.0)], [3, 4], |x| x[0].on_grad(|_| Ok(None)))
            .reference_pointwise(|x| x)
            .case("the same in place of it", [s.uniform([3], -1.0, 1.0)], [3], |x| {
                x[0].on_grad(|g| Ok(Some(g.mul_scalar(1.0)?)))
            })
            .case("empty", [s.empty([0, 2])], [0, 2], |x| x[0].on_grad(|_| Ok(None))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::grad_of;
    use std::sync::Mutex;

    #[test]
    fn a_hook_sees_the_whole_gradient_once_and_may_replace_it() -> Result<()> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let x = Var::variable(Tensor::from_vec(vec![2.0, -1.0], [2])?);
        let notes = seen.clone();
        let y = x.on_grad(move |g| {
            notes.lock().unwrap().push(g.value().to_vec::<f64>()?);
            Ok(Some(g.mul_scalar(10.0)?))
        })?;
        let grads = y.add(&y.mul(&y)?)?.sum(&[])?.backward()?;
        assert_eq!(*seen.lock().unwrap(), [[5.0, -1.0]]);
        assert_eq!(grads.of(&x).map(|g| g.to_vec::<f64>()), Some(Ok(vec![50.0, -10.0])));
        Ok(())
    }

    #[test]
    fn a_hook_is_part_of_what_is_differentiated_again() -> Result<()> {
        let x = Var::variable(Tensor::scalar(3.0));
        let y = x.on_grad(|g| Ok(Some(g.square()?)))?.square()?;
        let dy = grad_of(&[(&y, None)], &[&x])?.remove(0).expect("x is used");
        assert_eq!(dy.item()?, 36.0);
        // d(2x)² = 8x, where the 2x is y's own gradient, which depends on the hooked value: its hook squares once more.
        let ddy = grad_of(&[(&dy, None)], &[&x])?.remove(0).expect("dy depends on x");
        assert_eq!(ddy.item()?, 24.0 * 24.0);
        Ok(())
    }

    #[test]
    fn a_gradient_that_does_not_fit_is_refused_by_name() -> Result<()> {
        let x = Var::variable(Tensor::from_vec(vec![2.0, -1.0], [2])?);
        let y = x.on_grad(|_| Ok(Some(Var::from(Tensor::from_vec(vec![1.0; 3], [3])?))))?;
        assert_eq!(
            y.sum(&[])?.backward().err(),
            Some(Error::BadGradient {
                op: "on_grad",
                input: 0,
                grad: "f64 [3]".into(),
                value: "f64 [2]".into()
            })
        );
        Ok(())
    }
}

//! What every optimizer offers.

use crate::error::Result;
use crate::state::OptimizerState;
use autodiff::Gradients;
use nn::Module;

/// Changes a model's parameters along their gradients.
pub trait Optimizer {
    /// One update of every trainable parameter of `model` that has a gradient.
    ///
    /// A gradient of rows ([`autodiff::RowGradient`]) is taken by rows where the others stay as they are: by
    /// [`SparseAdam`](crate::SparseAdam), and without weight decay by [`Sgd`](crate::Sgd) without momentum and by
    /// [`Adagrad`](crate::Adagrad). Everywhere else it is made whole: right, at the cost of a gradient of the whole table.
    ///
    /// Errors: `NoGradient` in the first step, if the loss does not depend on some trainable parameter; `NoParameters`;
    /// `BadGradient`; `NoMatch`; `InvalidArgument` for a setting outside its range; `StateMismatch` if a loaded state is
    /// not of this model. The parameters are then as they were.
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<()>;

    /// Puts the weights that are to be measured and kept into `model`, for the optimizers whose steps are made from others, as those of
    /// [`ScheduleFreeAdamW`](crate::ScheduleFreeAdamW) are; nothing for all others. No step is made until [`to_train`](Self::to_train).
    ///
    /// Errors: `StateMismatch` for another model.
    fn to_eval(&mut self, _model: &mut dyn Module) -> Result<()> {
        Ok(())
    }

    /// Puts the weights that steps are made from back into `model`. Errors: as [`to_eval`](Self::to_eval).
    fn to_train(&mut self, _model: &mut dyn Module) -> Result<()> {
        Ok(())
    }

    /// The learning rate now.
    fn lr(&self) -> f64;

    /// Sets the learning rate, as a schedule does before each step.
    ///
    /// Errors: `InvalidArgument` unless finite and not negative. (0 is what a warm-up begins with.)
    fn set_lr(&mut self, lr: f64) -> Result<()>;

    /// Updates made so far.
    fn steps(&self) -> u64;

    /// Everything that the next update depends on besides parameters, gradients and settings, by parameter path.
    fn state(&self) -> OptimizerState;

    /// Continues from a saved state: the next [`step`](Self::step) behaves as the saved optimizer's would have.
    ///
    /// Errors: `StateMismatch` if it is another optimizer's. Whether it fits the model shows in the next step.
    fn load_state(&mut self, state: OptimizerState) -> Result<()>;
}

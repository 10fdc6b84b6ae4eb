//! What L-BFGS remembers, saved, loaded and compared with a model.

use super::vector::{dot, trainable};
use super::{Change, Last, Lbfgs, OP};
use crate::error::{Error, Result};
use nn::Module;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use tensor::{DType, Tensor};

/// What [`Lbfgs`] remembers, as it is saved. It is checked when it is loaded, and against the model in the next step.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LbfgsState {
    /// The learning rate.
    pub lr: f64,
    /// Steps made.
    pub steps: u64,
    /// Iterations made.
    pub iterations: u64,
    /// Evaluations of the loss.
    pub evaluations: u64,
    /// Paths and lengths of the parameters that the vectors are made of.
    pub parts: Vec<(String, u64)>,
    /// The last direction and gradient; neither before the first iteration.
    pub last: Vec<Tensor>,
    /// The last step length.
    pub step_length: f64,
    /// `(y·s)/(y·y)` of the last change.
    pub scale: f64,
    /// The changes of the parameters `s` and of the gradient `y`, oldest first.
    pub changes: Vec<(Tensor, Tensor)>,
}

impl Lbfgs {
    /// The parameters that train must be those of the step before.
    pub(super) fn match_to<M: Module + ?Sized>(&mut self, model: &M) -> Result<()> {
        let params = trainable(model);
        if params.is_empty() {
            return Err(Error::NoParameters { op: OP });
        }
        if let Some((path, param)) = params.iter().find(|(_, param)| !param.value().dtype().is_float()) {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "parameters must be floats",
                got: format!("{} of {path}", param.value().dtype()),
                repair: "freeze this one",
            });
        }
        let now: Vec<(String, usize)> =
            params.iter().map(|(path, param)| (path.clone(), param.value().len())).collect();
        if self.last.is_none() && self.changes.is_empty() {
            self.parts = now;
            return Ok(());
        }
        let show = |(path, len): &(String, usize)| format!("{path} of {len} elements");
        let missing = now.iter().filter(|part| !self.parts.contains(part));
        let mut problems: Vec<String> = missing.map(|part| format!("nothing of {}", show(part))).collect();
        let gone = self.parts.iter().filter(|part| !now.contains(part));
        problems.extend(gone.map(|part| format!("{}, which does not train", show(part))));
        if problems.is_empty() && now != self.parts {
            problems.push("another order of parameters".to_string());
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Error::StateMismatch { op: OP, problems }),
        }
    }

    /// Everything that the next step depends on besides parameters, loss and settings.
    pub fn state(&self) -> LbfgsState {
        LbfgsState {
            lr: self.config.lr,
            steps: self.steps,
            iterations: self.iterations,
            evaluations: self.evaluations,
            parts: self.parts.iter().map(|(path, len)| (path.clone(), *len as u64)).collect(),
            last: self.last.iter().flat_map(|last| [last.direction.clone(), last.grad.clone()]).collect(),
            step_length: self.last.as_ref().map_or(0.0, |last| last.step_length),
            scale: self.scale,
            changes: self.changes.iter().map(|change| (change.s.clone(), change.y.clone())).collect(),
        }
    }

    /// Continues from a saved state, and takes its learning rate over.
    ///
    /// Errors: `StateMismatch` with all that does not fit together; this one is then as it was.
    pub fn load_state(&mut self, state: LbfgsState) -> Result<()> {
        let LbfgsState { lr, steps, iterations, evaluations, parts, last, step_length, scale, changes } =
            state;
        let mut problems = Vec::new();
        let mut number = |name: &str, x: f64, allowed: bool| {
            if !(x.is_finite() && allowed) {
                problems.push(format!("{name} {x}"));
            }
        };
        number("learning rate", lr, lr > 0.0);
        number("step length", step_length, step_length >= 0.0);
        number("scale", scale, scale > 0.0);
        let n = parts.iter().try_fold(0u64, |n, (_, len)| n.checked_add(*len));
        let fits = |x: &Tensor| x.dtype() == DType::F64 && x.rank() == 1 && Some(x.len() as u64) == n;
        let vectors = last.iter().chain(changes.iter().flat_map(|(s, y)| [s, y]));
        if let Some(x) = vectors.into_iter().find(|x| !fits(x)) {
            let wanted = n.unwrap_or(u64::MAX);
            problems.push(format!("{} {:?} where there must be f64 [{wanted}]", x.dtype(), x.shape()));
        }
        if last.len() != if iterations > 0 { 2 } else { 0 } {
            problems.push(format!("{} last vectors after {iterations} iterations", last.len()));
        }
        if changes.len() > self.config.history_size {
            problems.push(format!("{} changes for a history of {}", changes.len(), self.config.history_size));
        }
        if !problems.is_empty() {
            return Err(Error::StateMismatch { op: OP, problems });
        }
        let mut known = VecDeque::with_capacity(changes.len());
        for (s, y) in changes {
            let rho = 1.0 / dot(&y, &s)?;
            known.push_back(Change { s, y, rho });
        }
        let mut last = last.into_iter();
        self.last =
            last.next().zip(last.next()).map(|(direction, grad)| Last { direction, step_length, grad });
        self.parts = parts.into_iter().map(|(path, len)| (path, len as usize)).collect();
        (self.steps, self.iterations, self.evaluations) = (steps, iterations, evaluations);
        (self.config.lr, self.scale, self.changes) = (lr, scale, known);
        Ok(())
    }
}

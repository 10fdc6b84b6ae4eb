//! Which moments belong to which parameter: found by path once, by place afterwards.

use crate::error::{Error, Result};
use crate::groups::{Groups, Settings};
use crate::state::OptimizerState;
use autodiff::{Gradients, LeafId};
use nn::{Buffer, Module, Param, VisitorMut};
use std::collections::BTreeMap;
use tensor::Tensor;

/// One parameter's settings and moments.
pub(crate) struct Slot<const N: usize> {
    id: LeafId,
    path: String,
    pub(crate) settings: Settings,
    pub(crate) moments: [Tensor; N],
}

/// The moments of a model's trainable parameters, in declaration order.
pub(crate) struct Slots<const N: usize> {
    op: &'static str,
    names: [&'static str; N],
    slots: Vec<Slot<N>>,
    /// A loaded state, until the first step says which model it is for.
    loaded: BTreeMap<String, BTreeMap<String, Tensor>>,
    pub(crate) steps: u64,
}

/// A parameter, its gradient and its slot.
pub(crate) struct Update<'a, const N: usize> {
    pub(crate) param: &'a mut Tensor,
    pub(crate) grad: &'a Tensor,
    pub(crate) settings: Settings,
    pub(crate) moments: &'a mut [Tensor; N],
}

struct Trainable<'a>(Vec<&'a mut Param>);

impl<'a> VisitorMut<'a> for Trainable<'a> {
    fn param(&mut self, param: &'a mut Param) {
        if param.is_trainable() {
            self.0.push(param);
        }
    }
    fn buffer(&mut self, _: &'a mut Buffer) {}
}

impl<const N: usize> Slots<N> {
    pub(crate) fn new(op: &'static str, names: [&'static str; N]) -> Self {
        Self { op, names, slots: Vec::new(), loaded: BTreeMap::new(), steps: 0 }
    }

    /// What is to be updated in this step, in declaration order. All checks are here; what follows cannot fail.
    pub(crate) fn updates<'a>(
        &'a mut self,
        model: &'a mut dyn Module,
        grads: &'a Gradients,
        groups: &Groups,
        weight_decay: f64,
    ) -> Result<Vec<Update<'a, N>>> {
        if !self.fits(model) {
            self.match_to(model, groups, weight_decay)?;
        }
        if self.steps == 0 {
            let silent = |slot: &&Slot<N>| grads.get(slot.id).is_none();
            let paths: Vec<String> = self.slots.iter().filter(silent).map(|slot| slot.path.clone()).collect();
            if !paths.is_empty() {
                return Err(Error::NoGradient { op: self.op, paths });
            }
        }
        let mut params = Trainable(Vec::with_capacity(self.slots.len()));
        model.visit_mut(&mut params);
        let mut updates = Vec::with_capacity(self.slots.len());
        for (param, slot) in params.0.into_iter().zip(&mut self.slots) {
            let Some(grad) = grads.get(slot.id) else { continue };
            let param = param.value_mut();
            if grad.shape() != param.shape() || grad.dtype() != param.dtype() {
                return Err(Error::BadGradient {
                    op: self.op,
                    path: slot.path.clone(),
                    got_dtype: grad.dtype(),
                    got_shape: grad.shape().to_vec(),
                    dtype: param.dtype(),
                    shape: param.shape().to_vec(),
                });
            }
            updates.push(Update { param, grad, settings: slot.settings, moments: &mut slot.moments });
        }
        Ok(updates)
    }

    /// Whether the trainable parameters are those of the last step, in the same order.
    fn fits(&self, model: &mut dyn Module) -> bool {
        struct Compare<'s, const N: usize>(&'s [Slot<N>], usize, bool);
        impl<'a, const N: usize> VisitorMut<'a> for Compare<'_, N> {
            fn param(&mut self, param: &'a mut Param) {
                if param.is_trainable() {
                    self.2 &= self.0.get(self.1).is_some_and(|slot| slot.id == param.id());
                    self.1 += 1;
                }
            }
        }
        let mut compare = Compare(&self.slots, 0, true);
        model.visit_mut(&mut compare);
        compare.2 && compare.1 == self.slots.len() && compare.1 > 0
    }

    /// Finds each trainable parameter's moments by path; those without any start at 0.
    fn match_to(&mut self, model: &mut dyn Module, groups: &Groups, weight_decay: f64) -> Result<()> {
        let params: Vec<(String, &Param)> =
            model.named_params().into_iter().filter(|(_, param)| param.is_trainable()).collect();
        if params.is_empty() {
            return Err(Error::NoParameters { op: self.op });
        }
        let settings = groups.settings(self.op, &params, weight_decay)?;
        let mut known = self.moments();
        let mut problems = Vec::new();
        let mut slots = Vec::with_capacity(params.len());
        for ((path, param), settings) in params.iter().zip(settings) {
            let value = param.value();
            let mut kept = known.remove(path).unwrap_or_default();
            let mut moments = Vec::with_capacity(N);
            for name in self.names {
                moments.push(match kept.remove(name) {
                    None => Tensor::zeros(value.shape(), value.dtype())?,
                    Some(moment) => {
                        if moment.shape() != value.shape() || moment.dtype() != value.dtype() {
                            problems.push(format!(
                                "{path}.{name} {} {:?} for {} {:?}",
                                moment.dtype(),
                                moment.shape(),
                                value.dtype(),
                                value.shape()
                            ));
                        }
                        moment
                    }
                });
            }
            let Ok(moments) = moments.try_into() else { unreachable!("one moment for each name") };
            slots.push(Slot { id: param.id(), path: path.clone(), settings, moments });
        }
        // Moments of parameters that the model does not have at all; those of frozen ones are kept aside.
        let paths: Vec<String> = model.named_params().into_iter().map(|(path, _)| path).collect();
        problems.extend(known.keys().filter(|path| !paths.contains(path)).map(|path| format!("unexpected {path}")));
        if !problems.is_empty() {
            return Err(Error::StateMismatch { op: self.op, problems });
        }
        self.slots = slots;
        self.loaded = known;
        Ok(())
    }

    /// All moments by path and name.
    fn moments(&self) -> BTreeMap<String, BTreeMap<String, Tensor>> {
        let mut all = self.loaded.clone();
        for slot in &self.slots {
            let named = self.names.iter().zip(&slot.moments).map(|(name, moment)| (name.to_string(), moment.clone()));
            all.insert(slot.path.clone(), named.collect());
        }
        all
    }

    pub(crate) fn state(&self, lr: f64) -> OptimizerState {
        OptimizerState { kind: self.op.to_string(), steps: self.steps, lr, moments: self.moments() }
    }

    /// Takes a saved state over. Errors: `StateMismatch` if it is of another optimizer.
    pub(crate) fn load(&mut self, state: OptimizerState) -> Result<f64> {
        let mut problems = Vec::new();
        if state.kind != self.op {
            problems.push(format!("a state of {:?} for {:?}", state.kind, self.op));
        }
        if !(state.lr.is_finite() && state.lr >= 0.0) {
            problems.push(format!("learning rate {}", state.lr));
        }
        for (path, moments) in &state.moments {
            if moments.len() != N || self.names.iter().any(|name| !moments.contains_key(*name)) {
                let found: Vec<&str> = moments.keys().map(String::as_str).collect();
                problems.push(format!("moments {} of {path} for {}", found.join("+"), self.names.join("+")));
            }
        }
        if !problems.is_empty() {
            return Err(Error::StateMismatch { op: self.op, problems });
        }
        self.slots.clear();
        self.steps = state.steps;
        self.loaded = state.moments;
        Ok(state.lr)
    }
}

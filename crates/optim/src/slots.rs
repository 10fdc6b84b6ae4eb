//! Which moments belong to which parameter: found by path once, by place afterwards.

use crate::error::{Error, Result};
use crate::groups::{Groups, Settings};
use crate::state::{OptimizerState, ParamState};
use autodiff::{Gradients, LeafId};
use nn::{Module, Param, Visitor, VisitorMut};
use std::collections::BTreeMap;
use tensor::{DType, Tensor};

/// What moments are called, in alphabetical order.
pub(crate) type Names = &'static [&'static str];

/// What is to be kept of one parameter, and its weight decay where no group says otherwise.
pub(crate) struct Plan {
    pub(crate) weight_decay: f64,
    /// One of the optimizer's sets of names.
    pub(crate) names: Names,
    /// Shapes and types, in the order of the names.
    pub(crate) moments: Vec<(Vec<usize>, DType)>,
}

impl Plan {
    /// Moments of the parameter's own shape and type.
    pub(crate) fn alike(param: &Tensor, names: Names, weight_decay: f64) -> Self {
        let moments = vec![(param.shape().to_vec(), param.dtype()); names.len()];
        Self { weight_decay, names, moments }
    }
}

/// A trainable parameter's settings and moments.
struct Slot {
    id: LeafId,
    path: String,
    settings: Settings,
    steps: u64,
    names: Names,
    moments: Vec<Tensor>,
}

/// The moments of a model's trainable parameters, in declaration order.
pub(crate) struct Slots {
    op: &'static str,
    /// What the moments of a parameter may be called: one set for most optimizers, several where the shape decides.
    sets: Vec<Names>,
    slots: Vec<Slot>,
    /// The state of parameters that are not trained now: of frozen ones, or of all before the first step.
    aside: BTreeMap<String, ParamState>,
    /// Whether `aside` was loaded and has not met its model yet.
    loaded: bool,
    pub(crate) steps: u64,
}

/// A parameter, its gradient and its moments.
pub(crate) struct Update<'a> {
    pub(crate) param: &'a mut Tensor,
    pub(crate) grad: &'a Tensor,
    /// The rows of the parameter that the gradient is of, where it is not of all.
    pub(crate) rows: Option<&'a Tensor>,
    pub(crate) settings: Settings,
    /// The number of this update of the parameter, from 1.
    pub(crate) step: u64,
    pub(crate) moments: &'a mut [Tensor],
}

struct Trainable<'a>(Vec<&'a mut Param>);

impl<'a> VisitorMut<'a> for Trainable<'a> {
    fn param(&mut self, param: &'a mut Param) {
        if param.is_trainable() {
            self.0.push(param);
        }
    }
}

/// Compares a model's trainable parameters with those of the last step.
struct Compare<'s> {
    slots: std::slice::Iter<'s, Slot>,
    equal: bool,
}

impl<'a> Visitor<'a> for Compare<'_> {
    fn param(&mut self, param: &'a Param) {
        if param.is_trainable() {
            self.equal &= self.slots.next().is_some_and(|slot| slot.id == param.id());
        }
    }
}

impl Slots {
    pub(crate) fn new(op: &'static str, names: Names) -> Self {
        Self::one_of(op, vec![names])
    }

    /// With a choice of sets, which [`Plan`]s make for each parameter.
    pub(crate) fn one_of(op: &'static str, sets: Vec<Names>) -> Self {
        Self { op, sets, slots: Vec::new(), aside: BTreeMap::new(), loaded: false, steps: 0 }
    }

    /// What is to be updated in this step, in declaration order. All checks are here; the updates cannot fail but for
    /// want of memory.
    pub(crate) fn updates<'a>(
        &'a mut self,
        model: &'a mut dyn Module,
        grads: &'a Gradients,
        groups: &Groups,
        weight_decay: f64,
    ) -> Result<Vec<Update<'a>>> {
        self.updates_by_rows(model, grads, groups, weight_decay, &|_| false)
    }

    /// [`updates`](Self::updates) where a gradient of rows stays one for the parameters whose settings `by_rows` takes: the rule
    /// leaves the other rows as they are.
    pub(crate) fn updates_by_rows<'a>(
        &'a mut self,
        model: &'a mut dyn Module,
        grads: &'a Gradients,
        groups: &Groups,
        weight_decay: f64,
        by_rows: &dyn Fn(&Settings) -> bool,
    ) -> Result<Vec<Update<'a>>> {
        let names = self.sets[0];
        let plan = |_: &str, param: &Tensor| Plan::alike(param, names, weight_decay);
        self.updates_as(model, grads, groups, &plan, by_rows)
    }

    /// [`updates`](Self::updates) with moments as `plan` has them for a path and its parameter.
    pub(crate) fn updates_by<'a>(
        &'a mut self,
        model: &'a mut dyn Module,
        grads: &'a Gradients,
        groups: &Groups,
        plan: &dyn Fn(&str, &Tensor) -> Plan,
    ) -> Result<Vec<Update<'a>>> {
        self.updates_as(model, grads, groups, plan, &|_| false)
    }

    fn updates_as<'a>(
        &'a mut self,
        model: &'a mut dyn Module,
        grads: &'a Gradients,
        groups: &Groups,
        plan: &dyn Fn(&str, &Tensor) -> Plan,
        by_rows: &dyn Fn(&Settings) -> bool,
    ) -> Result<Vec<Update<'a>>> {
        if !self.fits(model) {
            self.match_to(model, groups, plan)?;
        }
        if self.steps == 0 {
            let silent = |slot: &&Slot| !grads.contains(slot.id);
            let paths: Vec<String> = self.slots.iter().filter(silent).map(|slot| slot.path.clone()).collect();
            if !paths.is_empty() {
                return Err(Error::NoGradient { op: self.op, paths });
            }
        }
        let mut params = Trainable(Vec::with_capacity(self.slots.len()));
        model.visit_mut(&mut params);
        let mut updates = Vec::with_capacity(self.slots.len());
        for (param, slot) in params.0.into_iter().zip(&mut self.slots) {
            let (settings, step) = (slot.settings, slot.steps + 1);
            let (grad, rows, shape) = match grads.rows(slot.id).filter(|_| by_rows(&settings)) {
                Some(grad) => (grad.values(), Some(grad.rows()), grad.shape()),
                None => match grads.whole(slot.id)? {
                    Some(grad) => (grad, None, grad.shape()),
                    None => continue,
                },
            };
            let param = param.value_mut();
            if shape != param.shape() || grad.dtype() != param.dtype() {
                return Err(Error::BadGradient {
                    op: self.op,
                    path: slot.path.clone(),
                    got_dtype: grad.dtype(),
                    got_shape: shape.to_vec(),
                    dtype: param.dtype(),
                    shape: param.shape().to_vec(),
                });
            }
            updates.push(Update { param, grad, rows, settings, step, moments: &mut slot.moments });
        }
        Ok(updates)
    }

    /// Counts a step that was made with `grads`.
    pub(crate) fn advance(&mut self, grads: &Gradients) {
        self.steps += 1;
        for slot in &mut self.slots {
            slot.steps += u64::from(grads.contains(slot.id));
        }
    }

    /// Whether the trainable parameters are those of the last step, in the same order.
    fn fits(&self, model: &dyn Module) -> bool {
        let mut compare = Compare { slots: self.slots.iter(), equal: true };
        model.visit(&mut compare);
        compare.equal && compare.slots.len() == 0 && !self.slots.is_empty()
    }

    /// Finds each trainable parameter's moments by path; those without any start at 0.
    fn match_to(
        &mut self,
        model: &dyn Module,
        groups: &Groups,
        plan: &dyn Fn(&str, &Tensor) -> Plan,
    ) -> Result<()> {
        let params = model.named_params();
        if !params.iter().any(|(_, param)| param.is_trainable()) {
            return Err(Error::NoParameters { op: self.op });
        }
        let plans: Vec<Plan> = params.iter().map(|(path, param)| plan(path, param.value())).collect();
        let decays: Vec<f64> = plans.iter().map(|plan| plan.weight_decay).collect();
        let settings = groups.settings(self.op, &params, &decays)?;
        let mut known = self.by_path();
        let (mut problems, mut slots) = (Vec::new(), Vec::with_capacity(params.len()));
        for (((path, param), settings), plan) in params.iter().zip(settings).zip(plans) {
            if !param.is_trainable() {
                continue;
            }
            let (value, names) = (param.value(), plan.names);
            let mut state = match known.remove(path) {
                Some(state) => {
                    problems.extend(misnamed(path, &state, &[names]));
                    state
                }
                None => {
                    if self.loaded {
                        problems.push(format!("nothing of {path}"));
                    }
                    ParamState::default()
                }
            };
            let mut moments = Vec::with_capacity(names.len());
            for (name, (shape, dtype)) in names.iter().zip(plan.moments) {
                let moment = match state.moments.remove(*name) {
                    None => Tensor::zeros(&shape[..], dtype)?,
                    Some(moment) => moment,
                };
                if moment.shape() != shape || moment.dtype() != dtype {
                    let show = |x: &Tensor| format!("{} {:?}", x.dtype(), x.shape());
                    problems.push(format!("{name} {} of {path} {}", show(&moment), show(value)));
                }
                moments.push(moment);
            }
            slots.push(Slot {
                id: param.id(),
                path: path.clone(),
                settings,
                steps: state.steps,
                names,
                moments,
            });
        }
        // What is left belongs to frozen parameters, or to none.
        let there = |path: &&String| !params.iter().any(|(own, _)| own == *path);
        problems.extend(known.keys().filter(there).map(|path| format!("{path}, which the model has not")));
        if !problems.is_empty() {
            return Err(Error::StateMismatch { op: self.op, problems });
        }
        (self.slots, self.aside, self.loaded) = (slots, known, false);
        Ok(())
    }

    /// What is remembered of every parameter.
    pub(crate) fn by_path(&self) -> BTreeMap<String, ParamState> {
        let mut all = self.aside.clone();
        for slot in &self.slots {
            let named = slot.names.iter().zip(&slot.moments);
            let moments = named.map(|(name, moment)| (name.to_string(), moment.clone())).collect();
            all.insert(slot.path.clone(), ParamState { steps: slot.steps, moments });
        }
        all
    }

    pub(crate) fn state(&self, lr: f64) -> OptimizerState {
        OptimizerState { kind: self.op.to_string(), steps: self.steps, lr, params: self.by_path() }
    }

    /// Takes a saved state over and returns its learning rate. Errors: `StateMismatch`; this one is then as it was.
    pub(crate) fn load(&mut self, state: OptimizerState) -> Result<f64> {
        let mut problems = Vec::new();
        if state.kind != self.op {
            problems.push(format!("a state of {}", state.kind));
        }
        if !(state.lr.is_finite() && state.lr >= 0.0) {
            problems.push(format!("learning rate {}", state.lr));
        }
        for (path, param) in &state.params {
            if param.steps > state.steps {
                problems.push(format!("{} updates of {path} in {} steps", param.steps, state.steps));
            }
            // Another optimizer's are not worth a line each.
            if state.kind == self.op {
                problems.extend(misnamed(path, param, &self.sets));
            }
        }
        if !problems.is_empty() {
            return Err(Error::StateMismatch { op: self.op, problems });
        }
        self.slots.clear();
        (self.steps, self.aside, self.loaded) = (state.steps, state.params, state.steps > 0);
        Ok(state.lr)
    }
}

/// What is wrong with the names of a parameter's moments, which must be one of these sets.
fn misnamed(path: &str, state: &ParamState, sets: &[Names]) -> Option<String> {
    // All in alphabetical order.
    let found: Vec<&str> = state.moments.keys().map(String::as_str).collect();
    if sets.iter().any(|names| found == *names) {
        return None;
    }
    let show = |names: &[&str]| if names.is_empty() { "no moments".to_string() } else { names.join(" and ") };
    let wanted: Vec<String> = sets.iter().map(|names| show(names)).collect();
    Some(format!("{} of {path} where there must be {}", show(&found), wanted.join(", or ")))
}

//! Averages of weights over the steps of a run.

use crate::error::{Error, Result, require};
use nn::{Module, StateDict};

/// What both averages have: the parameters' averages by path, and how many updates are in them.
#[derive(Debug, Clone)]
struct Averages {
    op: &'static str,
    steps: u64,
    values: StateDict,
}

impl Averages {
    fn new(op: &'static str) -> Self {
        Self { op, steps: 0, values: StateDict::default() }
    }

    /// `ā ← ā + share·(p − ā)`; the first time p as it is.
    fn take(&mut self, model: &dyn Module, share: f64) -> Result<()> {
        let params = model.named_params();
        if self.steps == 0 && self.values.is_empty() {
            self.values = params.into_iter().map(|(path, param)| (path, param.value().clone())).collect();
            self.steps = 1;
            return Ok(());
        }
        self.check(model)?;
        let mut next = StateDict::default();
        for (path, param) in params {
            let before = self.values.get(&path).expect("invariant: the paths were compared");
            let step = param.value().sub(before)?.mul_scalar(share)?;
            next.insert(path, before.add(&step)?);
        }
        (self.values, self.steps) = (next, self.steps + 1);
        Ok(())
    }

    fn swap(&mut self, model: &mut dyn Module) -> Result<()> {
        self.check(model)?;
        let mut kept = StateDict::default();
        for (path, param) in model.named_params_mut() {
            let average = self.values.get(&path).expect("invariant: the paths were compared").clone();
            kept.insert(path, std::mem::replace(param.value_mut(), average));
        }
        self.values = kept;
        Ok(())
    }

    /// The averages must be those of this model.
    fn check(&self, model: &dyn Module) -> Result<()> {
        let params = model.named_params();
        let mut problems = Vec::new();
        for (path, param) in &params {
            match self.values.get(path) {
                None => problems.push(format!("nothing of {path}")),
                Some(there)
                    if there.shape() != param.value().shape() || there.dtype() != param.value().dtype() =>
                {
                    problems.push(format!("{} {:?} of {path}", there.dtype(), there.shape()));
                }
                Some(_) => {}
            }
        }
        if problems.is_empty() && self.values.len() != params.len() {
            problems.push(format!("{} averages for {} parameters", self.values.len(), params.len()));
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Error::StateMismatch { op: self.op, problems }),
        }
    }
}

/// The moving average of a model's parameters, `ā ← d·ā + (1 − d)·p` after each step: weights that are often better than the last
/// ones.
///
/// With warm-up, d is at most `(1 + t)/(10 + t)`, so that the start is soon forgotten; PyTorch's and TensorFlow's way. Buffers, such
/// as running means, are those of the model. Source: Polyak & Juditsky 1992; Tarvainen & Valpola 2017, arXiv:1703.01780.
///
/// ```
/// use nn::{Linear, Module};
/// use optim::Ema;
/// use tensor::Tensor;
/// let mut layer = Linear::from_parts(Tensor::from_vec(vec![0.0], [1, 1])?, None)?;
/// let mut ema = Ema::new(0.75)?;
/// ema.update(&layer)?; // the first one is taken as it is
/// layer.weight.set(Tensor::from_vec(vec![4.0], [1, 1])?)?;
/// ema.update(&layer)?;
/// ema.swap(&mut layer)?; // to evaluate or to save
/// assert_eq!(layer.weight.value().item()?, 1.0);
/// ema.swap(&mut layer)?; // to train on
/// assert_eq!(layer.weight.value().item()?, 4.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ema {
    decay: f64,
    warmup: bool,
    averages: Averages,
}

impl Ema {
    /// Of this decay, without warm-up. Errors: `InvalidArgument` unless it lies in 0..1.
    pub fn new(decay: f64) -> Result<Self> {
        require("ema", "the decay must lie in 0..1", "decay", decay, (0.0..1.0).contains(&decay))?;
        Ok(Self { decay, warmup: false, averages: Averages::new("ema") })
    }

    /// With a decay that rises to it.
    pub fn warmup(mut self) -> Self {
        self.warmup = true;
        self
    }

    /// Updates so far.
    pub fn steps(&self) -> u64 {
        self.averages.steps
    }

    /// The averages by path, to be saved; empty before the first update.
    pub fn state(&self) -> &StateDict {
        &self.averages.values
    }

    /// Goes on from averages that were saved, and the number of updates then.
    pub fn load_state(&mut self, average: StateDict, steps: u64) {
        (self.averages.values, self.averages.steps) = (average, steps);
    }

    /// Takes the model's parameters in; the first time as they are.
    ///
    /// Errors: `StateMismatch` for another model than before; the averages are then as they were.
    pub fn update(&mut self, model: &dyn Module) -> Result<()> {
        let t = self.averages.steps as f64;
        let decay = if self.warmup { self.decay.min((1.0 + t) / (10.0 + t)) } else { self.decay };
        self.averages.take(model, 1.0 - decay)
    }

    /// Puts the averages into the model and the model's parameters in their place; a second call puts them back.
    ///
    /// Errors: `StateMismatch` for another model, and before the first update.
    pub fn swap(&mut self, model: &mut dyn Module) -> Result<()> {
        self.averages.swap(model)
    }
}

/// The equal mean of a model's parameters over the steps that were chosen, mostly the ends of the last epochs: stochastic weight
/// averaging, `ā ← ā + (p − ā)/(n + 1)` where n are in it.
///
/// Train with a learning rate that stays high in the end, as [`SwaLr`](crate::SwaLr) does. Buffers, such as the running means of
/// batch norms, are those of the model and not of the averages: after [`swap`](Self::swap), pass training data through the model
/// in training mode to make them anew. Source: Izmailov et al. 2018, arXiv:1803.05407. Differs from PyTorch's `AveragedModel`
/// in: it is no model, and changes places with one.
///
/// ```
/// use nn::{Linear, Module};
/// use optim::Swa;
/// use tensor::Tensor;
/// let mut layer = Linear::from_parts(Tensor::from_vec(vec![0.0], [1, 1])?, None)?;
/// let mut swa = Swa::new();
/// for weight in [3.0, 4.0, 8.0] {
///     layer.weight.set(Tensor::from_vec(vec![weight], [1, 1])?)?;
///     swa.update(&layer)?;
/// }
/// swa.swap(&mut layer)?; // to evaluate or to save
/// assert_eq!(layer.weight.value().item()?, 5.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Swa {
    averages: Averages,
}

impl Default for Swa {
    fn default() -> Self {
        Self::new()
    }
}

impl Swa {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self { averages: Averages::new("swa") }
    }

    /// How many steps are in the mean.
    pub fn steps(&self) -> u64 {
        self.averages.steps
    }

    /// The means by path, to be saved; empty before the first update.
    pub fn state(&self) -> &StateDict {
        &self.averages.values
    }

    /// Goes on from means that were saved, and the number of steps in them then.
    pub fn load_state(&mut self, means: StateDict, steps: u64) {
        (self.averages.values, self.averages.steps) = (means, steps);
    }

    /// Takes the model's parameters in.
    ///
    /// Errors: `StateMismatch` for another model than before; the means are then as they were.
    pub fn update(&mut self, model: &dyn Module) -> Result<()> {
        self.averages.take(model, 1.0 / (self.averages.steps as f64 + 1.0))
    }

    /// Puts the means into the model and the model's parameters in their place; a second call puts them back.
    ///
    /// Errors: `StateMismatch` for another model, and before the first update.
    pub fn swap(&mut self, model: &mut dyn Module) -> Result<()> {
        self.averages.swap(model)
    }
}

//! Averages of weights over the steps of a run.

use crate::error::{Error, Result, require};
use nn::{Module, StateDict};

const OP: &str = "ema";

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
    steps: u64,
    average: StateDict,
}

impl Ema {
    /// Of this decay, without warm-up. Errors: `InvalidArgument` unless it lies in 0..1.
    pub fn new(decay: f64) -> Result<Self> {
        require(OP, "the decay must lie in 0..1", "decay", decay, (0.0..1.0).contains(&decay))?;
        Ok(Self { decay, warmup: false, steps: 0, average: StateDict::default() })
    }

    /// With a decay that rises to it.
    pub fn warmup(mut self) -> Self {
        self.warmup = true;
        self
    }

    /// Updates so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The averages by path, to be saved; empty before the first update.
    pub fn state(&self) -> &StateDict {
        &self.average
    }

    /// Goes on from averages that were saved, and the number of updates then.
    pub fn load_state(&mut self, average: StateDict, steps: u64) {
        (self.average, self.steps) = (average, steps);
    }

    /// Takes the model's parameters in; the first time as they are.
    ///
    /// Errors: `StateMismatch` for another model than before; the averages are then as they were.
    pub fn update(&mut self, model: &dyn Module) -> Result<()> {
        let t = self.steps as f64;
        let decay = if self.warmup { self.decay.min((1.0 + t) / (10.0 + t)) } else { self.decay };
        let params = model.named_params();
        if self.steps == 0 && self.average.is_empty() {
            self.average = params.into_iter().map(|(path, param)| (path, param.value().clone())).collect();
            self.steps = 1;
            return Ok(());
        }
        self.check(model)?;
        let mut next = StateDict::default();
        for (path, param) in params {
            let before = self.average.get(&path).expect("invariant: the paths were compared");
            let step = param.value().sub(before)?.mul_scalar(1.0 - decay)?;
            next.insert(path, before.add(&step)?);
        }
        (self.average, self.steps) = (next, self.steps + 1);
        Ok(())
    }

    /// Puts the averages into the model and the model's parameters in their place; a second call puts them back.
    ///
    /// Errors: `StateMismatch` for another model, and before the first update.
    pub fn swap(&mut self, model: &mut dyn Module) -> Result<()> {
        self.check(model)?;
        let mut kept = StateDict::default();
        for (path, param) in model.named_params_mut() {
            let average = self.average.get(&path).expect("invariant: the paths were compared").clone();
            kept.insert(path, std::mem::replace(param.value_mut(), average));
        }
        self.average = kept;
        Ok(())
    }

    /// The averages must be those of this model.
    fn check(&self, model: &dyn Module) -> Result<()> {
        let params = model.named_params();
        let mut problems = Vec::new();
        for (path, param) in &params {
            match self.average.get(path) {
                None => problems.push(format!("nothing of {path}")),
                Some(there)
                    if there.shape() != param.value().shape() || there.dtype() != param.value().dtype() =>
                {
                    problems.push(format!("{} {:?} of {path}", there.dtype(), there.shape()));
                }
                Some(_) => {}
            }
        }
        if problems.is_empty() && self.average.len() != params.len() {
            problems.push(format!("{} averages for {} parameters", self.average.len(), params.len()));
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Error::StateMismatch { op: OP, problems }),
        }
    }
}

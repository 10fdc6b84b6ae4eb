//! Muon: matrices along the nearest orthogonal one to their momentum.

use crate::adam::AdamConfig;
use crate::error::{Error, Result, require};
use crate::groups::Groups;
use crate::optimizer::Optimizer;
use crate::slots::{Names, Plan, Update};
use crate::state::OptimizerState;
use crate::whole::{Core, beside_step, each, norm, subtract, toward};
use autodiff::Gradients;
use nn::{Module, Pattern};
use tensor::Tensor;
use tensor::fused::{self, AdamItem};

/// How the learning rate depends on the shape of a matrix, `(rows, columns)`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum MuonScale {
    /// `√max(1, rows/columns)`, rows being what comes out of a layer. Source: Jordan et al. 2024.
    #[default]
    Original,
    /// `0.2·√max(rows, columns)`: steps as large as AdamW's, so that its learning rates hold. Source: Liu et al. 2025,
    /// arXiv:2502.16982.
    MatchRmsAdamW,
}

impl MuonScale {
    fn of(self, rows: usize, columns: usize) -> f64 {
        match self {
            MuonScale::Original => (rows as f64 / columns as f64).max(1.0).sqrt(),
            MuonScale::MatchRmsAdamW => 0.2 * (rows.max(columns) as f64).sqrt(),
        }
    }
}

/// Settings of [`Muon`]; PyTorch's names and defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MuonConfig {
    /// Learning rate.
    pub lr: f64,
    /// `λ`, apart from the gradient.
    pub weight_decay: f64,
    /// `μ`
    pub momentum: f64,
    /// Look ahead along the momentum.
    pub nesterov: bool,
    /// `a`, `b`, `c` of `x ← a·x + (b·xxᵀ + c·(xxᵀ)²)·x`.
    pub ns_coefficients: (f64, f64, f64),
    /// How often that is done; below 100.
    pub ns_steps: usize,
    /// What the norm of the momentum is at least.
    pub eps: f64,
    /// How the learning rate depends on the shape; PyTorch's `adjust_lr_fn`.
    pub scale: MuonScale,
}

impl Default for MuonConfig {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            weight_decay: 0.1,
            momentum: 0.95,
            nesterov: true,
            ns_coefficients: (3.4445, -4.7750, 2.0315),
            ns_steps: 5,
            eps: 1e-7,
            scale: MuonScale::Original,
        }
    }
}

/// Muon, for the matrices inside a network: a step whose singular values are all about 1.
///
/// `b ← b + (1 − μ)(g − b)`, `u = g + μ(b − g)` with Nesterov, else b, `p ← p·(1 − lr·λ)`, `p ← p − lr·s·NS(u)`, where s is
/// the [`MuonScale`] and `NS` five steps after Newton and Schulz from `x = u/‖u‖`: `x ← a·x + (b·xxᵀ + c·(xxᵀ)²)·x`, on the
/// transposed where there are more rows than columns. They bring singular values to between about 0.7 and 1.2.
///
/// Parameters that are no matrices are refused by the first step, unless they are given to AdamW by
/// [`with_fallback`](Self::with_fallback); embeddings and the last layer are better there too, by
/// [`fallback_also`](Self::fallback_also).
///
/// Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon; Bernstein & Newhouse 2024, arXiv:2409.20325. Differs from
/// PyTorch in: NS is computed in the parameter's own type (BF16 and F16 in F32), not in BF16; AdamW for the others is part of
/// it; of its three functions of the shape, `spectral_unclamped` is not here.
///
/// ```
/// use autodiff::Gradients;
/// use nn::{Linear, Module};
/// use optim::{AdamConfig, Muon, MuonConfig, Optimizer};
/// use tensor::Tensor;
/// let weight = Tensor::from_vec(vec![0.0; 4], [2, 2])?;
/// let mut layer = Linear::from_parts(weight, Some(Tensor::from_vec(vec![0.0; 2], [2])?))?;
/// let mut grads = Gradients::default();
/// grads.insert(layer.weight.id(), Tensor::from_vec(vec![3.0, 0.0, 0.0, -0.5], [2, 2])?);
/// grads.insert(layer.bias.as_ref().unwrap().id(), Tensor::from_vec(vec![5.0, -0.1], [2])?);
/// let mut muon = Muon::new(0.1).with_fallback(AdamConfig { lr: 0.01, ..Default::default() });
/// muon.step(&mut layer, &grads)?;
/// // Large and small gradients alike; the bias goes by its own learning rate.
/// let w = layer.weight.value().to_vec::<f64>()?;
/// assert!((-0.12..-0.06).contains(&w[0]) && (0.06..0.12).contains(&w[3]));
/// let b = layer.bias.as_ref().unwrap().value().to_vec::<f64>()?;
/// assert!((b[0] + 0.01).abs() < 1e-8 && (b[1] - 0.01).abs() < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Muon {
    config: MuonConfig,
    /// AdamW's settings.
    fallback: Option<AdamConfig>,
    /// The matrices that it takes too.
    also: Vec<Pattern>,
    core: Core,
}

const OP: &str = "muon";
const MATRIX: Names = &["momentum_buffer"];
const OTHER: Names = &["m", "v"];

impl Muon {
    /// With this learning rate and the usual settings. One that is not finite and positive is refused by the first step.
    pub fn new(lr: f64) -> Self {
        Self::with_config(MuonConfig { lr, ..Default::default() })
    }

    /// With these settings. One outside its range is refused by the first step, `InvalidArgument`.
    pub fn with_config(config: MuonConfig) -> Self {
        let core = Core::new(OP, config.lr, vec![OTHER, MATRIX]);
        Self { config, fallback: None, also: Vec::new(), core }
    }

    /// Parameters that are no matrices go by AdamW with these settings. Its learning rate keeps its proportion to Muon's when a
    /// schedule sets that.
    ///
    /// ```
    /// use optim::{AdamConfig, Muon};
    /// let adamw = AdamConfig { lr: 3e-4, weight_decay: 0.01, ..Default::default() };
    /// let muon = Muon::new(0.02).with_fallback(adamw).fallback_also("embedding.**").fallback_also("head.weight");
    /// ```
    pub fn with_fallback(mut self, adamw: AdamConfig) -> Self {
        self.fallback = Some(adamw);
        self
    }

    /// Matrices whose paths match `pattern` (see [`Pattern`]) go by AdamW too. A step without [`with_fallback`](Self::with_fallback)
    /// refuses them then, and a pattern that names no parameter, `NoMatch`.
    pub fn fallback_also(mut self, pattern: &str) -> Self {
        self.also.push(Pattern::new(pattern));
        self
    }

    /// Settings of their own for some parameters, of either kind.
    pub fn groups(mut self, groups: Groups) -> Self {
        self.core.groups = groups;
        self
    }

    fn check(&self) -> Result<()> {
        let MuonConfig { lr, weight_decay, momentum, nesterov: _, ns_coefficients, ns_steps, eps, scale: _ } =
            self.config;
        // The fallback's learning rate is a multiple of it.
        require(OP, "the learning rate must be finite and positive", "lr", lr, lr > 0.0)?;
        self.core.check_not_negative("weight_decay", weight_decay)?;
        require(OP, "momentum must lie in 0..1", "momentum", momentum, (0.0..1.0).contains(&momentum))?;
        let (a, b, c) = ns_coefficients;
        for (name, x) in [("a", a), ("b", b), ("c", c)] {
            require(OP, "a coefficient must be finite", name, x, true)?;
        }
        let steps = ns_steps as f64;
        require(
            OP,
            "there must be fewer than 100 steps of the iteration",
            "ns_steps",
            steps,
            ns_steps < 100,
        )?;
        require(OP, "eps must be finite and positive", "eps", eps, eps > 0.0)?;
        let Some(AdamConfig { lr, beta1, beta2, eps, weight_decay }) = self.fallback else { return Ok(()) };
        self.core.check_not_negative("lr of the fallback", lr)?;
        self.core.check_share("beta1 of the fallback", beta1)?;
        self.core.check_share("beta2 of the fallback", beta2)?;
        self.core.check_not_negative("eps of the fallback", eps)?;
        self.core.check_not_negative("weight_decay of the fallback", weight_decay)
    }

    /// Whether there is a rule for every parameter that trains, and a parameter for every pattern.
    fn check_model(&self, model: &dyn Module) -> Result<()> {
        if self.fallback.is_some() && self.also.is_empty() {
            return Ok(());
        }
        let params = model.named_params();
        for pattern in &self.also {
            if !params.iter().any(|(path, _)| pattern.matches(path)) {
                return Err(Error::NoMatch {
                    op: OP,
                    pattern: pattern.as_str().to_string(),
                    paths: params.into_iter().map(|(path, _)| path).collect(),
                });
            }
        }
        let others: Vec<String> = params
            .iter()
            .filter(|(path, param)| param.is_trainable() && !takes(&self.also, path, param.value()))
            .map(|(path, param)| format!("{path} {:?}", param.value().shape()))
            .collect();
        match others.is_empty() || self.fallback.is_some() {
            true => Ok(()),
            false => Err(Error::NotMatrices { op: OP, params: others }),
        }
    }
}

/// Whether a parameter goes by Muon's rule: a matrix that was not given to AdamW.
fn takes(also: &[Pattern], path: &str, param: &Tensor) -> bool {
    param.rank() == 2 && !also.iter().any(|pattern| pattern.matches(path))
}

/// `NS(u)`: u with singular values of about 1.
fn orthogonal(u: &Tensor, config: &MuonConfig) -> Result<Tensor> {
    let (a, b, c) = config.ns_coefficients;
    let tall = u.shape()[0] > u.shape()[1];
    // The smaller of both products.
    let mut x = if tall { u.t()? } else { u.clone() }.mul_scalar(1.0 / norm(u)?.max(config.eps))?;
    for _ in 0..config.ns_steps {
        let gram = x.matmul(&x.t()?)?;
        let by = gram.mul_scalar(b)?.add(&gram.matmul(&gram)?.mul_scalar(c)?)?;
        x = x.mul_scalar(a)?.add(&by.matmul(&x)?)?;
    }
    Ok(if tall { x.t()? } else { x })
}

/// One step of a matrix.
fn rule(config: &MuonConfig, lr: f64, update: Update) -> Result<()> {
    let Update { param, grad, settings, moments, .. } = update;
    let [buffer] = moments else { unreachable!("invariant: a matrix has one moment") };
    if param.len() == 0 {
        return Ok(());
    }
    toward(buffer, grad, 1.0 - config.momentum)?;
    let along = match config.nesterov {
        true => grad.add(&buffer.sub(grad)?.mul_scalar(config.momentum)?)?,
        false => buffer.clone(),
    };
    let along = orthogonal(&along, config)?;
    fused::scale(param, 1.0 - lr * settings.weight_decay)?;
    subtract(param, &along, lr * config.scale.of(param.shape()[0], param.shape()[1]))
}

/// One step of any other parameter.
fn adamw(config: &AdamConfig, lr: f64, update: Update) -> Result<()> {
    let Update { param, grad, settings, step, moments, .. } = update;
    let [m, v] = moments else { unreachable!("invariant: adamw keeps two moments") };
    let AdamConfig { beta1, beta2, eps, .. } = *config;
    let item = AdamItem { param, grad, m, v, lr, weight_decay: settings.weight_decay };
    let config = fused::AdamConfig { beta1, beta2, eps, decoupled: true, step, grad_scale: 1.0 };
    Ok(fused::adam_update(&mut [item], &config)?)
}

impl Optimizer for Muon {
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<()> {
        self.check()?;
        self.check_model(model)?;
        let (config, fallback) = (&self.config, self.fallback.unwrap_or_default());
        let (also, Core { lr, groups, slots, .. }) = (&self.also, &mut self.core);
        let lr = *lr;
        let updates =
            slots.updates_by(model, grads, groups, &|path, param| match takes(also, path, param) {
                true => Plan::alike(param, MATRIX, config.weight_decay),
                false => Plan::alike(param, OTHER, fallback.weight_decay),
            })?;
        each(OP, updates, |update| match update.moments.len() {
            1 => rule(config, lr * update.settings.lr_scale, update),
            _ => adamw(&fallback, fallback.lr * (lr / config.lr) * update.settings.lr_scale, update),
        })?;
        self.core.slots.advance(grads);
        Ok(())
    }

    beside_step!(state);
}

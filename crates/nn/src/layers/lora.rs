//! Low-rank adapters of a model's matrices.

use super::Layer;
use crate::Module;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::init::Init;
use crate::module::Visitor;
use crate::param::Param;
use crate::pattern::Pattern;
use autodiff::Var;
use tensor::{Rng, Tensor};

/// How a [`Lora`] is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoraConfig<'a> {
    /// The rank of a change.
    pub rank: usize,
    /// A change is multiplied by `alpha/rank`.
    pub alpha: f64,
    /// Which matrices are adapted; see [`Pattern`].
    pub pattern: &'a str,
}

impl Default for LoraConfig<'_> {
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0, pattern: "**.weight" }
    }
}

/// The factors of one matrix's change.
#[derive(Debug, Clone, Module)]
pub struct Adapter {
    /// `(rank, cols)`
    #[module(name = "lora_A")]
    pub a: Param,
    /// `(rows, rank)`, zeros at first.
    #[module(name = "lora_B")]
    pub b: Param,
    /// The matrix's place among the base's parameters.
    place: usize,
    path: String,
}

impl Adapter {
    /// The path of the matrix in the base.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// A frozen model, some of whose matrices are changed by products of small ones, `W + alpha/rank·B·A`, which alone are trained.
///
/// Any parameter of two axes can be adapted, of whichever layer, so that no layer knows of it. At first B is 0 and the model
/// as it was. The sum is made in each pass, and its gradient is that of the whole matrix: what is saved is the optimizer's memory,
/// not the product; [`merged`](Lora::merged) gives the plain model for inference. Parameters: the base's under `base`, and
/// `adapters.0.lora_A`, `adapters.0.lora_B` and so on, in the order of the base's. Source: Hu et al. 2021, arXiv:2106.09685.
///
/// ```
/// use nn::{Context, Layer, Linear, Lora, LoraConfig, Module, Sequential};
/// use tensor::{DType, Rng};
/// let rng = &mut Rng::seed(0);
/// let net = Sequential::new().push(Linear::new(64, 64, rng)?).push(Linear::new(64, 10, rng)?);
/// let x = rng.normal([5, 64], 0.0, 1.0, DType::F32)?.into();
/// let before = net.forward(&x, &mut Context::eval())?;
/// let lora = Lora::new(net, &LoraConfig { rank: 2, pattern: "0.weight", ..LoraConfig::default() }, rng)?;
/// assert_eq!(lora.adapters()[0].path(), "0.weight");
/// assert!(lora.forward(&x, &mut Context::eval())?.value().bit_eq(before.value()));
/// let trained: usize = lora.named_params().iter().filter(|(_, p)| p.is_trainable()).map(|(_, p)| p.value().len()).sum();
/// assert_eq!(trained, 2 * (64 + 64));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Lora<M> {
    base: M,
    adapters: Vec<Adapter>,
    scale: f64,
}

/// All parameters in order.
fn params(module: &dyn Module) -> Vec<&Param> {
    struct Collect<'a>(Vec<&'a Param>);
    impl<'a> Visitor<'a> for Collect<'a> {
        fn param(&mut self, param: &'a Param) {
            self.0.push(param);
        }
    }
    let mut collect = Collect(Vec::new());
    module.visit(&mut collect);
    collect.0
}

impl<M: Module> Lora<M> {
    /// Freezes `base` and adapts the matrices that `config` names. Takes a stream from `rng` for each.
    ///
    /// Errors: `InvalidArgument` for a rank of 0 and an alpha that is no number; `NoMatch` for a pattern that names no matrix.
    pub fn new(mut base: M, config: &LoraConfig, rng: &mut Rng) -> Result<Self> {
        let &LoraConfig { rank, alpha, pattern } = config;
        if rank == 0 || !alpha.is_finite() {
            return Err(Error::InvalidArgument {
                op: "lora",
                rule: "there must be a rank, and alpha a number",
                got: format!("rank {rank}, alpha {alpha}"),
                repair: "use a rank of 8 or so",
            });
        }
        let wanted = Pattern::new(pattern);
        let mut adapters = Vec::new();
        for (place, (path, param)) in base.named_params().into_iter().enumerate() {
            let (value, dtype) = (param.value(), param.value().dtype());
            if let ([rows, cols], true) = (value.shape(), wanted.matches(&path)) {
                let limit = 1.0 / (*cols).max(1) as f64;
                let a = Init::Uniform { limit: limit.sqrt() }.tensor([rank, *cols], dtype, rng)?;
                let b = Tensor::zeros([*rows, rank], dtype)?;
                adapters.push(Adapter { a: Param::new(a), b: Param::new(b), place, path });
            }
        }
        if adapters.is_empty() {
            let matrices = base.named_params().into_iter().filter(|(_, p)| p.value().rank() == 2);
            return Err(Error::NoMatch {
                op: "lora",
                pattern: pattern.to_string(),
                paths: matrices.map(|(path, _)| path).collect(),
            });
        }
        base.named_params_mut().into_iter().for_each(|(_, param)| param.set_trainable(false));
        Ok(Self { base, adapters, scale: alpha / rank as f64 })
    }

    /// The model that is adapted.
    pub fn base(&self) -> &M {
        &self.base
    }

    /// The factors of all changes.
    pub fn adapters(&self) -> &[Adapter] {
        &self.adapters
    }

    /// Runs `part` on the base with its changed matrices: for models whose forward is not a layer's.
    pub fn run<T>(&self, cx: &mut Context, part: impl FnOnce(&M, &mut Context) -> Result<T>) -> Result<T> {
        let all = params(&self.base);
        let changed = self.adapters.iter().map(|Adapter { a, b, place, .. }| {
            let change = cx.param(b).matmul(&cx.param(a))?.mul_scalar(self.scale)?;
            Ok((all[*place].id(), cx.param(all[*place]).add(&change)?))
        });
        let changed = changed.collect::<Result<Vec<_>>>()?;
        cx.with_stand_ins(changed, |cx| cx.within("base", |cx| part(&self.base, cx)))
    }

    /// The base with its changes made for good, to be trained as a whole.
    pub fn merged(mut self) -> Result<M> {
        let changed = self
            .adapters
            .iter()
            .map(|Adapter { a, b, .. }| Ok(b.value().matmul(a.value())?.mul_scalar(self.scale)?));
        let changed = changed.collect::<Result<Vec<_>>>()?;
        let mut params = self.base.named_params_mut();
        for (adapter, change) in self.adapters.iter().zip(changed) {
            let param = &mut params[adapter.place].1;
            param.set(param.value().add(&change)?)?;
        }
        params.into_iter().for_each(|(_, param)| param.set_trainable(true));
        Ok(self.base)
    }
}

impl<M: Layer> Layer for Lora<M> {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.run(cx, |base, cx| base.forward(x, cx))
    }
    fn kind(&self) -> String {
        format!("Lora({})", self.base.kind())
    }
}

//! Optimizers that look at one element at a time, in place: all parameters in one parallel pass, each element read and written
//! once.

use super::update::{check, for_segments, round_into, wide, writable};
use crate::dtype::Float;
use crate::error::Result;
use crate::parallel::Disjoint;
use crate::simd::simd_fn;
use crate::tensor::Tensor;

/// What is done at every element. Letters: p the parameter, g its gradient, lr the learning rate, t the number of the step. As
/// PyTorch's optimizers of these names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UpdateRule {
    /// `v ← α·v + (1 − α)·g²`, `p ← p − lr·g/(√v + ε)`; centered: `√(v − ḡ²)`, `ḡ ← ḡ + (1 − α)(g − ḡ)`; with momentum
    /// `b ← μ·b + g/…`, `p ← p − lr·b`. Moments: ḡ if centered, b with momentum, v.
    RmsProp {
        /// `α`
        alpha: f64,
        /// `ε`
        eps: f64,
        /// `μ`, of which 0 is none.
        momentum: f64,
        /// Whether the mean is taken away from the square.
        centered: bool,
    },
    /// `s ← s + g²`, `p ← p − lr/(1 + (t − 1)·decay)·g/(√s + ε)`. Moment: s.
    Adagrad {
        /// How the learning rate falls.
        lr_decay: f64,
        /// `ε`
        eps: f64,
    },
    /// `v ← ρ·v + (1 − ρ)·g²`, `d = √(a + ε)/√(v + ε)·g`, `a ← ρ·a + (1 − ρ)·d²`, `p ← p − lr·d`. Moments: a, v.
    Adadelta {
        /// `ρ`
        rho: f64,
        /// `ε`
        eps: f64,
    },
    /// `m ← m + (1 − β₁)(g − m)`, `u ← max(β₂·u, |g| + ε)`, `p ← p − lr/(1 − β₁ᵗ)·m/u`. Moments: m, u.
    Adamax {
        /// `β₁`
        beta1: f64,
        /// `β₂`
        beta2: f64,
        /// `ε`
        eps: f64,
    },
    /// Adam with a look ahead: `p ← p − lr·((1 − μₜ)/(1 − Πμ)·g + μₜ₊₁/(1 − Πμ·μₜ₊₁)·m)/(√v̂ + ε)`. Moments: m, v.
    NAdam {
        /// `β₁`
        beta1: f64,
        /// `β₂`
        beta2: f64,
        /// `ε`
        eps: f64,
        /// `ψ` of `μₜ = β₁·(1 − 0.96^(t·ψ)/2)`.
        momentum_decay: f64,
    },
    /// Adam, rectified: `p ← p − lr·m̂·r·√(1 − β₂ᵗ)/(√v + ε)` where the variance is known, `p − lr·m̂` before. Moments: m, v.
    RAdam {
        /// `β₁`
        beta1: f64,
        /// `β₂`
        beta2: f64,
        /// `ε`
        eps: f64,
    },
    /// `p ← p − lr·sign(β₁·m + (1 − β₁)·g)`, `m ← β₂·m + (1 − β₂)·g`. Moment: m. Source: Chen et al. 2023, arXiv:2302.06675.
    Lion {
        /// `β₁`
        beta1: f64,
        /// `β₂`
        beta2: f64,
    },
}

impl UpdateRule {
    /// How many moments it has.
    fn moments(self) -> usize {
        match self {
            UpdateRule::RmsProp { momentum, centered, .. } => {
                1 + usize::from(centered) + usize::from(momentum > 0.0)
            }
            UpdateRule::Adagrad { .. } | UpdateRule::Lion { .. } => 1,
            _ => 2,
        }
    }
}

/// A parameter and what goes with it.
pub struct RuleItem<'a> {
    /// `p`, changed in place.
    pub param: &'a mut Tensor,
    /// `g`
    pub grad: &'a Tensor,
    /// The rule's moments, in its order, changed in place.
    pub moments: &'a mut [Tensor],
    /// `t`: the number of this update, from 1.
    pub step: u64,
    /// The learning rate.
    pub lr: f64,
    /// `λ`
    pub weight_decay: f64,
}

/// A rule with its constants for one item.
trait Rule<T, const N: usize>: Copy + Sync {
    /// The parameter and its moments after the step. `#[inline(always)]`.
    fn at(self, p: T, g: T, m: [T; N]) -> (T, [T; N]);
}

macro_rules! rule {
    ($name:ident[$n:literal]($($k:ident),*): |$p:ident, $g:ident, $m:pat_param| $body:expr;) => {
        #[derive(Clone, Copy)]
        struct $name<T> {
            $($k: T),*
        }
        impl<T: Float> Rule<T, $n> for $name<T> {
            #[inline(always)]
            fn at(self, $p: T, $g: T, $m: [T; $n]) -> (T, [T; $n]) {
                let Self { $($k),* } = self;
                $body
            }
        }
    };
}

rule! { RmsProp[1](lr, keep, take, eps): |p, g, [v]| {
    let v = keep.mul(v).add(take.mul(g.mul(g)));
    (p.sub(lr.mul(g.div(v.sqrt().add(eps)))), [v])
}; }
rule! { RmsPropCentered[2](lr, keep, take, eps): |p, g, [mean, v]| {
    let v = keep.mul(v).add(take.mul(g.mul(g)));
    let mean = mean.add(take.mul(g.sub(mean)));
    (p.sub(lr.mul(g.div(v.sub(mean.mul(mean)).sqrt().add(eps)))), [mean, v])
}; }
rule! { RmsPropMomentum[2](lr, keep, take, eps, momentum): |p, g, [b, v]| {
    let v = keep.mul(v).add(take.mul(g.mul(g)));
    let b = momentum.mul(b).add(g.div(v.sqrt().add(eps)));
    (p.sub(lr.mul(b)), [b, v])
}; }
rule! { RmsPropBoth[3](lr, keep, take, eps, momentum): |p, g, [mean, b, v]| {
    let v = keep.mul(v).add(take.mul(g.mul(g)));
    let mean = mean.add(take.mul(g.sub(mean)));
    let b = momentum.mul(b).add(g.div(v.sub(mean.mul(mean)).sqrt().add(eps)));
    (p.sub(lr.mul(b)), [mean, b, v])
}; }
rule! { Adagrad[1](lr, eps): |p, g, [s]| {
    let s = s.add(g.mul(g));
    (p.sub(lr.mul(g.div(s.sqrt().add(eps)))), [s])
}; }
rule! { Adadelta[2](lr, keep, take, eps): |p, g, [a, v]| {
    let v = keep.mul(v).add(take.mul(g.mul(g)));
    let d = a.add(eps).sqrt().div(v.add(eps).sqrt()).mul(g);
    (p.sub(lr.mul(d)), [keep.mul(a).add(take.mul(d.mul(d))), v])
}; }
rule! { Adamax[2](step_size, take1, keep2, eps): |p, g, [m, u]| {
    let m = m.add(take1.mul(g.sub(m)));
    let (u, size) = (keep2.mul(u), if g < T::ZERO { T::ZERO.sub(g) } else { g });
    let size = size.add(eps);
    let u = if size > u { size } else { u };
    (p.sub(step_size.mul(m.div(u))), [m, u])
}; }
rule! { NAdam[2](of_g, of_m, take1, keep2, take2, root_scale, eps): |p, g, [m, v]| {
    let m = m.add(take1.mul(g.sub(m)));
    let v = keep2.mul(v).add(take2.mul(g.mul(g)));
    let root = v.sqrt().mul(root_scale).add(eps);
    (p.sub(of_g.mul(g).add(of_m.mul(m)).div(root)), [m, v])
}; }
rule! { RAdam[2](step_size, adapts, plain, take1, keep2, take2, eps): |p, g, [m, v]| {
    let m = m.add(take1.mul(g.sub(m)));
    let v = keep2.mul(v).add(take2.mul(g.mul(g)));
    let by = adapts.div(v.sqrt().add(eps)).add(plain);
    (p.sub(step_size.mul(m).mul(by)), [m, v])
}; }
rule! { Lion[1](lr, shrink, keep1, take1, keep2, take2): |p, g, [m]| {
    let along = keep1.mul(m).add(take1.mul(g));
    let sign = if along > T::ZERO { T::ONE } else if along < T::ZERO { T::ZERO.sub(T::ONE) } else { along };
    (p.mul(shrink).sub(lr.mul(sign)), [keep2.mul(m).add(take2.mul(g))])
}; }

simd_fn! {
    fn step_run[T: Float, R: Rule<T, N>, const N: usize](rule: R, decay: T, p: &mut [T], g: &[T], m: [&mut [T]; N]) {
        let n = p.len();
        let (g, m) = (&g[..n], m.map(|m| &mut m[..n]));
        for i in 0..n {
            let (new, moments) = rule.at(p[i], g[i].add(decay.mul(p[i])), std::array::from_fn(|k| m[k][i]));
            p[i] = new;
            for k in 0..N {
                m[k][i] = moments[k];
            }
        }
    }
}

/// One step of `rule` at all items, `λ·p` added to the gradient first; Lion shrinks the parameter by `1 − lr·λ` instead.
///
/// Parameters of BF16 and F16 are updated in F32 and rounded, moments too. Errors: `ShapeMismatch` or `DTypeMismatch` unless an
/// item's tensors have one shape and one float dtype; nothing is changed then.
///
/// Panics unless each item has as many moments as the rule.
pub fn rule_update(items: &mut [RuleItem], rule: UpdateRule) -> Result<()> {
    for item in items.iter() {
        assert_eq!(item.moments.len(), rule.moments(), "invariant: an item has the rule's moments");
        let others: Vec<&Tensor> = [item.grad].into_iter().chain(item.moments.iter()).collect();
        check(OP, item.param, &others)?;
    }
    for item in items.iter_mut().filter(|item| item.param.dtype().is_narrow()) {
        let (mut param, grad) = (wide(item.param)?, wide(item.grad)?);
        let mut moments = item.moments.iter().map(wide).collect::<Result<Vec<_>>>()?;
        let RuleItem { step, lr, weight_decay, .. } = *item;
        let wider =
            RuleItem { param: &mut param, grad: &grad, moments: &mut moments, step, lr, weight_decay };
        rule_update(&mut [wider], rule)?;
        round_into(item.param, &param)?;
        for (kept, new) in item.moments.iter_mut().zip(&moments) {
            round_into(kept, new)?;
        }
    }
    of_type::<f32>(items, rule)?;
    of_type::<f64>(items, rule)
}

const OP: &str = "rule_update";

fn of_type<T: Float>(items: &mut [RuleItem], rule: UpdateRule) -> Result<()> {
    let of = T::of;
    let power = |beta: f64, t: u64| libm::pow(beta, t as f64);
    match rule {
        UpdateRule::RmsProp { alpha, eps, momentum, centered } => {
            let (keep, take, eps, momentum) = (of(alpha), of(1.0 - alpha), of(eps), of(momentum));
            match (centered, momentum > T::ZERO) {
                (false, false) => run(items, |item| RmsProp { lr: of(item.lr), keep, take, eps }),
                (true, false) => run(items, |item| RmsPropCentered { lr: of(item.lr), keep, take, eps }),
                (false, true) => {
                    run(items, |item| RmsPropMomentum { lr: of(item.lr), keep, take, eps, momentum })
                }
                (true, true) => run(items, |item| RmsPropBoth { lr: of(item.lr), keep, take, eps, momentum }),
            }
        }
        UpdateRule::Adagrad { lr_decay, eps } => run(items, |item| {
            let lr = item.lr / (1.0 + (item.step - 1) as f64 * lr_decay);
            Adagrad { lr: of(lr), eps: of(eps) }
        }),
        UpdateRule::Adadelta { rho, eps } => {
            run(items, |item| Adadelta { lr: of(item.lr), keep: of(rho), take: of(1.0 - rho), eps: of(eps) })
        }
        UpdateRule::Adamax { beta1, beta2, eps } => run(items, |item| Adamax {
            step_size: of(item.lr / (1.0 - power(beta1, item.step))),
            take1: of(1.0 - beta1),
            keep2: of(beta2),
            eps: of(eps),
        }),
        UpdateRule::NAdam { beta1, beta2, eps, momentum_decay } => {
            let mu = |t: u64| beta1 * (1.0 - 0.5 * libm::pow(0.96, t as f64 * momentum_decay));
            // Items mostly have one number of steps.
            let mut known = (0, 1.0);
            run(items, |item| {
                if known.0 > item.step {
                    known = (0, 1.0);
                }
                // Behind these many steps the product is 0 to the last bit, for any β₁ up to 0.999.
                for t in known.0 + 1..=item.step.min(1_000_000) {
                    known = (t, known.1 * mu(t));
                    if known.1 == 0.0 {
                        break;
                    }
                }
                let (product, next) = (known.1, mu(item.step + 1));
                NAdam {
                    of_g: of(item.lr * (1.0 - mu(item.step)) / (1.0 - product)),
                    of_m: of(item.lr * next / (1.0 - product * next)),
                    take1: of(1.0 - beta1),
                    keep2: of(beta2),
                    take2: of(1.0 - beta2),
                    root_scale: of(1.0 / (1.0 - power(beta2, item.step)).sqrt()),
                    eps: of(eps),
                }
            })
        }
        UpdateRule::RAdam { beta1, beta2, eps } => run(items, |item| {
            let (first, second) = (1.0 - power(beta1, item.step), 1.0 - power(beta2, item.step));
            let longest = 2.0 / (1.0 - beta2) - 1.0;
            let length = longest - 2.0 * item.step as f64 * (1.0 - second) / second;
            let (adapts, plain) = match length > 5.0 {
                true => {
                    let of_now = (length - 4.0) * (length - 2.0) * longest;
                    let of_all = (longest - 4.0) * (longest - 2.0) * length;
                    ((of_now / of_all * second).sqrt(), 0.0)
                }
                false => (0.0, 1.0),
            };
            RAdam {
                step_size: of(item.lr / first),
                adapts: of(adapts),
                plain: of(plain),
                take1: of(1.0 - beta1),
                keep2: of(beta2),
                take2: of(1.0 - beta2),
                eps: of(eps),
            }
        }),
        UpdateRule::Lion { beta1, beta2 } => run_with(
            items,
            |_| 0.0,
            |item| Lion {
                lr: of(item.lr),
                shrink: of(1.0 - item.lr * item.weight_decay),
                keep1: of(beta1),
                take1: of(1.0 - beta1),
                keep2: of(beta2),
                take2: of(1.0 - beta2),
            },
        ),
    }
}

fn run<T: Float, R: Rule<T, N>, const N: usize>(
    items: &mut [RuleItem],
    rule_of: impl FnMut(&RuleItem) -> R,
) -> Result<()> {
    run_with(items, |item| item.weight_decay, rule_of)
}

/// `decay_of`: what of the parameter is added to the gradient.
fn run_with<T: Float, R: Rule<T, N>, const N: usize>(
    items: &mut [RuleItem],
    decay_of: impl Fn(&RuleItem) -> f64,
    mut rule_of: impl FnMut(&RuleItem) -> R,
) -> Result<()> {
    struct Slices<T, R, const N: usize> {
        rule: R,
        decay: T,
        p: Disjoint<T>,
        g: Tensor,
        m: [Disjoint<T>; N],
    }
    let mut slices = Vec::with_capacity(items.len());
    for item in items.iter_mut().filter(|item| item.param.dtype() == T::DTYPE) {
        let (rule, decay) = (rule_of(item), T::of(decay_of(item)));
        let mut moments = Vec::with_capacity(N);
        for moment in item.moments.iter_mut() {
            moments.push(writable(OP, moment)?);
        }
        let Ok(m) = <[Disjoint<T>; N]>::try_from(moments) else {
            unreachable!("invariant: the number of moments was checked")
        };
        slices.push(Slices { rule, decay, p: writable(OP, item.param)?, g: item.grad.contiguous()?, m });
    }
    let lens = slices.iter().map(|s| s.g.len());
    for_segments(lens, |item, range| {
        let Slices { rule, decay, p, g, m } = &slices[item];
        let g = &g.as_slice::<T>().unwrap_or_default()[range.clone()];
        // SAFETY: the tensors are borrowed by `items`, two tensors that are written never share a buffer, and segments do not
        // overlap.
        let (p, m) = unsafe { (p.slice(range.clone()), m.each_ref().map(|m| m.slice(range.clone()))) };
        step_run(*rule, *decay, p, g, m);
    });
    Ok(())
}

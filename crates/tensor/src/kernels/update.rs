//! Optimizer updates in place: all parameters in one parallel pass, each element read and written once.

use crate::dtype::Float;
use crate::error::{Error, Result};
use crate::parallel::{Disjoint, run};
use crate::simd::simd_fn;
use crate::tensor::Tensor;
use std::ops::Range;

/// Elements a thread takes at a time, over as many tensors as that needs.
const GRAIN: usize = 1 << 14;

/// What stochastic gradient descent does at every parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdConfig {
    /// `μ`: how much of the velocity stays; used by items that have one.
    pub momentum: f64,
    /// How much less of the gradient enters the velocity, after the first step.
    pub dampening: f64,
    /// Step along `g + μ·v` instead of `v`.
    pub nesterov: bool,
    /// The number of this step, from 1. In step 1 the velocity becomes the gradient.
    pub step: u64,
    /// What gradients are multiplied by first: 1, or a clipping factor.
    pub grad_scale: f64,
}

/// A parameter and what goes with it.
pub struct SgdItem<'a> {
    /// `p`, changed in place.
    pub param: &'a mut Tensor,
    /// `g`
    pub grad: &'a Tensor,
    /// `v`, changed in place; `None` for descent without momentum.
    pub velocity: Option<&'a mut Tensor>,
    /// The learning rate.
    pub lr: f64,
    /// `λ`, added to the gradient as `λ·p`.
    pub weight_decay: f64,
}

/// What Adam does at every parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Weight decay shrinks the parameter by `1 − lr·λ` (AdamW) instead of adding `λ·p` to the gradient.
    pub decoupled: bool,
    /// `t`: the number of this step, from 1.
    pub step: u64,
    /// What gradients are multiplied by first: 1, or a clipping factor.
    pub grad_scale: f64,
}

/// A parameter and what goes with it.
pub struct AdamItem<'a> {
    /// `p`, changed in place.
    pub param: &'a mut Tensor,
    /// `g`
    pub grad: &'a Tensor,
    /// The first moment `m`, changed in place.
    pub m: &'a mut Tensor,
    /// The second moment `v`, changed in place.
    pub v: &'a mut Tensor,
    /// The learning rate.
    pub lr: f64,
    /// `λ`
    pub weight_decay: f64,
}

/// Constants of one item.
#[derive(Clone, Copy)]
struct Sgd<T> {
    lr: T,
    decay: T,
    scale: T,
    momentum: T,
    take: T,
    nesterov: bool,
}

/// Constants of one item.
#[derive(Clone, Copy)]
struct Adam<T> {
    shrink: T,
    decay: T,
    scale: T,
    take1: T,
    keep2: T,
    take2: T,
    step_size: T,
    root_scale: T,
    eps: T,
}

simd_fn! {
    fn sgd_plain[T: Float](k: Sgd<T>, p: &mut [T], g: &[T]) {
        for (p, &g) in p.iter_mut().zip(g) {
            let g = g.mul(k.scale).add(k.decay.mul(*p));
            *p = p.sub(k.lr.mul(g));
        }
    }

    fn sgd_velocity[T: Float](k: Sgd<T>, p: &mut [T], g: &[T], v: &mut [T]) {
        for ((p, &g), v) in p.iter_mut().zip(g).zip(v) {
            let g = g.mul(k.scale).add(k.decay.mul(*p));
            *v = v.mul(k.momentum).add(k.take.mul(g));
            let along = if k.nesterov { g.add(k.momentum.mul(*v)) } else { *v };
            *p = p.sub(k.lr.mul(along));
        }
    }

    fn adam_step[T: Float](k: Adam<T>, p: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) {
        for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            let g = g.mul(k.scale).add(k.decay.mul(*p));
            *m = m.add(k.take1.mul(g.sub(*m)));
            *v = v.mul(k.keep2).add(k.take2.mul(g.mul(g)));
            let root = v.sqrt().mul(k.root_scale).add(k.eps);
            *p = p.mul(k.shrink).sub(k.step_size.mul(m.div(root)));
        }
    }
}

/// A run of one tensor's elements.
struct Segment {
    item: usize,
    range: Range<usize>,
}

/// Cuts tensors of these lengths into runs of at most [`GRAIN`] elements, and the runs into groups of about as many.
fn cut(lens: impl Iterator<Item = usize>) -> (Vec<Segment>, Vec<Range<usize>>) {
    let (mut segments, mut groups) = (Vec::new(), Vec::new());
    let (mut first, mut load) = (0, 0);
    for (item, len) in lens.enumerate() {
        for start in (0..len).step_by(GRAIN) {
            let range = start..len.min(start + GRAIN);
            load += range.len();
            segments.push(Segment { item, range });
            if load >= GRAIN {
                groups.push(first..segments.len());
                (first, load) = (segments.len(), 0);
            }
        }
    }
    if first < segments.len() {
        groups.push(first..segments.len());
    }
    (segments, groups)
}

/// Runs `update(item, range)` over all elements of tensors of these lengths, every element once.
pub(super) fn for_segments(lens: impl Iterator<Item = usize>, update: impl Fn(usize, Range<usize>) + Sync) {
    let (segments, groups) = cut(lens);
    run(groups.len(), |group| {
        for segment in &segments[groups[group].clone()] {
            update(segment.item, segment.range.clone());
        }
    });
}

/// Every tensor of an item must be as its parameter is.
pub(super) fn check(op: &'static str, param: &Tensor, others: &[&Tensor]) -> Result<()> {
    if !param.dtype().is_float() {
        return Err(Error::DTypeMismatch {
            op,
            rule: "parameters must be floats",
            dtypes: vec![param.dtype()],
            repair: "leave this one out",
        });
    }
    for other in others {
        if other.dtype() != param.dtype() {
            return Err(Error::DTypeMismatch {
                op,
                rule: "gradients and states must have their parameter's dtype",
                dtypes: vec![param.dtype(), other.dtype()],
                repair: "convert with to_dtype",
            });
        }
        if other.shape() != param.shape() {
            return Err(Error::ShapeMismatch {
                op,
                rule: "gradients and states must have their parameter's shape",
                shapes: vec![param.shape().to_vec(), other.shape().to_vec()],
                repair: "pass those that belong to this parameter",
            });
        }
    }
    Ok(())
}

/// `x` in the type it is computed in.
pub(super) fn wide(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(x.dtype().compute())
}

/// Puts `new`, rounded, in the place of what was kept.
pub(super) fn round_into(kept: &mut Tensor, new: &Tensor) -> Result<()> {
    *kept = new.narrowed_to(kept.dtype())?;
    Ok(())
}

/// The elements of a tensor that pieces of the pass write to, each its own.
pub(super) fn writable<T: Float>(op: &'static str, tensor: &mut Tensor) -> Result<Disjoint<T>> {
    let bytes = tensor.len() * T::DTYPE.size();
    tensor.as_mut_slice::<T>().map(Disjoint::new).ok_or(Error::OutOfMemory { op, bytes })
}

/// One step of stochastic gradient descent at all items:
///
/// `g ← s·g + λ·p`; with a velocity `v ← μ·v + (1 − dampening)·g` (in step 1 `v ← g`), then `p ← p − lr·v`, or
/// `p ← p − lr·(g + μ·v)` for Nesterov's; without one `p ← p − lr·g`. `s` is `grad_scale`. As in PyTorch's `SGD`.
/// Parameters of BF16 and F16 are updated in F32 and rounded, states too: an update of less than half a unit in the last
/// place is lost, so that small learning rates need parameters of F32.
///
/// Errors: `ShapeMismatch` or `DTypeMismatch` unless an item's tensors have one shape and one float dtype; nothing is
/// changed then.
pub fn sgd_update(items: &mut [SgdItem], config: &SgdConfig) -> Result<()> {
    let op = "sgd_update";
    for item in items.iter() {
        let velocity = item.velocity.as_deref();
        check(op, item.param, &[Some(item.grad), velocity].into_iter().flatten().collect::<Vec<_>>())?;
    }
    for item in items.iter_mut().filter(|item| item.param.dtype().is_narrow()) {
        let (mut param, grad) = (wide(item.param)?, wide(item.grad)?);
        let mut velocity = item.velocity.as_deref().map(wide).transpose()?;
        let SgdItem { lr, weight_decay, .. } = *item;
        let wider = SgdItem { param: &mut param, grad: &grad, velocity: velocity.as_mut(), lr, weight_decay };
        sgd_update(&mut [wider], config)?;
        round_into(item.param, &param)?;
        if let (Some(kept), Some(velocity)) = (item.velocity.as_deref_mut(), &velocity) {
            round_into(kept, velocity)?;
        }
    }
    let grads = items.iter().map(|item| item.grad.contiguous()).collect::<Result<Vec<_>>>()?;
    sgd_items::<f32>(op, items, &grads, config)?;
    sgd_items::<f64>(op, items, &grads, config)
}

fn sgd_items<T: Float>(
    op: &'static str,
    items: &mut [SgdItem],
    grads: &[Tensor],
    config: &SgdConfig,
) -> Result<()> {
    struct Slices<'a, T> {
        constants: Sgd<T>,
        p: Disjoint<T>,
        g: &'a [T],
        v: Option<Disjoint<T>>,
    }
    let mut slices = Vec::with_capacity(items.len());
    for (item, grad) in items.iter_mut().zip(grads).filter(|(item, _)| item.param.dtype() == T::DTYPE) {
        let is_first = config.step <= 1;
        if let (true, Some(v)) = (is_first, item.velocity.as_deref_mut().and_then(Tensor::as_mut_slice::<T>))
        {
            v.fill(T::ZERO);
        }
        slices.push(Slices {
            constants: Sgd {
                lr: T::of(item.lr),
                decay: T::of(item.weight_decay),
                scale: T::of(config.grad_scale),
                momentum: T::of(config.momentum),
                take: T::of(if is_first { 1.0 } else { 1.0 - config.dampening }),
                nesterov: config.nesterov,
            },
            g: grad.as_slice().unwrap_or_default(),
            p: writable(op, item.param)?,
            v: item.velocity.as_deref_mut().map(|v| writable(op, v)).transpose()?,
        });
    }
    for_segments(slices.iter().map(|s| s.g.len()), |item, range| {
        let Slices { constants, p, g, v } = &slices[item];
        // SAFETY: `p` and `v` are borrowed by `items`, two tensors that are written never share a buffer, and
        // segments do not overlap.
        let p = unsafe { p.slice(range.clone()) };
        match v {
            // SAFETY: as above.
            Some(v) => sgd_velocity(*constants, p, &g[range.clone()], unsafe { v.slice(range) }),
            None => sgd_plain(*constants, p, &g[range]),
        }
    });
    Ok(())
}

/// One step of Adam, or of AdamW where `decoupled`, at all items:
///
/// `g ← s·g` (Adam: `+ λ·p`), `m ← m + (1 − β₁)(g − m)`, `v ← β₂·v + (1 − β₂)·g²`, (AdamW: `p ← (1 − lr·λ)·p`),
/// `p ← p − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)`. `s` is `grad_scale`; corrections are computed in doubles. As in
/// PyTorch's `Adam` and `AdamW`. Sources: Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2.
///
/// Errors: as [`sgd_update`].
pub fn adam_update(items: &mut [AdamItem], config: &AdamConfig) -> Result<()> {
    let op = "adam_update";
    for item in items.iter() {
        check(op, item.param, &[item.grad, item.m, item.v])?;
    }
    for item in items.iter_mut().filter(|item| item.param.dtype().is_narrow()) {
        let (mut param, grad) = (wide(item.param)?, wide(item.grad)?);
        let (mut m, mut v) = (wide(item.m)?, wide(item.v)?);
        let AdamItem { lr, weight_decay, .. } = *item;
        let wider = AdamItem { param: &mut param, grad: &grad, m: &mut m, v: &mut v, lr, weight_decay };
        adam_update(&mut [wider], config)?;
        for (kept, new) in [(&mut *item.param, &param), (&mut *item.m, &m), (&mut *item.v, &v)] {
            round_into(kept, new)?;
        }
    }
    let grads = items.iter().map(|item| item.grad.contiguous()).collect::<Result<Vec<_>>>()?;
    adam_items::<f32>(op, items, &grads, config)?;
    adam_items::<f64>(op, items, &grads, config)
}

fn adam_items<T: Float>(
    op: &'static str,
    items: &mut [AdamItem],
    grads: &[Tensor],
    config: &AdamConfig,
) -> Result<()> {
    struct Slices<'a, T> {
        constants: Adam<T>,
        p: Disjoint<T>,
        g: &'a [T],
        m: Disjoint<T>,
        v: Disjoint<T>,
    }
    let correction = |beta: f64| 1.0 - libm::pow(beta, config.step as f64);
    let (first, second) = (correction(config.beta1), correction(config.beta2));
    let mut slices = Vec::with_capacity(items.len());
    for (item, grad) in items.iter_mut().zip(grads).filter(|(item, _)| item.param.dtype() == T::DTYPE) {
        let (shrink, decay) = match config.decoupled {
            true => (1.0 - item.lr * item.weight_decay, 0.0),
            false => (1.0, item.weight_decay),
        };
        slices.push(Slices {
            constants: Adam {
                shrink: T::of(shrink),
                decay: T::of(decay),
                scale: T::of(config.grad_scale),
                take1: T::of(1.0 - config.beta1),
                keep2: T::of(config.beta2),
                take2: T::of(1.0 - config.beta2),
                step_size: T::of(item.lr / first),
                root_scale: T::of(1.0 / second.sqrt()),
                eps: T::of(config.eps),
            },
            g: grad.as_slice().unwrap_or_default(),
            p: writable(op, item.param)?,
            m: writable(op, item.m)?,
            v: writable(op, item.v)?,
        });
    }
    for_segments(slices.iter().map(|s| s.g.len()), |item, range| {
        let Slices { constants, p, g, m, v } = &slices[item];
        // SAFETY: the tensors are borrowed by `items`, two tensors that are written never share a buffer, and
        // segments do not overlap.
        let (p, m, v) = unsafe { (p.slice(range.clone()), m.slice(range.clone()), v.slice(range.clone())) };
        adam_step(*constants, p, &g[range], m, v);
    });
    Ok(())
}

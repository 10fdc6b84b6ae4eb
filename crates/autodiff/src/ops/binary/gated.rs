//! Gated linear units `y = x·act(a)` of x and the gate a.   `dx = g·act(a)`, `da = g·x·act'(a)`
//!
//! act is σ (GLU), the rectifier (ReGLU), GELU (GEGLU) or SiLU (SwiGLU). Forward and backward are one pass each; backward
//! computes act again instead of keeping it. Sources: Dauphin et al. 2016, arXiv:1612.08083; Shazeer 2020, arXiv:2002.05202.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::ops::pointwise::gelu::{gelu_bend, gelu_grad};
use crate::ops::pointwise::gelu_tanh::{gelu_tanh_bend, gelu_tanh_grad};
use crate::ops::pointwise::relu::relu_grad;
use crate::ops::pointwise::sigmoid::sigmoid_grad;
use crate::ops::pointwise::silu::{silu_bend, silu_grad};
use crate::var::Var;
use tensor::{Error, Gate, Tensor, fused};

/// `act(a)`
fn value(act: Gate, a: &Var) -> Result<Var> {
    match act {
        Gate::Sigmoid => a.sigmoid(),
        Gate::Relu => a.relu(),
        Gate::Gelu => a.gelu(),
        Gate::GeluTanh => a.gelu_tanh(),
        Gate::Silu => a.silu(),
    }
}

/// `u·act'(a)`
fn slope(act: Gate, a: &Var, u: &Var) -> Result<Var> {
    match act {
        Gate::Sigmoid => sigmoid_grad(&a.sigmoid()?, u),
        Gate::Relu => relu_grad(a, u),
        Gate::Gelu => gelu_grad(a, u),
        Gate::GeluTanh => gelu_tanh_grad(a, u),
        Gate::Silu => silu_grad(a, u),
    }
}

/// `u·act''(a)`; `None`: 0.
fn bend(act: Gate, a: &Var, u: &Var) -> Result<Option<Var>> {
    Ok(Some(match act {
        Gate::Relu => return Ok(None),
        Gate::Sigmoid => {
            let s = a.sigmoid()?;
            sigmoid_grad(&s, u)?.mul(&s.mul_scalar(-2.0)?.add_scalar(1.0)?)?
        }
        Gate::Gelu => gelu_bend(a, u)?,
        Gate::GeluTanh => gelu_tanh_bend(a, u)?,
        Gate::Silu => silu_bend(a, u)?,
    }))
}

/// `y = x·act(a)` of `(x, a)`. Saves both.
pub struct Gated(Gate);

impl Op for Gated {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(fused::gated(x[0], x[1], self.0)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, a) = (saved.input(0), saved.input(1));
        if !(saved.needs(0) && saved.needs(1)) {
            let dx = saved.if_needed(0, || grad.mul(&value(self.0, &a)?))?;
            let da = saved.if_needed(1, || slope(self.0, &a, &grad.mul(&x)?))?;
            return Ok(Grads::from_iter([dx, da]));
        }
        let both = Var::apply(GatedGrad(self.0), &[&x, &a, grad])?;
        Ok(Grads::from_iter([Some(both.select(0, 0)?), Some(both.select(0, 1)?)]))
    }
}

/// `dx = g·act(a)` and `da = g·x·act'(a)` of `(x, a, g)`, stacked, in one pass.
///
/// With c and e the gradients of dx and da: `dx' = e·g·act'(a)`, `da' = c·g·act'(a) + e·g·x·act''(a)`,
/// `dg = c·act(a) + e·x·act'(a)`.
pub struct GatedGrad(Gate);

impl Op for GatedGrad {
    fn name(&self) -> &'static str {
        self.0.grad_name()
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1, 2])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(fused::gated_grad(x[0], x[1], x[2], self.0)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (act, x, a, g) = (self.0, saved.input(0), saved.input(1), saved.input(2));
        let (c, e) = (grad.select(0, 0)?, grad.select(0, 1)?);
        let eg = e.mul(&g)?;
        let dx = saved.if_needed(0, || slope(act, &a, &eg))?;
        let da = saved.if_needed(1, || {
            let da = slope(act, &a, &c.mul(&g)?)?;
            match bend(act, &a, &eg.mul(&x)?)? {
                Some(bent) => da.add(&bent),
                None => Ok(da),
            }
        })?;
        let dg = saved.if_needed(2, || c.mul(&value(act, &a)?)?.add(&slope(act, &a, &e.mul(&x)?)?))?;
        Ok(Grads::from_iter([dx, da, dg]))
    }
}

impl Var {
    /// `x·act(gate)` element by element, in one pass.
    ///
    /// Shapes: both the same. Saves both, and not act of the gate. Errors: as [`tensor::fused::gated`].
    ///
    /// ```
    /// use autodiff::Var;
    /// use tensor::{Gate, Tensor};
    /// let x = Var::from(Tensor::from_vec(vec![2.0, 2.0], [2])?);
    /// let gate = Var::from(Tensor::from_vec(vec![0.0, 100.0], [2])?);
    /// assert_eq!(x.gated(&gate, Gate::Silu)?.value().to_vec::<f64>()?, [0.0, 200.0]);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn gated(&self, gate: &Var, act: Gate) -> Result<Var> {
        Var::apply(Gated(act), &[self, gate])
    }

    /// The first half of an axis times σ of the second: PyTorch's `glu`.
    ///
    /// Errors: `InvalidAxis`; `InvalidArgument` for an axis of odd size; `DTypeMismatch` unless a float.
    pub fn glu(&self, axis: isize) -> Result<Var> {
        let halves = self.chunk(axis, 2)?;
        match &halves[..] {
            [x, gate] if x.shape() == gate.shape() => x.gated(gate, Gate::Sigmoid),
            _ => Err(Error::InvalidArgument {
                op: "glu",
                rule: "the axis must have two halves",
                got: format!("axis {axis} of {:?}", self.shape()),
                repair: "use an axis of even size",
            }
            .into()),
        }
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    use std::f64::consts::{FRAC_1_SQRT_2, PI};
    let mut s = Samples::new(884);
    // σ, Φ and the like through functions that the kernels do not use.
    fn sigmoid(x: f64) -> f64 {
        (1.0 + libm::tanh(x / 2.0)) / 2.0
    }
    fn inner(x: f64) -> f64 {
        libm::sqrt(2.0 / PI) * (x + 0.044715 * x * x * x)
    }
    fn act(gate: Gate) -> fn(f64) -> f64 {
        match gate {
            Gate::Sigmoid => sigmoid,
            Gate::Relu => |x| (x + x.abs()) / 2.0,
            Gate::Gelu => |x| x * libm::erfc(-x * FRAC_1_SQRT_2) / 2.0,
            Gate::GeluTanh => |x| x / 2.0 * (1.0 + libm::tanh(inner(x))),
            Gate::Silu => |x| x * sigmoid(x),
        }
    }
    fn slope_of(gate: Gate) -> fn(f64) -> f64 {
        match gate {
            Gate::Sigmoid => |x| 1.0 / (2.0 + 2.0 * libm::cosh(x)),
            Gate::Relu => |x| (1.0 + x.signum()) / 2.0,
            Gate::Gelu => |x| {
                libm::erfc(-x * FRAC_1_SQRT_2) / 2.0 + x * libm::exp(-x * x / 2.0) / libm::sqrt(2.0 * PI)
            },
            Gate::GeluTanh => |x| {
                let t = libm::tanh(inner(x));
                let steep = libm::sqrt(2.0 / PI) * (1.0 + 3.0 * 0.044715 * x * x);
                (1.0 + t) / 2.0 + x / 2.0 * (1.0 - t * t) * steep
            },
            Gate::Silu => |x| sigmoid(x) + x / (2.0 + 2.0 * libm::cosh(x)),
        }
    }
    fn doubles(x: &Tensor) -> Vec<f64> {
        x.to_vec().unwrap_or_default()
    }
    let mut specs = Vec::new();
    for gate in [Gate::Sigmoid, Gate::Relu, Gate::Gelu, Gate::GeluTanh, Gate::Silu] {
        let y = move |x: &[Var]| x[0].gated(&x[1], gate);
        let grad = move |x: &[Var]| Var::apply(GatedGrad(gate), &[&x[0], &x[1], &x[2]]);
        let refusal = "shapes must be equal; got [2, 3] and [3]; reshape or expand one operand";
        let mut spec = OpSpec::new(gate.name())
            .case(
                "both sides of 0",
                [s.uniform([3, 4], -2.0, 2.0), s.away_from_zero([3, 4], 0.1, 4.0)],
                [3, 4],
                y,
            )
            .reference(move |x| {
                doubles(&x[0]).iter().zip(doubles(&x[1])).map(|(x, a)| x * act(gate)(a)).collect()
            })
            .case("empty", [s.empty([2, 0]), s.empty([2, 0])], [2, 0], y)
            .case("large", [s.uniform([70_001], -3.0, 3.0), s.uniform([70_001], -3.0, 3.0)], [70_001], y)
            .large()
            .error(
                [s.uniform([2, 3], 0.0, 1.0), s.uniform([3], 0.0, 1.0)],
                y,
                format!("[{}] {refusal}", gate.name()),
            );
        if gate == Gate::Sigmoid {
            spec = spec
                .case("halves of an axis", [s.uniform([4, 3], -2.0, 2.0)], [2, 3], |x| x[0].glu(0))
                .reference(|x| {
                    let x = doubles(&x[0]);
                    x[..6].iter().zip(&x[6..]).map(|(x, &a)| x * sigmoid(a)).collect()
                })
                .error(
                    [s.uniform([2, 3], 0.0, 1.0)],
                    |x| x[0].glu(-1),
                    "[glu] the axis must have two halves; got axis -1 of [2, 3]; use an axis of even size",
                );
        }
        specs.push(spec);
        specs.push(
            OpSpec::new(gate.grad_name())
                .case(
                    "both gradients",
                    [s.uniform([7], -2.0, 2.0), s.away_from_zero([7], 0.1, 3.0), s.uniform([7], -1.0, 1.0)],
                    [2, 7],
                    grad,
                )
                .reference(move |x| {
                    let (x, a, g) = (doubles(&x[0]), doubles(&x[1]), doubles(&x[2]));
                    let dx = a.iter().zip(&g).map(|(&a, g)| g * act(gate)(a));
                    let da = x.iter().zip(&a).zip(&g).map(|((x, &a), g)| g * x * slope_of(gate)(a));
                    dx.chain(da).collect()
                })
                .case("empty", [s.empty([0]), s.empty([0]), s.empty([0])], [2, 0], grad),
        );
    }
    specs
}

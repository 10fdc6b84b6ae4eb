//! Gated linear units, `x·act(gate)`, and their gradients: one pass each.
//!
//! The gradient computes the activation again instead of reading it, so that nobody has to keep it. Every element has the
//! bits of the activation's own function and a product behind it.

use crate::dtype::Float;
use crate::error::Result;
use crate::kernels::fused::same_shape;
use crate::loops::map::{Zip, zip};
use crate::math::Math;
use crate::ops::arithmetic::{same_dtype, wrong_dtype};
use crate::ops::widen::in_wider;
use crate::parallel::{Disjoint, for_ranges};
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};

/// The activation of a gated linear unit. Sources: Dauphin et al. 2016, arXiv:1612.08083; Shazeer 2020, arXiv:2002.05202.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// `σ(x)`: GLU.
    Sigmoid,
    /// `max(x, 0)`: ReGLU.
    Relu,
    /// `x·Φ(x)`: GEGLU.
    Gelu,
    /// The tanh approximation of it.
    GeluTanh,
    /// `x·σ(x)`: SwiGLU.
    Silu,
}

impl Gate {
    /// What the unit is called: `glu`, `reglu`, `geglu`, `geglu_tanh`, `swiglu`.
    pub fn name(self) -> &'static str {
        match self {
            Gate::Sigmoid => "glu",
            Gate::Relu => "reglu",
            Gate::Gelu => "geglu",
            Gate::GeluTanh => "geglu_tanh",
            Gate::Silu => "swiglu",
        }
    }

    /// The name of the gradient.
    pub fn grad_name(self) -> &'static str {
        match self {
            Gate::Sigmoid => "glu_grad",
            Gate::Relu => "reglu_grad",
            Gate::Gelu => "geglu_grad",
            Gate::GeluTanh => "geglu_tanh_grad",
            Gate::Silu => "swiglu_grad",
        }
    }
}

/// Elements a thread takes at a time; activations are dear.
const GRAIN: usize = 1 << 12;

/// An activation: `act(x)`, and `u·act'(x)`. Both `#[inline(always)]`.
trait Bend<T>: Copy + Sync {
    fn value(self, x: T) -> T;
    fn slope(self, x: T, u: T) -> T;
}

macro_rules! bend {
    ($($name:ident: |$x:ident| $value:expr, |$at:ident, $u:ident| $slope:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $name;
        impl<T: Float> Bend<T> for $name {
            #[inline(always)]
            fn value(self, $x: T) -> T {
                $value
            }
            #[inline(always)]
            fn slope(self, $at: T, $u: T) -> T {
                $slope
            }
        }
    )*};
}

bend! {
    Sigmoid: |x| Math::sigmoid(x), |x, u| { let y = Math::sigmoid(x); u.mul(y.mul(T::ONE.sub(y))) };
    Relu: |x| if x < T::ZERO { T::ZERO } else { x }, |x, u| if x > T::ZERO { u } else { T::ZERO };
    Gelu: |x| Math::gelu(x), |x, u| u.mul(Math::gelu_slope(x));
    GeluTanh: |x| Math::gelu_tanh(x), |x, u| u.mul(Math::gelu_tanh_slope(x));
    Silu: |x| Math::silu(x), |x, u| u.mul(Math::silu_slope(x));
}

/// `run` with the activation's own type, so that each has its loop.
macro_rules! with_bend {
    ($gate:expr, $bend:ident => $run:expr) => {
        with_bend!(@ $gate, $bend, $run, Sigmoid Relu Gelu GeluTanh Silu)
    };
    (@ $gate:expr, $bend:ident, $run:expr, $($act:ident)*) => {
        match $gate {
            $(Gate::$act => {
                let $bend = $act;
                $run
            })*
        }
    };
}

#[derive(Clone, Copy)]
struct Unit<F>(F);
impl<T: Float, F: Bend<T>> Zip<T, T> for Unit<F> {
    const COST: usize = 8;
    #[inline(always)]
    fn at(self, x: T, gate: T) -> T {
        self.0.value(gate).mul(x)
    }
}

simd_fn! {
    fn grad_slice[T: Float, F: Bend<T>](f: F, x: &[T], gate: &[T], g: &[T], dx: &mut [T], dgate: &mut [T]) {
        for ((((dx, dgate), &x), &gate), &g) in dx.iter_mut().zip(dgate).zip(x).zip(gate).zip(g) {
            *dx = g.mul(f.value(gate));
            *dgate = f.slope(gate, g.mul(x));
        }
    }
}

fn run_grad<T: Float, F: Bend<T>>(f: F, [x, gate, g]: [&[T]; 3], out: &mut [T]) {
    let (dx, dgate) = out.split_at_mut(x.len());
    let (dx, dgate) = (Disjoint::new(dx), Disjoint::new(dgate));
    for_ranges(x.len(), GRAIN, |range| {
        // SAFETY: `out` stays borrowed, and ranges do not overlap.
        let (dx, dgate) = unsafe { (dx.slice(range.clone()), dgate.slice(range.clone())) };
        grad_slice(f, &x[range.clone()], &gate[range.clone()], &g[range], dx, dgate);
    });
}

const FLOATS: &str = "operands must be floats";

/// `x·act(gate)`, element by element.
///
/// Errors: `ShapeMismatch` or `DTypeMismatch` unless both have one shape and one float dtype.
///
/// ```
/// use tensor::{Gate, Tensor, fused::gated};
/// let (x, gate) = (Tensor::from_slice(&[3.0, 3.0], [2])?, Tensor::from_slice(&[-1.0, 2.0], [2])?);
/// assert_eq!(gated(&x, &gate, Gate::Relu)?.to_vec::<f64>()?, [0.0, 6.0]);
/// # Ok::<(), tensor::Error>(())
/// ```
pub fn gated(x: &Tensor, gate: &Tensor, act: Gate) -> Result<Tensor> {
    in_wider!(narrowed[x, gate], |x| gated(x[0], x[1], act));
    let op = act.name();
    let dtype = same_dtype(op, x, gate)?;
    same_shape(op, x, gate)?;
    with_dtype!(dtype, T, float => {
        with_bend!(act, f => zip::<T, T, _>(op, x.shape(), x, gate, Unit(f)))
    }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
}

/// The gradients of [`gated`] from its operands and the gradient `g` of its result: `dx = g·act(gate)`, and then
/// `dgate = g·x·act'(gate)`.
///
/// Shapes: all `S` → `(2, S)`. Errors: as [`gated`].
pub fn gated_grad(x: &Tensor, gate: &Tensor, g: &Tensor, act: Gate) -> Result<Tensor> {
    in_wider!(narrowed[x, gate, g], |x| gated_grad(x[0], x[1], x[2], act));
    let op = act.grad_name();
    let dtype = same_dtype(op, x, gate)?;
    same_dtype(op, x, g)?;
    same_shape(op, x, gate)?;
    same_shape(op, x, g)?;
    let shape: Vec<usize> = [2].iter().chain(x.shape()).copied().collect();
    with_dtype!(dtype, T, float => {
        let (x, gate, g) = (x.contiguous()?, gate.contiguous()?, g.contiguous()?);
        let operands = [&x, &gate, &g].map(|t| t.as_slice::<T>().unwrap_or_default());
        Tensor::build(op, &shape, |out: &mut [T]| with_bend!(act, f => run_grad(f, operands, out)))
    }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
}

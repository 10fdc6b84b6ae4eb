//! What an operation is: a forward step on tensors and a rule that turns the result's gradient into its inputs'.

use crate::error::{Error, Result};
use crate::graph::{Node, Record};
use crate::var::Var;
use smallvec::SmallVec;
use std::sync::Arc;
use tensor::Tensor;

/// A differentiable operation. One value of the type is one application, with its attributes (an axis, a slope).
///
/// The engine calls [`forward`](Op::forward) once and, where an input is tracked, keeps what [`saves`](Op::saves)
/// names until [`backward`](Op::backward) has been called. Rules return gradients; only the engine adds them up and
/// sums what broadcasting repeated. Rules are written in `Var` operations, so they can be differentiated themselves.
///
/// ```
/// use autodiff::{Gradients, Op, Result, Saved, Saves, Var, grads};
/// use tensor::Tensor;
///
/// /// `y = x³`, `dx = 3·x²·g`
/// struct Cube;
/// impl Op for Cube {
///     fn name(&self) -> &'static str { "cube" }
///     fn saves(&self) -> Saves { Saves::inputs(&[0]) }
///     fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> { Ok(x[0].square()?.mul(x[0])?) }
///     fn backward(&self, saved: &Saved, grad: &Var) -> Result<autodiff::Grads> {
///         grads([grad.mul(&saved.input(0).square()?)?.mul_scalar(3.0)?])
///     }
/// }
///
/// let x = Var::variable(Tensor::scalar(2.0));
/// let y = Var::apply(Cube, &[&x])?;
/// assert_eq!(y.backward()?.of(&x).unwrap().item()?, 12.0);
/// # Ok::<(), autodiff::Error>(())
/// ```
pub trait Op: Send + Sync + 'static {
    /// The name that errors use.
    fn name(&self) -> &'static str;

    /// Which values the rule needs again; all others are let go at once.
    fn saves(&self) -> Saves;

    /// The result. All checks of the inputs are here; the rule can rely on them.
    fn forward(&mut self, inputs: &[&Tensor]) -> Result<Tensor>;

    /// One gradient for each input, from the gradient of the result; `None` for an input that has none.
    ///
    /// A gradient may have the shape of the input or one that the input broadcasts to.
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads>;

    /// The input whose gradient can be added to another one without being made: where it is 0 almost everywhere.
    fn adds_to(&self) -> Option<usize> {
        None
    }

    /// `sum` with the gradient of the input that [`adds_to`](Op::adds_to) names added in place. Called only where no gradient will
    /// be differentiated again and that input alone needs one.
    fn add_grad(&self, saved: &Saved, grad: &Var, sum: Tensor) -> Result<Tensor> {
        let grads = self.backward(saved, grad)?;
        match grads.into_iter().nth(self.adds_to().unwrap_or(0)).flatten() {
            Some(grad) => Ok(sum.add_owned(grad.value())?),
            None => Ok(sum),
        }
    }

    /// The tangent of the result, from those of the inputs (`None`: zero); `None` if it is zero.
    ///
    /// The rule above is linear in the gradient, and what is linear can be transposed: this default differentiates
    /// `Σ ⟨gradient i, tangent i⟩` with respect to the gradient of the result. No operation needs a second rule.
    fn jvp(&self, saved: &Saved, tangents: &[Option<Var>]) -> Result<Option<Var>> {
        crate::forward::transpose(saved, tangents, &|grad| self.backward(saved, grad))
    }
}

/// One gradient for each input.
pub type Grads = SmallVec<[Option<Var>; 3]>;

/// All gradients present.
pub fn grads<const N: usize>(grads: [Var; N]) -> Result<Grads> {
    Ok(grads.into_iter().map(Some).collect())
}

/// A set of values to keep between forward and backward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saves {
    inputs: u16,
    output: bool,
}

impl Saves {
    /// Nothing but shapes.
    pub const NOTHING: Self = Self { inputs: 0, output: false };
    /// The result.
    pub const OUTPUT: Self = Self { inputs: 0, output: true };

    /// The inputs of these indices (below 16).
    pub const fn inputs(indices: &[usize]) -> Self {
        let (mut inputs, mut i) = (0, 0);
        while i < indices.len() {
            inputs |= 1 << indices[i];
            i += 1;
        }
        Self { inputs, output: false }
    }

    /// The result too.
    pub const fn and_output(self) -> Self {
        Self { output: true, ..self }
    }

    pub(crate) fn has_input(self, i: usize) -> bool {
        i < 16 && self.inputs >> i & 1 == 1
    }

    pub(crate) fn has_output(self) -> bool {
        self.output
    }
}

/// What an operation kept, as its rule sees it.
pub struct Saved<'a> {
    pub(crate) record: &'a Record,
    pub(crate) node: &'a Arc<Node>,
    /// Whether the gradients will be differentiated again, so that saved values keep their place in the graph.
    pub(crate) higher: bool,
}

impl Saved<'_> {
    /// The value of input `i`, which [`Op::saves`] must name.
    pub fn input(&self, i: usize) -> Var {
        let slot = &self.record.inputs[i];
        let value = slot.value.clone().expect("invariant: `saves` names every input that the rule reads");
        Var::with_node(value, if self.higher { slot.node.clone() } else { None })
    }

    /// The result, which [`Op::saves`] must name.
    pub fn output(&self) -> Var {
        let value =
            self.record.output.clone().expect("invariant: `saves` names the output if the rule reads it");
        Var::with_node(value, self.higher.then(|| self.node.clone()))
    }

    /// The shape of input `i`, saved or not.
    pub fn shape(&self, i: usize) -> &[usize] {
        &self.record.inputs[i].shape
    }

    /// The number of inputs.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.record.inputs.len()
    }

    /// Whether input `i` is tracked; the gradient of one that is not is thrown away.
    pub fn needs(&self, i: usize) -> bool {
        self.record.inputs[i].node.is_some()
    }

    /// `rule()` if input `i` is tracked, so that an unused side costs nothing.
    pub fn if_needed(&self, i: usize, rule: impl FnOnce() -> Result<Var>) -> Result<Option<Var>> {
        if self.needs(i) { rule().map(Some) } else { Ok(None) }
    }
}

/// For the rule of an operation that has no derivative.
pub fn not_differentiable(op: &'static str) -> Result<Grads> {
    Err(Error::NotDifferentiable { op })
}

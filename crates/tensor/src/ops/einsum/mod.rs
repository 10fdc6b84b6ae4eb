//! Sums of products named by letters: NumPy's `einsum`, as a plan of products of two operands.
//!
//! [`Plan`] reads the subscripts and chooses the order; [`Pair`] is one product of two. Whoever differentiates follows
//! the plan with differentiable steps, which is why both are public: the gradient of a [`Pair`] is a `Pair`.

mod order;
mod pair;
mod parse;
mod plan;

pub use crate::ops::products::{check_cross, kron_shapes, multi_dot_order};
pub use pair::Pair;
pub use plan::{Operand, Plan};

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{Dims, Layout, checked_len};
use crate::ops::slice_scatter::write;
use crate::ops::widen::in_wider;
use crate::tensor::Tensor;
use crate::word::with_words;
use smallvec::SmallVec;

/// A label: a letter, or an axis of the ellipsis.
pub(crate) type Label = u8;
/// The labels of an operand's axes.
pub(crate) type Labels = SmallVec<[Label; 8]>;

/// The view in which axis `axes[i]` takes all axes i of `layout` that name it; those have one size.
fn diagonal(layout: &Layout, axes: &[usize]) -> Layout {
    let rank = axes.iter().map(|&a| a + 1).max().unwrap_or(0);
    let mut out = Layout {
        shape: SmallVec::from_elem(1, rank),
        strides: SmallVec::from_elem(0, rank),
        offset: layout.offset,
    };
    for (i, &axis) in axes.iter().enumerate() {
        out.shape[axis] = layout.shape[i];
        out.strides[axis] += layout.strides[i];
    }
    out
}

/// Refuses axes that do not number the axes of the diagonal without a gap.
fn check_axes(op: &'static str, axes: &[usize], rank: usize) -> Result<()> {
    let count = axes.iter().map(|&a| a.saturating_add(1)).max().unwrap_or(0);
    if axes.len() == rank && count <= rank && (0..count).all(|a| axes.contains(&a)) {
        return Ok(());
    }
    Err(Error::InvalidArgument {
        op,
        rule: "each axis must go to one of the diagonal's, which are numbered from 0 without a gap",
        got: format!("axes {axes:?} for rank {rank}"),
        repair: "number them in order of appearance",
    })
}

impl Tensor {
    /// The sum of products that `subscripts` names, in NumPy's notation: one term of letters for each operand, a letter
    /// for each axis; products are summed over the letters that the output lacks.
    ///
    /// Without `->` the output has the letters that stand once, in alphabetical order, capitals first. `...` stands for
    /// axes without letters, which broadcast and go to the front of an output that is not written out. A letter twice
    /// in one term takes the diagonal. A size of 1 broadcasts to the letter's size in other terms. Spaces are ignored.
    ///
    /// Operands are multiplied two at a time, in the order of least multiplications (exact up to 6 operands, else the
    /// cheapest pair first), each as a matrix product on strided views. The result may be a view with strides.
    /// Differs from NumPy in: integers are multiplied and summed in I64, and booleans are refused where there is a product.
    ///
    /// Errors: `InvalidArgument` for subscripts that cannot be read or do not fit the shapes; `DTypeMismatch`.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let a = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], [2, 2])?;
    /// assert_eq!(Tensor::einsum("ij,kj->ik", &[&a, &a])?.to_vec::<f64>()?, [5.0, 11.0, 11.0, 25.0]);
    /// assert_eq!(Tensor::einsum("ii", &[&a])?.item()?, 5.0);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn einsum(subscripts: &str, operands: &[&Tensor]) -> Result<Tensor> {
        let shapes: Vec<&[usize]> = operands.iter().map(|x| x.shape()).collect();
        let plan = Plan::new(subscripts, &shapes)?;
        let integers = |x: &&Tensor| matches!(x.dtype(), DType::U8 | DType::I8 | DType::I32);
        if operands.iter().all(|x| integers(x) && x.dtype() == operands[0].dtype()) {
            // A single one is not multiplied, and keeps its type where nothing is summed.
            if operands.len() > 1 {
                let wide = operands.iter().map(|x| x.to_dtype(DType::I64)).collect::<Result<Vec<_>>>()?;
                return Tensor::einsum(subscripts, &wide.iter().collect::<Vec<_>>());
            }
        } else {
            in_wider!(narrowed of operands, |x| Tensor::einsum(subscripts, x));
        }
        let prepared = operands.iter().zip(plan.operands()).map(|(x, how)| how.prepare(x));
        let mut terms = prepared.map(|x| x.map(Some)).collect::<Result<Vec<Option<Tensor>>>>()?;
        for (i, j, pair) in plan.pairs() {
            // Each is used once, and its memory goes back at once.
            let (Some(a), Some(b)) = (terms[*i].take(), terms[*j].take()) else { continue };
            terms.push(Some(pair.run(&a, &b)?));
        }
        let last =
            terms.pop().flatten().expect("invariant: a plan has one operand at least and ends in one term");
        last.permute(plan.permutation())
    }

    /// The elements at which axes of one number have equal positions: axis i of this tensor goes to axis `axes[i]` of
    /// the result. A view. `[0, 0]` takes the diagonal of a matrix.
    ///
    /// Errors: `InvalidArgument` where `axes` do not number the result's axes without a gap, `ShapeMismatch` where
    /// axes of one number differ in size.
    pub fn joined_axes(&self, axes: &[usize]) -> Result<Tensor> {
        check_axes("joined_axes", axes, self.rank())?;
        let joined = diagonal(self.layout(), axes);
        if axes.iter().zip(self.shape()).any(|(&a, &d)| joined.shape[a] != d) {
            return Err(Error::ShapeMismatch {
                op: "joined_axes",
                rule: "axes that are joined must have one size",
                shapes: vec![self.shape().to_vec(), axes.to_vec()],
                repair: "narrow the longer one",
            });
        }
        Ok(self.with_layout(joined))
    }

    /// The other direction of [`Tensor::joined_axes`]: axis i of the result is axis `axes[i]` of this tensor, and
    /// elements are 0 where axes of one number have different positions. `[0, 0]` makes a diagonal matrix.
    ///
    /// Errors: `InvalidArgument` where `axes` do not number this tensor's axes; `ShapeOverflow`, `OutOfMemory`.
    pub fn split_axes(&self, axes: &[usize]) -> Result<Tensor> {
        let op = "split_axes";
        check_axes(op, axes, axes.len())?;
        if axes.iter().map(|&a| a + 1).max().unwrap_or(0) != self.rank() {
            let got = format!("axes {axes:?} for {:?}", self.shape());
            return Err(Error::InvalidArgument {
                op,
                rule: "every axis must be named",
                got,
                repair: "name it",
            });
        }
        let shape: Dims = axes.iter().map(|&a| self.shape()[a]).collect();
        checked_len(op, &shape, self.dtype())?;
        let to = diagonal(&Layout::contiguous(&shape), axes);
        with_words!(self.dtype(), W => Tensor::build_words(op, &shape, self.dtype(), |out: &mut [W]| {
            out.fill(0);
            if !out.is_empty() {
                write(out, &to, self.words(), self.layout());
            }
        }))
    }
}

//! What can go wrong in this crate, as data.
//!
//! Every message has one grammar: `[op] rule that was broken; got <what, with shapes>; <repair>`.

use crate::dtype::DType;

/// The result of every named function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation that could not be done, with the operands that made it impossible.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Shapes that do not fit each other or the operation.
    #[error("[{op}] {rule}; got {}; {repair}", show_shapes(shapes))]
    ShapeMismatch {
        /// The operation that refused.
        op: &'static str,
        /// The rule that was broken.
        rule: &'static str,
        /// The shapes of the operands, in order.
        shapes: Vec<Vec<usize>>,
        /// What would make it right.
        repair: &'static str,
    },
    /// An element type that the operation does not take.
    #[error("[{op}] {rule}; got {}; {repair}", show_dtypes(dtypes))]
    DTypeMismatch {
        /// The operation that refused.
        op: &'static str,
        /// The rule that was broken.
        rule: &'static str,
        /// The element types of the operands, in order.
        dtypes: Vec<DType>,
        /// What would make it right.
        repair: &'static str,
    },
    /// An axis outside `-rank..rank`, or named twice.
    #[error("[{op}] {rule}; got axis {axis} for rank {rank}; {}", axis_repair(*rank))]
    InvalidAxis {
        /// The operation that refused.
        op: &'static str,
        /// The rule that was broken.
        rule: &'static str,
        /// The axis as it was given.
        axis: isize,
        /// The number of axes there are.
        rank: usize,
    },
    /// An index outside the axis that it points into.
    #[error(
        "[{op}] an index must lie in 0..{len}; got {index} at position {position}; check the indices or the size they were made for"
    )]
    IndexOutOfBounds {
        /// The operation that refused.
        op: &'static str,
        /// The offending index.
        index: i64,
        /// The length of the axis it points into.
        len: usize,
        /// Where it stands among the indices, counted in row-major order.
        position: usize,
    },
    /// A reduction that needs an element, over axes that have none.
    #[error(
        "[{op}] {rule}; got {shape:?} over {}; leave the empty axis out or give it elements",
        show_axes(axes)
    )]
    EmptyReduction {
        /// The operation that refused.
        op: &'static str,
        /// The rule that was broken.
        rule: &'static str,
        /// The shape of the operand.
        shape: Vec<usize>,
        /// The axes that were to be reduced.
        axes: Vec<usize>,
    },
    /// A value that the operation does not take.
    #[error("[{op}] {rule}; got {got}; {repair}")]
    InvalidArgument {
        /// The operation that refused.
        op: &'static str,
        /// The rule that was broken.
        rule: &'static str,
        /// The value, printed.
        got: String,
        /// What would make it right.
        repair: &'static str,
    },
    /// More elements or bytes than can be addressed.
    #[error(
        "[{op}] a tensor must stay below {} bytes; got shape {shape:?} of {dtype}; use smaller sizes",
        isize::MAX
    )]
    ShapeOverflow {
        /// The operation that refused.
        op: &'static str,
        /// The shape that was asked for.
        shape: Vec<usize>,
        /// Its element type.
        dtype: DType,
    },
    /// The system had no memory for it.
    #[error(
        "[{op}] memory must be had for the result; got a refusal for {bytes} bytes; use smaller sizes or free some tensors"
    )]
    OutOfMemory {
        /// The operation that refused.
        op: &'static str,
        /// The size of the block that was refused.
        bytes: usize,
    },
}

impl Error {
    /// The same error, said of `name`: for a function that is made of others, so that its user reads the name that was
    /// called.
    ///
    /// ```
    /// let x = tensor::Tensor::scalar(1.0);
    /// let error = x.sum(&[0]).unwrap_err().named("total");
    /// assert_eq!(error.to_string(), "[total] an axis must exist; got axis 0 for rank 0; a scalar has no axes");
    /// ```
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        match &mut self {
            Error::ShapeMismatch { op, .. }
            | Error::DTypeMismatch { op, .. }
            | Error::InvalidAxis { op, .. }
            | Error::IndexOutOfBounds { op, .. }
            | Error::EmptyReduction { op, .. }
            | Error::InvalidArgument { op, .. }
            | Error::ShapeOverflow { op, .. }
            | Error::OutOfMemory { op, .. } => *op = name,
        }
        self
    }
}

fn show_shapes(shapes: &[Vec<usize>]) -> String {
    shapes.iter().map(|s| format!("{s:?}")).collect::<Vec<_>>().join(" and ")
}

fn show_dtypes(dtypes: &[DType]) -> String {
    dtypes.iter().map(DType::to_string).collect::<Vec<_>>().join(" and ")
}

fn show_axes(axes: &[usize]) -> String {
    match axes {
        [axis] => format!("axis {axis}"),
        _ => format!("axes {axes:?}"),
    }
}

fn axis_repair(rank: usize) -> String {
    match rank {
        0 => "a scalar has no axes".to_string(),
        _ => format!("use each axis of -{rank}..{rank} at most once"),
    }
}

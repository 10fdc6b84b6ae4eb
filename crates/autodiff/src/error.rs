//! What can go wrong in this crate, as data. The grammar is that of [`tensor::Error`].

/// The result of every named function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A forward or backward step that could not be done.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The tensors do not fit the operation.
    #[error(transparent)]
    Tensor(#[from] tensor::Error),
    /// `backward` was asked of something that is no single number.
    #[error(
        "[backward] the loss must have exactly one element; got {shape:?}; reduce it with mean or sum, or use grad_of with a cotangent"
    )]
    NotScalar {
        /// The shape of the value.
        shape: Vec<usize>,
    },
    /// The value depends on no parameter and no variable.
    #[error(
        "[backward] the value must depend on a tracked variable; got a constant; make a leaf with Var::variable, or pass parameters through Context::train"
    )]
    NotTracked,
    /// The graph behind the value was used up by an earlier `backward`.
    #[error(
        "[{op}] a graph can go backward once; got a second pass through a node whose saved values are gone; build the graph again, or use grad_of, which keeps it"
    )]
    GraphConsumed {
        /// The first operation met whose record is gone.
        op: &'static str,
    },
    /// The value depends on a variable through an operation that has no derivative.
    #[error(
        "[{op}] an operation without a derivative was met going backward; got a loss that depends on its result; detach the input if the gradient should stop there"
    )]
    NotDifferentiable {
        /// The operation.
        op: &'static str,
    },
    /// A backward rule returned a gradient that does not fit its input: a mistake in the rule.
    #[error(
        "[{op}] the gradient of input {input} must have the input's shape and dtype, or broadcast from it; got {grad} for {value}; correct the backward rule"
    )]
    BadGradient {
        /// The operation whose rule it is.
        op: &'static str,
        /// Which input.
        input: usize,
        /// The gradient's dtype and shape, printed.
        grad: String,
        /// The input's dtype and shape, printed.
        value: String,
    },
    /// A cotangent that does not fit the value it belongs to.
    #[error(
        "[grad_of] a cotangent must have the shape and dtype of its output; got {cotangent} for {output}; build it with the output's shape and dtype"
    )]
    BadCotangent {
        /// The cotangent's dtype and shape, printed.
        cotangent: String,
        /// The output's dtype and shape, printed.
        output: String,
    },
    /// A value that the function does not take.
    #[error("[{op}] {rule}; got {got}; {repair}")]
    InvalidArgument {
        /// The function that refused.
        op: &'static str,
        /// The rule that was broken.
        rule: &'static str,
        /// The value, printed.
        got: String,
        /// What would make it right.
        repair: &'static str,
    },
    /// [`detect_anomaly`](crate::detect_anomaly) found a value that is not finite.
    #[error("{0}")]
    Anomaly(Box<crate::anomaly::Anomaly>),
    /// A gradient check found two gradients that disagree, or could not be made.
    #[error("{0}")]
    CheckFailed(Box<crate::check::Mismatch>),
}

impl Error {
    /// The same error, said of `name` if a tensor refused: for a function that is made of others, so that its user reads
    /// the name that was called.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        match self {
            Error::Tensor(error) => Error::Tensor(error.named(name)),
            Error::InvalidArgument { rule, got, repair, .. } => {
                Error::InvalidArgument { op: name, rule, got, repair }
            }
            other => other,
        }
    }
}

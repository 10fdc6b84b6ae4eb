//! What can go wrong in this crate, as data. The grammar is that of [`tensor::Error`].

use tensor::DType;

/// The result of every named function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An update that could not be made.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The kernels refused.
    #[error(transparent)]
    Tensor(#[from] tensor::Error),
    /// A setting outside its range.
    #[error("[{op}] {rule}; got {got}; {repair}")]
    InvalidArgument {
        /// The optimizer or function that refused.
        op: &'static str,
        /// The rule that was broken.
        rule: &'static str,
        /// The value, printed.
        got: String,
        /// What would make it right.
        repair: &'static str,
    },
    /// The model has nothing to train.
    #[error("[{op}] a model must have a trainable parameter; got none; unfreeze some")]
    NoParameters {
        /// The optimizer.
        op: &'static str,
    },
    /// Trainable parameters that the first loss does not depend on: they would stay as they are for ever.
    #[error("[{op}] every trainable parameter must receive a gradient in the first step; got none for {}; use them in the loss or freeze them", paths.join(", "))]
    NoGradient {
        /// The optimizer.
        op: &'static str,
        /// The parameters' paths.
        paths: Vec<String>,
    },
    /// A gradient that does not fit its parameter.
    #[error(
        "[{op}] a gradient must have its parameter's shape and dtype; got {got_dtype} {got_shape:?} for {path} {dtype} {shape:?}; return gradients of this model"
    )]
    BadGradient {
        /// The optimizer.
        op: &'static str,
        /// The parameter's path.
        path: String,
        /// The gradient's dtype.
        got_dtype: DType,
        /// The gradient's shape.
        got_shape: Vec<usize>,
        /// The parameter's dtype.
        dtype: DType,
        /// The parameter's shape.
        shape: Vec<usize>,
    },
    /// The state of another optimizer or model. Nothing was loaded.
    #[error("[{op}] a state must be of the same optimizer and model; got {}; load the state that was saved with this model", problems.join(", "))]
    StateMismatch {
        /// The optimizer.
        op: &'static str,
        /// Everything that does not fit.
        problems: Vec<String>,
    },
    /// Parameters for which an optimizer of matrices has no rule.
    #[error("[{op}] every trainable parameter must be a matrix; got {}; give the others to AdamW by with_fallback or freeze them", params.join(", "))]
    NotMatrices {
        /// The optimizer.
        op: &'static str,
        /// The parameters' paths and shapes.
        params: Vec<String>,
    },
    /// A pattern of a group that names no parameter.
    #[error("[{op}] a group's pattern must match at least one parameter; got {pattern:?}, where the model has {}; correct the pattern", paths.join(", "))]
    NoMatch {
        /// The optimizer.
        op: &'static str,
        /// The pattern.
        pattern: String,
        /// The parameters there are.
        paths: Vec<String>,
    },
}

/// Refuses a value that is not finite or not inside `allowed`.
pub(crate) fn require(
    op: &'static str,
    rule: &'static str,
    name: &str,
    value: f64,
    allowed: bool,
) -> Result<()> {
    if value.is_finite() && allowed {
        return Ok(());
    }
    Err(Error::InvalidArgument {
        op,
        rule,
        got: format!("{name} {value}"),
        repair: "correct the configuration",
    })
}

//! What can go wrong in this crate, as data. The grammar is that of [`tensor::Error`], with the module's path in front.

use tensor::DType;

/// The result of every named function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A module that could not be built, run or loaded.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// An error inside a module, which `path` names.
    #[error("{path}: {source}")]
    At {
        /// The module's path in the model, as in the state dict.
        path: String,
        /// What went wrong there.
        source: Box<Error>,
    },
    /// An operation refused its inputs.
    #[error(transparent)]
    Autodiff(#[from] autodiff::Error),
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
    /// A state dict that is not this model's. Nothing was loaded.
    #[error(
        "[load_state_dict] names, shapes and dtypes must be those of the model; got {report}; load a state of this model, or use load_matching"
    )]
    StateMismatch {
        /// Everything that does not fit.
        report: crate::LoadReport,
    },
    /// A path pattern that names no parameter.
    #[error(
        "[{op}] a pattern must match at least one parameter; got {pattern:?}, where the model has {}; correct the pattern",
        listed(paths)
    )]
    NoMatch {
        /// The function that refused.
        op: &'static str,
        /// The pattern.
        pattern: String,
        /// The parameters there are.
        paths: Vec<String>,
    },
    /// A value of another element type than the parameter's.
    #[error(
        "[{op}] a parameter keeps its shape and dtype; got {got_dtype} {got_shape:?} for {dtype} {shape:?}; convert or reshape the value"
    )]
    ParamMismatch {
        /// The function that refused.
        op: &'static str,
        /// The value's dtype.
        got_dtype: DType,
        /// The value's shape.
        got_shape: Vec<usize>,
        /// The parameter's dtype.
        dtype: DType,
        /// The parameter's shape.
        shape: Vec<usize>,
    },
}

impl From<tensor::Error> for Error {
    fn from(error: tensor::Error) -> Self {
        Error::Autodiff(error.into())
    }
}

fn listed(paths: &[String]) -> String {
    if paths.is_empty() { "none".to_string() } else { paths.join(", ") }
}

impl Error {
    /// The same error, found inside the module `name` of its parent.
    pub fn at(self, name: impl std::fmt::Display) -> Self {
        match self {
            Error::At { path, source } => Error::At { path: format!("{name}.{path}"), source },
            other => Error::At { path: name.to_string(), source: Box::new(other) },
        }
    }
}

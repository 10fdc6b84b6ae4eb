//! What can go wrong in this crate, as data.
//!
//! Every message has one grammar: `[op] rule that was broken; got <what>; <repair>`.

use std::io;
use std::path::PathBuf;

/// The result of every named function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Something that could not be measured, drawn or written, with what made it impossible.
///
/// ```
/// use train::metrics::Accuracy;
///
/// let err = Accuracy::new().update_labels(&[1, 2, 3], &[1, 2]).unwrap_err();
/// assert_eq!(
///     err.to_string(),
///     "[accuracy] there must be one prediction for each label; got 3 predictions and 2 labels; \
///      pass the predictions of the same samples"
/// );
/// ```
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two lists that belong together and differ in length.
    #[error("[{op}] {rule}; got {} {} and {} {}; {repair}", left.1, left.0, right.1, right.0)]
    LengthMismatch {
        /// The operation that refused.
        op: &'static str,
        /// The rule that was broken.
        rule: &'static str,
        /// The first list: what it holds, and how many.
        left: (&'static str, usize),
        /// The second list: what it holds, and how many.
        right: (&'static str, usize),
        /// What would make it right.
        repair: &'static str,
    },
    /// A class number outside the classes that there are.
    #[error(
        "[{op}] {what} must lie in 0..{classes}; got {label} at position {position}; \
         check the labels or the number of classes"
    )]
    LabelOutOfRange {
        /// The operation that refused.
        op: &'static str,
        /// Which of the two it is: a label or a prediction.
        what: &'static str,
        /// The offending number.
        label: i64,
        /// The number of classes.
        classes: usize,
        /// Where it stands in its list.
        position: usize,
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
    /// A file or directory that could not be read or written.
    #[error("[{op}] {rule}; got \"{source}\" for '{}'; {repair}", path.display())]
    Io {
        /// The operation that failed.
        op: &'static str,
        /// What had to succeed.
        rule: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
        /// What would make it right.
        repair: &'static str,
    },
    /// A file of ours that is damaged, foreign or too new.
    #[error("[{op}] {rule}; got {got} in '{}'; use a file that save_weights wrote", path.display())]
    BadFile {
        /// The operation that refused.
        op: &'static str,
        /// The rule that was broken.
        rule: &'static str,
        /// The file.
        path: PathBuf,
        /// What was found.
        got: String,
    },
    /// A loss that is NaN or infinite.
    #[error(
        "[fit] the loss must be finite; got {loss} in step {step} of epoch {epoch}; lower the learning rate, clip gradients or look for bad data"
    )]
    NotFinite {
        /// The loss.
        loss: f64,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step, counted from 0 over the run.
        step: u64,
    },
    /// A gradient that is NaN or infinite.
    #[error(
        "[fit] the gradient must be finite; got norm {norm} in step {step} of epoch {epoch}; lower the learning rate, look for bad data or have such steps skipped"
    )]
    GradientNotFinite {
        /// The global norm.
        norm: f64,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step, counted from 0 over the run.
        step: u64,
    },
    /// A run that was asked to end by a signal, and was saved first.
    #[error(
        "[fit] interrupted by {signal} behind step {step}, in epoch {epoch}; saved in '{}'; run it again to go on", path.display()
    )]
    Interrupted {
        /// `SIGINT` or `SIGTERM`.
        signal: &'static str,
        /// The epoch in progress, counted from 1.
        epoch: usize,
        /// Steps made.
        step: u64,
        /// The checkpoint.
        path: PathBuf,
    },
    /// A measure to watch that the task does not report.
    #[error("[fit] the measure to watch must be one that the task reports; got {metric:?}, where there are {}; correct monitor", known.join(", "))]
    UnknownMetric {
        /// The measure.
        metric: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// A tensor operation refused.
    #[error(transparent)]
    Tensor(#[from] tensor::Error),
    /// The graph refused.
    #[error(transparent)]
    Autodiff(#[from] autodiff::Error),
    /// The model refused.
    #[error(transparent)]
    Nn(#[from] nn::Error),
    /// The optimizer refused.
    #[error(transparent)]
    Optim(#[from] optim::Error),
    /// The data refused.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// Text or an image that could not be encoded or decoded.
    #[error("[{op}] the {format} must be well formed; got \"{message}\"; {repair}")]
    Encoding {
        /// The operation that failed.
        op: &'static str,
        /// The format: `CSV`, `JSON`, `PNG`, `SVG`.
        format: &'static str,
        /// The encoder's own words.
        message: String,
        /// What would make it right.
        repair: &'static str,
    },
}

impl Error {
    pub(crate) fn encode(op: &'static str, format: &'static str, cause: impl std::fmt::Display) -> Self {
        Error::Encoding {
            op,
            format,
            message: cause.to_string(),
            repair: "this is a defect of the crate: please report it with the input",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_keeps_the_grammar() {
        let io = Error::Io {
            op: "write_atomic",
            rule: "the file must be renamed into place",
            path: "out/a.csv".into(),
            source: io::Error::other("disk full"),
            repair: "free some space",
        };
        assert_eq!(
            io.to_string(),
            "[write_atomic] the file must be renamed into place; got \"disk full\" for 'out/a.csv'; free some space"
        );
        let label =
            Error::LabelOutOfRange { op: "confusion", what: "a label", label: -1, classes: 3, position: 7 };
        assert_eq!(
            label.to_string(),
            "[confusion] a label must lie in 0..3; got -1 at position 7; check the labels or the number of classes"
        );
        let bad = Error::encode("history", "JSON", "oops");
        assert_eq!(
            bad.to_string(),
            "[history] the JSON must be well formed; got \"oops\"; \
             this is a defect of the crate: please report it with the input"
        );
    }
}

//! What can go wrong in this crate, as data.
//!
//! Every message has one grammar: `[op] rule that was broken; got <what>; <repair>`; errors from a file put its path
//! before that.

use crate::csv::BadRow;

/// The result of every named function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Data that could not be read, built or divided.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A tensor operation refused.
    #[error(transparent)]
    Tensor(#[from] tensor::Error),
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
    /// Features and targets of different numbers of rows.
    #[error(
        "[{op}] every row must have its features and its target; got features {features:?} and targets {targets:?}; give both the same first axis"
    )]
    RowCounts {
        /// The operation that refused.
        op: &'static str,
        /// The shape of the features.
        features: Vec<usize>,
        /// The shape of the targets.
        targets: Vec<usize>,
    },
    /// A label that names no class.
    #[error(
        "[{op}] a label must lie in 0..{classes}; got {label} in row {row}; correct the row or name more classes"
    )]
    Label {
        /// The operation that refused.
        op: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// The label there.
        label: i64,
        /// The number of classes.
        classes: usize,
    },
    /// NaN or infinity among the data.
    #[error(
        "[{op}] {what} must be finite; got {value} in row {row}, position {position}; drop the row or fill the value in"
    )]
    NotFinite {
        /// The operation that refused.
        op: &'static str,
        /// Which part of the data: `features` or `targets`.
        what: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// The place within the row, in row-major order.
        position: usize,
        /// The value there.
        value: f64,
    },
    /// A row number outside the data.
    #[error(
        "[{op}] a row must lie in 0..{rows}; got {row} at position {position}; check the indices or the data they were made for"
    )]
    RowOutOfBounds {
        /// The operation that refused.
        op: &'static str,
        /// The offending row.
        row: usize,
        /// Where it stands among the indices.
        position: usize,
        /// The number of rows there are.
        rows: usize,
    },
    /// A part of a split that would have no rows.
    #[error("[{op}] the {part} part must not be empty; got 0 of {rows} rows; {repair}")]
    EmptyPart {
        /// The operation that refused.
        op: &'static str,
        /// The part: `train`, `validation`, `test`, or a fold.
        part: String,
        /// The number of rows that were divided.
        rows: usize,
        /// What would make it right.
        repair: &'static str,
    },
    /// A file that could not be opened or read.
    #[error("[{op}] the file must be readable; got {message}; check the path and its permissions")]
    Io {
        /// The operation that refused.
        op: &'static str,
        /// The kind of failure.
        kind: std::io::ErrorKind,
        /// What the system said.
        message: String,
    },
    /// A file that is not what it should be.
    #[error("[{op}] {rule}; got {got}; {repair}")]
    Format {
        /// The reader that refused.
        op: &'static str,
        /// The rule that was broken.
        rule: &'static str,
        /// What stands there.
        got: String,
        /// What would make it right.
        repair: &'static str,
    },
    /// Reading a batch panicked, in a worker or here.
    #[error(
        "[loader] reading a batch must not panic; got {message:?} in batch {batch} of epoch {epoch}; correct the source or the transform"
    )]
    Panicked {
        /// The epoch, counted from 0.
        epoch: u64,
        /// The batch, counted from 0.
        batch: usize,
        /// What the panic said.
        message: String,
    },
    /// Rows of a CSV file that could not be read; `more` if reading stopped before the end.
    #[error("{}", crate::csv::show_bad_rows(rows, *more))]
    BadRows {
        /// The rows, in the order of the file.
        rows: Vec<BadRow>,
        /// Whether reading stopped here, so that there may be more of them.
        more: bool,
    },
    /// An error from a file, with its path.
    #[error("{path}: {source}")]
    InFile {
        /// The path as it was given.
        path: String,
        /// What went wrong there.
        source: Box<Error>,
    },
}

impl Error {
    /// This error with the path of the file it came from.
    pub fn in_file(self, path: impl AsRef<std::path::Path>) -> Self {
        Error::InFile { path: path.as_ref().display().to_string(), source: Box::new(self) }
    }

    pub(crate) fn io(op: &'static str, error: &std::io::Error) -> Self {
        Error::Io { op, kind: error.kind(), message: error.to_string() }
    }
}

/// A file opened for reading; directories and other things that are no file are refused.
pub(crate) fn open(op: &'static str, path: &std::path::Path) -> Result<std::fs::File> {
    let io = |e: std::io::Error| Error::io(op, &e).in_file(path);
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(Error::Format {
            op,
            rule: "the path must name a regular file",
            got: "something else".to_string(),
            repair: "give the path of a file",
        }
        .in_file(path));
    }
    std::fs::File::open(path).map_err(io)
}

//! What can be wrong with a matrix, and how it is said.

use crate::error::Error;

/// What is wrong with one matrix.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Not finite at (row, column).
    NotFinite(usize, usize),
    /// The right side is not finite at (row, column).
    RightNotFinite(usize, usize),
    /// No pivot at this step.
    Singular(usize),
    /// A pivot that is not positive at this step.
    NotPositive(usize),
    /// The iteration for eigenvalues did not end.
    NoConvergence,
    /// Working memory was refused.
    Refused(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Refused(error)
    }
}

impl Fault {
    /// The error of matrix `i` in row-major order of the leading axes `lead`.
    pub(crate) fn error(self, op: &'static str, i: usize, lead: &[usize]) -> Error {
        let batch = match lead {
            [] => String::new(),
            [_] => format!("batch index {i}, "),
            _ => {
                let mut rest = i;
                let mut index: Vec<usize> = lead
                    .iter()
                    .rev()
                    .map(|&size| {
                        let at = rest % size;
                        rest /= size;
                        at
                    })
                    .collect();
                index.reverse();
                format!("batch index {index:?}, ")
            }
        };
        let refuse = |rule, got: String, repair| Error::InvalidArgument { op, rule, got, repair };
        match self {
            Fault::NotFinite(i, j) => refuse(
                "a matrix must be finite",
                format!("NaN or infinity at {batch}row {i}, column {j}"),
                "find the operation that made it",
            ),
            Fault::RightNotFinite(i, j) => refuse(
                "the right side must be finite",
                format!("NaN or infinity at {batch}row {i}, column {j}"),
                "find the operation that made it",
            ),
            Fault::Singular(k) => refuse(
                "a matrix must not be singular",
                format!("a singular matrix at {batch}pivot {k}"),
                "add a multiple of the identity, or use pinv or lstsq",
            ),
            Fault::NotPositive(k) => refuse(
                "a matrix must be positive definite",
                format!("one that is not at {batch}pivot {k}"),
                "add a multiple of the identity, or check that the matrix is symmetric",
            ),
            Fault::NoConvergence => refuse(
                "the iteration for eigenvalues must end",
                format!(
                    "one that does not{}",
                    batch.trim_end_matches(", ").replacen("batch", " at batch", 1)
                ),
                "scale the matrix to a norm near 1",
            ),
            Fault::Refused(error) => error,
        }
    }
}

//! Windows over a long text, in any order.

use super::as_i64;
use crate::dataset::{Batch, Source};
use crate::error::{Error, Result};
use tensor::Tensor;

/// Windows of `time` tokens over a long text, each with the tokens that follow its own: row i begins at token
/// `i·stride` and has features `t[b .. b+time]` and targets `t[b+1 .. b+1+time]`.
///
/// Shapes of a batch: features and targets `(B, time)`, I64. There are `⌊(len − time − 1)/stride⌋ + 1` windows; tokens behind
/// the last one are left out.
///
/// ```
/// use data::{Source, TextWindows};
/// let windows = TextWindows::new(&[0, 1, 2, 3, 4, 5, 6], 3)?;
/// assert_eq!(windows.len(), 2);
/// let batch = windows.batch(&[1])?;
/// assert_eq!(batch.features.to_vec::<i64>()?, [3, 4, 5]);
/// assert_eq!(batch.targets.to_vec::<i64>()?, [4, 5, 6]);
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TextWindows {
    tokens: Vec<i64>,
    time: usize,
    stride: usize,
}

impl TextWindows {
    /// Windows side by side: the stride is `time`.
    ///
    /// # Errors
    /// As [`with_stride`](Self::with_stride).
    pub fn new(tokens: &[usize], time: usize) -> Result<Self> {
        Self::with_stride(tokens, time, time)
    }

    /// Windows that begin `stride` tokens apart; they overlap if that is less than `time`.
    ///
    /// # Errors
    /// `time` or `stride` of 0; a text of less than `time + 1` tokens.
    pub fn with_stride(tokens: &[usize], time: usize, stride: usize) -> Result<Self> {
        let op = "text windows";
        if time == 0 || stride == 0 {
            return Err(Error::InvalidArgument {
                op,
                rule: "a window must have a step, and the next one begin behind it",
                got: format!("time {time}, stride {stride}"),
                repair: "use at least 1 for both",
            });
        }
        if tokens.len() <= time {
            return Err(Error::InvalidArgument {
                op,
                rule: "the text must be longer than one window",
                got: format!("{} tokens for windows of {time}", tokens.len()),
                repair: "use shorter windows or a longer text",
            });
        }
        Ok(Self { tokens: as_i64(op, tokens)?, time, stride })
    }

    /// Steps of a window.
    pub fn time(&self) -> usize {
        self.time
    }
}

impl Source for TextWindows {
    fn len(&self) -> usize {
        (self.tokens.len() - self.time - 1) / self.stride + 1
    }

    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        if let Some(position) = rows.iter().position(|&row| row >= self.len()) {
            let (row, rows) = (rows[position], self.len());
            return Err(Error::RowOutOfBounds { op: "text windows", row, position, rows });
        }
        let shifted = |by: usize| {
            let mut all = Vec::with_capacity(rows.len() * self.time);
            for row in rows {
                let begin = row * self.stride + by;
                all.extend_from_slice(&self.tokens[begin..begin + self.time]);
            }
            Tensor::from_vec(all, [rows.len(), self.time])
        };
        Ok(Batch { features: shifted(0)?, targets: shifted(1)? })
    }
}

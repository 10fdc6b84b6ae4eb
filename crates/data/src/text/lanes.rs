//! A long text in lanes that are read side by side, part after part.

use super::as_i64;
use crate::dataset::Batch;
use crate::error::{Error, Result};
use tensor::Tensor;

/// A text in `n` lanes of equal length, read side by side in parts of `time` steps: what truncated backpropagation
/// through time goes over, with the state of part k−1 as the first state of part k.
///
/// A lane has `L = ⌊(len − 1)/n⌋` tokens, lane j those from `j·L` on. Part k gives features `t[b .. b+time]` and targets
/// `t[b+1 .. b+1+time]` with `b = j·L + k·time`, both `(n, time)`, I64. Parts are addressed by number and nothing is
/// advanced, so a run that was stopped goes on where it was. There are `⌊L/time⌋` parts; what is left at the end of each lane,
/// less than `time` tokens, is left out.
///
/// ```
/// use data::TextLanes;
/// let lanes = TextLanes::new(&(0..13).collect::<Vec<_>>(), 2, 3)?;
/// assert_eq!(lanes.parts(), 2);
/// assert_eq!(lanes.part(0)?.features.to_vec::<i64>()?, [0, 1, 2, 6, 7, 8]);
/// assert_eq!(lanes.part(1)?.features.to_vec::<i64>()?, [3, 4, 5, 9, 10, 11]);
/// assert_eq!(lanes.part(1)?.targets.to_vec::<i64>()?, [4, 5, 6, 10, 11, 12]);
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TextLanes {
    tokens: Vec<i64>,
    n: usize,
    time: usize,
    lane: usize,
}

impl TextLanes {
    /// The tokens in `n` lanes and parts of `time` steps.
    ///
    /// # Errors
    /// `n` or `time` of 0; a text of less than `n·time + 1` tokens, which gives no part.
    pub fn new(tokens: &[usize], n: usize, time: usize) -> Result<Self> {
        let op = "text lanes";
        if n == 0 || time == 0 {
            return Err(Error::InvalidArgument {
                op,
                rule: "there must be a lane and a step",
                got: format!("n {n}, time {time}"),
                repair: "use at least 1 for both",
            });
        }
        let lane = tokens.len().saturating_sub(1) / n;
        if lane < time {
            return Err(Error::InvalidArgument {
                op,
                rule: "the text must be longer than one part of all lanes",
                got: format!("{} tokens for {n} lanes of {time} steps", tokens.len()),
                repair: "use fewer lanes, fewer steps or a longer text",
            });
        }
        Ok(Self { tokens: as_i64(op, tokens)?, n, time, lane })
    }

    /// Lanes.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Steps of a part.
    pub fn time(&self) -> usize {
        self.time
    }

    /// Parts, one after the other; at least 1.
    pub fn parts(&self) -> usize {
        self.lane / self.time
    }

    /// Part `k`: features and targets, `(n, time)` each.
    ///
    /// # Errors
    /// `k` must lie in `0..parts()`.
    pub fn part(&self, k: usize) -> Result<Batch> {
        if k >= self.parts() {
            return Err(Error::InvalidArgument {
                op: "text lanes",
                rule: "there must be a part of this number",
                got: format!("part {k} of {}", self.parts()),
                repair: "begin again at part 0, with a state of zeros",
            });
        }
        let shifted = |by: usize| {
            let mut all = Vec::with_capacity(self.n * self.time);
            for lane in 0..self.n {
                let begin = lane * self.lane + k * self.time + by;
                all.extend_from_slice(&self.tokens[begin..begin + self.time]);
            }
            Tensor::from_vec(all, [self.n, self.time])
        };
        Ok(Batch { features: shifted(0)?, targets: shifted(1)? })
    }
}

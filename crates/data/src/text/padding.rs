//! Sequences of several lengths as one batch.

use super::as_i64;
use crate::error::{Error, Result};
use tensor::Tensor;

/// Sequences of several lengths as one tensor.
#[derive(Debug, Clone)]
pub struct Padded {
    /// `(n, time)`, I64, where time is the longest length.
    pub tokens: Tensor,
    /// The length of each sequence before it was padded.
    pub lengths: Vec<usize>,
}

/// Sequences side by side, each filled up behind its end to the length of the longest. `padding` may be a token, or for
/// targets a label that the loss ignores, such as −1.
///
/// Shapes: n sequences → tokens `(n, max length)`, I64, and n lengths.
///
/// ```
/// let batch = data::pad_sequences(&[vec![5, 6, 7], vec![8]], 0)?;
/// assert_eq!(batch.tokens.shape(), [2, 3]);
/// assert_eq!(batch.tokens.to_vec::<i64>()?, [5, 6, 7, 8, 0, 0]);
/// assert_eq!(batch.lengths, [3, 1]);
/// # Ok::<(), data::Error>(())
/// ```
///
/// # Errors
/// No sequences; one of length 0, by its number.
pub fn pad_sequences<S: AsRef<[usize]>>(sequences: &[S], padding: i64) -> Result<Padded> {
    let op = "pad_sequences";
    let refuse = |rule, got, repair| Err(Error::InvalidArgument { op, rule, got, repair });
    let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.as_ref().len()).collect();
    let Some(&time) = lengths.iter().max() else {
        return refuse("a batch must have sequences", "0 sequences".to_string(), "give at least one");
    };
    if let Some(i) = lengths.iter().position(|&len| len == 0) {
        let got = format!("length 0 of sequence {i}");
        return refuse("a sequence must have a step", got, "leave it out of the batch");
    }
    let mut all = Vec::with_capacity(sequences.len() * time);
    for sequence in sequences {
        let end = all.len() + time;
        all.extend(as_i64(op, sequence.as_ref())?);
        all.resize(end, padding);
    }
    Ok(Padded { tokens: Tensor::from_vec(all, [sequences.len(), time])?, lengths })
}

//! Tasks over sequences: what a recurrent network or a Transformer must be able to learn.

use super::{check, of_numbers, rng, uniform};
use crate::dataset::{Batch, Dataset, Source};
use crate::error::{Error, Result};
use tensor::Tensor;

/// Sequences of tokens and what is to be said of them, both `(n, time)` of I64.
#[derive(Debug, Clone)]
pub struct Sequences {
    /// Tokens, `(n, time)`.
    pub features: Tensor,
    /// Tokens, `(n, time)`.
    pub targets: Tensor,
    /// How many tokens there are.
    pub vocab: usize,
}

impl Source for Sequences {
    fn len(&self) -> usize {
        self.features.shape().first().copied().unwrap_or(0)
    }

    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        if let Some(position) = rows.iter().position(|&row| row >= self.len()) {
            let (row, rows) = (rows[position], self.len());
            return Err(Error::RowOutOfBounds { op: "sequences", row, position, rows });
        }
        let index = Tensor::from_vec(rows.iter().map(|&row| row as i64).collect(), [rows.len()])?;
        Ok(Batch {
            features: self.features.index_select(0, &index)?,
            targets: self.targets.index_select(0, &index)?,
        })
    }
}

fn draw(seed: u64, n: usize, symbols: usize) -> Result<Vec<i64>> {
    Ok(uniform(&mut rng(seed), n, 0.0, symbols as f64)?.into_iter().map(|x| x as i64).collect())
}

/// Remember and repeat: `len` symbols of `2..symbols + 2`, then the token 1, then `len` times 0; the answer is `len +
/// 1` times 0, then the symbols. Source: Graves et al. 2014, arXiv:1410.5401, section 4.1.
///
/// Features and targets `(n, 2·len + 1)`.
///
/// ```
/// let task = data::copy_task(1, 2, 5, 0)?;
/// let (x, y) = (task.features.to_vec::<i64>()?, task.targets.to_vec::<i64>()?);
/// assert_eq!((&x[2..], &y[..3]), (&[1, 0, 0][..], &[0, 0, 0][..]));
/// assert_eq!(x[..2], y[3..]);
/// # Ok::<(), data::Error>(())
/// ```
///
/// # Errors
/// Sizes of 0.
pub fn copy_task(n: usize, len: usize, symbols: usize, seed: u64) -> Result<Sequences> {
    check("copy_task", &[("n", n), ("len", len), ("symbols", symbols)], &[])?;
    let drawn = draw(seed, n * len, symbols)?;
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for row in drawn.chunks_exact(len) {
        x.extend(row.iter().map(|s| s + 2));
        x.push(1);
        x.resize(x.len() + len, 0);
        y.resize(y.len() + len + 1, 0);
        y.extend(row.iter().map(|s| s + 2));
    }
    let shape = [n, 2 * len + 1];
    let (features, targets) = (Tensor::from_vec(x, shape)?, Tensor::from_vec(y, shape)?);
    Ok(Sequences { features, targets, vocab: symbols + 2 })
}

/// Symbols of `0..symbols` and the same in ascending order. Features and targets `(n, len)`.
///
/// # Errors
/// Sizes of 0.
pub fn sort_task(n: usize, len: usize, symbols: usize, seed: u64) -> Result<Sequences> {
    check("sort_task", &[("n", n), ("len", len), ("symbols", symbols)], &[])?;
    let x = draw(seed, n * len, symbols)?;
    let mut y = x.clone();
    y.chunks_exact_mut(len).for_each(<[i64]>::sort_unstable);
    let (features, targets) = (Tensor::from_vec(x, [n, len])?, Tensor::from_vec(y, [n, len])?);
    Ok(Sequences { features, targets, vocab: symbols })
}

/// Two numbers to add among many: a step is a number uniform in `[0, 1)` and a mark, which is 1 at one step of the
/// first half and one of the second and 0 elsewhere; the answer is the sum of the two marked numbers. Source:
/// Hochreiter & Schmidhuber 1997, experiment 4, with numbers and marks of 0 to 1.
///
/// Features `(n, len, 2)`, targets `(n, 1)`, F32.
///
/// # Errors
/// No rows; `len` below 2.
pub fn adding_task(n: usize, len: usize, seed: u64) -> Result<Dataset> {
    check("adding_task", &[("n", n), ("len / 2", len / 2)], &[])?;
    let mut rng = rng(seed);
    let numbers = uniform(&mut rng, n * len, 0.0, 1.0)?;
    let places = uniform(&mut rng, 2 * n, 0.0, 1.0)?;
    let (mut x, mut y) = (Vec::with_capacity(2 * n * len), Vec::with_capacity(n));
    let half = len / 2;
    for (row, numbers) in numbers.chunks_exact(len).enumerate() {
        let first = (places[2 * row] * half as f64) as usize;
        let second = half + (places[2 * row + 1] * (len - half) as f64) as usize;
        y.push(numbers[first] + numbers[second]);
        for (i, &number) in numbers.iter().enumerate() {
            x.extend([number, f64::from(u8::from(i == first || i == second))]);
        }
    }
    of_numbers(&x, 2 * len, &y)?.map_features(|x| Ok(x.reshape([n as isize, len as isize, 2])?))
}

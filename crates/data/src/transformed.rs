//! Rows changed by steps that may draw random numbers, anew in every epoch.

use crate::dataset::{Batch, Source};
use crate::error::{Error, Result};
use tensor::{Rng, Tensor};

/// Address of the random streams of transforms.
const TRANSFORMS: u64 = 24;

/// A step of a [`Transformed`] source: the features `(…)` of one row, and the row's own random numbers.
pub type Transform<'a> = Box<dyn Fn(&Tensor, &mut Rng) -> Result<Tensor> + Send + Sync + 'a>;

/// A source whose rows go through steps, one after another. What happens to a row depends on (seed, epoch, row) and the
/// step: not on the batch that it is in, nor on the thread that reads it.
///
/// ```
/// use data::{Source, Transformed};
/// use tensor::DType;
/// let digits = data::digits()?;
/// let noisy = Transformed::new(&digits, 7).then(|x, rng| {
///     Ok(x.add(&rng.normal(x.shape(), 0.0, 0.1, DType::F32)?)?)
/// });
/// let (first, again) = (noisy.batch_in(0, &[5])?, noisy.batch_in(0, &[3, 5])?);
/// assert!(first.features.bit_eq(&again.features.narrow(0, 1, 1)?));
/// assert!(!first.features.bit_eq(&noisy.batch_in(1, &[5])?.features));
/// # Ok::<(), data::Error>(())
/// ```
pub struct Transformed<'a, S: Source + ?Sized> {
    source: &'a S,
    steps: Vec<Transform<'a>>,
    seed: u64,
}

impl<'a, S: Source + ?Sized> Transformed<'a, S> {
    /// `source` as it is, until there are steps.
    pub fn new(source: &'a S, seed: u64) -> Self {
        Self { source, steps: Vec::new(), seed }
    }

    /// With a further step. All rows must have one shape after it.
    #[must_use]
    pub fn then(mut self, step: impl Fn(&Tensor, &mut Rng) -> Result<Tensor> + Send + Sync + 'a) -> Self {
        self.steps.push(Box::new(step));
        self
    }
}

impl<S: Source + ?Sized> Source for Transformed<'_, S> {
    fn len(&self) -> usize {
        self.source.len()
    }

    /// The rows as in epoch 0.
    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        self.batch_in(0, rows)
    }

    fn batch_in(&self, epoch: u64, rows: &[usize]) -> Result<Batch> {
        let Batch { features, targets } = self.source.batch_in(epoch, rows)?;
        if self.steps.is_empty() || rows.is_empty() {
            return Ok(Batch { features, targets });
        }
        let of_epoch = Rng::seed(self.seed).stream(TRANSFORMS).stream(epoch);
        let shape: Vec<isize> = features.shape().iter().skip(1).map(|&size| size as isize).collect();
        let mut changed = Vec::with_capacity(rows.len());
        for (i, &row) in rows.iter().enumerate() {
            let mut x = features.narrow(0, i, 1)?.reshape(&shape[..])?;
            for (k, step) in self.steps.iter().enumerate() {
                x = step(&x, &mut of_epoch.stream(row as u64).stream(k as u64))?;
            }
            changed.push(x);
        }
        let features = Tensor::stack(&changed.iter().collect::<Vec<_>>(), 0).map_err(Error::from)?;
        Ok(Batch { features, targets })
    }
}

//! Standardisation of features with statistics of the training part.

use crate::dataset::{Dataset, TrainPart};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use tensor::{DType, Tensor};

/// Brings every feature to mean 0 and standard deviation 1 over the training part: `z = (x − mean) / scale`.
///
/// Features are the d elements of a row, `(n, …)` seen as `(n, d)`; `scale` is the population standard deviation
/// `√(Σ(x − mean)² / n)`, or 1 for a feature that is constant. Statistics and transforms are computed in double precision
/// and rounded once.
///
/// ```
/// use data::{Fractions, Standardizer, split_stratified};
/// let digits = data::digits()?;
/// let split = split_stratified(&digits.labels()?, Fractions::default(), 0)?;
/// let standardizer = Standardizer::fit(&digits.train_part(&split)?)?;
/// let test = standardizer.apply(&digits.select(&split.test)?)?;
/// assert_eq!(test.features().shape(), [269, 64]);
/// # Ok::<(), data::Error>(())
/// ```
///
/// Differs from scikit-learn's `StandardScaler` in: it is fitted to a [`TrainPart`] alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Standardizer {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Standardizer {
    /// The statistics of a training part.
    ///
    /// # Errors
    /// Features of Bool; values so large that their variance is not finite (its feature is named).
    pub fn fit(train: &TrainPart) -> Result<Self> {
        let op = "Standardizer::fit";
        let x = doubles(op, train.features())?;
        let n = train.len() as f64;
        let d = x.len() / train.len();
        let (mut low, mut high) = (vec![f64::INFINITY; d], vec![f64::NEG_INFINITY; d]);
        let mut mean = vec![0.0; d];
        for row in x.chunks_exact(d.max(1)) {
            for j in 0..d {
                low[j] = low[j].min(row[j]);
                high[j] = high[j].max(row[j]);
                mean[j] += row[j];
            }
        }
        mean.iter_mut().for_each(|mean| *mean /= n);
        let mut scale = vec![0.0; d];
        for row in x.chunks_exact(d.max(1)) {
            for j in 0..d {
                let deviation = row[j] - mean[j];
                scale[j] += deviation * deviation;
            }
        }
        for j in 0..d {
            if low[j] == high[j] {
                (mean[j], scale[j]) = (low[j], 1.0);
                continue;
            }
            scale[j] = (scale[j] / n).sqrt();
            if !(mean[j].is_finite() && scale[j].is_normal()) {
                return Err(Error::InvalidArgument {
                    op,
                    rule: "the variance of a feature must be a finite number above 0",
                    got: format!("values from {:e} to {:e} in feature {j}", low[j], high[j]),
                    repair: "rescale the feature",
                });
            }
        }
        Ok(Self { mean, scale })
    }

    /// The statistics of a training part whose features are all of one kind, such as the pixels of an image: one mean
    /// and one deviation over all of them. A pixel that is nearly always blank then stays small, where a scale of its
    /// own would blow up the few times it is not.
    ///
    /// # Errors
    /// As [`fit`](Standardizer::fit).
    ///
    /// ```
    /// # use data::{Dataset, Standardizer, TrainPart};
    /// # use tensor::Tensor;
    /// let x = Tensor::from_vec(vec![1.0, 3.0, 5.0, 7.0], [2, 2])?;
    /// let data = Dataset::regression(x, Tensor::from_vec(vec![0.0, 1.0], [2, 1])?)?;
    /// let standardizer = Standardizer::fit_shared(&TrainPart::all_of(data))?;
    /// assert_eq!((standardizer.mean(), standardizer.scale()), (&[4.0, 4.0][..], &[5f64.sqrt(); 2][..]));
    /// # Ok::<(), data::Error>(())
    /// ```
    pub fn fit_shared(train: &TrainPart) -> Result<Self> {
        let own = Self::fit(train)?;
        let d = own.mean.len().max(1) as f64;
        let mean = own.mean.iter().sum::<f64>() / d;
        let x = doubles("Standardizer::fit_shared", train.features())?;
        let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / x.len().max(1) as f64;
        let scale = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        Ok(Self { mean: vec![mean; own.mean.len()], scale: vec![scale; own.scale.len()] })
    }

    /// The mean of each feature.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What each feature is divided by: its standard deviation, or 1 where that is 0.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// `(x − mean) / scale` for features `(B, …)` of d elements a row, computed in F64. Floats keep their type, others become F32.
    ///
    /// # Errors
    /// Another number of elements a row; elements of Bool.
    pub fn transform(&self, x: &Tensor) -> Result<Tensor> {
        self.affine().each("Standardizer::transform", x, |x, mean, scale| (x - mean) / scale)
    }

    /// `z · scale + mean`, the way back.
    ///
    /// # Errors
    /// As [`transform`](Standardizer::transform).
    pub fn inverse(&self, z: &Tensor) -> Result<Tensor> {
        self.affine().each("Standardizer::inverse", z, |z, mean, scale| z * scale + mean)
    }

    /// The same data with transformed features.
    ///
    /// # Errors
    /// As [`transform`](Standardizer::transform).
    pub fn apply(&self, data: &Dataset) -> Result<Dataset> {
        data.map_features(|x| self.transform(x))
    }

    fn affine(&self) -> Affine<'_> {
        Affine { shift: &self.mean, scale: &self.scale }
    }
}

/// What is subtracted from each feature, and what it is divided by.
pub(crate) struct Affine<'a> {
    pub shift: &'a [f64],
    pub scale: &'a [f64],
}

impl Affine<'_> {
    /// `f(x, shift, scale)` of every element.
    pub fn each(&self, op: &'static str, x: &Tensor, f: impl Fn(f64, f64, f64) -> f64) -> Result<Tensor> {
        let d = self.shift.len();
        if x.rank() == 0 || x.shape()[1..].iter().product::<usize>() != d {
            return Err(Error::InvalidArgument {
                op,
                rule: "a row must have as many elements as the rows it was fitted to",
                got: format!("features {:?} for {d} elements a row", x.shape()),
                repair: "give the features in the shape they had when fitting",
            });
        }
        let mut values = doubles(op, x)?;
        for row in values.chunks_exact_mut(d.max(1)) {
            for j in 0..d {
                row[j] = f(row[j], self.shift[j], self.scale[j]);
            }
        }
        let shape = x.shape();
        let dtype = if x.dtype().is_float() { x.dtype() } else { DType::F32 };
        Ok(Tensor::from_vec(values, shape)?.to_dtype(dtype)?)
    }

    /// What a state from outside must be.
    pub fn check(&self, op: &'static str, version: u32) -> Result<()> {
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op, rule, got, repair });
        if version != 1 {
            let repair = "read it with the release that wrote it";
            return refuse("a state must have version 1", format!("version {version}"), repair);
        }
        if self.shift.len() != self.scale.len() {
            let got = format!("{} means and {} scales", self.shift.len(), self.scale.len());
            return refuse(
                "every feature must have a mean and a scale",
                got,
                "restore the state from its source",
            );
        }
        for (j, (shift, scale)) in self.shift.iter().zip(self.scale).enumerate() {
            if !(shift.is_finite() && scale.is_normal() && *scale > 0.0) {
                let got = format!("mean {shift} and scale {scale} of feature {j}");
                let rule = "means must be finite and scales finite and above 0";
                return refuse(rule, got, "restore the state from its source");
            }
        }
        Ok(())
    }
}

/// The elements as doubles.
pub(crate) fn doubles(op: &'static str, x: &Tensor) -> Result<Vec<f64>> {
    if x.dtype() == DType::Bool {
        return Err(Error::InvalidArgument {
            op,
            rule: "features must be numbers",
            got: x.dtype().to_string(),
            repair: "convert with to_dtype",
        });
    }
    Ok(x.to_dtype(DType::F64)?.to_vec()?)
}

/// The statistics as they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl From<Standardizer> for Wire {
    fn from(Standardizer { mean, scale }: Standardizer) -> Self {
        Self { version: 1, mean, scale }
    }
}

impl TryFrom<Wire> for Standardizer {
    type Error = Error;

    fn try_from(Wire { version, mean, scale }: Wire) -> Result<Self> {
        Affine { shift: &mean, scale: &scale }.check("Standardizer state", version)?;
        Ok(Self { mean, scale })
    }
}

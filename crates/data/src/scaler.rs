//! Scaling of features by the range or the quartiles of the training part.

use crate::dataset::{Dataset, TrainPart};
use crate::error::{Error, Result};
use crate::preprocess::{Scale, shift_and_scale};
use crate::standardizer::{Affine, doubles};
use serde::{Deserialize, Serialize};
use tensor::Tensor;

/// Brings every feature to `z = (x − shift) / scale` with the range or the quartiles of the training part; beside
/// [`Standardizer`](crate::Standardizer), which takes mean and deviation, and kept and saved as that is.
///
/// ```
/// # use data::{Dataset, Scaler, TrainPart};
/// # use tensor::Tensor;
/// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 100.0], [5, 1])?;
/// let data = Dataset::regression(x.clone(), Tensor::zeros([5, 1], x.dtype())?)?;
/// let robust = Scaler::robust(&TrainPart::all_of(data))?;
/// assert_eq!(robust.transform(&x)?.to_vec::<f64>()?, [-1.0, -0.5, 0.0, 0.5, 48.5]);
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Scaler {
    shift: Vec<f64>,
    scale: Vec<f64>,
}

impl Scaler {
    /// `(x − min) / (max − min)`: 0 to 1 over the training part; a constant becomes 0. scikit-learn's `MinMaxScaler`.
    ///
    /// # Errors
    /// Features of Bool; a range that is not a normal number (its feature is named).
    pub fn min_max(train: &TrainPart) -> Result<Self> {
        Self::fit(train, Scale::MinMax)
    }

    /// `(x − median) / (third quartile − first quartile)`, quartiles by straight lines between neighbours; a few wild
    /// values do not move them. Where they are equal, by 1. scikit-learn's `RobustScaler`.
    ///
    /// # Errors
    /// As [`min_max`](Self::min_max).
    pub fn robust(train: &TrainPart) -> Result<Self> {
        Self::fit(train, Scale::Robust)
    }

    fn fit(train: &TrainPart, how: Scale) -> Result<Self> {
        let op = "Scaler::fit";
        let x = doubles(op, train.features())?;
        let d = x.len() / train.len();
        let (mut shift, mut scale) = (Vec::with_capacity(d), Vec::with_capacity(d));
        for j in 0..d {
            let column: Vec<f64> = x.iter().skip(j).step_by(d).copied().collect();
            let Some((a, b)) = shift_and_scale(&column, how) else {
                return Err(Error::InvalidArgument {
                    op,
                    rule: "the range of a feature must be a finite number above 0",
                    got: format!("feature {j}"),
                    repair: "rescale the feature",
                });
            };
            shift.push(a);
            scale.push(b);
        }
        Ok(Self { shift, scale })
    }

    /// What is subtracted from each feature.
    pub fn shift(&self) -> &[f64] {
        &self.shift
    }

    /// What each feature is divided by.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// `(x − shift) / scale` for features `(B, …)` of d elements a row, computed in F64. Floats keep their type, others
    /// become F32.
    ///
    /// # Errors
    /// Another number of elements a row; elements of Bool.
    pub fn transform(&self, x: &Tensor) -> Result<Tensor> {
        self.affine().each("Scaler::transform", x, |x, shift, scale| (x - shift) / scale)
    }

    /// `z · scale + shift`, the way back.
    ///
    /// # Errors
    /// As [`transform`](Scaler::transform).
    pub fn inverse(&self, z: &Tensor) -> Result<Tensor> {
        self.affine().each("Scaler::inverse", z, |z, shift, scale| z * scale + shift)
    }

    /// The same data with transformed features.
    ///
    /// # Errors
    /// As [`transform`](Scaler::transform).
    pub fn apply(&self, data: &Dataset) -> Result<Dataset> {
        data.map_features(|x| self.transform(x))
    }

    fn affine(&self) -> Affine<'_> {
        Affine { shift: &self.shift, scale: &self.scale }
    }
}

/// The statistics as they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    shift: Vec<f64>,
    scale: Vec<f64>,
}

impl From<Scaler> for Wire {
    fn from(Scaler { shift, scale }: Scaler) -> Self {
        Self { version: 1, shift, scale }
    }
}

impl TryFrom<Wire> for Scaler {
    type Error = Error;

    fn try_from(Wire { version, shift, scale }: Wire) -> Result<Self> {
        Affine { shift: &shift, scale: &scale }.check("Scaler state", version)?;
        Ok(Self { shift, scale })
    }
}

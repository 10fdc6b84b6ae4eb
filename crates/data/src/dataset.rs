//! Supervised data in memory, and the trait that everything batched is read through.

use crate::error::{Error, Result};
use crate::split::Split;
use std::fmt;
use tensor::{DType, Tensor};

/// Some rows of data: features `(B, …)` and targets `(B,)` or `(B, …)`, row by row.
#[derive(Clone)]
pub struct Batch {
    /// What the model is given, `(B, …)`.
    pub features: Tensor,
    /// What it should answer: class indices `(B,)` of I64, or numbers `(B, …)`.
    pub targets: Tensor,
}

/// Anything that can give rows by number: data in memory, files read when asked for, a generator.
///
/// The rows of a batch must depend on the row numbers alone, so that an epoch can be repeated and resumed. `Sync`,
/// because the workers of a loader share it.
pub trait Source: Sync {
    /// The number of rows.
    fn len(&self) -> usize;

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The given rows, in the given order; a row may be asked for twice.
    ///
    /// # Errors
    /// A row outside `0..len()`; whatever reading them runs into.
    fn batch(&self, rows: &[usize]) -> Result<Batch>;

    /// The given rows as they are in epoch `epoch`: [`batch`](Source::batch), unless rows change from epoch to epoch, as
    /// where images are augmented. They must depend on both numbers alone.
    ///
    /// # Errors
    /// As [`batch`](Source::batch).
    fn batch_in(&self, _epoch: u64, rows: &[usize]) -> Result<Batch> {
        self.batch(rows)
    }
}

/// Supervised data in memory: features `(n, …)` with class labels `(n,)` or numeric targets `(n, …)`; at least one
/// row, all numbers finite, all labels inside the classes. Cloning is cheap.
///
/// ```
/// let digits = data::digits()?;
/// assert_eq!(digits.features().shape(), [1797, 64]);
/// assert_eq!(digits.class_names().unwrap().len(), 10);
/// # Ok::<(), data::Error>(())
/// ```
///
/// Differs from PyTorch's `TensorDataset` in: two tensors, checked once here instead of failing in the middle of an
/// epoch; rows come in batches, not one by one.
#[derive(Clone)]
pub struct Dataset {
    features: Tensor,
    targets: Tensor,
    class_names: Option<Vec<String>>,
    feature_names: Option<Vec<String>>,
}

impl Dataset {
    /// Data of named classes: features `(n, …)` of any element type, labels `(n,)` of I64 in `0..class_names.len()`.
    ///
    /// # Errors
    /// No rows; row counts that differ; labels of another type or rank; a label outside the classes (its row is named);
    /// NaN or infinity among the features; no class names, or one twice.
    pub fn classification(features: Tensor, labels: Tensor, class_names: Vec<String>) -> Result<Self> {
        let op = "classification";
        check_labels(op, &labels)?;
        check_rows(op, &features, &labels)?;
        check_distinct(op, &class_names, "class names must be distinct", "rename one of them")?;
        let classes = class_names.len();
        for (row, label) in labels.to_vec::<i64>()?.into_iter().enumerate() {
            if !usize::try_from(label).is_ok_and(|label| label < classes) {
                return Err(Error::Label { op, row, label, classes });
            }
        }
        check_finite(op, "features", &features)?;
        Ok(Self { features, targets: labels, class_names: Some(class_names), feature_names: None })
    }

    /// Data of numeric targets: features `(n, …)` of any element type, targets `(n, …)` of floats.
    ///
    /// # Errors
    /// No rows; row counts that differ; targets that are no floats; NaN or infinity among the numbers.
    pub fn regression(features: Tensor, targets: Tensor) -> Result<Self> {
        let op = "regression";
        if !targets.dtype().is_float() {
            return Err(Error::InvalidArgument {
                op,
                rule: "numeric targets must be floats",
                got: targets.dtype().to_string(),
                repair: "convert with to_dtype, or use classification for class labels",
            });
        }
        check_rows(op, &features, &targets)?;
        check_finite(op, "features", &features)?;
        check_finite(op, "targets", &targets)?;
        Ok(Self { features, targets, class_names: None, feature_names: None })
    }

    /// The same data with a name for each feature column; features must be `(n, d)` with d names, all distinct.
    ///
    /// # Errors
    /// Features of another rank, another number of names, or a name twice.
    pub fn with_feature_names(mut self, names: Vec<String>) -> Result<Self> {
        let op = "with_feature_names";
        if self.features.rank() != 2 || self.features.shape()[1] != names.len() {
            return Err(Error::InvalidArgument {
                op,
                rule: "each feature column must have a name",
                got: format!("{} names for features {:?}", names.len(), self.features.shape()),
                repair: "flatten the features or give one name a column",
            });
        }
        check_distinct(op, &names, "feature names must be distinct", "rename one of them")?;
        self.feature_names = Some(names);
        Ok(self)
    }

    /// The number of rows; never 0.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.features.shape()[0]
    }

    /// The features, `(n, …)`.
    pub fn features(&self) -> &Tensor {
        &self.features
    }

    /// The targets: class indices `(n,)` of I64, or numbers `(n, …)`.
    pub fn targets(&self) -> &Tensor {
        &self.targets
    }

    /// The names of the classes, in the order of their indices; `None` for numeric targets.
    pub fn class_names(&self) -> Option<&[String]> {
        self.class_names.as_deref()
    }

    /// The names of the feature columns, where they are known.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.feature_names.as_deref()
    }

    /// The class index of every row.
    ///
    /// # Errors
    /// Numeric targets have none.
    pub fn labels(&self) -> Result<Vec<i64>> {
        if self.class_names.is_none() {
            return Err(Error::InvalidArgument {
                op: "labels",
                rule: "only data of classes has labels",
                got: format!("targets {:?} of {}", self.targets.shape(), self.targets.dtype()),
                repair: "build the data with classification",
            });
        }
        Ok(self.targets.to_vec()?)
    }

    /// Row `i`: its features `(…)` and its target.
    ///
    /// # Errors
    /// `i` must lie in `0..len()`.
    pub fn get(&self, i: usize) -> Result<(Tensor, Tensor)> {
        check_indices("get", &[i], self.len())?;
        let row = self.batch(&[i])?;
        Ok((without_rows(&row.features)?, without_rows(&row.targets)?))
    }

    /// The given rows, in the given order, as data of their own.
    ///
    /// # Errors
    /// No rows, or one outside `0..len()`.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if rows.is_empty() {
            return Err(Error::InvalidArgument {
                op: "select",
                rule: "data must have rows",
                got: "0 rows".to_string(),
                repair: "select at least one",
            });
        }
        let Batch { features, targets } = self.batch(rows)?;
        Ok(Self { features, targets, ..self.clone() })
    }

    /// The training rows of a split, typed as such: what is fitted to data is fitted to this.
    ///
    /// # Errors
    /// No training rows, or one outside `0..len()`.
    pub fn train_part(&self, split: &Split) -> Result<TrainPart> {
        self.select(&split.train).map(Train::all_of)
    }

    /// The same targets with other features: `map` gets all of them and must keep the rows.
    ///
    /// # Errors
    /// What `map` returns; another number of rows; NaN or infinity.
    pub fn map_features(&self, map: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Self> {
        let op = "map_features";
        let features = map(&self.features)?;
        check_rows(op, &features, &self.targets)?;
        check_finite(op, "features", &features)?;
        let feature_names = self.feature_names.clone().filter(|_| features.shape() == self.features.shape());
        Ok(Self { features, feature_names, ..self.clone() })
    }

    /// The same data with the features of a row in one axis: `(n, …)` becomes `(n, d)`; copies nothing.
    ///
    /// # Errors
    /// Those of the tensor.
    pub fn flatten(&self) -> Result<Self> {
        let n = self.len();
        let d: usize = self.features.shape()[1..].iter().product();
        let features = self.features.reshape([n as isize, d as isize])?;
        Ok(Self { features, ..self.clone() })
    }
}

impl Source for Dataset {
    fn len(&self) -> usize {
        Dataset::len(self)
    }

    /// Consecutive rows are a view; others are gathered.
    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        check_indices("batch", rows, self.len())?;
        if let [first, ..] = rows
            && rows.windows(2).all(|pair| pair[1] == pair[0] + 1)
        {
            let narrow = |x: &Tensor| x.narrow(0, *first, rows.len());
            return Ok(Batch { features: narrow(&self.features)?, targets: narrow(&self.targets)? });
        }
        let index = Tensor::from_vec(rows.iter().map(|&row| row as i64).collect(), [rows.len()])?;
        let gather = |x: &Tensor| x.index_select(0, &index);
        Ok(Batch { features: gather(&self.features)?, targets: gather(&self.targets)? })
    }
}

/// Data that a model may be fitted to. Statistics such as [`Standardizer`](crate::Standardizer) are fitted to nothing
/// else, so that none of what is tested on leaks into them by accident.
#[derive(Debug, Clone)]
pub struct Train<T>(T);

/// A [`Dataset`] that a model may be fitted to.
pub type TrainPart = Train<Dataset>;

impl<T> Train<T> {
    /// Declares all of `data` as training data, because what is tested on lives elsewhere.
    pub fn all_of(data: T) -> Self {
        Self(data)
    }

    /// The data, no longer typed as training data.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> std::ops::Deref for Train<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Source> Source for Train<T> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        self.0.batch(rows)
    }

    fn batch_in(&self, epoch: u64, rows: &[usize]) -> Result<Batch> {
        self.0.batch_in(epoch, rows)
    }
}

/// Shapes and types; the numbers themselves would be too many.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (x, y) = (&self.features, &self.targets);
        write!(
            f,
            "Batch {{ features: {:?} {}, targets: {:?} {} }}",
            x.shape(),
            x.dtype(),
            y.shape(),
            y.dtype()
        )
    }
}

/// Shapes, types and the number of classes; the numbers themselves would be too many.
impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (x, y) = (&self.features, &self.targets);
        write!(
            f,
            "Dataset {{ features: {:?} {}, targets: {:?} {}",
            x.shape(),
            x.dtype(),
            y.shape(),
            y.dtype()
        )?;
        match &self.class_names {
            Some(names) => write!(f, ", classes: {} }}", names.len()),
            None => write!(f, " }}"),
        }
    }
}

fn check_labels(op: &'static str, labels: &Tensor) -> Result<()> {
    if labels.dtype() != DType::I64 || labels.rank() != 1 {
        return Err(Error::InvalidArgument {
            op,
            rule: "labels must be one i64 a row",
            got: format!("{:?} of {}", labels.shape(), labels.dtype()),
            repair: "convert with to_dtype or squeeze the other axes",
        });
    }
    Ok(())
}

fn check_rows(op: &'static str, features: &Tensor, targets: &Tensor) -> Result<()> {
    match (features.shape().first(), targets.shape().first()) {
        (Some(0), Some(0)) => Err(Error::InvalidArgument {
            op,
            rule: "data must have rows",
            got: format!("features {:?}", features.shape()),
            repair: "give at least one row",
        }),
        (Some(n), Some(m)) if n == m => Ok(()),
        _ => Err(Error::RowCounts {
            op,
            features: features.shape().to_vec(),
            targets: targets.shape().to_vec(),
        }),
    }
}

fn check_distinct(
    op: &'static str,
    names: &[String],
    rule: &'static str,
    repair: &'static str,
) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(Error::InvalidArgument { op, rule, got: format!("{twice:?} twice"), repair }),
        None => Ok(()),
    }
}

fn check_finite(op: &'static str, what: &'static str, x: &Tensor) -> Result<()> {
    let x = x.contiguous()?;
    let wrong = match x.dtype() {
        DType::F32 => first_not_finite(x.as_slice::<f32>(), |x| f64::from(*x)),
        DType::F64 => first_not_finite(x.as_slice::<f64>(), |x| *x),
        dtype if dtype.is_float() => first_not_finite(x.to_dtype(DType::F64)?.as_slice::<f64>(), |x| *x),
        _ => None,
    };
    let Some((at, value)) = wrong else { return Ok(()) };
    let width = (x.len() / x.shape()[0]).max(1);
    Err(Error::NotFinite { op, what, row: at / width, position: at % width, value })
}

fn first_not_finite<T>(x: Option<&[T]>, double: impl Fn(&T) -> f64) -> Option<(usize, f64)> {
    x.unwrap_or_default().iter().map(double).enumerate().find(|(_, x)| !x.is_finite())
}

fn check_indices(op: &'static str, indices: &[usize], rows: usize) -> Result<()> {
    match indices.iter().position(|&row| row >= rows) {
        Some(position) => Err(Error::RowOutOfBounds { op, row: indices[position], position, rows }),
        None => Ok(()),
    }
}

/// `(1, …)` as `(…)`.
fn without_rows(x: &Tensor) -> Result<Tensor> {
    let shape: Vec<isize> = x.shape()[1..].iter().map(|&size| size as isize).collect();
    Ok(x.reshape(shape)?)
}

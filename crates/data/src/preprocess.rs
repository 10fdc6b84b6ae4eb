//! From a table with text and gaps to numbers: imputation, scaling and encoding, all of it fitted to the training part.

mod state;
mod statistics;

pub(crate) use statistics::shift_and_scale;

use crate::dataset::Train;
use crate::error::{Error, Result};
use crate::table::{Table, TableColumn, listed};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tensor::Tensor;

const OP: &str = "preprocess";

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op: OP, rule, got, repair })
}

/// What stands in for missing numbers, taken from the training part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Impute {
    /// Nothing: a gap is an error.
    Refuse,
    /// The mean.
    Mean,
    /// The median; of an even number the mean of the two in the middle.
    Median,
    /// The most frequent; of several the smallest.
    MostFrequent,
    /// This.
    Constant(f64),
}

/// What stands in for missing text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImputeText {
    /// Nothing: a gap is an error.
    Refuse,
    /// The most frequent; of several the first in the order of the bytes.
    MostFrequent,
    /// This, as a category.
    Constant(String),
}

/// What numbers are scaled by, after gaps have been filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As they are.
    Keep,
    /// `(x − mean) / deviation`, the population's.
    Standard,
    /// `(x − min) / (max − min)`.
    MinMax,
    /// `(x − median) / (third quartile − first quartile)`.
    Robust,
}

/// What happens to a column of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberSteps {
    /// What fills gaps.
    pub impute: Impute,
    /// Whether a feature of its own, 1 for a gap and 0 else, follows.
    pub indicator: bool,
    /// What the numbers are scaled by.
    pub scale: Scale,
}

/// Gaps refused, standard scale.
impl Default for NumberSteps {
    fn default() -> Self {
        Self { impute: Impute::Refuse, indicator: false, scale: Scale::Standard }
    }
}

/// How a category becomes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encode {
    /// A feature for each category: 1 for its own, 0 for others.
    OneHot,
    /// One feature: the place among the categories, from 0.
    Ordinal,
}

/// What happens to a category that the training part does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unknown {
    /// An error that names it and those that are known.
    Refuse,
    /// All features 0, one-hot; −1, ordinal.
    Ignore,
}

/// What happens to a column of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSteps {
    /// What fills gaps.
    pub impute: ImputeText,
    /// How a category becomes numbers.
    pub encode: Encode,
    /// What happens to a category that the training part does not have.
    pub unknown: Unknown,
    /// The categories in their order; `None`: those of the training part in the order of their bytes.
    pub categories: Option<Vec<String>>,
}

/// Gaps and unknown categories refused, one-hot, the categories of the training part.
impl Default for TextSteps {
    fn default() -> Self {
        Self {
            impute: ImputeText::Refuse,
            encode: Encode::OneHot,
            unknown: Unknown::Refuse,
            categories: None,
        }
    }
}

/// What is to be done with which columns of a table; [`fit`](Self::fit) makes a [`Preprocessor`] of it. Columns that
/// are not named are left out. Features stand in the order in which columns are named here.
///
/// ```
/// use data::{Impute, NumberSteps, Preprocess, TextSteps, Train};
/// let table = |text: &str| data::parse_table(text.as_bytes(), &Default::default());
/// let train = Train::all_of(table("city,rent\nOslo,10\nBergen,\nOslo,30\n")?);
/// let rents = NumberSteps { impute: Impute::Mean, ..Default::default() };
/// let fitted = Preprocess::new().numbers(["rent"], rents).text(["city"], TextSteps::default()).fit(&train)?;
/// assert_eq!(fitted.feature_names(), ["rent", "city=Bergen", "city=Oslo"]);
/// assert_eq!(fitted.transform(&table("city,rent\nOslo,20\n")?)?.to_vec::<f32>()?, [0.0, 0.0, 1.0]);
///
/// let error = fitted.transform(&table("city,rent\nRome,20\n")?).unwrap_err().to_string();
/// assert!(error.contains(r#"got "Rome" in row 0 of "city", known are "Bergen", "Oslo""#));
/// # Ok::<(), data::Error>(())
/// ```
///
/// Differs from scikit-learn's `ColumnTransformer` in: it is fitted to a [`Train`] table alone; an indicator of gaps
/// follows its column, and is there whether or not the training part has gaps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preprocess(Vec<(String, Steps)>);

#[derive(Debug, Clone, PartialEq)]
enum Steps {
    Numbers(NumberSteps),
    Text(TextSteps),
}

impl Preprocess {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also these columns of numbers.
    #[must_use]
    pub fn numbers<S: Into<String>>(
        mut self,
        columns: impl IntoIterator<Item = S>,
        steps: NumberSteps,
    ) -> Self {
        self.0.extend(columns.into_iter().map(|name| (name.into(), Steps::Numbers(steps))));
        self
    }

    /// Also these columns of text.
    #[must_use]
    pub fn text<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>, steps: TextSteps) -> Self {
        self.0.extend(columns.into_iter().map(|name| (name.into(), Steps::Text(steps.clone()))));
        self
    }

    /// With the statistics of a training part.
    ///
    /// # Errors
    /// No columns, one twice, one that is not there or of the other kind; a gap that nothing fills; a mean or a scale
    /// of numbers that is not finite; categories that are given twice, or that lack one of the training part where
    /// unknown ones are refused.
    pub fn fit(&self, train: &Train<Table>) -> Result<Preprocessor> {
        let mut columns = Vec::with_capacity(self.0.len());
        for (name, steps) in &self.0 {
            let fitted = match (steps, train.column(name)?) {
                (Steps::Numbers(steps), TableColumn::Numbers(cells)) => fit_numbers(name, steps, cells)?,
                (Steps::Text(steps), TableColumn::Text(cells)) => fit_text(name, steps, cells)?,
                (Steps::Numbers(_), _) => return wrong_kind(name, "text", "use Preprocess::text"),
                (Steps::Text(_), _) => return wrong_kind(name, "numbers", "use Preprocess::numbers"),
            };
            columns.push(Fitted { name: name.clone(), how: fitted });
        }
        let fitted = Preprocessor { columns };
        state::check(&fitted)?;
        // Training rows must come through.
        fitted.transform(train)?;
        Ok(fitted)
    }
}

fn wrong_kind<T>(name: &str, kind: &str, repair: &'static str) -> Result<T> {
    refuse("a column must be of the kind its steps are for", format!("{kind} in {name:?}"), repair)
}

fn fit_numbers(name: &str, steps: &NumberSteps, cells: &[Option<f64>]) -> Result<How> {
    let known: Vec<f64> = cells.iter().flatten().copied().collect();
    let fill = match steps.impute {
        Impute::Refuse => None,
        Impute::Constant(x) => Some(x),
        _ if known.is_empty() => {
            let got = format!("{name:?}, all of it missing");
            return refuse("a column must have a number to impute from", got, "use a constant");
        }
        Impute::Mean => Some(statistics::mean(&known)),
        Impute::Median => Some(statistics::quantile(&known, 0.5)),
        Impute::MostFrequent => Some(statistics::most_frequent(&known)),
    };
    let filled: Vec<f64> = cells.iter().filter_map(|cell| cell.or(fill)).collect();
    let scaled = shift_and_scale(&filled, steps.scale);
    let Some((shift, scale)) = scaled.filter(|_| fill.is_none_or(f64::is_finite)) else {
        let rule = "the statistics of a column must be finite numbers, its range above 0";
        return refuse(rule, format!("{name:?}"), "rescale the column");
    };
    Ok(How::Numbers { fill, indicator: steps.indicator, shift, scale })
}

fn fit_text(name: &str, steps: &TextSteps, cells: &[Option<String>]) -> Result<How> {
    let fill = match &steps.impute {
        ImputeText::Refuse => None,
        ImputeText::Constant(text) => Some(text.clone()),
        ImputeText::MostFrequent => match statistics::most_frequent_text(cells) {
            Some(text) => Some(text),
            None => {
                let got = format!("{name:?}, all of it missing");
                return refuse("a column must have a category to impute from", got, "use a constant");
            }
        },
    };
    let categories = match &steps.categories {
        Some(categories) => categories.clone(),
        None => {
            let gap = cells.iter().any(Option::is_none);
            let met = cells.iter().flatten().chain(fill.iter().filter(|_| gap));
            met.collect::<BTreeSet<_>>().into_iter().cloned().collect()
        }
    };
    Ok(How::Text { fill, categories, encode: steps.encode, unknown: steps.unknown })
}

/// A [`Preprocess`] with the statistics of a training part: makes numbers of any table with those columns. Saved with
/// the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "state::Wire", into = "state::Wire")]
pub struct Preprocessor {
    columns: Vec<Fitted>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fitted {
    name: String,
    how: How,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum How {
    Numbers { fill: Option<f64>, indicator: bool, shift: f64, scale: f64 },
    Text { fill: Option<String>, categories: Vec<String>, encode: Encode, unknown: Unknown },
}

impl Preprocessor {
    /// The names of the features: a column's own, `column missing` for an indicator, `column=category` for one-hot.
    pub fn feature_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for Fitted { name, how } in &self.columns {
            match how {
                How::Numbers { indicator, .. } => {
                    names.push(name.clone());
                    names.extend(indicator.then(|| format!("{name} missing")));
                }
                How::Text { categories, encode: Encode::OneHot, .. } => {
                    names.extend(categories.iter().map(|category| format!("{name}={category}")));
                }
                How::Text { .. } => names.push(name.clone()),
            }
        }
        names
    }

    /// The features of a table, `(n, d)` of F32, computed in F64 and rounded once.
    ///
    /// # Errors
    /// A column that is not there or of the other kind; a gap that nothing fills, or an unknown category that is to be
    /// refused, by row and column; a feature beyond F32.
    pub fn transform(&self, table: &Table) -> Result<Tensor> {
        let (n, d) = (table.rows(), self.feature_names().len());
        let mut x = vec![0f32; n * d];
        let mut at = 0;
        for Fitted { name, how } in &self.columns {
            let gap = |row: usize| {
                let got = format!("a gap in row {row} of {name:?}");
                refuse("what is missing must be filled", got, "fit with an imputation, or leave the row out")
            };
            match (how, table.column(name)?) {
                (How::Numbers { fill, indicator, shift, scale }, TableColumn::Numbers(cells)) => {
                    for (row, cell) in cells.iter().enumerate() {
                        let Some(value) = cell.or(*fill) else { return gap(row) };
                        let z = ((value - shift) / scale) as f32;
                        if !z.is_finite() {
                            let got = format!("{value} in row {row} of {name:?}");
                            return refuse("features must be in the range of f32", got, "rescale the column");
                        }
                        x[row * d + at] = z;
                        if *indicator {
                            x[row * d + at + 1] = f32::from(u8::from(cell.is_none()));
                        }
                    }
                    at += 1 + usize::from(*indicator);
                }
                (How::Text { fill, categories, encode, unknown }, TableColumn::Text(cells)) => {
                    let places: BTreeMap<&String, usize> =
                        categories.iter().enumerate().map(|(place, it)| (it, place)).collect();
                    for (row, cell) in cells.iter().enumerate() {
                        let Some(category) = cell.as_ref().or(fill.as_ref()) else {
                            return gap(row);
                        };
                        let place = places.get(category).copied();
                        match (place, encode, unknown) {
                            (Some(place), Encode::OneHot, _) => x[row * d + at + place] = 1.0,
                            (Some(place), Encode::Ordinal, _) => x[row * d + at] = place as f32,
                            (None, _, Unknown::Refuse) => {
                                let short: String = category.chars().take(40).collect();
                                let got = format!(
                                    "{short:?} in row {row} of {name:?}, known are {}",
                                    listed(categories.iter())
                                );
                                let repair = "correct it, fit to more rows, or ignore what is unknown";
                                return refuse("a category must be one of the training part", got, repair);
                            }
                            (None, Encode::OneHot, Unknown::Ignore) => {}
                            (None, Encode::Ordinal, Unknown::Ignore) => x[row * d + at] = -1.0,
                        }
                    }
                    at += if *encode == Encode::OneHot { categories.len() } else { 1 };
                }
                (How::Numbers { .. }, _) => {
                    return wrong_kind(name, "text", "give the columns it was fitted to");
                }
                (How::Text { .. }, _) => {
                    return wrong_kind(name, "numbers", "give the columns it was fitted to");
                }
            }
        }
        Ok(Tensor::from_vec(x, [n, d])?)
    }
}

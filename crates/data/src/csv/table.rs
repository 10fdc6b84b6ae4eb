//! The rows of a table: parsed one by one, kept only when all of a row is good.

use super::columns::Columns;
use super::{BadRow, Cell, ClassOrder, CsvOptions, Fault, Target};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use csv::ByteRecord;
use std::collections::BTreeMap;
use tensor::{DType, Tensor};

/// Numbers of the element type that was asked for.
enum Numbers {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Numbers {
    fn new(dtype: DType) -> Self {
        match dtype {
            DType::F32 => Numbers::F32(Vec::new()),
            _ => Numbers::F64(Vec::new()),
        }
    }

    fn extend(&mut self, row: &[f64]) {
        match self {
            Numbers::F32(all) => all.extend(row.iter().map(|&x| x as f32)),
            Numbers::F64(all) => all.extend(row),
        }
    }

    fn tensor(self, columns: usize) -> Result<Tensor> {
        Ok(match self {
            Numbers::F32(all) => {
                let n = all.len() / columns;
                Tensor::from_vec(all, [n, columns])?
            }
            Numbers::F64(all) => {
                let n = all.len() / columns;
                Tensor::from_vec(all, [n, columns])?
            }
        })
    }
}

/// One row: exact values of the element type, and the class.
#[derive(Default)]
pub(super) struct Row {
    features: Vec<f64>,
    targets: Vec<f64>,
    class: String,
    label: i64,
}

/// The rows read so far.
pub(super) struct Table<'a> {
    columns: &'a Columns,
    options: &'a CsvOptions,
    features: Numbers,
    targets: Numbers,
    labels: Vec<i64>,
    /// Class names with their numbers in the order they were met.
    classes: BTreeMap<String, i64>,
}

impl<'a> Table<'a> {
    pub fn new(columns: &'a Columns, options: &'a CsvOptions) -> Self {
        let (features, targets) = (Numbers::new(options.dtype), Numbers::new(options.dtype));
        Self { columns, options, features, targets, labels: Vec::new(), classes: BTreeMap::new() }
    }

    /// Reads a record into `row`.
    pub fn parse(&self, record: &ByteRecord, line: u64, row: &mut Row) -> Result<(), BadRow> {
        if record.len() != self.columns.count {
            let fault = Fault::FieldCount { got: record.len(), want: self.columns.count };
            return Err(BadRow { line, cell: None, fault });
        }
        let bad = |place: usize, fault| BadRow {
            line,
            cell: Some(Cell::new(place, self.columns.name(place), &record[place])),
            fault,
        };
        row.features.clear();
        row.targets.clear();
        for &place in &self.columns.features {
            let x = match (self.number(&record[place]), self.options.fill_missing) {
                (Err(Fault::Empty | Fault::Nan), Some(fill)) => fill,
                (x, _) => x.map_err(|fault| bad(place, fault))?,
            };
            row.features.push(x);
        }
        for &place in &self.columns.targets {
            let cell = &record[place];
            let read = match &self.options.target {
                Target::Values(_) => self.number(cell).map(|x| row.targets.push(x)),
                Target::ClassNumbers { classes, .. } => {
                    class_number(cell, *classes).map(|label| row.label = label)
                }
                Target::ClassNames { .. } => text(cell).map(|name| {
                    row.class.clear();
                    row.class.push_str(name);
                }),
            };
            read.map_err(|fault| bad(place, fault))?;
        }
        Ok(())
    }

    /// Keeps a row that was read.
    pub fn push(&mut self, row: &Row) {
        self.features.extend(&row.features);
        match &self.options.target {
            Target::Values(_) => self.targets.extend(&row.targets),
            Target::ClassNumbers { .. } => self.labels.push(row.label),
            Target::ClassNames { .. } => {
                let next = self.classes.len() as i64;
                let label = match self.classes.get(&row.class) {
                    Some(&label) => label,
                    None => *self.classes.entry(row.class.clone()).or_insert(next),
                };
                self.labels.push(label);
            }
        }
    }

    /// The data; `bad` rows were left out.
    pub fn finish(mut self, bad: usize) -> Result<Dataset> {
        let features = self.features.tensor(self.columns.features.len())?;
        if features.shape()[0] == 0 {
            return Err(Error::Format {
                op: "csv",
                rule: "a table must hold a row that can be read",
                got: match bad {
                    0 => "a line of names only".to_string(),
                    bad => format!("{bad} bad rows and no other"),
                },
                repair: "give a file with data",
            });
        }
        let labels = |labels: Vec<i64>| {
            let n = labels.len();
            Tensor::from_vec(labels, [n])
        };
        let dataset = match &self.options.target {
            Target::Values(columns) => Dataset::regression(features, self.targets.tensor(columns.len())?)?,
            Target::ClassNumbers { classes, .. } => {
                let names = (0..*classes).map(|class| class.to_string()).collect();
                Dataset::classification(features, labels(self.labels)?, names)?
            }
            Target::ClassNames { order, .. } => {
                let names = number_classes(self.classes, *order, &mut self.labels);
                Dataset::classification(features, labels(self.labels)?, names)?
            }
        };
        match &self.columns.names {
            Some(names) => dataset.with_feature_names(
                self.columns.features.iter().map(|&place| names[place].clone()).collect(),
            ),
            None => Ok(dataset),
        }
    }

    /// A finite number that the element type can hold; rounded once, to that type.
    fn number(&self, cell: &[u8]) -> Result<f64, Fault> {
        let cell = text(cell)?;
        let x = match self.options.dtype {
            DType::F32 => cell.parse::<f32>().map(f64::from),
            _ => cell.parse::<f64>(),
        };
        match x {
            Ok(x) if x.is_finite() => Ok(x),
            Ok(_) if cell.bytes().any(|byte| byte.is_ascii_digit()) => {
                Err(Fault::TooLarge(self.options.dtype))
            }
            Ok(x) if x.is_nan() => Err(Fault::Nan),
            Ok(_) => Err(Fault::Infinite),
            Err(_) => Err(Fault::NotANumber),
        }
    }
}

/// Renumbers the labels, which follow the order the names were met in, and gives the names in the order asked for.
fn number_classes(classes: BTreeMap<String, i64>, order: ClassOrder, labels: &mut [i64]) -> Vec<String> {
    let mut names: Vec<(String, i64)> = classes.into_iter().collect(); // sorted by name
    if order == ClassOrder::FirstSeen {
        names.sort_by_key(|(_, met)| *met);
    }
    let mut number = vec![0; names.len()];
    for (new, (_, met)) in names.iter().enumerate() {
        number[*met as usize] = new as i64;
    }
    for label in labels {
        *label = number[*label as usize];
    }
    names.into_iter().map(|(name, _)| name).collect()
}

/// What stands in a cell, without the spaces around it.
fn text(cell: &[u8]) -> Result<&str, Fault> {
    match std::str::from_utf8(cell).map(str::trim) {
        Ok("") => Err(Fault::Empty),
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(Fault::NotText),
    }
}

/// A whole number of `0..classes`; `3.0` is one.
fn class_number(cell: &[u8], classes: usize) -> Result<i64, Fault> {
    let cell = text(cell)?;
    let whole = cell.strip_suffix(".0").unwrap_or(cell);
    match whole.parse::<u32>() {
        Ok(label) if (label as usize) < classes => Ok(i64::from(label)),
        _ => Err(Fault::NotAClass(classes)),
    }
}

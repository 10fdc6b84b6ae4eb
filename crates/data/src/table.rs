//! Tables of named columns, numbers or text, with gaps.

use crate::dataset::Train;
use crate::error::{Error, Result};
use crate::split::Split;
use std::collections::BTreeSet;
use std::fmt;
use tensor::Tensor;

/// The cells of a column; `None` where there is nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum TableColumn {
    /// Finite numbers.
    Numbers(Vec<Option<f64>>),
    /// Text, such as the names of categories.
    Text(Vec<Option<String>>),
}

impl TableColumn {
    fn len(&self) -> usize {
        match self {
            TableColumn::Numbers(cells) => cells.len(),
            TableColumn::Text(cells) => cells.len(),
        }
    }

    fn select(&self, rows: &[usize]) -> Self {
        match self {
            TableColumn::Numbers(cells) => TableColumn::Numbers(rows.iter().map(|&row| cells[row]).collect()),
            TableColumn::Text(cells) => {
                TableColumn::Text(rows.iter().map(|&row| cells[row].clone()).collect())
            }
        }
    }
}

/// Named columns of one length; at least one column and one row. Printed, it shows its schema.
///
/// ```
/// let table = data::parse_table("city,rent\nOslo,12.5\nBergen,\n".as_bytes(), &Default::default())?;
/// assert_eq!(
///     table.schema().to_string(),
///     "2 rows, 2 columns\n  city  text     0 missing, 2 distinct: \"Bergen\", \"Oslo\"\n  rent  numbers  1 missing, 12.5 to 12.5\n"
/// );
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    names: Vec<String>,
    columns: Vec<TableColumn>,
    rows: usize,
}

const OP: &str = "table";

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op: OP, rule, got, repair })
}

impl Table {
    /// A table of these columns.
    ///
    /// # Errors
    /// No columns or rows; columns of several lengths, or of one name; a number that is not finite.
    pub fn new(columns: Vec<(String, TableColumn)>) -> Result<Self> {
        let Some(rows) = columns.first().map(|(_, column)| column.len()).filter(|&rows| rows > 0) else {
            return refuse("a table must have columns and rows", "none".into(), "give at least one of each");
        };
        let mut seen = BTreeSet::new();
        for (name, column) in &columns {
            if column.len() != rows {
                let got = format!("{rows} rows in {:?} and {} in {name:?}", columns[0].0, column.len());
                return refuse("columns must have one length", got, "fill gaps with None");
            }
            if !seen.insert(name) {
                return refuse(
                    "column names must be distinct",
                    format!("{name:?} twice"),
                    "rename one of them",
                );
            }
            if let TableColumn::Numbers(cells) = column
                && let Some(row) = cells.iter().position(|x| x.is_some_and(|x| !x.is_finite()))
            {
                let got = format!("{:?} in row {row} of {name:?}", cells[row].unwrap_or(f64::NAN));
                return refuse("numbers must be finite", got, "use None for what is missing");
            }
        }
        let (names, columns) = columns.into_iter().unzip();
        Ok(Self { names, columns, rows })
    }

    /// The number of rows; never 0.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The column of this name.
    ///
    /// # Errors
    /// No such column; those that are there are named.
    pub fn column(&self, name: &str) -> Result<&TableColumn> {
        match self.names.iter().position(|it| it == name) {
            Some(place) => Ok(&self.columns[place]),
            None => {
                let got = format!("{name:?} for a table of {}", listed(self.names.iter()));
                refuse("a column must be in the table", got, "correct the name")
            }
        }
    }

    /// A column as numeric targets `(n, 1)` of F32.
    ///
    /// # Errors
    /// No such column; a column of text; a gap (its row is named); a number beyond F32.
    pub fn targets(&self, name: &str) -> Result<Tensor> {
        let TableColumn::Numbers(cells) = self.column(name)? else {
            return refuse("targets must be numbers", format!("text in {name:?}"), "use labels");
        };
        let mut numbers = Vec::with_capacity(self.rows);
        for (row, cell) in cells.iter().enumerate() {
            match cell.map(|x| x as f32).filter(|x| x.is_finite()) {
                Some(x) => numbers.push(x),
                None => {
                    let got = format!("{cell:?} in row {row} of {name:?}");
                    return refuse(
                        "every row must have a target in the range of f32",
                        got,
                        "leave the row out",
                    );
                }
            }
        }
        Ok(Tensor::from_vec(numbers, [self.rows, 1])?)
    }

    /// A column of text as labels `(n,)` of I64: the place of each cell among `classes`.
    ///
    /// # Errors
    /// No such column; a column of numbers; a gap or a class that is not among them (its row is named).
    pub fn labels(&self, name: &str, classes: &[String]) -> Result<Tensor> {
        let TableColumn::Text(cells) = self.column(name)? else {
            return refuse("labels must be text", format!("numbers in {name:?}"), "use targets");
        };
        let mut labels = Vec::with_capacity(self.rows);
        for (row, cell) in cells.iter().enumerate() {
            match cell.as_ref().and_then(|cell| classes.iter().position(|class| class == cell)) {
                Some(class) => labels.push(class as i64),
                None => {
                    let cell = cell.as_deref().unwrap_or("nothing");
                    let got = format!("{cell:?} in row {row} of {name:?} for {}", listed(classes.iter()));
                    return refuse(
                        "every row must have a class that is known",
                        got,
                        "name it, or leave the row out",
                    );
                }
            }
        }
        Ok(Tensor::from_vec(labels, [self.rows])?)
    }

    /// What occurs in a column of text, in the order of the bytes: its classes.
    ///
    /// # Errors
    /// No such column; a column of numbers.
    pub fn distinct(&self, name: &str) -> Result<Vec<String>> {
        match self.column(name)? {
            TableColumn::Text(cells) => {
                Ok(cells.iter().flatten().collect::<BTreeSet<_>>().into_iter().cloned().collect())
            }
            TableColumn::Numbers(_) => {
                refuse("categories must be text", format!("numbers in {name:?}"), "give a column of text")
            }
        }
    }

    /// The given rows, in the given order.
    ///
    /// # Errors
    /// No rows, or one outside `0..rows()`.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if rows.is_empty() {
            return refuse("a table must have columns and rows", "0 rows".into(), "select at least one");
        }
        if let Some(position) = rows.iter().position(|&row| row >= self.rows) {
            return Err(Error::RowOutOfBounds { op: OP, row: rows[position], position, rows: self.rows });
        }
        let columns = self.columns.iter().map(|column| column.select(rows)).collect();
        Ok(Self { names: self.names.clone(), columns, rows: rows.len() })
    }

    /// The training rows of a split, typed as such: what is fitted to data is fitted to this.
    ///
    /// # Errors
    /// No training rows, or one outside `0..rows()`.
    pub fn train_part(&self, split: &Split) -> Result<Train<Table>> {
        self.select(&split.train).map(Train::all_of)
    }

    /// What the columns hold, to be printed.
    pub fn schema(&self) -> Schema<'_> {
        Schema(self)
    }
}

/// The columns of a table: kinds, gaps, ranges, categories. `Display` shows them, a line each.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'a>(&'a Table);

impl fmt::Display for Schema<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Table { names, columns, rows } = self.0;
        writeln!(f, "{rows} rows, {} columns", columns.len())?;
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for (name, column) in names.iter().zip(columns) {
            write!(f, "  {name:width$}  ")?;
            match column {
                TableColumn::Numbers(cells) => {
                    let known = || cells.iter().flatten();
                    write!(f, "numbers  {} missing", rows - known().count())?;
                    let (low, high) = (known().copied().reduce(f64::min), known().copied().reduce(f64::max));
                    if let (Some(low), Some(high)) = (low, high) {
                        write!(f, ", {low} to {high}")?;
                    }
                }
                TableColumn::Text(cells) => {
                    let known: BTreeSet<&String> = cells.iter().flatten().collect();
                    let missing = cells.iter().filter(|cell| cell.is_none()).count();
                    write!(
                        f,
                        "text     {missing} missing, {} distinct: {}",
                        known.len(),
                        listed(known.iter())
                    )?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// The first names, for a message.
pub(crate) fn listed<S: AsRef<str>>(names: impl ExactSizeIterator<Item = S>) -> String {
    let n = names.len();
    let short = |name: S| format!("{:?}", name.as_ref().chars().take(40).collect::<String>());
    let mut shown: Vec<String> = names.take(12).map(short).collect();
    if n > shown.len() {
        shown.push(format!("and {} more", n - shown.len()));
    }
    shown.join(", ")
}

//! Tables of text with separated values, read into a [`Dataset`]; every bad row is named by line and column.

mod bad_row;
mod columns;
mod infer;
mod table;
mod watch;

pub(crate) use bad_row::show_bad_rows;
pub use bad_row::{BadRow, Cell, Fault};
pub use infer::{TableOptions, parse_table, read_table};

use crate::dataset::Dataset;
use crate::error::{Error, Result, open};
use columns::Columns;
use std::io::Read;
use std::path::Path;
use table::{Row, Table};
use tensor::DType;
use watch::Watch;

/// A column, by its name in the first line or by its place, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// The column of this name.
    Name(String),
    /// The column at this place, counted from 0.
    Index(usize),
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Column::Name(name.to_string())
    }
}

impl From<usize> for Column {
    fn from(index: usize) -> Self {
        Column::Index(index)
    }
}

/// What a row is to be answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Numbers, one or more columns: targets `(n, columns)`, also for one column.
    Values(Vec<Column>),
    /// The name of a class, any text: the names are collected from the rows.
    ClassNames {
        /// The column.
        column: Column,
        /// How the names are numbered.
        order: ClassOrder,
    },
    /// The number of a class, a whole number of `0..classes`; the names are `"0"`, `"1"`, ….
    ClassNumbers {
        /// The column.
        column: Column,
        /// How many classes there are.
        classes: usize,
    },
}

/// How class names found in a file are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassOrder {
    /// In the order of their bytes; does not depend on the order of the rows.
    Sorted,
    /// In the order in which they are first met.
    FirstSeen,
}

/// What happens when a row cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBadRow {
    /// The first one is the error.
    Fail,
    /// Reading goes on, to tell of up to `at_most` in one error.
    Collect {
        /// Where reading stops; at least 1.
        at_most: usize,
    },
    /// Bad rows are left out and listed beside the data; more than `at_most` are an error.
    Skip {
        /// Most rows that may be left out.
        at_most: usize,
    },
}

/// How a table is read. Start from [`regression`](CsvOptions::regression), [`class_names`](CsvOptions::class_names) or
/// [`class_numbers`](CsvOptions::class_numbers) and change what differs.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvOptions {
    /// What a row is to be answered with.
    pub target: Target,
    /// Columns that are neither features nor targets, such as row numbers and free text. All others are features.
    pub ignore: Vec<Column>,
    /// Whether the first line names the columns.
    pub has_header: bool,
    /// The byte between fields.
    pub delimiter: u8,
    /// The element type of features and numeric targets: F32 or F64.
    pub dtype: DType,
    /// What stands in for feature cells that are empty or `NaN`; without it they are bad cells.
    pub fill_missing: Option<f64>,
    /// What happens when a row cannot be read.
    pub on_bad_row: OnBadRow,
    /// Most bytes of a line (of a record, where quoted fields hold line ends).
    pub max_line: usize,
}

impl CsvOptions {
    /// Numeric targets in these columns; a first line of names, commas, F32, the first bad row an error, lines up to 16 MiB.
    pub fn regression<C: Into<Column>>(targets: impl IntoIterator<Item = C>) -> Self {
        Self::of(Target::Values(targets.into_iter().map(Into::into).collect()))
    }

    /// Class names in this column, numbered in sorted order; else as [`regression`](CsvOptions::regression).
    pub fn class_names(column: impl Into<Column>) -> Self {
        Self::of(Target::ClassNames { column: column.into(), order: ClassOrder::Sorted })
    }

    /// Class numbers of `0..classes` in this column; else as [`regression`](CsvOptions::regression).
    pub fn class_numbers(column: impl Into<Column>, classes: usize) -> Self {
        Self::of(Target::ClassNumbers { column: column.into(), classes })
    }

    fn of(target: Target) -> Self {
        Self {
            target,
            ignore: Vec::new(),
            has_header: true,
            delimiter: b',',
            dtype: DType::F32,
            fill_missing: None,
            on_bad_row: OnBadRow::Fail,
            max_line: 16 << 20,
        }
    }
}

/// What was read.
#[derive(Debug, Clone)]
pub struct Csv {
    /// The good rows, in the order of the file: features `(n, columns)`.
    pub dataset: Dataset,
    /// The rows left out, in the order of the file; empty unless they are to be skipped.
    pub skipped: Vec<BadRow>,
}

/// Reads a CSV file.
///
/// # Errors
/// With the path before them: a file that cannot be read; those of [`parse_csv`].
pub fn read_csv(path: impl AsRef<Path>, options: &CsvOptions) -> Result<Csv> {
    let path = path.as_ref();
    parse_csv(open("csv", path)?, options).map_err(|e| e.in_file(path))
}

/// Reads CSV from `input`: UTF-8 with or without byte order mark, lines ending in LF or CRLF, quoted fields after RFC 4180;
/// blank lines are passed over, spaces around cells are dropped. Numbers are written as in Rust (`1`, `-2.5`, `6e-3`);
/// NaN, infinity and empty cells are bad cells, as are numbers too large for the element type.
///
/// ```
/// let text = "height,width,price\n1,2,10\n3,four,20\n5,6,30\n";
/// let mut options = data::CsvOptions::regression(["price"]);
/// let error = data::parse_csv(text.as_bytes(), &options).unwrap_err().to_string();
/// assert!(error.contains(r#"line 3, column 2 ("width"): "four" is not a number"#));
///
/// options.on_bad_row = data::OnBadRow::Skip { at_most: 10 };
/// let read = data::parse_csv(text.as_bytes(), &options)?;
/// assert_eq!(read.dataset.features().to_vec::<f32>()?, [1.0, 2.0, 5.0, 6.0]);
/// assert_eq!(read.skipped[0].line, 3);
/// # Ok::<(), data::Error>(())
/// ```
///
/// # Errors
/// No header or no rows; a column that is not there, there twice or used twice; an unterminated quote or text after a
/// closing one, by line; a line above `max_line`; bad rows, by line, column and text.
pub fn parse_csv(input: impl Read, options: &CsvOptions) -> Result<Csv> {
    check_options(options)?;
    let mut reader = reader(Watch::new(input, options.delimiter, options.max_line), options.delimiter)?;
    let mut record = ::csv::ByteRecord::new();
    if !next(&mut reader, &mut record)? {
        return Err(Error::Format {
            op: "csv",
            rule: "a file must hold lines",
            got: "an empty file".to_string(),
            repair: "give a file with data",
        });
    }
    let columns = Columns::new(&record, options)?;
    let mut table = Table::new(&columns, options);
    let mut bad = Vec::new();
    let mut row = Row::default();
    let mut more = !options.has_header || next(&mut reader, &mut record)?;
    while more {
        let line = line_of(&reader, &record);
        match table.parse(&record, line, &mut row) {
            Ok(()) => table.push(&row),
            Err(bad_row) => {
                bad.push(bad_row);
                let stop = match options.on_bad_row {
                    OnBadRow::Fail => true,
                    OnBadRow::Collect { at_most } => bad.len() >= at_most,
                    OnBadRow::Skip { at_most } => bad.len() > at_most,
                };
                if stop {
                    return Err(Error::BadRows { rows: bad, more: true });
                }
            }
        }
        more = next(&mut reader, &mut record)?;
    }
    if !bad.is_empty() && matches!(options.on_bad_row, OnBadRow::Collect { .. }) {
        return Err(Error::BadRows { rows: bad, more: false });
    }
    Ok(Csv { dataset: table.finish(bad.len())?, skipped: bad })
}

fn check_options(options: &CsvOptions) -> Result<()> {
    let refuse = |rule, got: String, repair| Err(Error::InvalidArgument { op: "csv", rule, got, repair });
    if !matches!(options.dtype, DType::F32 | DType::F64) {
        return refuse("numbers are read as floats", options.dtype.to_string(), "use f32 or f64");
    }
    if matches!(&options.target, Target::Values(columns) if columns.is_empty()) {
        return refuse("there must be a target", "no target columns".to_string(), "name at least one");
    }
    match options.fill_missing {
        Some(fill) if !fill.is_finite() || (options.dtype == DType::F32 && !(fill as f32).is_finite()) => {
            refuse(
                "missing cells are filled with a finite number of the element type",
                format!("{fill} for {}", options.dtype),
                "use another value, or ignore the column",
            )
        }
        _ => Ok(()),
    }
}

/// A reader of records of any number of fields.
fn reader<R: Read>(input: Watch<R>, delimiter: u8) -> Result<::csv::Reader<Watch<R>>> {
    if matches!(delimiter, b'"' | b'\n' | b'\r') || !delimiter.is_ascii() {
        return Err(Error::InvalidArgument {
            op: "csv",
            rule: "fields are parted by one ASCII character, no quote or line end",
            got: format!("{:?}", char::from(delimiter)),
            repair: "use ',', ';' or a tab",
        });
    }
    Ok(::csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .terminator(::csv::Terminator::Any(b'\n'))
        .from_reader(input))
}

/// The line that the record, which was just read, begins in.
fn line_of<R: Read>(reader: &::csv::Reader<Watch<R>>, record: &::csv::ByteRecord) -> u64 {
    // The reader stands after the line end of this record.
    let inside = record.as_slice().iter().filter(|&&byte| byte == b'\n').count() as u64;
    reader.position().line().saturating_sub(1 + inside)
}

/// Reads the next record; `false` at the end.
fn next<R: Read>(reader: &mut ::csv::Reader<Watch<R>>, record: &mut ::csv::ByteRecord) -> Result<bool> {
    reader.read_byte_record(record).map_err(|e| match e.into_kind() {
        ::csv::ErrorKind::Io(e) => match e.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(found) => found.clone(),
            None => Error::io("csv", &e),
        },
        other => Error::Format {
            op: "csv",
            rule: "records must be readable",
            got: format!("{other:?}"),
            repair: "give an intact CSV file",
        },
    })
}

//! Rows that could not be read: where, what stands there, and why not.

use std::fmt;
use tensor::DType;

/// Most characters of a cell that are kept.
const MAX_TEXT: usize = 40;
/// Most rows that a message lists.
const MAX_SHOWN: usize = 20;

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The line it begins in, counted from 1.
    pub line: u64,
    /// The cell at fault; `None` where the whole row is.
    pub cell: Option<Cell>,
    /// What is wrong.
    pub fault: Fault,
}

/// A cell of a bad row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The column, counted from 1 as lines are.
    pub column: usize,
    /// The name of the column, where the first line gives names.
    pub name: Option<String>,
    /// What stands there: the first 40 characters, spaces around them dropped.
    pub text: String,
}

impl Cell {
    pub(super) fn new(column: usize, name: Option<&str>, text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&text[..text.len().min(4 * MAX_TEXT)]);
        let text = text.trim();
        let short: String = text.chars().take(MAX_TEXT).collect();
        let text = if short.len() < text.len() { short + "…" } else { short };
        let name = name.map(|name| name.chars().take(MAX_TEXT).collect());
        Self { column: column + 1, name, text }
    }
}

/// What is wrong with a row.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Another number of fields than the first line has.
    FieldCount {
        /// The fields it has.
        got: usize,
        /// The fields of the first line.
        want: usize,
    },
    /// Nothing stands in a cell that is read.
    Empty,
    /// A number is wanted.
    NotANumber,
    /// The cell says NaN.
    Nan,
    /// The cell says infinity.
    Infinite,
    /// The number is finite, but not in this element type.
    TooLarge(DType),
    /// A class number is wanted, a whole number below this.
    NotAClass(usize),
    /// The bytes are not UTF-8, or one of them is NUL.
    NotText,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        let text = match &self.cell {
            Some(Cell { column, name: Some(name), text }) => {
                write!(f, ", column {column} ({name:?})")?;
                text.as_str()
            }
            Some(Cell { column, name: None, text }) => {
                write!(f, ", column {column}")?;
                text.as_str()
            }
            None => "",
        };
        match self.fault {
            Fault::FieldCount { got: 1, want } => write!(f, ": 1 field instead of {want}"),
            Fault::FieldCount { got, want } => write!(f, ": {got} fields instead of {want}"),
            Fault::Empty => write!(f, ": the cell is empty"),
            Fault::NotANumber => write!(f, ": {text:?} is not a number"),
            Fault::Nan | Fault::Infinite => write!(f, ": {text:?} is not finite"),
            Fault::TooLarge(dtype) => write!(f, ": {text:?} is too large for {dtype}"),
            Fault::NotAClass(classes) => write!(f, ": {text:?} is not a class of 0..{classes}"),
            Fault::NotText => write!(f, ": {text:?} is not text in UTF-8"),
        }
    }
}

pub(crate) fn show_bad_rows(rows: &[BadRow], more: bool) -> String {
    let count = match (rows.len(), more) {
        (1, _) => String::new(),
        (n, false) => format!("{n} bad rows: "),
        (n, true) => format!("{n} bad rows before reading stopped: "),
    };
    let mut shown: Vec<String> = rows.iter().take(MAX_SHOWN).map(BadRow::to_string).collect();
    if rows.len() > MAX_SHOWN {
        shown.push(format!("and {} more", rows.len() - MAX_SHOWN));
    }
    let them = if rows.len() == 1 { "it" } else { "them" };
    format!(
        "[csv] every row must be readable; got {count}{}; correct {them}, or skip bad rows",
        shown.join(", ")
    )
}

//! A [`Table`] of a file with separated values, its columns' kinds found out from the cells.

use super::columns::header;
use super::watch::Watch;
use super::{BadRow, Cell, Column, Fault, line_of, next, reader};
use crate::error::{Error, Result, open};
use crate::table::{Table, TableColumn};
use std::io::Read;
use std::path::Path;

/// Most columns of a table.
const MOST_COLUMNS: usize = 1 << 16;

/// How [`read_table`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOptions {
    /// Whether the first line names the columns; else they are `column 0`, `column 1`, ….
    pub has_header: bool,
    /// The byte between fields.
    pub delimiter: u8,
    /// What a cell says where nothing is known; empty cells are gaps anyway.
    pub missing: Vec<String>,
    /// Columns that are text although all their cells are numbers, such as postal codes.
    pub text: Vec<Column>,
    /// Most bytes of a line (of a record, where quoted fields hold line ends).
    pub max_line: usize,
}

/// A first line of names, commas, `NA`, `N/A`, `NaN`, `nan`, `null` and `?` for gaps, lines up to 16 MiB.
impl Default for TableOptions {
    fn default() -> Self {
        let missing = ["NA", "N/A", "NaN", "nan", "null", "?"].map(String::from).into();
        Self { has_header: true, delimiter: b',', missing, text: Vec::new(), max_line: 16 << 20 }
    }
}

impl TableOptions {
    /// The same with tabs between fields.
    pub fn tsv() -> Self {
        Self { delimiter: b'\t', ..Self::default() }
    }
}

/// Reads a CSV or TSV file whose columns may be text and have gaps.
///
/// # Errors
/// With the path before them: a file that cannot be read; those of [`parse_table`].
pub fn read_table(path: impl AsRef<Path>, options: &TableOptions) -> Result<Table> {
    let path = path.as_ref();
    parse_table(open("csv", path)?, options).map_err(|e| e.in_file(path))
}

/// Reads a table from `input`, written as [`parse_csv`](super::parse_csv) reads it. A column is numbers if all of its
/// cells that are not gaps are finite numbers, and text otherwise; [`Table::schema`] shows what was found.
///
/// # Errors
/// No header or no rows; a name twice; a column that is not there; above 65,536 columns; an unterminated quote or text
/// after a closing one, by line; a line above `max_line`; the first row with another number of fields or bytes that are
/// not UTF-8, by line.
pub fn parse_table(input: impl Read, options: &TableOptions) -> Result<Table> {
    let mut reader = reader(Watch::new(input, options.delimiter, options.max_line), options.delimiter)?;
    let mut record = ::csv::ByteRecord::new();
    if !next(&mut reader, &mut record)? {
        return refuse("a file must hold lines", "an empty file".into(), "give a file with data");
    }
    if record.len() > MOST_COLUMNS {
        let got = format!("{} in the first line", record.len());
        return refuse("a table has up to 65,536 columns", got, "check the delimiter");
    }
    let names = match options.has_header {
        true => header(&record)?,
        false => (0..record.len()).map(|place| format!("column {place}")).collect(),
    };
    let mut columns: Vec<Cells> = names.iter().map(|_| Cells::default()).collect();
    for column in &options.text {
        let place = match column {
            Column::Index(place) => Some(*place),
            Column::Name(name) => names.iter().position(|it| it == name),
        };
        match place.and_then(|place| columns.get_mut(place)) {
            Some(column) => column.text = true,
            None => {
                let got = format!("{column:?} of {} columns", names.len());
                return refuse("a column must be in the table", got, "correct its name");
            }
        }
    }
    let mut more = !options.has_header || next(&mut reader, &mut record)?;
    while more {
        let line = line_of(&reader, &record);
        let bad = |cell, fault| Err(Error::BadRows { rows: vec![BadRow { line, cell, fault }], more: true });
        if record.len() != names.len() {
            return bad(None, Fault::FieldCount { got: record.len(), want: names.len() });
        }
        for (place, column) in columns.iter_mut().enumerate() {
            let cell = &record[place];
            match std::str::from_utf8(cell).map(str::trim) {
                Ok(text) if !text.contains('\0') => {
                    let gap = text.is_empty() || options.missing.iter().any(|missing| missing == text);
                    column.push(if gap { "" } else { text });
                }
                _ => {
                    let name = options.has_header.then(|| names[place].as_str());
                    return bad(Some(Cell::new(place, name, cell)), Fault::NotText);
                }
            }
        }
        more = next(&mut reader, &mut record)?;
    }
    if columns[0].ends.is_empty() {
        return refuse("a table must hold a row", "a line of names only".into(), "give a file with data");
    }
    Table::new(names.into_iter().zip(columns.into_iter().map(Cells::finish)).collect())
}

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::Format { op: "csv", rule, got, repair })
}

/// The cells of a column, one behind the other; empty ones are gaps.
#[derive(Default)]
struct Cells {
    all: String,
    ends: Vec<usize>,
    /// Whether a cell was no number, or must not be one.
    text: bool,
}

impl Cells {
    fn push(&mut self, cell: &str) {
        self.text |= !cell.is_empty() && number(cell).is_none();
        self.all.push_str(cell);
        self.ends.push(self.all.len());
    }

    fn finish(self) -> TableColumn {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let cells = begins.zip(&self.ends).map(|(begin, &end)| &self.all[begin..end]);
        match self.text {
            true => {
                TableColumn::Text(cells.map(|cell| (!cell.is_empty()).then(|| cell.to_string())).collect())
            }
            false => TableColumn::Numbers(cells.map(number).collect()),
        }
    }
}

fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|x: &f64| x.is_finite())
}

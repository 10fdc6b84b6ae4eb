//! JSON lines: an object on each line, its members the columns of a [`Table`].

use crate::error::{Error, Result, open};
use crate::table::{Table, TableColumn};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Most bytes of a line.
const MOST_BYTES: u64 = 16 << 20;
/// Cells that a table may have before they are held against the size of the file.
const FREE_CELLS: u64 = 1 << 16;

/// Reads a file of JSON lines.
///
/// # Errors
/// With the path before them: a file that cannot be read; those of [`parse_json_lines`].
pub fn read_json_lines(path: impl AsRef<Path>) -> Result<Table> {
    let path = path.as_ref();
    parse_json_lines(BufReader::new(open("json lines", path)?)).map_err(|e| e.in_file(path))
}

/// Reads a table from `input`, an object on each line: numbers make columns of numbers, strings and `true` and `false`
/// columns of text, `null` and members that are not there gaps. Columns stand in the order in which they are first met.
/// Blank lines are passed over.
///
/// ```
/// let text = "{\"city\": \"Oslo\", \"rent\": 12.5}\n{\"city\": \"Bergen\"}\n";
/// let table = data::parse_json_lines(text.as_bytes())?;
/// assert_eq!(table.column("rent")?, &data::TableColumn::Numbers(vec![Some(12.5), None]));
/// # Ok::<(), data::Error>(())
/// ```
///
/// # Errors
/// No objects; by line: what is not JSON in UTF-8, not an object, nested, or has a member twice; a column of numbers
/// and text; a line above 16 MiB; so many columns in so few bytes that their gaps would take more memory than the file
/// explains.
pub fn parse_json_lines(mut input: impl BufRead) -> Result<Table> {
    let mut columns = Columns::default();
    let (mut line, mut bytes) = (Vec::new(), 0u64);
    for number in 1u64.. {
        line.clear();
        let read = input
            .by_ref()
            .take(MOST_BYTES + 1)
            .read_until(b'\n', &mut line)
            .map_err(|e| Error::io("json lines", &e))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        if read as u64 > MOST_BYTES {
            return refuse("a line has up to 16 MiB", format!("more in line {number}"), "split it");
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let Row(members) = serde_json::from_slice(&line).or_else(|e| {
            let got = format!("line {number}: {e}");
            refuse(
                "a line must be an object of numbers, strings, true, false and null",
                got,
                "correct the line",
            )
        })?;
        for (name, value) in members {
            columns.push(name, value, number, bytes)?;
        }
        columns.rows += 1;
    }
    columns.finish(bytes)
}

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::Format { op: "json lines", rule, got, repair })
}

#[derive(Default)]
struct Columns {
    places: BTreeMap<String, usize>,
    /// Names and cells; a column of which only gaps were met is of no kind yet.
    columns: Vec<(String, Option<TableColumn>)>,
    rows: usize,
}

impl Columns {
    fn push(&mut self, name: String, value: Value, line: u64, bytes: u64) -> Result<()> {
        let place = match self.places.get(&name) {
            Some(&place) => place,
            None => {
                self.columns.push((name.clone(), None));
                self.check_room(bytes)?;
                let place = self.columns.len() - 1;
                self.places.insert(name, place);
                place
            }
        };
        let (name, column) = &mut self.columns[place];
        let rows = self.rows;
        match (value, column) {
            (Value::Null, _) => {}
            (Value::Number(x), column @ None) => {
                let mut cells = vec![None; rows];
                cells.push(Some(x));
                *column = Some(TableColumn::Numbers(cells));
            }
            (Value::Text(text), column @ None) => {
                let mut cells = vec![None; rows];
                cells.push(Some(text));
                *column = Some(TableColumn::Text(cells));
            }
            (Value::Number(x), Some(TableColumn::Numbers(cells))) => {
                cells.resize(rows, None);
                cells.push(Some(x));
            }
            (Value::Text(text), Some(TableColumn::Text(cells))) => {
                cells.resize(rows, None);
                cells.push(Some(text));
            }
            (value, Some(_)) => {
                let short: String = name.chars().take(40).collect();
                let kind = if matches!(value, Value::Number(_)) { "a number" } else { "text" };
                let got = format!("{kind} for {short:?} in line {line}, where lines before have the other");
                return refuse("a column must be numbers or text", got, "write one kind");
            }
        }
        Ok(())
    }

    /// Gaps take memory that no byte of the file stands for: at most one cell for each byte.
    fn check_room(&self, bytes: u64) -> Result<()> {
        let cells = (self.columns.len() as u64).saturating_mul(self.rows as u64 + 1);
        if cells > bytes.saturating_add(FREE_CELLS) {
            let got = format!("{} columns for {} rows in {bytes} bytes", self.columns.len(), self.rows + 1);
            return refuse("a table must not be mostly gaps", got, "write members as rows of their own");
        }
        Ok(())
    }

    fn finish(self, bytes: u64) -> Result<Table> {
        if self.rows == 0 || self.columns.is_empty() {
            let got = format!("{} lines without members", self.rows);
            return refuse("a file must hold objects with members", got, "give a file with data");
        }
        self.check_room(bytes)?;
        let rows = self.rows;
        let whole = |column| match column {
            None => TableColumn::Numbers(vec![None; rows]),
            Some(TableColumn::Numbers(mut cells)) => {
                cells.resize(rows, None);
                TableColumn::Numbers(cells)
            }
            Some(TableColumn::Text(mut cells)) => {
                cells.resize(rows, None);
                TableColumn::Text(cells)
            }
        };
        Table::new(self.columns.into_iter().map(|(name, column)| (name, whole(column))).collect())
    }
}

/// One cell.
enum Value {
    Null,
    Number(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cell;
        impl Visitor<'_> for Cell {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a string, true, false or null")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, x: bool) -> Result<Value, E> {
                Ok(Value::Text(x.to_string()))
            }

            fn visit_i64<E>(self, x: i64) -> Result<Value, E> {
                Ok(Value::Number(x as f64))
            }

            fn visit_u64<E>(self, x: u64) -> Result<Value, E> {
                Ok(Value::Number(x as f64))
            }

            fn visit_f64<E>(self, x: f64) -> Result<Value, E> {
                Ok(Value::Number(x))
            }

            fn visit_str<E>(self, x: &str) -> Result<Value, E> {
                Ok(Value::Text(x.to_string()))
            }
        }
        deserializer.deserialize_any(Cell)
    }
}

/// The members of one object, in their order.
struct Row(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut members = Vec::new();
                let mut seen = std::collections::BTreeSet::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if !seen.insert(name.clone()) {
                        let short: String = name.chars().take(40).collect();
                        return Err(A::Error::custom(format!("member {short:?} twice")));
                    }
                    members.push((name, value));
                }
                Ok(Row(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

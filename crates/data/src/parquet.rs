//! Tables in Parquet files.

use crate::error::{Error, Result, open};
use crate::table::{Table, TableColumn};
use parquet::basic::{ConvertedType, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const OP: &str = "parquet";
/// The largest whole numbers that are all doubles.
const EXACT: u128 = 1 << 53;

/// Reads a Parquet file of flat columns: integers, floats, decimals and truth values (as 0 and 1) become numbers, strings, dates and
/// times become text, nulls and NaN become gaps. Compressed by Snappy, gzip or LZ4, or not.
///
/// Differs from pandas in: no missing type is guessed; a whole number beyond 2⁵³ is an error and not another number.
///
/// # Errors
/// With the path in front: a file that cannot be read, is damaged or compressed in another way; no rows or columns; a column of lists,
/// maps or groups; bytes that are not UTF-8; a number that is infinite, or whole and beyond 2⁵³.
pub fn read_parquet(path: impl AsRef<Path>) -> Result<Table> {
    let path = path.as_ref();
    let file = open(OP, path)?;
    // That library trusts some of what a damaged file says.
    catch_unwind(AssertUnwindSafe(|| read(file)))
        .unwrap_or_else(|_| Err(damaged("a file whose parts do not fit each other".into())))
        .map_err(|e| e.in_file(path))
}

fn damaged(got: String) -> Error {
    Error::Format {
        op: OP,
        rule: "the file must be whole Parquet",
        got,
        repair: "write it anew, by Snappy, gzip or LZ4",
    }
}

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::Format { op: OP, rule, got, repair })
}

fn read(file: std::fs::File) -> Result<Table> {
    let reader = SerializedFileReader::new(file).map_err(|e| damaged(e.to_string()))?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let mut columns: Vec<(String, TableColumn)> = Vec::new();
    for field in schema.root_schema().get_fields() {
        columns.push((field.name().to_string(), kind(field)?));
    }
    for (row, record) in reader.get_row_iter(None).map_err(|e| damaged(e.to_string()))?.enumerate() {
        let record = record.map_err(|e| damaged(e.to_string()))?;
        for ((name, field), (_, column)) in record.get_column_iter().zip(&mut columns) {
            match column {
                TableColumn::Numbers(cells) => cells.push(number(field, row, name)?),
                TableColumn::Text(cells) => cells.push(text(field, row, name)?),
            }
        }
    }
    Table::new(columns)
}

/// An empty column of what this field holds.
fn kind(field: &Type) -> Result<TableColumn> {
    if !field.is_primitive() {
        let got = format!("{:?}, which has fields of its own", field.name());
        return refuse("columns must be flat", got, "write its parts as columns");
    }
    let is_text = match field.get_physical_type() {
        Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => {
            field.get_basic_info().converted_type() != ConvertedType::DECIMAL
        }
        Physical::INT96 => true,
        _ => matches!(
            field.get_basic_info().converted_type(),
            ConvertedType::DATE
                | ConvertedType::TIME_MILLIS
                | ConvertedType::TIME_MICROS
                | ConvertedType::TIMESTAMP_MILLIS
                | ConvertedType::TIMESTAMP_MICROS
        ),
    };
    Ok(if is_text { TableColumn::Text(Vec::new()) } else { TableColumn::Numbers(Vec::new()) })
}

fn number(field: &Field, row: usize, name: &str) -> Result<Option<f64>> {
    let whole = |x: i128| match x.unsigned_abs() <= EXACT {
        true => Ok(x as f64),
        false => refuse(
            "whole numbers must be at most 2^53",
            format!("{x} in row {row} of {name:?}"),
            "write it as text",
        ),
    };
    let x = match field {
        Field::Null => return Ok(None),
        Field::Bool(x) => f64::from(u8::from(*x)),
        Field::Byte(x) => f64::from(*x),
        Field::Short(x) => f64::from(*x),
        Field::Int(x) => f64::from(*x),
        Field::Long(x) => whole((*x).into())?,
        Field::UByte(x) => f64::from(*x),
        Field::UShort(x) => f64::from(*x),
        Field::UInt(x) => f64::from(*x),
        Field::ULong(x) => whole((*x).into())?,
        Field::Float(x) => f64::from(*x),
        Field::Double(x) => *x,
        other => match other.to_string().trim_matches('"').parse() {
            Ok(x) => x,
            Err(_) => {
                return refuse(
                    "numbers must be readable",
                    format!("{other} in row {row} of {name:?}"),
                    "write it as text",
                );
            }
        },
    };
    match x {
        x if x.is_nan() => Ok(None),
        x if x.is_infinite() => {
            refuse("numbers must be finite", format!("{x} in row {row} of {name:?}"), "leave the row out")
        }
        x => Ok(Some(x)),
    }
}

fn text(field: &Field, row: usize, name: &str) -> Result<Option<String>> {
    match field {
        Field::Null => Ok(None),
        Field::Str(text) => Ok(Some(text.clone())),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => Ok(Some(text.to_string())),
            Err(e) => refuse(
                "text must be UTF-8",
                format!("{e} in row {row} of {name:?}"),
                "leave the column out of the file",
            ),
        },
        other => Ok(Some(other.to_string())),
    }
}

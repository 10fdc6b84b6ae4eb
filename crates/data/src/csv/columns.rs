//! Which columns are features, which are targets, and what they are called.

use super::{Column, CsvOptions, Target};
use crate::error::{Error, Result};
use csv::ByteRecord;

/// The columns of a table, by place.
pub(super) struct Columns {
    /// The number of columns.
    pub count: usize,
    /// Their names, if the first line gives them.
    pub names: Option<Vec<String>>,
    /// The places of the features, ascending.
    pub features: Vec<usize>,
    /// The places of the targets, as they were asked for.
    pub targets: Vec<usize>,
}

impl Columns {
    /// Sorts out the columns of a table whose first record is `first`.
    pub fn new(first: &ByteRecord, options: &CsvOptions) -> Result<Self> {
        let count = first.len();
        let names = options.has_header.then(|| header(first)).transpose()?;
        let find = |column: &Column| match column {
            Column::Index(place) if *place < count => Ok(*place),
            Column::Index(place) => Err(refuse(
                "a column counted from 0 must be there",
                format!("column {place} of {count}"),
                "correct its number",
            )),
            Column::Name(name) => {
                names.iter().flatten().position(|it| it == name).ok_or_else(|| match &names {
                    Some(names) => refuse(
                        "a column must be named in the first line",
                        format!("{name:?} for a table of {}", list(names)),
                        "correct the name",
                    ),
                    None => refuse(
                        "columns have no names without a first line that gives them",
                        format!("{name:?}"),
                        "give the place of the column, counted from 0, or set has_header",
                    ),
                })
            }
        };
        let wanted = match &options.target {
            Target::Values(columns) => columns.iter().collect(),
            Target::ClassNames { column, .. } | Target::ClassNumbers { column, .. } => vec![column],
        };
        let targets: Vec<usize> = wanted.into_iter().map(find).collect::<Result<_>>()?;
        let ignored: Vec<usize> = options.ignore.iter().map(find).collect::<Result<_>>()?;
        let mut used = vec![false; count];
        for &place in targets.iter().chain(&ignored) {
            if std::mem::replace(&mut used[place], true) {
                return Err(refuse(
                    "a column can be a target or ignored, once",
                    format!("column {place} twice"),
                    "name it once",
                ));
            }
        }
        let features: Vec<usize> = (0..count).filter(|&place| !used[place]).collect();
        if features.is_empty() {
            return Err(refuse(
                "a table must have a column that is a feature",
                format!("{} target and {} ignored columns of {count}", targets.len(), ignored.len()),
                "ignore less, or check the delimiter",
            ));
        }
        Ok(Self { count, names, features, targets })
    }

    /// The name of the column at `place`.
    pub fn name(&self, place: usize) -> Option<&str> {
        self.names.as_ref().map(|names| names[place].as_str())
    }
}

/// The names in the first line.
pub(super) fn header(first: &ByteRecord) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::with_capacity(first.len());
    for (place, name) in first.iter().enumerate() {
        let name = std::str::from_utf8(name).ok().map(str::trim).filter(|name| !name.contains('\0'));
        match name {
            Some("") => {
                return Err(refuse(
                    "every column must have a name in the first line",
                    format!("none for column {}", place + 1),
                    "name the column",
                ));
            }
            Some(name) => names.push(name.to_string()),
            None => {
                return Err(refuse(
                    "column names must be text in UTF-8",
                    format!("other bytes for column {}", place + 1),
                    "save the file as UTF-8",
                ));
            }
        }
    }
    // Whole numbers may be names (`0,1,2` is what pandas writes, `2019,2020` are years); a `5.1` among numbers is not.
    if names.iter().all(|name| name.parse::<f64>().is_ok())
        && names.iter().any(|name| name.parse::<u64>().is_err())
    {
        return Err(refuse(
            "the first line must name the columns",
            format!("numbers only: {}", list(&names)),
            "add a line of names, or set has_header to false",
        ));
    }
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&place| &names[place]);
    if let Some(twice) = order.windows(2).find(|pair| names[pair[0]] == names[pair[1]]) {
        return Err(refuse(
            "column names must be distinct",
            format!("{:?} for columns {} and {}", short(&names[twice[0]]), twice[0] + 1, twice[1] + 1),
            "rename one of them",
        ));
    }
    Ok(names)
}

fn refuse(rule: &'static str, got: String, repair: &'static str) -> Error {
    Error::Format { op: "csv", rule, got, repair }
}

fn short(name: &str) -> String {
    name.chars().take(40).collect()
}

/// The first names, for a message.
fn list(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(12).map(|name| format!("{:?}", short(name))).collect();
    if names.len() > shown.len() {
        shown.push(format!("and {} more", names.len() - shown.len()));
    }
    shown.join(", ")
}

//! The statistics as they are written, and what must hold of them when they are read.

use super::{Encode, Fitted, How, Preprocessor, refuse};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire {
    version: u32,
    columns: Vec<Fitted>,
}

impl From<Preprocessor> for Wire {
    fn from(Preprocessor { columns }: Preprocessor) -> Self {
        Self { version: 1, columns }
    }
}

impl TryFrom<Wire> for Preprocessor {
    type Error = Error;

    fn try_from(Wire { version, columns }: Wire) -> Result<Self> {
        if version != 1 {
            let repair = "read it with the release that wrote it";
            return refuse("a state must have version 1", format!("version {version}"), repair);
        }
        let read = Self { columns };
        check(&read)?;
        Ok(read)
    }
}

pub(super) fn check(fitted: &Preprocessor) -> Result<()> {
    if fitted.columns.is_empty() {
        return refuse("there must be columns", "none".into(), "name at least one");
    }
    let mut seen = BTreeSet::new();
    for Fitted { name, how } in &fitted.columns {
        if !seen.insert(name) {
            return refuse("a column can be used once", format!("{name:?} twice"), "name it once");
        }
        match how {
            How::Numbers { fill, shift, scale, .. } => {
                let good =
                    fill.is_none_or(f64::is_finite) && shift.is_finite() && scale.is_normal() && *scale > 0.0;
                if !good {
                    let got = format!("fill {fill:?}, shift {shift}, scale {scale} of {name:?}");
                    let rule = "statistics must be finite and scales above 0";
                    return refuse(rule, got, "restore the state from its source");
                }
            }
            How::Text { categories, encode, .. } => {
                let distinct: BTreeSet<&String> = categories.iter().collect();
                if distinct.len() != categories.len() || categories.is_empty() {
                    let got =
                        format!("{} categories, {} distinct, of {name:?}", categories.len(), distinct.len());
                    return refuse("a column must have categories, all distinct", got, "correct the list");
                }
                // Places up to here are exact in F32.
                if *encode == Encode::Ordinal && categories.len() > 1 << 24 {
                    let got = format!("{} of {name:?}", categories.len());
                    return refuse("there can be up to 2^24 categories in one feature", got, "use one-hot");
                }
            }
        }
    }
    Ok(())
}

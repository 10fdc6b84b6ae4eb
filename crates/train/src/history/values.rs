//! Metric values by name, in the order in which they were measured.

use crate::error::{Error, Result};
use crate::format;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An ordered list of name and value; a name stands in it once.
///
/// In JSON it is an object in the same order; in a binary format a list of pairs.
///
/// ```
/// use train::MetricValues;
/// let mut m = MetricValues::from([("loss", 0.25), ("acc", 0.9)]);
/// m.set("loss", 0.125);
/// assert_eq!(m.get("loss"), Some(0.125));
/// assert_eq!(m.to_string(), "loss 0.1250  acc 0.9000");
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricValues {
    items: Vec<(String, f64)>,
}

impl MetricValues {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value, at its old place if the name is there, else at the end.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.items.iter_mut().find(|(n, _)| *n == name) {
            Some(item) => item.1 = value,
            None => self.items.push((name, value)),
        }
    }

    /// Sets a value that may be undefined: where it is, nothing is set.
    ///
    /// ```
    /// let mut m = train::MetricValues::new();
    /// m.set_defined("r2", None);
    /// assert!(m.is_empty());
    /// ```
    pub fn set_defined(&mut self, name: impl Into<String>, value: Option<f64>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// The value with this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.items.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.items.iter().map(|(n, v)| (n.as_str(), *v))
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn push_new(&mut self, name: String, value: f64) -> Result<()> {
        if self.get(&name).is_some() {
            return Err(Error::InvalidArgument {
                op: "history",
                rule: "a metric must stand once in a record",
                got: format!("'{name}' twice"),
                repair: "use a file that this crate wrote",
            });
        }
        self.items.push((name, value));
        Ok(())
    }
}

impl<S: Into<String>, const N: usize> From<[(S, f64); N]> for MetricValues {
    fn from(items: [(S, f64); N]) -> Self {
        items.into_iter().collect()
    }
}

impl<S: Into<String>> FromIterator<(S, f64)> for MetricValues {
    fn from_iter<I: IntoIterator<Item = (S, f64)>>(items: I) -> Self {
        let mut values = MetricValues::new();
        items.into_iter().for_each(|(n, v)| values.set(n, v));
        values
    }
}

impl fmt::Display for MetricValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            let gap = if i > 0 { "  " } else { "" };
            write!(f, "{gap}{name} {}", format::metric(value))?;
        }
        Ok(())
    }
}

/// A float that JSON can hold: a number, or the name of what is none.
struct Json(f64);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { s.serialize_f64(self.0) } else { s.serialize_str(&format::metric(self.0)) }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct NumberOrName;
        impl Visitor<'_> for NumberOrName {
            type Value = Json;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"NaN\", \"inf\" or \"-inf\"")
            }
            fn visit_f64<E>(self, x: f64) -> Result<Json, E> {
                Ok(Json(x))
            }
            fn visit_u64<E>(self, x: u64) -> Result<Json, E> {
                Ok(Json(x as f64))
            }
            fn visit_i64<E>(self, x: i64) -> Result<Json, E> {
                Ok(Json(x as f64))
            }
            fn visit_str<E: serde::de::Error>(self, s: &str) -> Result<Json, E> {
                match s {
                    "NaN" => Ok(Json(f64::NAN)),
                    "inf" => Ok(Json(f64::INFINITY)),
                    "-inf" => Ok(Json(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(s), &self)),
                }
            }
        }
        d.deserialize_any(NumberOrName)
    }
}

impl Serialize for MetricValues {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.collect_map(self.items.iter().map(|(n, v)| (n, Json(*v))))
        } else {
            self.items.serialize(s)
        }
    }
}

impl<'de> Deserialize<'de> for MetricValues {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = MetricValues;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of metric names and numbers")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MetricValues, A::Error> {
                let mut values = MetricValues::new();
                while let Some((name, Json(value))) = map.next_entry::<String, Json>()? {
                    values.push_new(name, value).map_err(A::Error::custom)?;
                }
                Ok(values)
            }
        }
        if d.is_human_readable() {
            return d.deserialize_map(Object);
        }
        let mut values = MetricValues::new();
        for (name, value) in Vec::<(String, f64)>::deserialize(d)? {
            values.push_new(name, value).map_err(D::Error::custom)?;
        }
        Ok(values)
    }
}

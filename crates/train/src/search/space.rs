//! What is searched: named choices, and a point among them.

use crate::error::{Error, Result};
use crate::format;
use std::collections::BTreeMap;
use std::fmt;
use tensor::Rng;

/// What a setting may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Choices {
    /// Any number between both ends.
    Uniform {
        /// The smallest.
        low: f64,
        /// The largest.
        high: f64,
    },
    /// Any number between both ends, which are positive, the logarithm being uniform: for learning rates and decays.
    LogUniform {
        /// The smallest.
        low: f64,
        /// The largest.
        high: f64,
    },
    /// Any whole number from the smallest to the largest.
    Int {
        /// The smallest.
        low: i64,
        /// The largest.
        high: i64,
    },
    /// One of these words.
    OneOf(Vec<String>),
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Int(i64),
    Word(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(x) => f.write_str(&format::metric(*x)),
            Value::Int(x) => write!(f, "{x}"),
            Value::Word(x) => f.write_str(x),
        }
    }
}

/// Settings by name, and what each may be.
///
/// ```
/// use train::Space;
/// let space = Space::new()
///     .log_uniform("lr", 1e-4, 1e-1)
///     .uniform("dropout", 0.0, 0.5)
///     .int("layers", 1, 4)
///     .one_of("activation", ["relu", "gelu"]);
/// assert_eq!(space.names(), ["activation", "dropout", "layers", "lr"]);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Space {
    pub(crate) choices: BTreeMap<String, Choices>,
}

impl Space {
    /// Nothing to choose.
    pub fn new() -> Self {
        Self::default()
    }

    /// A number between `low` and `high`.
    pub fn uniform(self, name: impl Into<String>, low: f64, high: f64) -> Self {
        self.with(name, Choices::Uniform { low, high })
    }

    /// A positive number between `low` and `high`, each order of magnitude as likely as the others.
    pub fn log_uniform(self, name: impl Into<String>, low: f64, high: f64) -> Self {
        self.with(name, Choices::LogUniform { low, high })
    }

    /// A whole number from `low` to `high`.
    pub fn int(self, name: impl Into<String>, low: i64, high: i64) -> Self {
        self.with(name, Choices::Int { low, high })
    }

    /// One of these words.
    pub fn one_of<S: Into<String>>(
        self,
        name: impl Into<String>,
        words: impl IntoIterator<Item = S>,
    ) -> Self {
        self.with(name, Choices::OneOf(words.into_iter().map(Into::into).collect()))
    }

    /// Adds a setting, or changes what it may be.
    pub fn with(mut self, name: impl Into<String>, choices: Choices) -> Self {
        self.choices.insert(name.into(), choices);
        self
    }

    /// The settings, in alphabetical order.
    pub fn names(&self) -> Vec<&str> {
        self.choices.keys().map(String::as_str).collect()
    }

    /// Refuses what nothing can be drawn from.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |rule, got: String| {
            let repair = "correct the space";
            Err(Error::InvalidArgument { op: "search", rule, got, repair })
        };
        if self.choices.is_empty() {
            return refuse("there must be a setting to search", "none".into());
        }
        for (name, choices) in &self.choices {
            let fine = match *choices {
                Choices::Uniform { low, high } => low <= high && (high - low).is_finite(),
                Choices::LogUniform { low, high } => 0.0 < low && low <= high && high.is_finite(),
                Choices::Int { low, high } => low <= high && high.checked_sub(low).is_some(),
                Choices::OneOf(ref words) => !words.is_empty(),
            };
            if !fine {
                return refuse(
                    "the choices of a setting must be some, from low to high, finite and positive on a logarithm",
                    format!("{name} of {choices:?}"),
                );
            }
        }
        Ok(())
    }

    /// A point of it, drawn from `rng`.
    pub(crate) fn draw(&self, rng: &mut Rng) -> Result<Params> {
        let mut values = BTreeMap::new();
        for (name, choices) in &self.choices {
            // 53 bits, as all uniform doubles have.
            let share = rng.below(1 << 53)? as f64 / (1u64 << 53) as f64;
            let value = match choices {
                Choices::Uniform { low, high } => Value::Number(low + share * (high - low)),
                Choices::LogUniform { low, high } => Value::Number(between_logs(*low, *high, share)),
                Choices::Int { low, high } => {
                    let count = usize::try_from(high - low).unwrap_or(usize::MAX - 1) + 1;
                    Value::Int(low + rng.below(count)? as i64)
                }
                Choices::OneOf(words) => Value::Word(words[rng.below(words.len())?].clone()),
            };
            values.insert(name.clone(), value);
        }
        Ok(Params { values })
    }

    /// All points of a grid, `points` to each range of numbers, ends included; the last setting changes fastest.
    pub(crate) fn grid(&self, points: usize) -> Vec<Params> {
        let mut all = vec![Params::default()];
        for (name, choices) in &self.choices {
            let share = |i: usize| if points < 2 { 0.5 } else { i as f64 / (points - 1) as f64 };
            let values: Vec<Value> = match choices {
                Choices::Uniform { low, high } => {
                    (0..points.max(1)).map(|i| Value::Number(low + share(i) * (high - low))).collect()
                }
                Choices::LogUniform { low, high } => {
                    (0..points.max(1)).map(|i| Value::Number(between_logs(*low, *high, share(i)))).collect()
                }
                Choices::Int { low, high } => {
                    let mut some: Vec<i64> = (0..points.max(1))
                        .map(|i| (*low as f64 + share(i) * (*high - *low) as f64).round() as i64)
                        .collect();
                    some.dedup();
                    some.into_iter().map(Value::Int).collect()
                }
                Choices::OneOf(words) => words.iter().cloned().map(Value::Word).collect(),
            };
            all = all
                .into_iter()
                .flat_map(|point| values.iter().map(move |value| point.clone().with(name, value.clone())))
                .collect();
        }
        all
    }
}

/// Between the logarithms, with the ends themselves at 0 and 1.
fn between_logs(low: f64, high: f64, share: f64) -> f64 {
    let (a, b) = (libm::log(low), libm::log(high));
    match share {
        0.0 => low,
        1.0 => high,
        _ => libm::exp(a + share * (b - a)).clamp(low, high),
    }
}

/// A value for each setting.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params {
    pub(crate) values: BTreeMap<String, Value>,
}

impl Params {
    fn with(mut self, name: &str, value: Value) -> Self {
        self.values.insert(name.to_string(), value);
        self
    }

    fn get<'a, T>(
        &'a self,
        name: &str,
        kind: &'static str,
        of: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<T> {
        let found = self.values.get(name);
        found.and_then(of).ok_or_else(|| Error::InvalidArgument {
            op: "search",
            rule: "a setting must be asked for by its name and as what it is",
            got: match found {
                Some(value) => format!("{name} as {kind}, which is {value:?}"),
                None => format!("{name}, where there are {:?}", self.values.keys().collect::<Vec<_>>()),
            },
            repair: "correct the name, or ask with number, int or word",
        })
    }

    /// A number. Errors: `InvalidArgument` for a setting that is not there or is none.
    pub fn number(&self, name: &str) -> Result<f64> {
        self.get(name, "a number", |value| match value {
            Value::Number(x) => Some(*x),
            Value::Int(x) => Some(*x as f64),
            Value::Word(_) => None,
        })
    }

    /// A whole number. Errors: as [`number`](Self::number).
    pub fn int(&self, name: &str) -> Result<i64> {
        self.get(name, "a whole number", |value| if let Value::Int(x) = value { Some(*x) } else { None })
    }

    /// A word. Errors: as [`number`](Self::number).
    pub fn word(&self, name: &str) -> Result<&str> {
        self.get(
            name,
            "a word",
            |value| if let Value::Word(word) = value { Some(word.as_str()) } else { None },
        )
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.values.iter().map(|(name, value)| format!("{name} {value}")).collect();
        f.write_str(&all.join(", "))
    }
}

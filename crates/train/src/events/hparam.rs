//! The settings of a run, for the table in which TensorBoard compares runs.

use super::wire::Message;

/// The value of a setting.
///
/// ```
/// use train::events::HParam;
/// assert_eq!(HParam::from(1e-3), HParam::Number(1e-3));
/// assert_eq!(HParam::from("adam"), HParam::Text("adam".into()));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum HParam {
    /// A learning rate, a width, a number of layers.
    Number(f64),
    /// The name of an optimizer, of a data set.
    Text(String),
    /// On or off.
    Flag(bool),
}

impl From<f64> for HParam {
    fn from(x: f64) -> Self {
        HParam::Number(x)
    }
}

impl From<&str> for HParam {
    fn from(text: &str) -> Self {
        HParam::Text(text.into())
    }
}

impl From<String> for HParam {
    fn from(text: String) -> Self {
        HParam::Text(text)
    }
}

impl From<bool> for HParam {
    fn from(on: bool) -> Self {
        HParam::Flag(on)
    }
}

impl HParam {
    /// `google.protobuf.Value`: number_value 2, string_value 3, bool_value 4.
    pub(super) fn message(&self) -> Message {
        match self {
            HParam::Number(x) => Message::new().double(2, *x),
            HParam::Text(text) => Message::new().bytes(3, text),
            HParam::Flag(on) => Message::new().number(4, u64::from(*on)),
        }
    }
}

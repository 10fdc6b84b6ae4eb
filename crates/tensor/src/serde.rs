//! Tensors in any serde format: dtype, shape and little-endian bytes, checked when read.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::tensor::Tensor;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Axes that a tensor read from outside may have.
const MAX_RANK: usize = 64;
/// Bytes set aside for a sequence on its own word for its length.
const TRUSTED: usize = 1 << 16;

/// A tensor as it is written. Not a tensor: nothing has been checked.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Tensor")]
struct Wire<'a> {
    dtype: DType,
    shape: Vec<u64>,
    #[serde(borrow)]
    data: Bytes<'a>,
}

/// Bytes in the format's own way, borrowed from it where it can lend them.
struct Bytes<'a>(Cow<'a, [u8]>);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor).map(Bytes)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }
    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(bytes))
    }
    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes.to_vec()))
    }
    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(TRUSTED));
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(Cow::Owned(bytes))
    }
}

impl TryFrom<Wire<'_>> for Tensor {
    type Error = Error;

    fn try_from(wire: Wire<'_>) -> Result<Tensor> {
        let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: "deserialize", rule, got, repair });
        if wire.shape.len() > MAX_RANK {
            let got = format!("{} axes", wire.shape.len());
            return refuse("a tensor may have 64 axes at most", got, "check that the data is a tensor");
        }
        let Ok(shape) = wire.shape.iter().map(|&d| usize::try_from(d)).collect::<Result<Vec<_>, _>>() else {
            return refuse(
                "sizes must be addressable here",
                format!("{:?}", wire.shape),
                "use smaller sizes",
            );
        };
        Tensor::from_le_bytes(&wire.data.0, shape, wire.dtype)
    }
}

/// A struct of `dtype`, `shape` and `data`: little-endian bytes of the elements in row-major order.
impl Serialize for Tensor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let data = self.to_le_bytes().map_err(serde::ser::Error::custom)?;
        let shape = self.shape().iter().map(|&d| d as u64).collect();
        Wire { dtype: self.dtype(), shape, data: Bytes(data.into()) }.serialize(serializer)
    }
}

/// Errors as [`Tensor::from_le_bytes`], and for more than 64 axes.
impl<'de> Deserialize<'de> for Tensor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Tensor::try_from(Wire::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

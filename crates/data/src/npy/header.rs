//! The header: a dictionary as Python writes it. Just the three members, no evaluation, no recursion.

use super::{INTACT, refuse};
use crate::error::Result;
use tensor::DType;

/// Most axes that are read; NumPy's own limit.
const MAX_RANK: usize = 64;

/// How elements are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As tensors have them.
    Own(DType),
    I16,
    U16,
    U32,
    U64,
}

impl Kind {
    pub fn size(self) -> usize {
        match self {
            Kind::Own(dtype) => dtype.size(),
            Kind::I16 | Kind::U16 => 2,
            Kind::U32 => 4,
            Kind::U64 => 8,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: Kind,
    pub big_endian: bool,
    /// Whether the first axis is the one that runs fastest.
    pub fortran: bool,
    pub shape: Vec<usize>,
}

impl Header {
    /// Bytes of all elements; `None` beyond 2⁶⁴.
    pub fn bytes(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.kind.size() as u64, |bytes, &size| bytes.checked_mul(size as u64))
    }
}

/// What is left of the header.
struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    fn spaces(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    /// Whether this comes next; then it is behind us.
    fn eat(&mut self, what: &[u8]) -> bool {
        self.spaces();
        let rest = self.0.strip_prefix(what);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, what: &str) -> Result<()> {
        match self.eat(what.as_bytes()) {
            true => Ok(()),
            false => self.fail(format!("{} where {what:?} should be", self.shown())),
        }
    }

    /// A string in either kind of quotes, without escapes.
    fn string(&mut self) -> Result<&'a [u8]> {
        let quote = match (self.eat(b"'"), self.eat(b"\"")) {
            (true, false) => b'\'',
            (false, true) => b'"',
            _ => return self.fail(format!("{} where a string should be", self.shown())),
        };
        let Some(end) = self.0.iter().position(|&byte| byte == quote || byte == b'\\') else {
            return self.fail("a string without an end".into());
        };
        if self.0[end] == b'\\' {
            return self.fail("a string with an escape".into());
        }
        let string = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Ok(string)
    }

    fn size(&mut self) -> Result<usize> {
        self.spaces();
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = std::str::from_utf8(&self.0[..digits]).unwrap_or_default();
        match text.parse() {
            Ok(size) => {
                self.0 = &self.0[digits..];
                Ok(size)
            }
            Err(_) => self.fail(format!("{} where a size should be", self.shown())),
        }
    }

    fn shape(&mut self) -> Result<Vec<usize>> {
        self.expect("(")?;
        let mut shape = Vec::new();
        while !self.eat(b")") {
            if shape.len() == MAX_RANK {
                return self.fail("above 64 axes".into());
            }
            shape.push(self.size()?);
            if self.eat(b",") {
                continue;
            }
            // `(3)` is a number in Python.
            self.expect(if shape.len() == 1 { "," } else { ")" })?;
            break;
        }
        Ok(shape)
    }

    fn shown(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(&self.0[..self.0.len().min(40)]))
    }

    fn fail<T>(&self, got: String) -> Result<T> {
        refuse("a header must be a dictionary of descr, fortran_order and shape", got, INTACT)
    }
}

pub(super) fn parse(header: &[u8]) -> Result<Header> {
    let mut text = Text(header);
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    text.expect("{")?;
    while !text.eat(b"}") {
        let key = text.string()?;
        text.expect(":")?;
        let twice = match key {
            b"descr" => {
                text.spaces();
                if text.0.starts_with(b"[") {
                    return unsupported("records");
                }
                descr.replace(text.string()?).is_some()
            }
            b"fortran_order" => {
                let value = match (text.eat(b"True"), text.eat(b"False")) {
                    (true, false) => true,
                    (false, true) => false,
                    _ => return text.fail(format!("{} where True or False should be", text.shown())),
                };
                fortran.replace(value).is_some()
            }
            b"shape" => shape.replace(text.shape()?).is_some(),
            other => {
                let key = String::from_utf8_lossy(&other[..other.len().min(40)]).into_owned();
                return text.fail(format!("a member {key:?}"));
            }
        };
        if twice {
            return text.fail(format!("{:?} twice", String::from_utf8_lossy(key)));
        }
        if !text.eat(b",") {
            text.expect("}")?;
            break;
        }
    }
    text.spaces();
    if !text.0.is_empty() {
        return text.fail(format!("{} after its end", text.shown()));
    }
    let (Some(descr), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
        return text.fail("one without all three".into());
    };
    let (kind, big_endian) = kind_of(descr)?;
    Ok(Header { kind, big_endian, fortran, shape })
}

fn unsupported<T>(what: &str) -> Result<T> {
    let rule = "elements must be booleans, integers or floats of up to 8 bytes";
    refuse(rule, what.to_string(), "convert the array with astype before saving it")
}

fn kind_of(descr: &[u8]) -> Result<(Kind, bool)> {
    let shown = String::from_utf8_lossy(&descr[..descr.len().min(40)]).into_owned();
    let (order, name) = match descr {
        [order @ (b'<' | b'>' | b'|' | b'='), name @ ..] => (*order, name),
        name => (b'|', name),
    };
    let kind = match name {
        b"b1" | b"?" => Kind::Own(DType::Bool),
        b"i1" => Kind::Own(DType::I8),
        b"u1" => Kind::Own(DType::U8),
        b"i2" => Kind::I16,
        b"u2" => Kind::U16,
        b"i4" => Kind::Own(DType::I32),
        b"u4" => Kind::U32,
        b"i8" => Kind::Own(DType::I64),
        b"u8" => Kind::U64,
        b"f2" => Kind::Own(DType::F16),
        b"f4" => Kind::Own(DType::F32),
        b"f8" => Kind::Own(DType::F64),
        _ => return unsupported(&format!("{shown:?}")),
    };
    // Without a word on the order of bytes only single bytes are clear: files go from machine to machine.
    if kind.size() > 1 && !matches!(order, b'<' | b'>') {
        return unsupported(&format!("{shown:?}, which does not say the order of bytes"));
    }
    Ok((kind, order == b'>'))
}

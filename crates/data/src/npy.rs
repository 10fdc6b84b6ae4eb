//! NumPy's formats: NPY, an array behind a header, and NPZ, a ZIP archive of them.
//!
//! ```text
//! \x93NUMPY | version (2 bytes) | length of the header (u16; u32 from version 2 on) | header | elements
//! header: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } and spaces
//! ```
//!
//! Source: NumPy, `numpy.lib.format`, versions 1.0 to 3.0.

mod cache;
mod header;
mod npz;
mod rows;
mod zip;

pub use cache::cached;
pub use npz::{parse_npz, read_npz, write_npz};
pub use rows::NpyRows;

use crate::error::{Error, Result, open};
use header::{Header, Kind};
use std::io::{BufReader, Read, Write};
use std::path::Path;
use tensor::{DType, Tensor};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Most bytes of a header.
const MAX_HEADER: usize = 1 << 16;

/// What a file may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NpyOptions {
    /// Most bytes of elements, decompressed, of all arrays together; a file that claims more is refused before any is
    /// read.
    pub max_bytes: u64,
}

/// 4 GiB.
impl Default for NpyOptions {
    fn default() -> Self {
        Self { max_bytes: 4 << 30 }
    }
}

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::Format { op: "npy", rule, got, repair })
}

const INTACT: &str = "give an intact NPY file";

/// Reads an NPY file as a tensor of its shape: `f2`, `f4`, `f8`, `i1`, `i4`, `i8`, `u1` and `b1` as they are; `i2` and
/// `u2` as I32; `u4` and `u8` as I64; either order of bytes, and of axes.
///
/// Memory grows with what is read, never with what the header claims.
///
/// # Errors
/// With the path before them: a file that cannot be read; those of [`parse_npy`].
pub fn read_npy(path: impl AsRef<Path>, options: NpyOptions) -> Result<Tensor> {
    let path = path.as_ref();
    parse_npy(BufReader::new(open("npy", path)?), options).map_err(|e| e.in_file(path))
}

/// Reads NPY from `input`; see [`read_npy`].
///
/// ```
/// use data::{NpyOptions, parse_npy, write_npy};
/// let x = tensor::Tensor::arange(6, tensor::DType::F32)?.reshape([2, 3])?;
/// let mut bytes = Vec::new();
/// write_npy(&x, &mut bytes)?;
/// assert!(parse_npy(&bytes[..], NpyOptions::default())?.bit_eq(&x));
/// # Ok::<(), data::Error>(())
/// ```
///
/// # Errors
/// Not NPY; a version above 3; a header above 64 KiB, or that is not a dictionary of just `descr`, `fortran_order` and
/// `shape`; elements that are objects, text, records, dates or complex; above 64 axes; sizes whose product overflows or
/// passes `max_bytes`; an end before the last element or bytes after it; a boolean that is not 0 or 1; a `u8` beyond
/// I64.
pub fn parse_npy(mut input: impl Read, options: NpyOptions) -> Result<Tensor> {
    let (header, _) = read_header(&mut input)?;
    let bytes = header.bytes().filter(|&bytes| bytes <= options.max_bytes);
    let Some(bytes) = bytes else {
        let claimed = header.bytes().map_or("over 2^64".to_string(), |bytes| bytes.to_string());
        let got =
            format!("{claimed} bytes for shape {:?} with a limit of {}", header.shape, options.max_bytes);
        return refuse("the elements must fit the limit", got, "give an intact NPY file or raise max_bytes");
    };
    let elements = take(&mut input, bytes, "the elements")?;
    if !up_to(&mut input, 1)?.is_empty() {
        let got = format!("more than the {bytes} bytes of shape {:?}", header.shape);
        return refuse("the file must end after the last element", got, INTACT);
    }
    decode(elements, &header)
}

/// Writes a tensor as NPY of version 1, little-endian, rows first.
///
/// # Errors
/// BF16, which NumPy does not have; a failing `out`.
pub fn write_npy(x: &Tensor, mut out: impl Write) -> Result<()> {
    let io = |e: std::io::Error| Error::io("write_npy", &e);
    out.write_all(&header_of(x.dtype(), x.shape())?).map_err(io)?;
    write_elements(x, &mut out).map_err(io)
}

/// Everything before the elements. Errors: an element type that NumPy does not have.
fn header_of(dtype: DType, shape: &[usize]) -> Result<Vec<u8>> {
    let descr = match dtype {
        DType::F16 => "<f2",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::I8 => "|i1",
        DType::I32 => "<i4",
        DType::I64 => "<i8",
        DType::U8 => "|u1",
        DType::Bool => "|b1",
        other => {
            let (op, rule) = ("write_npy", "NPY holds the element types of NumPy");
            let (got, repair) = (other.to_string(), "convert with to_dtype");
            return Err(Error::InvalidArgument { op, rule, got, repair });
        }
    };
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if sizes.len() == 1 { "," } else { "" };
    let mut text =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}{comma}), }}", sizes.join(", "));
    // Elements begin at a multiple of 64 bytes; up to 64 axes of 20 digits stay below the 2^16 of version 1.
    let before = MAGIC.len() + 4;
    let end = (before + text.len() + 1).next_multiple_of(64);
    text.extend(std::iter::repeat_n(' ', end - before - text.len() - 1));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    Ok(bytes)
}

/// Little-endian elements in row-major order.
fn write_elements(x: &Tensor, out: &mut impl Write) -> std::io::Result<()> {
    out.write_all(&x.to_le_bytes().map_err(std::io::Error::other)?)
}

/// The header, and how many bytes it took with all that is before the elements.
fn read_header(input: &mut impl Read) -> Result<(Header, u64)> {
    let begin = take(input, 8, "the first bytes")?;
    if !begin.starts_with(MAGIC) {
        let got = format!("{:02x?}", &begin[..6]);
        return refuse("an NPY file must begin with 93 4e 55 4d 50 59", got, "give an NPY file");
    }
    let wide = match begin[6] {
        1 => 2,
        2 | 3 => 4,
        other => {
            let got = format!("version {other}.{}", begin[7]);
            return refuse("the version must be 1, 2 or 3", got, "save the array with numpy.save");
        }
    };
    let length = take(input, wide, "the length of the header")?;
    let length = length.iter().rev().fold(0usize, |n, &byte| n << 8 | usize::from(byte));
    if length > MAX_HEADER {
        return refuse("a header has up to 65,536 bytes", length.to_string(), INTACT);
    }
    let text = take(input, length as u64, "the header")?;
    Ok((header::parse(&text)?, 8 + wide + length as u64))
}

/// Little-endian elements in row-major order, of a type that tensors have.
fn decode(mut bytes: Vec<u8>, header: &Header) -> Result<Tensor> {
    let size = header.kind.size();
    if header.big_endian {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    let shape: Vec<usize> = match header.fortran {
        true => header.shape.iter().rev().copied().collect(),
        false => header.shape.clone(),
    };
    let x = match header.kind {
        Kind::Own(DType::Bool) => {
            if let Some(position) = bytes.iter().position(|&byte| byte > 1) {
                let got = format!("{} at position {position}", bytes[position]);
                return refuse("a boolean must be 0 or 1", got, INTACT);
            }
            Tensor::from_le_bytes(&bytes, &shape, DType::Bool)?
        }
        Kind::Own(dtype) => Tensor::from_le_bytes(&bytes, &shape, dtype)?,
        Kind::I16 => {
            let words = bytes.as_chunks().0.iter().map(|&b| i32::from(i16::from_le_bytes(b)));
            Tensor::from_vec(words.collect(), &shape)?
        }
        Kind::U16 => {
            let words = bytes.as_chunks().0.iter().map(|&b| i32::from(u16::from_le_bytes(b)));
            Tensor::from_vec(words.collect(), &shape)?
        }
        Kind::U32 => {
            let words = bytes.as_chunks().0.iter().map(|&b| i64::from(u32::from_le_bytes(b)));
            Tensor::from_vec(words.collect(), &shape)?
        }
        Kind::U64 => {
            let mut words = Vec::with_capacity(bytes.len() / 8);
            for (position, &b) in bytes.as_chunks().0.iter().enumerate() {
                match i64::try_from(u64::from_le_bytes(b)) {
                    Ok(word) => words.push(word),
                    Err(_) => {
                        let got = format!("{} at position {position}", u64::from_le_bytes(b));
                        return refuse("an integer must be below 2^63", got, "save the array as int64");
                    }
                }
            }
            Tensor::from_vec(words, &shape)?
        }
    };
    if !header.fortran {
        return Ok(x);
    }
    let back: Vec<isize> = (0..shape.len() as isize).rev().collect();
    Ok(x.permute(&back)?.contiguous()?)
}

/// Exactly `n` bytes.
fn take(input: &mut impl Read, n: u64, what: &'static str) -> Result<Vec<u8>> {
    let bytes = up_to(input, n)?;
    if bytes.len() as u64 != n {
        let got = format!("{} of {n} bytes of {what}", bytes.len());
        return refuse("the file must hold what its header says", got, "give the whole file");
    }
    Ok(bytes)
}

/// At most `n` bytes; grows as they come.
fn up_to(input: &mut impl Read, n: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(n).read_to_end(&mut bytes).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidInput
        | std::io::ErrorKind::InvalidData
        | std::io::ErrorKind::UnexpectedEof => Error::Format {
            op: "npy",
            rule: "compressed data must be intact",
            got: e.to_string(),
            repair: "get the file again",
        },
        _ => Error::io("npy", &e),
    })?;
    Ok(bytes)
}

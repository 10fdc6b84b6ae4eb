//! The IDX format of the MNIST family: a typed n-d array behind a big-endian header, plain or gzip.
//!
//! ```text
//! 0 0 type rank | size of axis 0 (u32) | … | elements, row-major, big-endian
//! ```

use crate::error::{Error, Result, open};
use flate2::bufread::MultiGzDecoder;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use tensor::{DType, Tensor};

/// Most axes that are read.
const MAX_RANK: u8 = 64;

/// What an IDX file may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdxOptions {
    /// Most bytes of elements, decompressed; a file that claims more is refused before any is read.
    pub max_bytes: u64,
}

/// 1 GiB.
impl Default for IdxOptions {
    fn default() -> Self {
        Self { max_bytes: 1 << 30 }
    }
}

/// Reads an IDX file, plain or gzip (told apart by their first bytes), as a tensor of its shape: U8 for unsigned bytes,
/// I64 for integers, F32 or F64 for floats.
///
/// Memory grows with what is read, never with what the header claims.
///
/// # Errors
/// With the path before them: a file that cannot be read; those of [`parse_idx`].
pub fn read_idx(path: impl AsRef<Path>, options: IdxOptions) -> Result<Tensor> {
    let path = path.as_ref();
    let file = open("idx", path)?;
    parse_idx(BufReader::new(file), options).map_err(|e| e.in_file(path))
}

/// Reads IDX, plain or gzip, from `input`; see [`read_idx`].
///
/// # Errors
/// Not IDX; an unknown element type; rank 0 or above 64; sizes whose product overflows or passes `max_bytes`; an end
/// before the last element or bytes after it; corrupt gzip.
pub fn parse_idx(mut input: impl BufRead, options: IdxOptions) -> Result<Tensor> {
    let zipped = input.fill_buf().map_err(|e| Error::io("idx", &e))?.starts_with(&[0x1f, 0x8b]);
    match zipped {
        true => parse_plain(MultiGzDecoder::new(input), options),
        false => parse_plain(input, options),
    }
}

/// Writes a tensor as plain IDX: U8 as unsigned bytes, I64 as 32-bit integers, F32 and F64 as they are.
///
/// # Errors
/// Bool; rank 0 or above 64; a size of 2³² or more; an integer outside 32 bits; a failing `out`.
pub fn write_idx(x: &Tensor, mut out: impl Write) -> Result<()> {
    let op = "write_idx";
    let refuse = |rule, got, repair| Err(Error::InvalidArgument { op, rule, got, repair });
    let rank = u8::try_from(x.rank()).unwrap_or(u8::MAX);
    if rank == 0 || rank > MAX_RANK {
        return refuse("IDX holds 1 to 64 axes", format!("shape {:?}", x.shape()), "reshape first");
    }
    let mut bytes = vec![0, 0, 0, rank];
    for &size in x.shape() {
        let Ok(size) = u32::try_from(size) else {
            return refuse("IDX sizes are below 2^32", format!("shape {:?}", x.shape()), "write it in parts");
        };
        bytes.extend(size.to_be_bytes());
    }
    let kind;
    match x.dtype() {
        DType::U8 => {
            kind = Kind::U8;
            bytes.extend(x.to_vec::<u8>()?);
        }
        DType::I64 => {
            kind = Kind::I32;
            for value in x.to_vec::<i64>()? {
                let Ok(value) = i32::try_from(value) else {
                    return refuse("IDX integers have 32 bits", value.to_string(), "write floats");
                };
                bytes.extend(value.to_be_bytes());
            }
        }
        DType::F32 => {
            kind = Kind::F32;
            bytes.extend(x.to_vec::<f32>()?.into_iter().flat_map(f32::to_be_bytes));
        }
        DType::F64 => {
            kind = Kind::F64;
            bytes.extend(x.to_vec::<f64>()?.into_iter().flat_map(f64::to_be_bytes));
        }
        other => return refuse("IDX holds numbers", other.to_string(), "convert with to_dtype"),
    }
    bytes[2] = kind as u8;
    out.write_all(&bytes).map_err(|e| Error::io(op, &e))
}

/// The element types, by the byte that names them.
#[derive(Clone, Copy)]
enum Kind {
    U8 = 0x08,
    I8 = 0x09,
    I16 = 0x0b,
    I32 = 0x0c,
    F32 = 0x0d,
    F64 = 0x0e,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::U8, Self::I8, Self::I16, Self::I32, Self::F32, Self::F64]
            .into_iter()
            .find(|&k| k as u8 == byte)
    }

    fn size(self) -> u64 {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

fn parse_plain(mut input: impl Read, options: IdxOptions) -> Result<Tensor> {
    let magic = take(&mut input, 4, "a header of 4 bytes")?;
    let (kind, rank) = (magic[2], magic[3]);
    if magic[..2] != [0, 0] {
        return Err(format_error(
            "an IDX file must begin with two zero bytes",
            format!("{:02x} {:02x}", magic[0], magic[1]),
            "give an IDX file, plain or gzip",
        ));
    }
    let Some(kind) = Kind::of(kind) else {
        return Err(format_error(
            "the element type must be one of 08, 09, 0b, 0c, 0d, 0e",
            format!("{kind:02x}"),
            "give an intact IDX file",
        ));
    };
    if rank == 0 || rank > MAX_RANK {
        return Err(format_error("the rank must lie in 1..=64", rank.to_string(), "give an intact IDX file"));
    }
    let sizes = take(&mut input, u64::from(rank) * 4, "the sizes of the axes")?;
    let sizes: Vec<u32> =
        sizes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect();
    let bytes = sizes.iter().try_fold(kind.size(), |bytes, &size| bytes.checked_mul(u64::from(size)));
    let Some(bytes) = bytes.filter(|&bytes| bytes <= options.max_bytes) else {
        let claimed = bytes.map_or("over 2^64".to_string(), |bytes| bytes.to_string());
        return Err(format_error(
            "the elements must fit the limit",
            format!("{claimed} bytes for shape {sizes:?} with a limit of {}", options.max_bytes),
            "give an intact IDX file or raise max_bytes",
        ));
    };
    let elements = take(&mut input, bytes, "the elements")?;
    // At the end of gzip this reads the check sum as well.
    if !take_up_to(&mut input, 1)?.is_empty() {
        return Err(format_error(
            "the file must end after the last element",
            format!("more than the {bytes} bytes of shape {sizes:?}"),
            "give an intact IDX file",
        ));
    }
    decode(kind, elements, sizes.into_iter().map(|size| size as usize).collect())
}

fn decode(kind: Kind, bytes: Vec<u8>, shape: Vec<usize>) -> Result<Tensor> {
    fn words<const N: usize, T>(bytes: &[u8], decode: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks().0.iter().map(|&word| decode(word)).collect()
    }
    Ok(match kind {
        Kind::U8 => Tensor::from_vec(bytes, shape)?,
        Kind::I8 => Tensor::from_vec(words(&bytes, |b| i64::from(i8::from_be_bytes(b))), shape)?,
        Kind::I16 => Tensor::from_vec(words(&bytes, |b| i64::from(i16::from_be_bytes(b))), shape)?,
        Kind::I32 => Tensor::from_vec(words(&bytes, |b| i64::from(i32::from_be_bytes(b))), shape)?,
        Kind::F32 => Tensor::from_vec(words(&bytes, f32::from_be_bytes), shape)?,
        Kind::F64 => Tensor::from_vec(words(&bytes, f64::from_be_bytes), shape)?,
    })
}

/// Exactly `n` bytes.
fn take(input: &mut impl Read, n: u64, what: &'static str) -> Result<Vec<u8>> {
    let bytes = take_up_to(input, n)?;
    if bytes.len() as u64 != n {
        return Err(format_error(
            "the file must hold what its header says",
            format!("{} of {n} bytes of {what}", bytes.len()),
            "give the whole file",
        ));
    }
    Ok(bytes)
}

/// At most `n` bytes; grows as they come.
fn take_up_to(input: &mut impl Read, n: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match input.take(n).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(e) if matches!(e.kind(), std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData) => {
            Err(format_error("gzip data must be intact", e.to_string(), "get the file again"))
        }
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(format_error("gzip data must be whole", e.to_string(), "get the file again"))
        }
        Err(e) => Err(Error::io("idx", &e)),
    }
}

fn format_error(rule: &'static str, got: String, repair: &'static str) -> Error {
    Error::Format { op: "idx", rule, got, repair }
}

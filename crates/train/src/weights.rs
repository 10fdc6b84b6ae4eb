//! Weights in a file: versioned, checked before anything is decoded, never half-written.
//!
//! Layout, little-endian: 8 bytes `IRONLOOM`, u32 kind 1, u32 version 1, u64 header length, u64 data length; the header
//! (bincode, fixed integers: name, dtype, shape and length of each tensor); the tensors' bytes, one after another; u64
//! FNV-1a of everything before it.

use crate::atomic::write_atomic;
use crate::error::{Error, Result};
use bincode::{Decode, Encode};
use nn::StateDict;
use std::fs;
use std::path::Path;
use tensor::{DType, Tensor};

const OP: &str = "load_weights";
pub(crate) const MAGIC: &[u8; 8] = b"IRONLOOM";
const KIND: u32 = 1;
const VERSION: u32 = 1;
/// Bytes before the header.
const PREFIX: usize = 8 + 4 + 4 + 8 + 8;
/// Largest header: room for a million tensors, and a bound on what decoding may allocate.
const HEADER_LIMIT: usize = 1 << 26;

/// A tensor's entry in the header.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
struct Entry {
    name: String,
    dtype: String,
    shape: Vec<u64>,
    bytes: u64,
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<HEADER_LIMIT>()
}

/// FNV-1a, 64 bits.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Writes a model's state. Errors: `Io`; the old file, if any, is then as it was.
///
/// ```
/// use nn::{Linear, Module};
/// use tensor::Rng;
/// let model = Linear::new(3, 2, &mut Rng::seed(0))?;
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("weights.iron");
/// train::save_weights(&path, &model.state_dict())?;
/// let mut other = Linear::new(3, 2, &mut Rng::seed(1))?;
/// other.load_state_dict(&train::load_weights(&path)?)?;
/// assert_eq!(other.state_dict().fingerprint()?, model.state_dict().fingerprint()?);
/// # Ok::<(), train::Error>(())
/// ```
pub fn save_weights(path: impl AsRef<Path>, state: &StateDict) -> Result<()> {
    let bytes = encode(state)?;
    write_atomic(path, |out| out.write_all(&bytes))
}

/// Reads a model's state.
///
/// Errors: `Io`; `BadFile` for a file that is no weights file, of a newer version, cut short, longer than it says, or
/// changed in any bit. Nothing is decoded before the checksum has been verified.
pub fn load_weights(path: impl AsRef<Path>) -> Result<StateDict> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|source| Error::Io {
        op: OP,
        rule: "the file must be readable",
        path: path.to_path_buf(),
        source,
        repair: "check the path and your rights",
    })?;
    decode(&bytes).map_err(|(rule, got)| Error::BadFile { op: OP, rule, path: path.to_path_buf(), got })
}

pub(crate) fn encode(state: &StateDict) -> Result<Vec<u8>> {
    let mut entries = Vec::with_capacity(state.len());
    let mut data = Vec::new();
    for (name, tensor) in state.iter() {
        let bytes = tensor.to_le_bytes()?;
        entries.push(Entry {
            name: name.to_string(),
            dtype: tensor.dtype().to_string(),
            shape: tensor.shape().iter().map(|&d| d as u64).collect(),
            bytes: bytes.len() as u64,
        });
        data.extend_from_slice(&bytes);
    }
    let header =
        bincode::encode_to_vec(&entries, config()).map_err(|e| Error::encode("save_weights", "header", e))?;
    let mut out = Vec::with_capacity(PREFIX + header.len() + data.len() + 8);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&KIND.to_le_bytes());
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&(header.len() as u64).to_le_bytes());
    out.extend_from_slice(&(data.len() as u64).to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(&data);
    let sum = checksum(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    Ok(out)
}

/// What is wrong with a file: the rule, and what was found.
pub(crate) type Refusal = (&'static str, String);

fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Refusal> {
    bytes
        .get(at..at + N)
        .and_then(|b| b.try_into().ok())
        .ok_or_else(|| ("the file must be complete", format!("{} bytes", bytes.len())))
}

pub(crate) fn decode(bytes: &[u8]) -> Result<StateDict, Refusal> {
    let length = || format!("{} bytes", bytes.len());
    if bytes.len() >= MAGIC.len() && &bytes[..MAGIC.len()] != MAGIC {
        return Err(("the file must begin with IRONLOOM", "another file".into()));
    }
    let kind = u32::from_le_bytes(number(bytes, 8)?);
    if kind != KIND {
        return Err(("the file must hold weights", format!("kind {kind}")));
    }
    let version = u32::from_le_bytes(number(bytes, 12)?);
    if version != VERSION {
        return Err((
            "the file's version must be known to this program",
            format!("version {version}, known is {VERSION}"),
        ));
    }
    let header_len = u64::from_le_bytes(number(bytes, 16)?);
    let data_len = u64::from_le_bytes(number(bytes, 24)?);
    let expected = (PREFIX as u64 + 8).checked_add(header_len).and_then(|n| n.checked_add(data_len));
    if expected != Some(bytes.len() as u64) {
        return Err(("the file must be as long as it says", length()));
    }
    let (content, sum) = bytes.split_at(bytes.len() - 8);
    if checksum(content) != u64::from_le_bytes(number(sum, 0)?) {
        return Err(("the checksum must hold", "a file that was changed or damaged".into()));
    }
    let (header, mut data) = content[PREFIX..].split_at(header_len as usize);
    let (entries, used): (Vec<Entry>, usize) = bincode::decode_from_slice(header, config())
        .map_err(|e| ("the header must be readable", e.to_string()))?;
    if used != header.len() {
        return Err(("the header must end where it says", format!("{used} of {} bytes", header.len())));
    }
    let mut state = StateDict::default();
    for entry in entries {
        let dtype = DType::ALL
            .into_iter()
            .find(|dtype| dtype.to_string() == entry.dtype)
            .ok_or_else(|| ("dtypes must be known to this program", entry.dtype.clone()))?;
        let take = usize::try_from(entry.bytes).ok().filter(|&n| n <= data.len());
        let Some(take) = take else {
            return Err((
                "tensors must lie inside the file",
                format!("{} with {} bytes", entry.name, entry.bytes),
            ));
        };
        let (own, rest) = data.split_at(take);
        data = rest;
        let shape: Option<Vec<usize>> = entry.shape.iter().map(|&d| usize::try_from(d).ok()).collect();
        let shape = shape.ok_or_else(|| ("sizes must be addressable", format!("{:?}", entry.shape)))?;
        let tensor = Tensor::from_le_bytes(own, shape, dtype)
            .map_err(|e| ("tensors must be well formed", e.to_string()))?;
        if state.insert(entry.name.clone(), tensor).is_some() {
            return Err(("names must differ", entry.name));
        }
    }
    match data.is_empty() {
        true => Ok(state),
        false => Err(("every byte must belong to a tensor", format!("{} bytes over", data.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> StateDict {
        let weight = Tensor::from_vec(vec![1.0f32, f32::NAN, -0.0, 4.0, 5.0, 6.0], [2, 3]).unwrap();
        let flags = Tensor::from_vec(vec![true, false], [2]).unwrap();
        [
            ("a.weight".to_string(), weight),
            ("flags".to_string(), flags),
            ("none".to_string(), Tensor::zeros([0, 3], DType::F64).unwrap()),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn what_is_written_is_read_back_to_the_bit() {
        let state = sample();
        let read = decode(&encode(&state).unwrap()).unwrap();
        assert_eq!(read.fingerprint().unwrap(), state.fingerprint().unwrap());
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_refused() {
        let good = encode(&sample()).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bad).is_err(), "bit {bit}");
        }
        for len in 0..good.len() {
            assert!(decode(&good[..len]).is_err(), "{len} bytes");
        }
        assert!(decode(&[&good[..], &[0]].concat()).is_err());
    }

    #[test]
    fn refusals_name_the_file_and_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.iron");
        let shown = path.display().to_string();
        let text = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            load_weights(&path).unwrap_err().to_string().replace(&shown, "w.iron")
        };
        assert_eq!(
            text(b"hello, I am a text file"),
            "[load_weights] the file must begin with IRONLOOM; got another file in 'w.iron'; use a file that save_weights wrote"
        );
        let mut newer = encode(&sample()).unwrap();
        newer[12] = 2;
        assert_eq!(
            text(&newer),
            "[load_weights] the file's version must be known to this program; got version 2, known is 1 in 'w.iron'; use a file that save_weights wrote"
        );
        assert!(
            load_weights(dir.path().join("missing"))
                .unwrap_err()
                .to_string()
                .starts_with("[load_weights] the file must be readable")
        );
    }

    #[test]
    fn a_crafted_header_with_a_right_checksum_allocates_nothing_large() {
        // One entry whose name claims 2^40 bytes.
        let mut header = 1u64.to_le_bytes().to_vec();
        header.extend_from_slice(&(1u64 << 40).to_le_bytes());
        let mut bytes = [
            MAGIC.as_slice(),
            &KIND.to_le_bytes(),
            &VERSION.to_le_bytes(),
            &(header.len() as u64).to_le_bytes(),
            &0u64.to_le_bytes(),
            &header,
        ]
        .concat();
        bytes.extend_from_slice(&checksum(&bytes).to_le_bytes());
        assert_eq!(decode(&bytes).unwrap_err().0, "the header must be readable");
    }
}

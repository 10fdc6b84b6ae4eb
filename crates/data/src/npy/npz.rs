//! NPZ: arrays by name.

use super::{NpyOptions, parse_npy, write_npy, zip};
use crate::error::{Error, Result, open};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use tensor::Tensor;

const OP: &str = "npz";

/// Reads an NPZ file, as `numpy.savez` and `savez_compressed` write it: the arrays in the order of the archive, by name
/// without `.npy`.
///
/// # Errors
/// With the path before them: a file that cannot be read; those of [`parse_npz`].
pub fn read_npz(path: impl AsRef<Path>, options: NpyOptions) -> Result<Vec<(String, Tensor)>> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    let mut file = open(OP, path)?;
    file.read_to_end(&mut bytes).map_err(|e| Error::io(OP, &e).in_file(path))?;
    parse_npz(&bytes, options).map_err(|e| e.in_file(path))
}

/// Reads the arrays of an NPZ file; see [`read_npz`].
///
/// # Errors
/// Not ZIP, or not intact; encrypted, or compressed by anything but deflate; 4 GiB and more; a name twice, or without
/// `.npy`; arrays that together pass `max_bytes`, before any is read; those of [`parse_npy`], with the name before
/// them.
pub fn parse_npz(bytes: &[u8], options: NpyOptions) -> Result<Vec<(String, Tensor)>> {
    let members = zip::members(bytes)?;
    let refuse = |rule, got, repair| Err(Error::Format { op: OP, rule, got, repair });
    let claimed: u64 = members.iter().map(|member| member.size).sum();
    if claimed > options.max_bytes {
        let got = format!("{claimed} bytes with a limit of {}", options.max_bytes);
        return refuse("the arrays must fit the limit", got, "give an intact NPZ file or raise max_bytes");
    }
    let mut arrays = Vec::with_capacity(members.len());
    for member in members {
        let Some(name) = member.name.strip_suffix(".npy") else {
            let got = format!("{:?}", member.name);
            return refuse("members must be arrays, NAME.npy", got, "save with numpy.savez");
        };
        let array = parse_npy(&member.bytes()?[..], options).map_err(|e| e.in_file(&member.name))?;
        arrays.push((name.to_string(), array));
    }
    Ok(arrays)
}

/// Writes arrays as NPZ, not compressed.
///
/// # Errors
/// A name twice; those of [`write_npy`]; 4 GiB and more, or above 65,534 arrays; a failing `out`.
pub fn write_npz(arrays: &[(&str, &Tensor)], mut out: impl Write) -> Result<()> {
    let op = "write_npz";
    let refuse = |rule, got, repair| Err(Error::InvalidArgument { op, rule, got, repair });
    let mut members = Vec::with_capacity(arrays.len());
    let mut seen = BTreeSet::new();
    for (name, x) in arrays {
        if !seen.insert(name) {
            return refuse(
                "arrays must have distinct names",
                format!("{name:?} twice"),
                "rename one of them",
            );
        }
        let mut bytes = Vec::new();
        write_npy(x, &mut bytes)?;
        members.push((format!("{name}.npy"), bytes));
    }
    match zip::archive(&members) {
        Some(file) => out.write_all(&file).map_err(|e| Error::io(op, &e)),
        None => {
            let got = format!("{} arrays", arrays.len());
            refuse("an archive must be below 4 GiB and 65,535 arrays", got, "write the arrays one by one")
        }
    }
}

//! As much of ZIP as NPZ needs: members stored or deflated, found through the directory at the end.
//!
//! Source: PKWARE, APPNOTE.TXT 6.3, sections 4.3 and 4.4. Not read: archives in parts, encryption, and the fields of
//! ZIP64, which members or archives of 4 GiB and more would need.

use super::up_to;
use crate::error::{Error, Result};
use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::collections::BTreeSet;

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
/// Bytes of the records, names and comments aside.
const END_SIZE: usize = 22;
const ENTRY_SIZE: usize = 46;
const LOCAL_SIZE: usize = 30;

/// A member of an archive.
pub(super) struct Member<'a> {
    pub name: String,
    data: &'a [u8],
    deflated: bool,
    /// Bytes, decompressed, as the directory says.
    pub size: u64,
    crc: u32,
}

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::Format { op: "npz", rule, got, repair })
}

fn broken<T>(got: &str) -> Result<T> {
    refuse("an archive must be an intact ZIP file", got.to_string(), "give an intact NPZ file")
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 2).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// The members of an archive, in the order of its directory.
pub(super) fn members(file: &[u8]) -> Result<Vec<Member<'_>>> {
    // The last record of the file, a comment of up to 65,535 bytes behind it.
    let Some(last) = file.len().checked_sub(END_SIZE) else { return broken("less than its last record") };
    let first = last.saturating_sub(usize::from(u16::MAX));
    let found = (first..=last)
        .rev()
        .find(|&at| file[at..].starts_with(END) && at + END_SIZE + u16_at(file, at + 20) == file.len());
    let Some(end) = found else { return broken("no directory") };
    let (count, size) = (u16_at(file, end + 10), u32_at(file, end + 12) as usize);
    let begin = u32_at(file, end + 16) as usize;
    if count == usize::from(u16::MAX) || begin == u32::MAX as usize {
        return refuse("an archive must be below 4 GiB", "ZIP64".into(), "save the arrays one by one");
    }
    if begin.checked_add(size) != Some(end) {
        return broken("a directory that does not end where the last record begins");
    }
    let mut directory = &file[begin..end];
    let mut all = Vec::new();
    let mut names = BTreeSet::new();
    // Where the member before ended: members that overlap could be a small file of huge arrays.
    let mut spans = Vec::new();
    for _ in 0..count {
        if !directory.starts_with(ENTRY) || directory.len() < ENTRY_SIZE {
            return broken("a directory with something else in it");
        }
        let lengths = [28, 30, 32].map(|at| u16_at(directory, at));
        let whole = ENTRY_SIZE + lengths.iter().sum::<usize>();
        if directory.len() < whole {
            return broken("a directory that is cut off");
        }
        let name = &directory[ENTRY_SIZE..ENTRY_SIZE + lengths[0]];
        let Ok(name) = std::str::from_utf8(name) else { return broken("a name that is not UTF-8") };
        let (flags, method) = (u16_at(directory, 8), u16_at(directory, 10));
        let (stored, size) = (u32_at(directory, 20), u32_at(directory, 24));
        if flags & 1 != 0 || !matches!(method, 0 | 8) {
            let got = format!("method {method}, flags {flags:#x} of {name:?}");
            return refuse(
                "members must be stored or deflated, and not encrypted",
                got,
                "save with numpy.savez",
            );
        }
        if stored == u32::MAX || size == u32::MAX {
            return refuse("a member must be below 4 GiB", format!("{name:?}"), "save the arrays one by one");
        }
        if method == 0 && stored != size {
            return broken("a stored member of two sizes");
        }
        if !names.insert(name.to_string()) {
            return refuse(
                "members must have distinct names",
                format!("{name:?} twice"),
                "rename one of them",
            );
        }
        // The lengths of the local header may differ from those of the directory.
        let local = u32_at(directory, 42) as usize;
        let head = file.get(local..begin).filter(|head| head.starts_with(LOCAL) && head.len() >= LOCAL_SIZE);
        let Some(head) = head else { return broken("a member that is not where the directory says") };
        let from = LOCAL_SIZE + u16_at(head, 26) + u16_at(head, 28);
        let Some(data) = head.get(from..from.saturating_add(stored as usize)) else {
            return broken("a member that is cut off");
        };
        spans.push((local, local + from + data.len()));
        all.push(Member {
            name: name.to_string(),
            data,
            deflated: method == 8,
            size: u64::from(size),
            crc: u32_at(directory, 16),
        });
        directory = &directory[whole..];
    }
    spans.sort_unstable();
    match spans.windows(2).any(|pair| pair[1].0 < pair[0].1) || !directory.is_empty() {
        true => broken("members that overlap, or more than the directory says"),
        false => Ok(all),
    }
}

impl Member<'_> {
    /// The bytes, decompressed; grows as they come.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let bytes = match self.deflated {
            // One more than should come, to see that none does.
            true => up_to(&mut DeflateDecoder::new(self.data), self.size + 1)?,
            false => self.data.to_vec(),
        };
        let mut crc = Crc::new();
        crc.update(&bytes);
        if bytes.len() as u64 != self.size || crc.sum() != self.crc {
            let got = format!("another size or sum for {:?}", self.name);
            return refuse("a member must be what the directory says", got, "get the file again");
        }
        Ok(bytes)
    }
}

/// An archive of stored members; `None` if it would need ZIP64.
pub(super) fn archive(members: &[(String, Vec<u8>)]) -> Option<Vec<u8>> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let mut crc = Crc::new();
        crc.update(bytes);
        let at = u32::try_from(file.len()).ok()?;
        let size = u32::try_from(bytes.len()).ok().filter(|&size| size < u32::MAX)?;
        // Version 2.0, UTF-8 names, stored, the first day that ZIP knows.
        let mut common = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc.sum().to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(u16::try_from(name.len()).ok()?.to_le_bytes());
        common.extend([0, 0]);
        file.extend(LOCAL);
        file.extend(&common);
        file.extend(name.as_bytes());
        file.extend(bytes);
        directory.extend(ENTRY);
        directory.extend([20, 0]);
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(members.len()).ok().filter(|&count| count < u16::MAX)?;
    let begin = u32::try_from(file.len()).ok()?;
    let size = u32::try_from(directory.len()).ok()?;
    u32::try_from(file.len() + directory.len()).ok()?;
    file.extend(directory);
    file.extend(END);
    file.extend([0; 4]);
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend(size.to_le_bytes());
    file.extend(begin.to_le_bytes());
    file.extend([0; 2]);
    Some(file)
}

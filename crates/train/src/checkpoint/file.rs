//! The file of a checkpoint: sections, each with its name, length and checksum.
//!
//! Layout, little-endian: 8 bytes `IRONLOOM`, u32 kind 2, u32 version 1, u32 number of sections; for each section u32 length of its
//! name, the name, u64 length, u64 FNV-1a; then the sections' bytes; u64 FNV-1a of everything before it.

use crate::weights::{MAGIC, Refusal, checksum};

const KIND: u32 = 2;
const VERSION: u32 = 1;
/// The refusal of a file that a newer program wrote.
pub(super) const VERSION_RULE: &str = "the file's version must be known to this program";

pub(super) fn encode(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for number in [KIND, VERSION, sections.len() as u32] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for (name, bytes) in sections {
        out.extend_from_slice(&(name.len() as u32).to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(&checksum(bytes).to_le_bytes());
    }
    sections.iter().for_each(|(_, bytes)| out.extend_from_slice(bytes));
    let sum = checksum(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// Takes parts off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Refusal> {
        if len > self.0.len() {
            return Err((
                "the file must be complete",
                format!("{len} bytes where {} are left", self.0.len()),
            ));
        }
        let (head, rest) = self.0.split_at(len);
        self.0 = rest;
        Ok(head)
    }
    fn u32(&mut self) -> Result<u32, Refusal> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().expect("invariant: four bytes")))
    }
    fn u64(&mut self) -> Result<u64, Refusal> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into().expect("invariant: eight bytes")))
    }
}

/// The sections of a file that is whole.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<(String, &[u8])>, Refusal> {
    let mut reader = Reader(bytes);
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(("the file must begin with IRONLOOM", "another file".into()));
    }
    let (kind, version) = (reader.u32()?, reader.u32()?);
    let content = &bytes[..bytes.len().saturating_sub(8)];
    let whole = bytes.len() >= 8 && checksum(content).to_le_bytes() == bytes[content.len()..];
    if !whole {
        return Err(("the checksum must hold", "a file that was cut, changed or damaged".into()));
    }
    if kind != KIND {
        return Err(("the file must hold a checkpoint", format!("kind {kind}")));
    }
    if version != VERSION {
        return Err((VERSION_RULE, format!("version {version}, known is {VERSION}")));
    }
    let mut headers = Vec::new();
    for _ in 0..reader.u32()? {
        let len = reader.u32()? as usize;
        let name =
            std::str::from_utf8(reader.take(len)?).map_err(|e| ("names must be UTF-8", e.to_string()))?;
        headers.push((name.to_string(), reader.u64()?, reader.u64()?));
    }
    let mut sections = Vec::with_capacity(headers.len());
    for (name, len, sum) in headers {
        let len = usize::try_from(len)
            .map_err(|_| ("sections must lie inside the file", format!("{len} bytes")))?;
        let body = reader.take(len)?;
        if checksum(body) != sum {
            return Err(("the checksum of each section must hold", name));
        }
        sections.push((name, body));
    }
    match reader.0.len() {
        8 => Ok(sections),
        left => Err(("every byte must belong to a section", format!("{} bytes over", left as i64 - 8))),
    }
}

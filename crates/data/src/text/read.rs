//! Text files.

use crate::error::{Error, Result, open};
use std::io::Read;
use std::path::Path;

/// The text of a file in UTF-8, as it stands there: line ends and a byte order mark are kept.
///
/// # Errors
/// With the path in front: `Io` for a file that cannot be read; `Format` for what is no regular file, and for bytes that
/// are not UTF-8, with the position of the first of them, counted from 0.
pub fn read_text(path: impl AsRef<Path>) -> Result<String> {
    let op = "text";
    let path = path.as_ref();
    let mut bytes = Vec::new();
    open(op, path)?.read_to_end(&mut bytes).map_err(|e| Error::io(op, &e).in_file(path))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::Format {
            op,
            rule: "a text file must be UTF-8",
            got: format!("the byte 0x{:02x} at byte position {at}", error.as_bytes()[at]),
            repair: "convert the file to UTF-8",
        }
        .in_file(path)
    })
}

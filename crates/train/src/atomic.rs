//! Files that are either the old one or the new one, whatever happens in between.

use crate::error::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const OP: &str = "write_atomic";
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Writes a file so that no reader, and no crash, ever sees half of it.
///
/// The bytes go to a new file `.NAME.PID-N.tmp` in the same directory, which is synced, renamed over `path`, and
/// its directory synced (on Unix). When anything fails, the temporary file is removed and the old file is as it
/// was. A replaced file keeps its permissions; a symbolic link is replaced, not followed.
///
/// # Errors
/// [`Error::Io`] naming the path, when the directory is missing or not writable, when `write` fails, and when the
/// system refuses to sync or rename; [`Error::InvalidArgument`] when `path` names no file.
///
/// ```
/// use std::io::Write;
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("note.txt");
/// train::write_atomic(&path, |out| writeln!(out, "first")).unwrap();
/// let failed = train::write_atomic(&path, |_| Err(std::io::Error::other("no")));
/// assert!(failed.is_err());
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "first\n");
/// ```
pub fn write_atomic(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let Some(name) = path.file_name() else {
        return Err(Error::InvalidArgument {
            op: OP,
            rule: "the path must name a file",
            got: format!("'{}'", path.display()),
            repair: "add a file name to the path",
        });
    };
    let dir = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    let fail = |rule, repair| {
        let path = path.to_path_buf();
        move |source| Error::Io { op: OP, rule, path, source, repair }
    };
    // A rename would replace a device such as /dev/null by a file.
    if let Ok(there) = fs::metadata(path)
        && !there.is_file()
    {
        let answer =
            io::Error::other(if there.is_dir() { "it is a directory" } else { "it is no regular file" });
        return Err(fail("the path must name a file", "choose another file name")(answer));
    }

    let (mut temp, file) = create_beside(dir, &name.to_string_lossy()).map_err(fail(
        "a temporary file must be created beside the file",
        "create the directory, or choose one that can be written to",
    ))?;
    let mut out = BufWriter::new(file);
    write(&mut out).map_err(fail(
        "the contents must be written",
        "look at the cause and the free space; the old file is unchanged",
    ))?;
    let file = out
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .map_err(fail("the contents must be flushed", "check the free space; the old file is unchanged"))?;
    if let Ok(old) = fs::metadata(path) {
        // Best effort: a foreign owner may forbid it, and the new file's own permissions are then the umask's.
        let _ = file.set_permissions(old.permissions());
    }
    file.sync_all().map_err(fail(
        "the contents must reach the disk",
        "check the disk and the free space; the old file is unchanged",
    ))?;
    drop(file);
    fs::rename(&temp.path, path).map_err(fail(
        "the finished file must be renamed into place",
        "check the permissions of the file and its directory; the old file is unchanged",
    ))?;
    temp.renamed = true;
    sync_dir(dir).map_err(fail(
        "the directory must be synced after the rename",
        "the file is complete but may be lost in a power failure; check the disk",
    ))
}

/// Removes the temporary file unless it was renamed away.
struct Temp {
    path: PathBuf,
    renamed: bool,
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.renamed {
            // Nothing more can be done about a file that cannot be removed.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates a file that did not exist (`O_EXCL`), trying the next number where a stray one is in the way.
fn create_beside(dir: &Path, name: &str) -> io::Result<(Temp, File)> {
    // A long name must leave room for the rest within the usual 255 bytes.
    let stem: String = name.chars().take(40).collect();
    let pid = std::process::id();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..1000 {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!(".{stem}.{pid}-{n}.tmp"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((Temp { path, renamed: false }, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}

#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir)?.sync_all() {
        // Some network file systems know no sync of a directory; there is nothing more to ask of them.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut v: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        v.sort();
        v
    }

    #[test]
    fn a_new_file_holds_what_was_written_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write_atomic(&path, |w| w.write_all(b"hello")).unwrap();
        write_atomic(&path, |w| w.write_all(b"again")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"again");
        assert_eq!(names(dir.path()), ["a.txt"]);
    }

    #[test]
    fn a_failing_writer_leaves_the_old_file_and_no_stray() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        fs::write(&path, "old").unwrap();
        let err = write_atomic(&path, |w| {
            w.write_all(&[7; 100_000])?;
            Err(io::Error::other("the network went away"))
        })
        .unwrap_err();
        assert_eq!(
            err.to_string(),
            format!(
                "[write_atomic] the contents must be written; got \"the network went away\" for '{}'; \
                 look at the cause and the free space; the old file is unchanged",
                path.display()
            )
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(dir.path()), ["a.txt"]);
    }

    #[test]
    fn a_panicking_writer_leaves_the_old_file_and_no_stray() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        fs::write(&path, "old").unwrap();
        let quiet =
            std::panic::AssertUnwindSafe(|| write_atomic(&path, |_| std::panic::resume_unwind(Box::new(()))));
        assert!(std::panic::catch_unwind(quiet).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(dir.path()), ["a.txt"]);
    }

    #[test]
    fn a_missing_directory_is_named_with_its_repair() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("no/such/a.txt");
        let text = write_atomic(&path, |_| Ok(())).unwrap_err().to_string();
        assert!(
            text.starts_with("[write_atomic] a temporary file must be created beside the file; got \""),
            "{text}"
        );
        assert!(text.contains(&format!("for '{}'", path.display())), "{text}");
        assert!(text.ends_with("; create the directory, or choose one that can be written to"), "{text}");
    }

    #[test]
    fn a_parent_that_is_a_file_is_an_error_and_stays_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let parent = dir.path().join("file");
        fs::write(&parent, "I am a file").unwrap();
        let err = write_atomic(parent.join("a.txt"), |_| Ok(())).unwrap_err();
        assert!(matches!(err, Error::Io { op: "write_atomic", .. }), "{err}");
        assert_eq!(fs::read_to_string(&parent).unwrap(), "I am a file");
    }

    #[cfg(unix)]
    #[test]
    fn a_read_only_directory_is_refused_unless_the_user_may_write_anyway() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("locked");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o555)).unwrap();
        let may_write = fs::write(inner.join("probe"), "").is_ok();
        let result = write_atomic(inner.join("a.txt"), |w| w.write_all(b"x"));
        assert_eq!(result.is_ok(), may_write);
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(names(&inner), if may_write { vec!["a.txt", "probe"] } else { vec![] });
    }

    #[test]
    fn a_directory_in_the_way_and_a_path_without_a_name_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let text = write_atomic(dir.path(), |_| Ok(())).unwrap_err().to_string();
        assert!(text.contains("the path must name a file; got \"it is a directory\""), "{text}");
        #[cfg(unix)]
        {
            let text = write_atomic("/dev/null", |_| Ok(())).unwrap_err().to_string();
            let wanted = "[write_atomic] the path must name a file; got \"it is no regular file\" for '/dev/null'; \
                          choose another file name";
            assert_eq!(text, wanted);
        }
        let text = write_atomic("/", |_| Ok(())).unwrap_err().to_string();
        assert_eq!(text, "[write_atomic] the path must name a file; got '/'; add a file name to the path");
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write_atomic(&path, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_very_long_name_still_fits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n".repeat(250));
        write_atomic(&path, |w| w.write_all(b"x")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn writers_at_the_same_time_leave_one_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        std::thread::scope(|s| {
            for byte in b'a'..b'i' {
                let path = &path;
                s.spawn(move || write_atomic(path, |w| w.write_all(&[byte; 50_000])).unwrap());
            }
        });
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 50_000);
        assert!(bytes.iter().all(|b| *b == bytes[0]));
        assert_eq!(names(dir.path()), ["a.txt"]);
    }
}

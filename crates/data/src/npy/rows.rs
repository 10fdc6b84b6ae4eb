//! Rows of NPY files that stay on disk.

use super::header::Header;
use super::{decode, read_header};
use crate::dataset::{Batch, Source};
use crate::error::{Error, Result, open};
use std::fs::File;
use std::path::{Path, PathBuf};
use tensor::Tensor;

const OP: &str = "npy rows";

/// Data larger than memory: features and targets in two NPY files, of which a batch reads its own rows and nothing
/// else. What is read often stays in memory as long as the system finds room, which is also what a mapped file would
/// do; but a file that is cut off or changed under a run is an error here and not a crash.
///
/// Numbers are given as they stand in the files: nobody has looked whether they are finite.
///
/// ```
/// use data::{NpyRows, Source, write_npy};
/// use tensor::{DType, Tensor};
/// # let dir = tempfile::tempdir().unwrap();
/// # let (x, y) = (dir.path().join("x.npy"), dir.path().join("y.npy"));
/// write_npy(&Tensor::arange(8, DType::F32)?.reshape([4, 2])?, std::fs::File::create(&x).unwrap())?;
/// write_npy(&Tensor::arange(4, DType::I64)?, std::fs::File::create(&y).unwrap())?;
/// let rows = NpyRows::open(x, y)?;
/// let batch = rows.batch(&[3, 0])?;
/// assert_eq!(batch.features.to_vec::<f32>()?, [6.0, 7.0, 0.0, 1.0]);
/// assert_eq!(batch.targets.to_vec::<i64>()?, [3, 0]);
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug)]
pub struct NpyRows {
    features: OnDisk,
    targets: OnDisk,
}

impl NpyRows {
    /// Features `(n, …)` and targets `(n, …)` of these files. Their headers are read, and their sizes compared with them.
    ///
    /// # Errors
    /// With the path before them: a file that cannot be read; a header as [`parse_npy`](super::parse_npy) refuses it;
    /// `fortran_order`, whose rows lie apart; no rows; a file of another size than its header says. Files of different
    /// numbers of rows.
    pub fn open(features: impl AsRef<Path>, targets: impl AsRef<Path>) -> Result<Self> {
        let (features, targets) = (OnDisk::open(features.as_ref())?, OnDisk::open(targets.as_ref())?);
        if features.header.shape[0] != targets.header.shape[0] {
            let (features, targets) = (features.header.shape, targets.header.shape);
            return Err(Error::RowCounts { op: OP, features, targets });
        }
        Ok(Self { features, targets })
    }
}

impl Source for NpyRows {
    fn len(&self) -> usize {
        self.features.header.shape[0]
    }

    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        if let Some(position) = rows.iter().position(|&row| row >= self.len()) {
            let (row, rows) = (rows[position], self.len());
            return Err(Error::RowOutOfBounds { op: OP, row, position, rows });
        }
        Ok(Batch { features: self.features.rows(rows)?, targets: self.targets.rows(rows)? })
    }
}

#[derive(Debug)]
struct OnDisk {
    file: File,
    path: PathBuf,
    header: Header,
    /// Where the first row begins.
    begin: u64,
    /// Bytes of a row.
    row: usize,
}

impl OnDisk {
    fn open(path: &Path) -> Result<Self> {
        let mut file = open(OP, path)?;
        let (header, begin) = read_header(&mut file).map_err(|e| e.in_file(path))?;
        let refuse = |rule, got, repair| Err(Error::Format { op: OP, rule, got, repair }.in_file(path));
        let Some(&n) = header.shape.first().filter(|&&n| n > 0) else {
            return refuse("there must be rows", format!("shape {:?}", header.shape), "give an array (n, …)");
        };
        if header.fortran && header.shape.len() > 1 {
            let got = "fortran_order True".to_string();
            return refuse("rows must lie together", got, "save numpy.ascontiguousarray of it");
        }
        let size = file.metadata().map_err(|e| Error::io(OP, &e).in_file(path))?.len();
        let bytes = header.bytes().filter(|bytes| bytes.checked_add(begin) == Some(size));
        let Some(bytes) = bytes else {
            let got = format!("{size} bytes for shape {:?}", header.shape);
            return refuse("the file must hold what its header says", got, "give the whole file");
        };
        let row = (bytes / n as u64) as usize;
        Ok(Self { file, path: path.to_path_buf(), header, begin, row })
    }

    fn rows(&self, rows: &[usize]) -> Result<Tensor> {
        let room = rows.len().checked_mul(self.row).filter(|&all| isize::try_from(all).is_ok());
        let Some(all) = room else {
            return Err(Error::InvalidArgument {
                op: OP,
                rule: "a batch must fit in memory",
                got: format!("{} rows of {} bytes", rows.len(), self.row),
                repair: "use a smaller batch size",
            });
        };
        let mut bytes = vec![0; all];
        let mut rest = &mut bytes[..];
        // Neighbours are read at once.
        for run in rows.chunk_by(|a, b| a + 1 == *b) {
            let (now, later) = rest.split_at_mut(run.len() * self.row);
            read_at(&self.file, now, self.begin + run[0] as u64 * self.row as u64)
                .map_err(|e| Error::io(OP, &e).in_file(&self.path))?;
            rest = later;
        }
        let mut header = self.header.clone();
        header.shape[0] = rows.len();
        decode(bytes, &header).map_err(|e| e.in_file(&self.path))
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, bytes, at)?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[n..];
        at += n as u64;
    }
    Ok(())
}

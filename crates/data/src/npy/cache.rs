//! Rows of any source, kept on disk.

use super::rows::NpyRows;
use super::{header_of, write_elements};
use crate::dataset::{Batch, Source};
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use tensor::Tensor;

const OP: &str = "cached";
/// Rows that are read and written at once.
const PART: usize = 256;
/// Rows by which a cache is known to be that of its source.
const PROBES: usize = 32;

/// All rows of a source, read once and written into `dir` as `features.npy` and `targets.npy`, from which batches are read afterwards:
/// for sources that take time, such as folders of pictures, and for data larger than memory. If the files are there already and hold
/// as many rows, of which 32 evenly spaced ones are those of the source to the bit, they are used as they are.
///
/// Rows are taken as they are in no epoch ([`Source::batch`]): put what changes from epoch to epoch, such as augmentation, around the
/// cache and not inside.
///
/// # Errors
/// No rows; those of the source; element types that NumPy does not have; a folder that cannot be written. What is left then is not taken
/// for a cache.
///
/// ```
/// use data::{Source, cached, digits};
/// # let dir = tempfile::tempdir().unwrap();
/// let digits = digits()?;
/// let rows = cached(&digits, dir.path())?;
/// assert!(rows.batch(&[7, 1796])?.features.bit_eq(&digits.batch(&[7, 1796])?.features));
/// # Ok::<(), data::Error>(())
/// ```
pub fn cached(source: &(impl Source + ?Sized), dir: impl AsRef<Path>) -> Result<NpyRows> {
    let dir = dir.as_ref();
    let n = source.len();
    if n == 0 {
        let (rule, repair) = ("there must be rows", "give a source with rows");
        return Err(Error::InvalidArgument { op: OP, rule, got: "0 rows".into(), repair });
    }
    let (features, targets) = (dir.join("features.npy"), dir.join("targets.npy"));
    if features.exists()
        && targets.exists()
        && let Ok(rows) = NpyRows::open(&features, &targets)
        && holds(&rows, source)?
    {
        return Ok(rows);
    }
    let io = |e: std::io::Error| Error::io(OP, &e).in_file(dir);
    fs::create_dir_all(dir).map_err(io)?;
    let paths = [("features.part", &features), ("targets.part", &targets)];
    let [x, y] = paths.map(|(part, _)| dir.join(part));
    let (mut x_out, mut y_out) = (writer(&x)?, writer(&y)?);
    let mut kinds: Option<[Tensor; 2]> = None;
    for start in (0..n).step_by(PART) {
        let rows: Vec<usize> = (start..n.min(start + PART)).collect();
        let Batch { features, targets } = source.batch(&rows)?;
        let first = match &kinds {
            Some(first) => first,
            None => {
                for (out, part) in [(&mut x_out, &features), (&mut y_out, &targets)] {
                    let mut shape = part.shape().to_vec();
                    shape[0] = n;
                    out.write_all(&header_of(part.dtype(), &shape)?).map_err(io)?;
                }
                kinds.insert([features.narrow(0, 0, 1)?, targets.narrow(0, 0, 1)?])
            }
        };
        for (part, first) in [(&features, &first[0]), (&targets, &first[1])] {
            if part.dtype() != first.dtype()
                || part.shape()[1..] != first.shape()[1..]
                || part.shape()[0] != rows.len()
            {
                return Err(Error::InvalidArgument {
                    op: OP,
                    rule: "all rows must have one shape and element type",
                    got: format!(
                        "{} {:?} behind row {start}, {} {:?} first",
                        part.dtype(),
                        part.shape(),
                        first.dtype(),
                        first.shape()
                    ),
                    repair: "resize or pad them before",
                });
            }
        }
        write_elements(&features, &mut x_out).map_err(io)?;
        write_elements(&targets, &mut y_out).map_err(io)?;
    }
    for (out, (path, to)) in [(x_out, (&x, &features)), (y_out, (&y, &targets))] {
        let file = out.into_inner().map_err(|e| io(e.into_error()))?;
        file.sync_all().map_err(io)?;
        fs::rename(path, to).map_err(io)?;
    }
    NpyRows::open(features, targets)
}

fn writer(path: &Path) -> Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 20, File::create(path).map_err(|e| Error::io(OP, &e).in_file(path))?))
}

/// Whether these are the rows of the source, as far as some of them tell.
fn holds(rows: &NpyRows, source: &(impl Source + ?Sized)) -> Result<bool> {
    let n = source.len();
    if rows.len() != n {
        return Ok(false);
    }
    let probes: Vec<usize> = (0..n.min(PROBES)).map(|i| (n - 1) - i * (n - 1) / PROBES).collect();
    let (kept, now) = (rows.batch(&probes)?, source.batch(&probes)?);
    let same = |a: &Tensor, b: &Tensor| a.shape() == b.shape() && a.dtype() == b.dtype() && a.bit_eq(b);
    Ok(same(&kept.features, &now.features) && same(&kept.targets, &now.targets))
}

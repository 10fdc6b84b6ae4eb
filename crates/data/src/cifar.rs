//! CIFAR-10 in its binary form: six files in one directory.

use crate::dataset::{Dataset, TrainPart};
use crate::error::{Error, Result, open};
use std::io::Read;
use std::path::Path;
use tensor::Tensor;

/// The pixels of an image: 32 × 32 of red, then of green, then of blue.
const PIXELS: usize = 3 * 32 * 32;
/// An image and the label before it.
const RECORD: usize = PIXELS + 1;
/// More images in one file than any set has; the files have 10,000.
const MOST: u64 = 1_000_000;
const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// A training set and a test set that come apart.
#[derive(Debug, Clone)]
pub struct Cifar10 {
    /// The rows to fit to.
    pub train: TrainPart,
    /// The rows to test on.
    pub test: Dataset,
}

/// Reads CIFAR-10 from `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin` in `dir`.
///
/// Features are `(n, 3, 32, 32)` of F32 from 0 to 1 (byte / 255), classes `"airplane"` to `"truck"`. Source: Krizhevsky
/// 2009, "Learning multiple layers of features from tiny images".
///
/// # Errors
/// A missing file; one that is not made of whole records; a label above 9.
pub fn cifar10(dir: impl AsRef<Path>) -> Result<Cifar10> {
    let dir = dir.as_ref();
    let train: Vec<String> = (1..=5).map(|i| format!("data_batch_{i}.bin")).collect();
    Ok(Cifar10 { train: TrainPart::all_of(part(dir, &train)?), test: part(dir, &["test_batch.bin".into()])? })
}

fn part(dir: &Path, files: &[String]) -> Result<Dataset> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for name in files {
        let path = dir.join(name);
        let refuse =
            |rule, got, repair| Err(Error::Format { op: "cifar10", rule, got, repair }.in_file(&path));
        let file = open("cifar10", &path)?;
        let mut bytes = Vec::new();
        // No more than the file has, whatever it says of its size, and no more than a set needs.
        let limit = MOST * RECORD as u64 + 1;
        file.take(limit).read_to_end(&mut bytes).map_err(|e| Error::io("cifar10", &e).in_file(&path))?;
        if bytes.is_empty() || bytes.len() % RECORD != 0 || bytes.len() as u64 >= limit {
            let got = format!("{} bytes", bytes.len());
            return refuse(
                "a file must be made of records of 3,073 bytes",
                got,
                "use the binary version of the set",
            );
        }
        for (i, record) in bytes.chunks_exact(RECORD).enumerate() {
            if record[0] > 9 {
                let got = format!("{} in record {i}", record[0]);
                return refuse("a label must lie in 0..10", got, "use the binary version of CIFAR-10");
            }
            labels.push(i64::from(record[0]));
            pixels.extend(record[1..].iter().map(|&byte| f32::from(byte) / 255.0));
        }
    }
    let n = labels.len();
    Dataset::classification(
        Tensor::from_vec::<f32>(pixels, [n, 3, 32, 32])?,
        Tensor::from_vec(labels, [n])?,
        CLASSES.map(str::to_string).to_vec(),
    )
}

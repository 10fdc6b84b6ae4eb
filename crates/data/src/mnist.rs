//! Data sets stored as MNIST stores its own: four IDX files in one directory.

use crate::dataset::{Dataset, TrainPart};
use crate::error::{Error, Result};
use crate::idx::{IdxOptions, read_idx};
use std::path::{Path, PathBuf};
use tensor::{DType, Tensor};

/// What the labels 0 to 9 of Fashion-MNIST are. Source: Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747, table 2.
///
/// The files hold numbers alone: [`fashion_mnist`] gives them these names, [`mnist`] those of digits.
///
/// ```
/// assert_eq!(data::FASHION_MNIST_CLASSES[9], "Ankle boot");
/// ```
pub const FASHION_MNIST_CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// A training set and a test set that come apart.
#[derive(Debug, Clone)]
pub struct Mnist {
    /// The rows to fit to.
    pub train: TrainPart,
    /// The rows to test on.
    pub test: Dataset,
}

/// Reads MNIST, or a set stored like it (Fashion-MNIST, KMNIST), from `train-images-idx3-ubyte`,
/// `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte` in `dir`, each plain or with `.gz`.
///
/// Features are `(n, 1, rows, columns)` of F32 from 0 to 1 (byte / 255), classes `"0"` to `"9"`. [`Dataset::flatten`] makes
/// them `(n, rows · columns)`.
///
/// # Errors
/// A missing file; those of [`read_idx`]; images that are not `(n, rows, columns)` of bytes; as many labels as images
/// are not there; a label above 9.
pub fn mnist(dir: impl AsRef<Path>) -> Result<Mnist> {
    both(dir.as_ref(), &digits())
}

/// As [`mnist`], with the classes of Fashion-MNIST, `"T-shirt/top"` to `"Ankle boot"`.
pub fn fashion_mnist(dir: impl AsRef<Path>) -> Result<Mnist> {
    both(dir.as_ref(), &FASHION_MNIST_CLASSES.map(String::from))
}

fn digits() -> [String; 10] {
    std::array::from_fn(|digit| digit.to_string())
}

fn both(dir: &Path, names: &[String; 10]) -> Result<Mnist> {
    let part = |name: &str| {
        let images = find(dir, &format!("{name}-images"), 3)?;
        files(&images, &find(dir, &format!("{name}-labels"), 1)?, names)
    };
    Ok(Mnist { train: TrainPart::all_of(part("train")?), test: part("t10k")? })
}

/// Reads one part of such a set: a file of images and the file of their labels, each plain or compressed with gzip.
///
/// Features, classes and errors: as for [`mnist`].
pub fn mnist_files(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Dataset> {
    files(images.as_ref(), labels.as_ref(), &digits())
}

fn files(images_path: &Path, labels_path: &Path, names: &[String; 10]) -> Result<Dataset> {
    let images = read_idx(images_path, IdxOptions::default())?;
    if images.dtype() != DType::U8 || images.rank() != 3 {
        return Err(Error::Format {
            op: "mnist",
            rule: "images must be (n, rows, columns) of bytes",
            got: format!("{:?} of {}", images.shape(), images.dtype()),
            repair: "give the file of the images",
        }
        .in_file(images_path));
    }
    let labels = read_idx(labels_path, IdxOptions::default())?;
    if labels.dtype() != DType::U8 || labels.rank() != 1 {
        return Err(Error::Format {
            op: "mnist",
            rule: "labels must be (n) of bytes",
            got: format!("{:?} of {}", labels.shape(), labels.dtype()),
            repair: "give the file of the labels",
        }
        .in_file(labels_path));
    }
    let shape = [images.shape()[0], 1, images.shape()[1], images.shape()[2]];
    let pixels = images.to_vec::<u8>()?.into_iter().map(|x| f32::from(x) / 255.0).collect();
    let labels: Vec<i64> = labels.to_vec::<u8>()?.into_iter().map(i64::from).collect();
    let n = labels.len();
    let (pixels, labels) = (Tensor::from_vec::<f32>(pixels, shape)?, Tensor::from_vec(labels, [n])?);
    Dataset::classification(pixels, labels, names.to_vec()).map_err(|e| e.in_file(labels_path))
}

/// The file of that name, as it is commonly spelt: `-idxN-ubyte` or `.idxN-ubyte`, plain or `.gz`.
fn find(dir: &Path, name: &str, rank: u8) -> Result<PathBuf> {
    for ending in [format!("-idx{rank}-ubyte"), format!(".idx{rank}-ubyte")] {
        for gz in ["", ".gz"] {
            let path = dir.join(format!("{name}{ending}{gz}"));
            if path.is_file() {
                return Ok(path);
            }
        }
    }
    Err(Error::Format {
        op: "mnist",
        rule: "the directory must hold the four files of the set",
        got: format!("no {name}-idx{rank}-ubyte, with or without .gz"),
        repair: "put the files there under their own names",
    }
    .in_file(dir))
}

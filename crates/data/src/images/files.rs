//! Pictures that are read when they are asked for.

use super::{ImageFolderOptions, OP, Skipped, decode, dimensions, listed, no_picture, other_size};
use crate::dataset::{Batch, Source};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};
use tensor::Tensor;

/// The pictures of [`image_folder`](super::image_folder), left where they are: a batch reads its own, so that there can
/// be more than fit in memory. Read them ahead with [`Loader::ahead`](crate::Loader::ahead).
#[derive(Debug, Clone)]
pub struct ImageFiles {
    options: ImageFolderOptions,
    class_names: Vec<String>,
    labels: Vec<i64>,
    files: Vec<PathBuf>,
    skipped: Vec<Skipped>,
    /// Height and width of all.
    size: [usize; 2],
}

impl ImageFiles {
    /// The pictures of `dir/class/`, in the order in which [`image_folder`](super::image_folder) reads them. Headers
    /// are read, and pixels not: a picture that is broken behind its header is the error of its batch, and cannot be
    /// skipped.
    ///
    /// # Errors
    /// As [`image_folder`](super::image_folder).
    pub fn open(dir: impl AsRef<Path>, options: &ImageFolderOptions) -> Result<Self> {
        let dir = dir.as_ref();
        let (class_names, pictures) = listed(dir, options)?;
        let (mut labels, mut files, mut skipped) = (Vec::new(), Vec::<PathBuf>::new(), Vec::new());
        let mut size = options.size;
        for (label, path) in pictures {
            let own = dimensions(&path).and_then(|own| match (size, options.size) {
                (Some(size), None) if size != own => {
                    Err(other_size(&path, own, files.first().map(PathBuf::as_path), size))
                }
                _ => Ok(own),
            });
            match own {
                Ok(own) => {
                    size = size.or(Some(own));
                    labels.push(label);
                    files.push(path);
                }
                Err(error) if options.skip_bad => skipped.push(Skipped { path, error }),
                Err(error) => return Err(error),
            }
        }
        match size.filter(|_| !files.is_empty()) {
            Some(size) => Ok(Self { options: options.clone(), class_names, labels, files, skipped, size }),
            None => Err(no_picture(class_names.len(), skipped.len(), dir)),
        }
    }

    /// The names of the classes, in the order of their indices.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The class index of every row: what splits and samplers go by.
    pub fn labels(&self) -> &[i64] {
        &self.labels
    }

    /// The file of each row.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The files that were left out.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

impl Source for ImageFiles {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        if let Some(position) = rows.iter().position(|&row| row >= self.len()) {
            let (row, rows) = (rows[position], self.len());
            return Err(Error::RowOutOfBounds { op: OP, row, position, rows });
        }
        let mut pixels = Vec::new();
        for &row in rows {
            let path = &self.files[row];
            let own = dimensions(path)?;
            if self.options.size.is_none() && own != self.size {
                // The file was changed since it was found.
                return Err(other_size(path, own, self.files.first().map(PathBuf::as_path), self.size));
            }
            decode(path, own, &self.options, &mut pixels)?;
        }
        let channels = if self.options.grey { 1 } else { 3 };
        let [height, width] = self.size;
        Ok(Batch {
            features: Tensor::from_vec(pixels, [rows.len(), channels, height, width])?,
            targets: Tensor::from_vec(rows.iter().map(|&row| self.labels[row]).collect(), [rows.len()])?,
        })
    }
}

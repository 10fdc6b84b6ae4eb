//! Pictures in folders, a folder for each class.

mod files;

pub use files::ImageFiles;

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use image::imageops::FilterType;
use image::{ImageReader, Limits};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use tensor::Tensor;

/// How [`image_folder`] reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageFolderOptions {
    /// Height and width that pictures are brought to, by straight lines between pixels; `None`: all must have one size.
    pub size: Option<[usize; 2]>,
    /// One channel of brightness instead of red, green and blue.
    pub grey: bool,
    /// Leave out pictures that cannot be read, or have another size, and report them, instead of refusing all.
    pub skip_bad: bool,
}

/// Pictures that were read.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    /// Features `(n, channels, height, width)` of F32 from 0 to 1, labels, and the folders' names as classes.
    pub data: Dataset,
    /// The file of each row.
    pub files: Vec<PathBuf>,
    /// The files that were left out.
    pub skipped: Vec<Skipped>,
}

/// A picture that was left out, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// What was wrong with it.
    pub error: Error,
}

const OP: &str = "image_folder";
/// The most pixels along an axis, and bytes that decoding may take: pictures of the wild, and no bombs.
const MOST_PIXELS: u32 = 1 << 15;
const MOST_BYTES: u64 = 1 << 28;
const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "bmp"];

/// Reads the PNG, JPEG and BMP files of `dir/class/`, a class for each folder that is not hidden in the order of their
/// names, pictures in the order of theirs. Other files are not looked at.
///
/// # Errors
/// No folders, or no pictures in any; a file that cannot be decoded; pictures of several sizes, if none was asked for
/// (the first two are named). With [`skip_bad`](ImageFolderOptions::skip_bad) the last two are reported instead.
pub fn image_folder(dir: impl AsRef<Path>, options: &ImageFolderOptions) -> Result<ImageFolder> {
    let dir = dir.as_ref();
    let (names, pictures) = listed(dir, options)?;
    let mut read = Read { options, size: options.size, first: None, pixels: Vec::new() };
    let (mut labels, mut files, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for (label, path) in pictures {
        match read.add(&path) {
            Ok(()) => {
                labels.push(label);
                files.push(path);
            }
            Err(error) if options.skip_bad => skipped.push(Skipped { path, error }),
            Err(error) => return Err(error),
        }
    }
    let Some([height, width]) = read.size.filter(|_| !labels.is_empty()) else {
        return Err(no_picture(names.len(), skipped.len(), dir));
    };
    let n = labels.len();
    let channels = if options.grey { 1 } else { 3 };
    let features = Tensor::from_vec(read.pixels, [n, channels, height, width])?;
    Ok(ImageFolder {
        data: Dataset::classification(features, Tensor::from_vec(labels, [n])?, names)?,
        files,
        skipped,
    })
}

/// Pictures, each with the number of its class.
type Pictures = Vec<(i64, PathBuf)>;

/// The names of the classes, and their pictures.
fn listed(dir: &Path, options: &ImageFolderOptions) -> Result<(Vec<String>, Pictures)> {
    if options.size.is_some_and(|[h, w]| h == 0 || w == 0 || h.max(w) > MOST_PIXELS as usize) {
        return Err(Error::InvalidArgument {
            op: OP,
            rule: "pictures must have 1 to 32,768 pixels along each axis",
            got: format!("{:?}", options.size),
            repair: "use [224, 224] or the like",
        });
    }
    let hidden = |path: &Path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
    let classes: Vec<PathBuf> =
        entries(dir)?.into_iter().filter(|path| path.is_dir() && !hidden(path)).collect();
    if classes.is_empty() {
        return Err(format_error("a directory must hold a folder for each class", "no folders".into(), dir));
    }
    let mut pictures = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        let found = entries(class)?.into_iter().filter(|path| is_picture(path));
        pictures.extend(found.map(|path| (label as i64, path)));
    }
    let name =
        |class: &PathBuf| class.file_name().map_or(String::new(), |n| n.to_string_lossy().into_owned());
    Ok((classes.iter().map(name).collect(), pictures))
}

fn no_picture(folders: usize, skipped: usize, dir: &Path) -> Error {
    let got = format!("{folders} folders and {skipped} pictures that cannot be read");
    format_error("there must be a picture", got, dir)
}

fn format_error(rule: &'static str, got: String, path: &Path) -> Error {
    Error::Format { op: OP, rule, got, repair: "give dir/class/picture.png, or skip what cannot be read" }
        .in_file(path)
}

/// What is in a folder, in the order of the names.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let io = |e: std::io::Error| Error::io(OP, &e).in_file(dir);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        paths.push(entry.map_err(io)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&&ending[..]))
}

/// The pictures so far.
struct Read<'a> {
    options: &'a ImageFolderOptions,
    /// Height and width, once they are known.
    size: Option<[usize; 2]>,
    /// The file that decided them.
    first: Option<PathBuf>,
    pixels: Vec<f32>,
}

impl Read<'_> {
    fn add(&mut self, path: &Path) -> Result<()> {
        // The header first: a picture of another size is refused before memory is taken for it.
        let own = dimensions(path)?;
        if let (Some(size), None) = (self.size, self.options.size)
            && size != own
        {
            return Err(other_size(path, own, self.first.as_deref(), size));
        }
        decode(path, own, self.options, &mut self.pixels)?;
        if self.size.is_none() {
            (self.size, self.first) = (Some(own), Some(path.to_path_buf()));
        }
        Ok(())
    }
}

fn other_size(path: &Path, own: [usize; 2], first: Option<&Path>, size: [usize; 2]) -> Error {
    let first = first.map_or(String::new(), |first| first.display().to_string());
    Error::Format {
        op: OP,
        rule: "all pictures must have one size",
        got: format!("{own:?} (height, width), where {first} has {size:?}"),
        repair: "give a size to bring them to, or skip the others",
    }
    .in_file(path)
}

/// Height and width, from the header alone.
fn dimensions(path: &Path) -> Result<[usize; 2]> {
    let (width, height) = reader(path)?.into_dimensions().map_err(|error| unreadable(error, path))?;
    Ok([height as usize, width as usize])
}

/// Appends the values of a picture of size `own`, channel by channel, from 0 to 1, brought to the size that is asked for.
fn decode(path: &Path, own: [usize; 2], options: &ImageFolderOptions, pixels: &mut Vec<f32>) -> Result<()> {
    let picture = reader(path)?.decode().map_err(|error| unreadable(error, path))?;
    let picture = match options.size {
        Some(size) if size != own => {
            picture.resize_exact(size[1] as u32, size[0] as u32, FilterType::Triangle)
        }
        _ => picture,
    };
    let channels = if options.grey { 1 } else { 3 };
    let bytes = if options.grey { picture.into_luma8().into_raw() } else { picture.into_rgb8().into_raw() };
    for c in 0..channels {
        pixels.extend(bytes.iter().skip(c).step_by(channels).map(|&byte| f32::from(byte) / 255.0));
    }
    Ok(())
}

/// A reader that takes no more memory than a picture of the wild needs.
fn reader(path: &Path) -> Result<ImageReader<BufReader<File>>> {
    let io = |e: std::io::Error| Error::io(OP, &e).in_file(path);
    let mut reader = ImageReader::open(path).map_err(io)?.with_guessed_format().map_err(io)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    Ok(reader)
}

fn unreadable(error: image::ImageError, path: &Path) -> Error {
    format_error("a picture must be a PNG, JPEG or BMP that can be decoded", error.to_string(), path)
}

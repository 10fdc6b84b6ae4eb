//! The handwritten digits that this crate carries.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use std::io::Read;
use tensor::Tensor;

/// Made by `assets/make_digits.py`: 1,797 × 64 pixels, then 1,797 labels.
const PACKED: &[u8] = include_bytes!("../assets/digits.gz");
const ROWS: usize = 1797;
const PIXELS: usize = 64;

/// The 1,797 handwritten digits of 8×8 pixels: features `(1797, 64)` of F32, whole numbers from 0 (paper) to 16 (ink), row
/// by row from the top left; ten classes `"0"` to `"9"` of 174 to 183 images.
///
/// The test part of *Optical Recognition of Handwritten Digits*, E. Alpaydin and C. Kaynak, UCI Machine Learning
/// Repository, 1998, <https://doi.org/10.24432/C50P49>, licensed CC BY 4.0; the same images, in the same order, as
/// scikit-learn's `load_digits`. The writers of neighbouring rows are often the same.
///
/// # Errors
/// None in an intact build of this crate.
pub fn digits() -> Result<Dataset> {
    let mut bytes = Vec::with_capacity(ROWS * (PIXELS + 1));
    flate2::read::GzDecoder::new(PACKED).read_to_end(&mut bytes).map_err(|e| Error::io("digits", &e))?;
    if bytes.len() != ROWS * (PIXELS + 1) {
        return Err(Error::Format {
            op: "digits",
            rule: "the embedded file must hold 1797 images and labels",
            got: format!("{} bytes", bytes.len()),
            repair: "make it again with assets/make_digits.py",
        });
    }
    let (pixels, labels) = bytes.split_at(ROWS * PIXELS);
    Dataset::classification(
        Tensor::from_vec(pixels.iter().map(|&x| f32::from(x)).collect(), [ROWS, PIXELS])?,
        Tensor::from_vec(labels.iter().map(|&x| i64::from(x)).collect(), [ROWS])?,
        (0..10).map(|digit| digit.to_string()).collect(),
    )
}

//! Small grey images inside the page.

use super::html::escape;
use crate::error::{Error, Result};
use crate::plot::encode_png;

/// A small grey image with a caption and, if any, a note under it.
///
/// ```
/// use train::report::ImageTile;
/// let tile = ImageTile::new(2, 1, &[0.0, 16.0], "true 1, predicted 7").unwrap().note("p = 0.93");
/// assert_eq!(tile.caption(), "true 1, predicted 7");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ImageTile {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    caption: String,
    note: String,
}

impl ImageTile {
    /// An image of `height` rows of `width` values, in any range: the least becomes white and the greatest black.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless there are `width * height` values, at least one, and all are finite.
    pub fn new<T: Copy + Into<f64>>(
        width: usize,
        height: usize,
        values: &[T],
        caption: impl Into<String>,
    ) -> Result<Self> {
        Self::drawn(width, height, values, None, caption.into())
    }

    /// As [`new`](Self::new), but `low` becomes white and `high` black, and what lies beyond is one of them: for images that
    /// are to be compared.
    pub fn in_range<T: Copy + Into<f64>>(
        width: usize,
        height: usize,
        values: &[T],
        (low, high): (f64, f64),
        caption: impl Into<String>,
    ) -> Result<Self> {
        Self::drawn(width, height, values, Some((low, high)), caption.into())
    }

    fn drawn<T: Copy + Into<f64>>(
        width: usize,
        height: usize,
        values: &[T],
        range: Option<(f64, f64)>,
        caption: String,
    ) -> Result<Self> {
        let refuse = |rule, got| {
            Err(Error::InvalidArgument {
                op: "image_tile",
                rule,
                got,
                repair: "pass one grey image, row by row",
            })
        };
        if width.checked_mul(height) != Some(values.len()) || values.is_empty() {
            return refuse(
                "there must be a value for each pixel",
                format!("{} values for {width} by {height} pixels", values.len()),
            );
        }
        let finite = values.iter().map(|&v| v.into());
        if let Some(at) = finite.clone().position(|v: f64| !v.is_finite()) {
            return refuse("values must be finite", format!("{} at position {at}", values[at].into()));
        }
        let own = |pick: fn(f64, f64) -> f64, start| finite.clone().fold(start, pick);
        let (low, high) =
            range.unwrap_or_else(|| (own(f64::min, f64::INFINITY), own(f64::max, f64::NEG_INFINITY)));
        if !(low.is_finite() && high.is_finite() && low <= high) {
            return refuse("a range must be of two numbers, the smaller first", format!("{low} to {high}"));
        }
        // Halves first, so that the range of the largest numbers does not overflow.
        let range = (high / 2.0 - low / 2.0).max(f64::MIN_POSITIVE);
        let grey =
            |v: f64| (255.0 - (v.clamp(low, high.max(low)) / 2.0 - low / 2.0) / range * 255.0).round() as u8;
        let pixels = finite.map(grey).collect();
        Ok(ImageTile { width, height, pixels, caption, note: String::new() })
    }

    /// Adds a second, smaller line under the caption.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.note = text.into();
        self
    }

    /// The line under the image.
    pub fn caption(&self) -> &str {
        &self.caption
    }
}

/// A PNG of the images side by side, `columns` in a row, each pixel `zoom` wide, without their captions.
///
/// ```
/// use train::report::{ImageTile, contact_sheet};
/// let tile = ImageTile::new(2, 1, &[0.0, 1.0], "").unwrap();
/// assert!(contact_sheet(&[tile.clone(), tile], 2, 8).unwrap().starts_with(b"\x89PNG"));
/// ```
///
/// # Errors
/// [`Error::InvalidArgument`] for no images, images of several sizes, and a sheet without columns or beyond 2²⁸ pixels.
pub fn contact_sheet(tiles: &[ImageTile], columns: usize, zoom: usize) -> Result<Vec<u8>> {
    let refuse = |rule, got, repair| Err(Error::InvalidArgument { op: "contact_sheet", rule, got, repair });
    let Some(first) = tiles.first() else {
        return refuse("there must be an image", "none".into(), "leave the sheet out");
    };
    let (width, height) = (first.width, first.height);
    if let Some(other) = tiles.iter().find(|tile| (tile.width, tile.height) != (width, height)) {
        let got = format!("{width} by {height} and {} by {} pixels", other.width, other.height);
        return refuse("all images must have one size", got, "resize them, or make several sheets");
    }
    /// White between images.
    const GAP: usize = 4;
    let rows = tiles.len().div_ceil(columns.max(1));
    let side = |n: usize, pixels: usize| {
        n.checked_mul(pixels.checked_mul(zoom)?.checked_add(GAP)?)?.checked_add(GAP)
    };
    let size = side(columns, width).zip(side(rows, height));
    let fits = |&(w, h): &(usize, usize)| w.checked_mul(h).is_some_and(|n| n <= 1 << 28);
    let (Some((w, h)), true) = (size.filter(fits), columns > 0 && zoom > 0) else {
        let got = format!("{} images of {width} by {height} in {columns} columns, zoom {zoom}", tiles.len());
        return refuse(
            "a sheet must have columns and at most 2²⁸ pixels",
            got,
            "use other columns, a smaller zoom, or fewer images",
        );
    };
    let mut sheet = vec![255; w * h];
    for (i, tile) in tiles.iter().enumerate() {
        let (left, top) =
            (GAP + i % columns * (width * zoom + GAP), GAP + i / columns * (height * zoom + GAP));
        for y in 0..height * zoom {
            let line = &mut sheet[(top + y) * w + left..][..width * zoom];
            for (x, pixel) in line.iter_mut().enumerate() {
                *pixel = tile.pixels[y / zoom * width + x / zoom];
            }
        }
    }
    encode_png(&sheet, w, h, png::ColorType::Grayscale)
}

pub(super) fn tiles(tiles: &[ImageTile]) -> Result<String> {
    let mut html = String::from("<div class=\"tiles\">\n");
    for tile in tiles {
        let png = encode_png(&tile.pixels, tile.width, tile.height, png::ColorType::Grayscale)?;
        let caption = escape(&tile.caption);
        let note = if tile.note.is_empty() {
            String::new()
        } else {
            format!("<small>{}</small>", escape(&tile.note))
        };
        html.push_str(&format!(
            "<figure><img alt=\"{caption}\" src=\"data:image/png;base64,{}\"><figcaption>{caption}{note}</figcaption></figure>\n",
            base64(&png)
        ));
    }
    html.push_str("</div>\n");
    Ok(html)
}

/// RFC 4648 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_the_test_vectors_of_rfc_4648() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, wanted) in cases {
            assert_eq!(base64(plain.as_bytes()), wanted);
        }
        assert_eq!(base64(&[0xFB, 0xFF]), "+/8=");
    }

    #[test]
    fn the_least_value_is_white_and_the_greatest_black() {
        let tile = ImageTile::new(3, 1, &[-1.0_f32, 0.0, 1.0], "").unwrap();
        assert_eq!(tile.pixels, [255, 128, 0]);
        assert_eq!(ImageTile::new(2, 1, &[5.0, 5.0], "").unwrap().pixels, [255, 255]);
        assert_eq!(ImageTile::new(2, 1, &[-f64::MAX, f64::MAX], "").unwrap().pixels, [255, 0]);
    }

    #[test]
    fn in_a_range_what_lies_beyond_is_white_or_black() {
        let tile = |range| ImageTile::in_range(4, 1, &[-1.0_f32, 0.0, 0.5, 2.0], range, "");
        assert_eq!(tile((0.0, 1.0)).unwrap().pixels, [255, 255, 128, 0]);
        for range in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            let text = tile(range).unwrap_err().to_string();
            assert!(text.starts_with("[image_tile] a range must be of two numbers"), "{text}");
        }
    }

    #[test]
    fn wrong_sizes_and_values_are_named() {
        let text = ImageTile::new(2, 2, &[0.0; 3], "").unwrap_err().to_string();
        assert_eq!(
            text,
            "[image_tile] there must be a value for each pixel; got 3 values for 2 by 2 pixels; \
             pass one grey image, row by row"
        );
        let text = ImageTile::new(1, 2, &[0.0, f64::NAN], "").unwrap_err().to_string();
        assert_eq!(
            text,
            "[image_tile] values must be finite; got NaN at position 1; pass one grey image, row by row"
        );
        assert!(ImageTile::new::<f32>(0, 0, &[], "").is_err());
        assert!(ImageTile::new(usize::MAX, 2, &[0.0], "").is_err());
    }
}

//! Pictures as PNG.

use super::refuse;
use super::wire::Message;
use crate::error::Result;
use crate::plot::encode_png;
use png::ColorType;
use tensor::{DType, Tensor};

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// A picture of shape (C, H, W) or (H, W) as PNG.
pub(super) fn encode(image: &Tensor) -> Result<Vec<u8>> {
    let (channels, height, width) = match *image.shape() {
        [h, w] => (1, h, w),
        [c, h, w] => (c, h, w),
        _ => (0, 0, 0),
    };
    let color = match channels {
        1 => ColorType::Grayscale,
        2 => ColorType::GrayscaleAlpha,
        3 => ColorType::Rgb,
        4 => ColorType::Rgba,
        _ => {
            return refuse(
                "an image must have the shape (H, W), or (C, H, W) with 1 to 4 channels",
                format!("the shape {:?}", image.shape()),
                "take one image out of a batch, and put its channels in front",
            );
        }
    };
    if !(1..=i32::MAX as usize).contains(&height) || !(1..=i32::MAX as usize).contains(&width) {
        let got = format!("the shape {:?}", image.shape());
        return refuse(
            "an image must have 1 to 2147483647 rows and columns",
            got,
            "leave it out, or crop it",
        );
    }
    let planes = bytes(image)?;
    let plane = height * width;
    let pixels: Vec<u8> =
        (0..plane).flat_map(|at| planes[at..].iter().step_by(plane).take(channels).copied()).collect();
    encode_png(&pixels, width, height, color)
}

/// The elements in row-major order, 0 to 255.
fn bytes(image: &Tensor) -> Result<Vec<u8>> {
    match image.dtype() {
        DType::U8 => Ok(image.to_vec::<u8>()?),
        DType::F32 | DType::F64 | DType::F16 | DType::BF16 => {
            let values = image.to_dtype(DType::F64)?.to_vec::<f64>()?;
            if let Some(at) = values.iter().position(|x| !(0.0..=1.0).contains(x)) {
                return refuse(
                    "pixels must lie in 0 to 1",
                    format!("{} at position {at}", values[at]),
                    "scale them, cut them with clamp(0.0, 1.0), or pass bytes",
                );
            }
            Ok(values.iter().map(|x| (x * 255.0).round() as u8).collect())
        }
        other => {
            let repair = "convert with to_dtype";
            refuse("pixels must be U8, or of a floating type in 0 to 1", other, repair)
        }
    }
}

/// `Summary.Image`: height 1, width 2, colorspace 3, encoded_image_string 4. The first three are read from the PNG's
/// header (ISO/IEC 15948, 11.2.1): after the signature a length of 13, `IHDR`, width and height as big-endian u32, the
/// depth, the colour type.
pub(super) fn message(png: &[u8]) -> Result<Message> {
    let header = png.get(8..26).filter(|h| png.starts_with(SIGNATURE) && &h[..8] == b"\0\0\0\x0dIHDR");
    let side = |bytes: &[u8]| bytes.iter().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    // Channels as TensorBoard counts them, by colour type; a palette is of colours.
    let channels =
        |h: &[u8]| [Some(1), None, Some(3), Some(3), Some(2), None, Some(4)].get(usize::from(h[17])).copied();
    match header.map(|h| (side(&h[8..12]), side(&h[12..16]), channels(h).flatten())) {
        Some((width @ 1..=0x7fff_ffff, height @ 1..=0x7fff_ffff, Some(channels))) => {
            Ok(Message::new().number(1, height).number(2, width).number(3, channels).bytes(4, png))
        }
        _ => {
            let got = format!("{} bytes that begin with {:02x?}", png.len(), &png[..png.len().min(8)]);
            refuse("the bytes must be a PNG file", got, "encode the picture first, or pass a tensor to image")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(png: &[u8]) -> (u32, u32, ColorType, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, info.color_type, pixels)
    }

    #[test]
    fn channels_stand_together_in_the_file() {
        let bytes: Vec<u8> = (0..24).collect();
        let of = |shape: &[usize]| {
            let length = shape.iter().product();
            decode(&encode(&Tensor::from_slice(&bytes[..length], shape).unwrap()).unwrap())
        };
        assert_eq!(of(&[2, 3]), (3, 2, ColorType::Grayscale, vec![0, 1, 2, 3, 4, 5]));
        assert_eq!(of(&[1, 3, 2]), (2, 3, ColorType::Grayscale, vec![0, 1, 2, 3, 4, 5]));
        assert_eq!(of(&[2, 1, 3]), (3, 1, ColorType::GrayscaleAlpha, vec![0, 3, 1, 4, 2, 5]));
        assert_eq!(of(&[3, 1, 2]), (2, 1, ColorType::Rgb, vec![0, 2, 4, 1, 3, 5]));
        assert_eq!(of(&[4, 2, 1]), (1, 2, ColorType::Rgba, vec![0, 2, 4, 6, 1, 3, 5, 7]));
    }

    #[test]
    fn fractions_are_rounded_to_bytes_in_every_floating_type_and_layout() {
        let x = Tensor::from_vec(vec![0.0f32, 0.25, 0.5, 1.0], [2, 2]).unwrap();
        for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
            let x = x.to_dtype(dtype).unwrap();
            // 63.75 and 127.5.
            assert_eq!(decode(&encode(&x).unwrap()).3, [0, 64, 128, 255]);
            assert_eq!(decode(&encode(&x.transpose(0, 1).unwrap()).unwrap()).3, [0, 128, 64, 255]);
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let text = |x: Tensor| encode(&x).unwrap_err().to_string();
        for shape in [&[][..], &[4], &[5, 2, 2], &[0, 2, 2], &[1, 3, 2, 2]] {
            assert_eq!(
                text(Tensor::zeros(shape, DType::U8).unwrap()),
                format!(
                    "[events] an image must have the shape (H, W), or (C, H, W) with 1 to 4 channels; \
                     got the shape {shape:?}; take one image out of a batch, and put its channels in front"
                )
            );
        }
        assert_eq!(
            text(Tensor::zeros([3, 0, 2], DType::U8).unwrap()),
            "[events] an image must have 1 to 2147483647 rows and columns; got the shape [3, 0, 2]; \
             leave it out, or crop it"
        );
        for (x, name) in [(1.01, "1.01"), (-0.5, "-0.5"), (f64::NAN, "NaN")] {
            assert_eq!(
                text(Tensor::from_vec(vec![0.0, x], [1, 2]).unwrap()),
                format!(
                    "[events] pixels must lie in 0 to 1; got {name} at position 1; \
                     scale them, cut them with clamp(0.0, 1.0), or pass bytes"
                )
            );
        }
        let text = text(Tensor::zeros([2, 2], DType::I64).unwrap());
        assert!(text.ends_with("; convert with to_dtype"), "{text}");
    }

    #[test]
    fn only_a_png_file_is_taken_for_one() {
        let good = encode(&Tensor::zeros([3, 2, 5], DType::U8).unwrap()).unwrap();
        let start = Message::new().number(1, 2).number(2, 5).number(3, 3);
        assert!(message(&good).unwrap().as_bytes().starts_with(start.as_bytes()));
        for at in 0..16 {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(message(&bad).is_err(), "{at}");
        }
        for length in 0..26 {
            assert!(message(&good[..length]).is_err(), "{length}");
        }
        assert_eq!(
            message(b"GIF89a").unwrap_err().to_string(),
            "[events] the bytes must be a PNG file; got 6 bytes that begin with [47, 49, 46, 38, 39, 61]; \
             encode the picture first, or pass a tensor to image"
        );
    }
}

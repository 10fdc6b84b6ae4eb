//! Images that differ a little in every epoch.
//!
//! What happens to an image depends on the seed, the epoch and the number of its row: not on the batch that it is in, nor
//! on who asks for it.

use crate::color::Change;
use crate::dataset::{Batch, Source};
use crate::error::{Error, Result};
use tensor::{DType, Rng, Tensor};

/// One change to an image `(channels, height, width)`.
#[derive(Debug, Clone, PartialEq)]
pub enum Augment {
    /// With zeros around it, and then cut to its size at a random place.
    RandomCrop {
        /// Pixels added on each side.
        padding: usize,
    },
    /// Mirrored left to right.
    HorizontalFlip {
        /// How often.
        p: f64,
    },
    /// Mirrored top to bottom.
    VerticalFlip {
        /// How often.
        p: f64,
    },
    /// Turned around its middle, by straight lines between pixels, zeros coming in.
    Rotate {
        /// The largest angle, either way.
        degrees: f64,
    },
    /// A rectangle set to 0. Source: Zhong et al. 2017, arXiv:1708.04896.
    Erase {
        /// How often.
        p: f64,
        /// The share of the image's area, from and to.
        area: (f64, f64),
    },
    /// Brightness, contrast, saturation and hue changed, in random order, of images from 0 to 1 with three channels, red,
    /// green and blue, or one, which has no saturation and no hue. Before `Normalize`. torchvision's formulas.
    ColorJitter {
        /// How far the factor of the brightness lies from 1, either way, but not below 0. 0: left as it is.
        brightness: f64,
        /// The same for the contrast: the distance from the mean of the grey image.
        contrast: f64,
        /// The same for the saturation: the distance from grey.
        saturation: f64,
        /// How far the hue is turned, either way, in circles: up to 1/2.
        hue: f64,
    },
    /// Less the mean and over the deviation of each channel.
    Normalize {
        /// One for each channel.
        mean: Vec<f64>,
        /// One for each channel, not 0.
        std: Vec<f64>,
    },
}

const OP: &str = "augment";

fn invalid<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op: OP, rule, got, repair })
}

impl Augment {
    /// The means and deviations of the channels of `images` `(n, channels, ..)`, of the training part.
    pub fn normalize(images: &Tensor) -> Result<Self> {
        let axes: Vec<isize> = (0..images.rank() as isize).filter(|&axis| axis != 1).collect();
        let numbers = |x: Tensor| -> Result<Vec<f64>> { Ok(x.to_dtype(DType::F64)?.to_vec()?) };
        let std = numbers(images.var(&axes, 0)?)?.into_iter().map(f64::sqrt);
        // A channel that never changes stays as it is.
        let std = std.map(|s| if s > 0.0 { s } else { 1.0 }).collect();
        Ok(Augment::Normalize { mean: numbers(images.mean(&axes)?)?, std })
    }

    fn check(&self) -> Result<()> {
        match self {
            Augment::HorizontalFlip { p } | Augment::VerticalFlip { p } | Augment::Erase { p, .. }
                if !(0.0..=1.0).contains(p) =>
            {
                invalid("a probability must lie in 0..=1", p.to_string(), "use 0.5 or the like")
            }
            Augment::Erase { area: (low, high), .. } if !(0.0 <= *low && low <= high && *high <= 1.0) => {
                invalid(
                    "a share of the area must lie in 0..=1, the smaller first",
                    format!("{low} to {high}"),
                    "use (0.02, 0.2)",
                )
            }
            Augment::Rotate { degrees } if !(0.0..=180.0).contains(degrees) => {
                invalid("an angle must lie in 0..=180", degrees.to_string(), "use 10 or the like")
            }
            Augment::ColorJitter { brightness, contrast, saturation, .. }
                if ![brightness, contrast, saturation].iter().all(|s| **s >= 0.0 && s.is_finite()) =>
            {
                let got = format!("brightness {brightness}, contrast {contrast}, saturation {saturation}");
                invalid("strengths must be numbers of 0 or more", got, "use 0.2 or the like")
            }
            Augment::ColorJitter { hue, .. } if !(0.0..=0.5).contains(hue) => {
                invalid("a hue must turn by 0..=0.5", hue.to_string(), "use 0.1 or the like")
            }
            Augment::Normalize { mean, std }
                if mean.len() != std.len() || std.iter().any(|s| !s.is_normal()) =>
            {
                let got = format!("means {mean:?}, deviations {std:?}");
                invalid(
                    "there must be a mean and a deviation, not 0, for each channel",
                    got,
                    "fit them with Augment::normalize",
                )
            }
            _ => Ok(()),
        }
    }

    /// The change, written over `image`.
    fn apply(&self, image: &mut [f32], shape: [usize; 3], rng: &mut Rng) -> Result<()> {
        let [channels, height, width] = shape;
        let mut draw = || -> Result<f64> { Ok(rng.uniform([1], 0.0, 1.0, DType::F64)?.item()?) };
        match self {
            &Augment::RandomCrop { padding } => {
                let (dy, dx) = (draw()?, draw()?);
                // From −padding to padding.
                let place = |u: f64| (u * (2 * padding + 1) as f64) as isize - padding as isize;
                let (dy, dx) = (place(dy), place(dx));
                shifted(image, shape, dy, dx);
            }
            &Augment::HorizontalFlip { p } => {
                if draw()? < p {
                    image.chunks_exact_mut(width.max(1)).for_each(<[f32]>::reverse);
                }
            }
            &Augment::VerticalFlip { p } => {
                if draw()? < p {
                    for plane in image.chunks_exact_mut((height * width).max(1)) {
                        for y in 0..height / 2 {
                            let (top, bottom) = plane.split_at_mut((height - 1 - y) * width);
                            top[y * width..][..width].swap_with_slice(&mut bottom[..width]);
                        }
                    }
                }
            }
            &Augment::Rotate { degrees } => {
                let angle = (2.0 * draw()? - 1.0) * degrees.to_radians();
                rotate(image, shape, angle);
            }
            &Augment::Erase { p, area: (low, high) } => {
                let (hit, share, place_y, place_x, shape) = (draw()?, draw()?, draw()?, draw()?, draw()?);
                if hit < p {
                    let area = (low + (high - low) * share) * (height * width) as f64;
                    // Height over width from 1/3 to 3, evenly in its logarithm.
                    let ratio = libm::pow(3.0, 2.0 * shape - 1.0);
                    let side = |n: f64, most: usize| (n.round() as usize).clamp(1, most.max(1)).min(most);
                    let (h, w) = (side((area * ratio).sqrt(), height), side((area / ratio).sqrt(), width));
                    let (y, x) = (
                        (place_y * (height - h + 1) as f64) as usize,
                        (place_x * (width - w + 1) as f64) as usize,
                    );
                    for c in 0..channels {
                        for row in y..y + h {
                            image[(c * height + row) * width + x..][..w].fill(0.0);
                        }
                    }
                }
            }
            &Augment::ColorJitter { brightness, contrast, saturation, hue } => {
                if channels != 1 && channels != 3 {
                    let got = format!("{channels} channels");
                    return invalid(
                        "images must be grey, or red, green and blue, for their colours to change",
                        got,
                        "leave the step out, or select three channels",
                    );
                }
                let mut factor = |strength: f64| -> Result<f64> {
                    let (low, high) = ((1.0 - strength).max(0.0), 1.0 + strength);
                    Ok(low + (high - low) * draw()?)
                };
                let factors = [factor(brightness)?, factor(contrast)?, factor(saturation)?];
                let turn = (2.0 * draw()? - 1.0) * hue;
                let changes = [
                    (brightness, Change::Brightness(factors[0])),
                    (contrast, Change::Contrast(factors[1])),
                    (saturation, Change::Saturation(factors[2])),
                    (hue, Change::Hue(turn)),
                ];
                for i in rng.permutation(changes.len())? {
                    let (strength, change) = changes[i];
                    if strength > 0.0 {
                        change.apply(image, height * width);
                    }
                }
            }
            Augment::Normalize { mean, std } => {
                if mean.len() != channels {
                    let got = format!("{} for {channels} channels", mean.len());
                    return invalid(
                        "there must be a mean and a deviation for each channel",
                        got,
                        "fit them with Augment::normalize",
                    );
                }
                for (plane, (mean, std)) in
                    image.chunks_exact_mut((height * width).max(1)).zip(mean.iter().zip(std))
                {
                    plane.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) / std) as f32);
                }
            }
        }
        Ok(())
    }
}

/// Each pixel becomes the one `dy` rows below and `dx` columns to the right of it, or 0 outside.
fn shifted(image: &mut [f32], [_, height, width]: [usize; 3], dy: isize, dx: isize) {
    // Of a row, from where to where pixels come from inside.
    let from = (-dx).clamp(0, width as isize) as usize;
    let to = (width as isize - dx).clamp(from as isize, width as isize) as usize;
    let mut before = Vec::with_capacity(height * width);
    for plane in image.chunks_exact_mut((height * width).max(1)) {
        before.clear();
        before.extend_from_slice(plane);
        for (y, row) in plane.chunks_exact_mut(width).enumerate() {
            row.fill(0.0);
            let source = y as isize + dy;
            if (0..height as isize).contains(&source) && from < to {
                let start = source as usize * width + (from as isize + dx) as usize;
                row[from..to].copy_from_slice(&before[start..start + to - from]);
            }
        }
    }
}

/// Where a pixel comes from is counted in pixels of 2³² parts: adding and cutting off whole ones costs little, and gives
/// the same bits everywhere.
fn rotate(image: &mut [f32], [_, height, width]: [usize; 3], angle: f64) {
    const PIXEL: f64 = (1_i64 << 32) as f64;
    let (sin, cos) = libm::sincos(angle);
    let (cy, cx) = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
    // With two zeros on each side, so that all four neighbours of a pixel can be read, wherever it is taken from. Far
    // outside is zero as near outside is.
    let (wide, high) = (width + 4, height + 4);
    let (last_y, last_x) = (((height + 2) as i64) << 32, ((width + 2) as i64) << 32);
    let (step_y, step_x) = ((-sin * PIXEL) as i64, (cos * PIXEL) as i64);
    // The whole pixels, and the share of the next one.
    let split = |place: i64| ((place >> 32) as usize, (place as u32 >> 8) as f32 / 16_777_216.0);
    let mut before = vec![0.0f32; wide * high];
    for plane in image.chunks_exact_mut((height * width).max(1)) {
        for (y, row) in plane.chunks_exact(width).enumerate() {
            before[(y + 2) * wide + 2..][..width].copy_from_slice(row);
        }
        for (y, row) in plane.chunks_exact_mut(width).enumerate() {
            let dy = y as f64 - cy;
            let mut from_y = ((cy + cos * dy + sin * cx + 2.0) * PIXEL) as i64;
            let mut from_x = ((cx + sin * dy - cos * cx + 2.0) * PIXEL) as i64;
            for pixel in row {
                let ((y0, ty), (x0, tx)) = (split(from_y.clamp(0, last_y)), split(from_x.clamp(0, last_x)));
                let around = &before[y0 * wide + x0..][..wide + 2];
                let top = around[0] + (around[1] - around[0]) * tx;
                let bottom = around[wide] + (around[wide + 1] - around[wide]) * tx;
                *pixel = top + (bottom - top) * ty;
                from_y = from_y.wrapping_add(step_y);
                from_x = from_x.wrapping_add(step_x);
            }
        }
    }
}

/// A source whose images `(n, channels, height, width)` of F32 are changed anew in every epoch.
///
/// ```
/// use data::{Augment, Augmented, Source};
/// let digits = data::digits()?.map_features(|x| Ok(x.reshape([1797, 1, 8, 8])?))?;
/// let source = Augmented::new(&digits, vec![Augment::RandomCrop { padding: 1 }, Augment::Rotate { degrees: 10.0 }], 7)?;
/// let (first, again) = (source.batch_in(0, &[5])?, source.batch_in(0, &[3, 5])?);
/// assert!(first.features.bit_eq(&again.features.narrow(0, 1, 1)?));
/// assert!(!first.features.bit_eq(&source.batch_in(1, &[5])?.features));
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Augmented<'a, S: Source + ?Sized> {
    source: &'a S,
    steps: Vec<Augment>,
    seed: u64,
}

impl<'a, S: Source + ?Sized> Augmented<'a, S> {
    /// `source` with `steps` done to each image, one after another. Errors: `InvalidArgument` for a step that cannot be.
    pub fn new(source: &'a S, steps: Vec<Augment>, seed: u64) -> Result<Self> {
        steps.iter().try_for_each(Augment::check)?;
        Ok(Self { source, steps, seed })
    }
}

impl<S: Source + ?Sized> Source for Augmented<'_, S> {
    fn len(&self) -> usize {
        self.source.len()
    }

    /// The rows as in epoch 0.
    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        self.batch_in(0, rows)
    }

    fn batch_in(&self, epoch: u64, rows: &[usize]) -> Result<Batch> {
        let batch = self.source.batch_in(epoch, rows)?;
        let &[_, c, h, w] = batch.features.shape() else {
            let got = format!("{:?}", batch.features.shape());
            return invalid("images must be (n, channels, height, width)", got, "reshape the features");
        };
        if batch.features.dtype() != DType::F32 {
            let got = batch.features.dtype().to_string();
            return invalid("images must be of F32", got, "convert the features with to_dtype");
        }
        let mut values = batch.features.to_vec::<f32>()?;
        let of_epoch = Rng::seed(self.seed).stream(epoch);
        for (image, &row) in values.chunks_exact_mut((c * h * w).max(1)).zip(rows) {
            let mut rng = of_epoch.stream(row as u64);
            for step in &self.steps {
                step.apply(image, [c, h, w], &mut rng)?;
            }
        }
        Ok(Batch { features: Tensor::from_vec(values, batch.features.shape())?, targets: batch.targets })
    }
}

/// A batch mixed with itself.
#[derive(Clone)]
pub struct Mixup {
    /// `λ·x + (1 − λ)·x'` with x' another image of the batch.
    pub features: Tensor,
    /// `λ·t + (1 − λ)·t'`, the targets being probabilities `(n, classes)`, which cross-entropy takes.
    pub targets: Tensor,
}

/// Mixes each row with a random one, perhaps itself, with one λ for the batch, drawn so that λ is uniform in 1/2..1.
///
/// Labels `(n)` of I64 become probabilities. Source: Zhang et al. 2018, arXiv:1710.09412, whose λ has the distribution
/// Beta(α, α); for α = 1 that is uniform in 0..1, and mixing is symmetric.
/// Errors: those of the tensor operations.
pub fn mixup(batch: &Batch, classes: usize, rng: &mut Rng) -> Result<Mixup> {
    let n = batch.features.shape().first().copied().unwrap_or(0);
    let order = rng.permutation(n)?.into_iter().map(|i| i as i64).collect();
    let order = Tensor::from_vec(order, [n])?;
    let lambda = rng.uniform([1], 0.5, 1.0, DType::F64)?.item()?;
    let mixed = |x: &Tensor| -> Result<Tensor> {
        Ok(x.mul_scalar(lambda)?.add(&x.index_select(0, &order)?.mul_scalar(1.0 - lambda)?)?)
    };
    Ok(Mixup {
        features: mixed(&batch.features)?,
        targets: mixed(&batch.targets.one_hot(classes, batch.features.dtype())?)?,
    })
}

#[cfg(test)]
mod tests;

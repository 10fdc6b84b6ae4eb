//! Starting values of parameters.
//!
//! `fan_in` and `fan_out` of a weight `(d_out, d_in, ..kernel)` are d_in and d_out times the product of the kernel
//! sizes. Variances are stated for the weight's elements.

use crate::error::{Error, Result};
use tensor::{DType, Rng, Tensor};

/// A distribution of starting values.
///
/// ```
/// use nn::init::Init;
/// use tensor::{DType, Rng};
/// let w = Init::HeNormal.tensor([256, 128], DType::F64, &mut Rng::seed(0))?;
/// let variance = w.var(&[], 0)?.item()?;
/// assert!((variance - 2.0 / 128.0).abs() < 0.03 * 2.0 / 128.0);
/// # Ok::<(), nn::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Every element the same.
    Constant(f64),
    /// Uniform in `[-limit, limit)`.
    Uniform {
        /// The bound.
        limit: f64,
    },
    /// Normal around 0.
    Normal {
        /// The standard deviation.
        std: f64,
    },
    /// Normal around 0, drawn again outside two standard deviations; `std` is that of the normal before truncation, as
    /// in PyTorch and BERT.
    TruncatedNormal {
        /// The standard deviation.
        std: f64,
    },
    /// Uniform, variance 2/(fan_in + fan_out). Source: Glorot & Bengio 2010, eq. (16).
    XavierUniform,
    /// Normal, variance 2/(fan_in + fan_out).
    XavierNormal,
    /// Uniform, variance 2/fan_in, for rectifiers. Source: He et al. 2015, eq. (10).
    HeUniform,
    /// Normal, variance 2/fan_in.
    HeNormal,
    /// Uniform, variance 1/fan_in. Source: LeCun et al. 1998, eq. (16).
    LecunUniform,
    /// Normal, variance 1/fan_in.
    LecunNormal,
    /// Uniform in ±1/√fan_in, variance 1/(3·fan_in): what PyTorch's layers start with.
    FanIn,
}

/// `(fan_in, fan_out)` of a weight `(d_out, d_in, ..kernel)`.
///
/// Errors: `InvalidArgument` below two axes.
pub fn fans(shape: &[usize]) -> Result<(usize, usize)> {
    match shape {
        [d_out, d_in, kernel @ ..] => {
            // Sizes whose product overflows are refused where the tensor is made.
            let times_taps = |d: usize| kernel.iter().fold(d, |n, &k| n.saturating_mul(k));
            Ok((times_taps(*d_in), times_taps(*d_out)))
        }
        _ => Err(Error::InvalidArgument {
            op: "init",
            rule: "a weight whose variance depends on its fans must have two axes at least",
            got: format!("shape {shape:?}"),
            repair: "use Constant, Uniform or Normal",
        }),
    }
}

impl Init {
    /// A tensor of starting values. Takes one stream from `rng`, whatever is drawn.
    ///
    /// Errors: `InvalidArgument` where a variance depends on fans that the shape has not, or a bound or deviation is
    /// negative or not finite.
    pub fn tensor(self, shape: impl AsRef<[usize]>, dtype: DType, rng: &mut Rng) -> Result<Tensor> {
        let shape = shape.as_ref();
        let rng = &mut rng.split();
        let normal = |variance: f64, rng: &mut Rng| Ok(rng.normal(shape, 0.0, variance.sqrt(), dtype)?);
        // A uniform variable in ±a has variance a²/3.
        let uniform = |variance: f64, rng: &mut Rng| limited(shape, (3.0 * variance).sqrt(), dtype, rng);
        match self {
            Init::Constant(value) => Ok(Tensor::full(shape, value, dtype)?),
            Init::Uniform { limit } => limited(shape, limit, dtype, rng),
            Init::Normal { std } => Ok(rng.normal(shape, 0.0, std, dtype)?),
            Init::TruncatedNormal { std } => truncated(shape, std, dtype, rng),
            _ => {
                let (fan_in, fan_out) = fans(shape)?;
                let mean = ((fan_in as f64 + fan_out as f64) / 2.0).max(0.5);
                let fan_in = fan_in.max(1) as f64;
                match self {
                    Init::XavierUniform => uniform(1.0 / mean, rng),
                    Init::XavierNormal => normal(1.0 / mean, rng),
                    Init::HeUniform => uniform(2.0 / fan_in, rng),
                    Init::HeNormal => normal(2.0 / fan_in, rng),
                    Init::LecunUniform => uniform(1.0 / fan_in, rng),
                    Init::LecunNormal => normal(1.0 / fan_in, rng),
                    _ => uniform(1.0 / (3.0 * fan_in), rng),
                }
            }
        }
    }
}

fn limited(shape: &[usize], limit: f64, dtype: DType, rng: &mut Rng) -> Result<Tensor> {
    if limit == 0.0 {
        return Ok(Tensor::zeros(shape, dtype)?);
    }
    Ok(rng.uniform(shape, -limit, limit, dtype)?)
}

/// Elements outside two deviations are taken from a further draw, until none is outside.
fn truncated(shape: &[usize], std: f64, dtype: DType, rng: &mut Rng) -> Result<Tensor> {
    if !(std >= 0.0 && std.is_finite()) {
        return Err(Error::InvalidArgument {
            op: "init",
            rule: "a standard deviation must be finite and not negative",
            got: std.to_string(),
            repair: "use 0.02 or the like",
        });
    }
    let mut x = rng.normal(shape, 0.0, 1.0, dtype)?;
    loop {
        let outside = x.abs()?.gt(&Tensor::scalar(2.0f64).to_dtype(dtype)?)?;
        if outside.to_dtype(DType::I64)?.sum(&[])?.item()? == 0.0 {
            return Ok(x.mul_scalar(std)?);
        }
        x = Tensor::where_(&outside, &rng.normal(shape, 0.0, 1.0, dtype)?, &x)?;
    }
}

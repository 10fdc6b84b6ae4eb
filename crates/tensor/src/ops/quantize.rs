//! Weights kept narrower than what is computed in, for inference.

use super::matmul::{flat_rows, linear_sizes, matrix};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::flops;
use crate::kernels::matmul::{Epilogue, int8, matmul_narrow};
use crate::tensor::Tensor;
use half::bf16;

impl Tensor {
    /// The elements as I8, `q`, and an F32 scale for each place of `axis`, so that `x ≈ q·scale` with an error of half a
    /// scale at most, of more by rounding alone: `scale = max|x|/127` over the other axes, `q = x/scale` to the nearest,
    /// ties to even.
    ///
    /// Shapes: any → the same, and the scale with 1 for every axis but `axis`. Errors: `DTypeMismatch` unless F32;
    /// `InvalidAxis`; `InvalidArgument` for elements that are not finite.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let x = Tensor::from_slice(&[1.27f32, -0.5, 0.004, 2.54, 0.0, -0.03], [2, 3])?;
    /// let (q, scale) = x.quantized(0)?;
    /// assert_eq!(q.to_vec::<i8>()?, [127, -50, 0, 127, 0, -2]); // −0.03/0.02 is a tie, to rounding
    /// assert_eq!(scale.shape(), [2, 1]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn quantized(&self, axis: isize) -> Result<(Tensor, Tensor)> {
        let op = "quantized";
        if self.dtype() != DType::F32 {
            return Err(Error::DTypeMismatch {
                op,
                rule: "elements must be f32",
                dtypes: vec![self.dtype()],
                repair: "convert them with to_dtype first",
            });
        }
        let axis = crate::layout::resolve_axis(op, axis, self.rank())?;
        let mut shape = self.dims().clone();
        shape.iter_mut().enumerate().filter(|(i, _)| *i != axis).for_each(|(_, d)| *d = 1);
        if self.len() == 0 {
            return Ok((
                self.to_dtype(DType::I8)?,
                Tensor::full(&shape[..], f64::from(f32::MIN_POSITIVE), DType::F32)?,
            ));
        }
        let others: Vec<isize> = (0..self.rank()).filter(|&i| i != axis).map(|i| i as isize).collect();
        let most = if others.is_empty() { self.abs()? } else { self.abs()?.max(&others)? };
        let most = most.to_vec::<f32>()?;
        if let Some(i) = most.iter().position(|most| !most.is_finite()) {
            return Err(Error::InvalidArgument {
                op,
                rule: "elements must be finite",
                got: format!("{} at place {i} of axis {axis}", most[i]),
                repair: "look for where the model diverged",
            });
        }
        // Zeros have a scale too, which they are divided by.
        let scale = most.iter().map(|most| (most / 127.0).max(f32::MIN_POSITIVE)).collect();
        let scale = Tensor::from_vec::<f32>(scale, &shape[..])?;
        let q = self.div(&scale)?.round()?.clamp(-127.0, 127.0)?.to_dtype(DType::I8)?;
        Ok((q, scale))
    }

    /// `y = (x·wᵀ)∘scale + b`, and `max(y, 0)` if `relu`, with a weight that is kept narrow: for inference, where one row
    /// waits for the weight to be read.
    ///
    /// The weight is widened exactly as it is read, a few rows in registers, and sums are those of [`Tensor::linear`]: the
    /// result has the bits of `x.linear(&weight.to_dtype(F32)?, ..)`, and where there is a scale, of that times the scale,
    /// plus the bias.
    ///
    /// Shapes: x F32 `(.., d_in)`, weight BF16 or I8 `(d_out, d_in)`, scale and bias F32 `(d_out)` → F32 `(.., d_out)`.
    /// Errors: `ShapeMismatch`, `DTypeMismatch`.
    ///
    /// ```
    /// use tensor::{DType, Tensor};
    /// let w = Tensor::from_slice(&[1.5f32, -2.0, 0.25, 3.0], [2, 2])?;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0], [2])?;
    /// let y = x.linear_narrow(&w.to_dtype(DType::BF16)?, None, None, false)?;
    /// assert_eq!(y.to_vec::<f32>()?, [-2.5, 6.25]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn linear_narrow(
        &self,
        weight: &Tensor,
        scale: Option<&Tensor>,
        bias: Option<&Tensor>,
        relu: bool,
    ) -> Result<Tensor> {
        let wide = [Some(self), scale, bias];
        let wrong = wide.into_iter().flatten().find(|x| x.dtype() != DType::F32);
        if wrong.is_some() || !matches!(weight.dtype(), DType::BF16 | DType::I8) {
            return Err(Error::DTypeMismatch {
                op: "linear",
                rule: "a narrow weight must be bf16 or i8, and everything else f32",
                dtypes: vec![wrong.unwrap_or(self).dtype(), weight.dtype()],
                repair: "convert with to_dtype first",
            });
        }
        let (shape, d_in) = linear_sizes(self, weight, bias)?;
        scale.map_or(Ok(()), |scale| check_scale(scale, weight))?;
        let (x, flat) = flat_rows(self, d_in)?;
        let [scale, bias] = [scale, bias].map(|each| each.map(Tensor::contiguous).transpose());
        let (scale, bias) = (scale?, bias?);
        let [scale, bias] = [&scale, &bias].map(|each| each.as_ref().and_then(|t| t.as_slice::<f32>()));
        let weight = if weight.layout().strides.contains(&1) { weight.clone() } else { weight.copied()? };
        let mut done = Ok(());
        let y = Tensor::build("linear", &shape, |out: &mut [f32]| {
            flops::count([out.len(), d_in]);
            let (a, offset) = (matrix(&x, &flat, flat.offset), weight.layout().offset);
            let epilogue = Epilogue { bias, relu };
            done = match weight.dtype() {
                DType::BF16 => {
                    let w = matrix::<bf16>(&weight, weight.layout(), offset).t();
                    matmul_narrow(out, a, w, scale, epilogue)
                }
                _ => {
                    let w = matrix::<i8>(&weight, weight.layout(), offset).t();
                    matmul_narrow(out, a, w, scale, epilogue)
                }
            };
        })?;
        done.map(|()| y)
    }
    /// `y ≈ (x·wᵀ)∘scale + b`, and `max(y, 0)` if `relu`, by products of bytes: each row of x is rounded to I8 by a scale of
    /// its own, `max|x|/127`, as it comes.
    ///
    /// With the instructions for it (AVX-512 VNNI) a product of bytes takes about a quarter of the time of one of F32. Sums are
    /// exact, so that the rounding of x is all that [`Tensor::linear_narrow`] is not: an error of
    /// `max|x|/254 · Σ|w|·scale` at most. A row has the same bits alone and among others, at any level and number of threads.
    /// A row that is not finite gives NaN; one below 2⁻¹⁰⁰ counts as 0.
    ///
    /// Shapes: x F32 `(.., d_in)`, d_in at most 65,536, weight I8 `(d_out, d_in)`, scale and bias F32 `(d_out)` → F32
    /// `(.., d_out)`. A weight whose rows are not contiguous is copied. Errors: `ShapeMismatch`, `DTypeMismatch`,
    /// `InvalidArgument`.
    ///
    /// ```
    /// use tensor::{DType, Tensor};
    /// let (w, scale) = Tensor::from_slice(&[1.0f32, -0.5, 0.25, 2.0], [2, 2])?.quantized(0)?;
    /// let x = Tensor::from_slice(&[127.0f32, 64.0], [2])?; // bytes already
    /// let y = x.linear_dynamic(&w, &scale.reshape([2])?, None, false)?;
    /// let exact = x.linear_narrow(&w, Some(&scale.reshape([2])?), None, false)?;
    /// assert!(y.all_close(&exact, 1e-6, 0.0)?);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn linear_dynamic(
        &self,
        weight: &Tensor,
        scale: &Tensor,
        bias: Option<&Tensor>,
        relu: bool,
    ) -> Result<Tensor> {
        let wide = [Some(self), Some(scale), bias];
        let wrong = wide.into_iter().flatten().find(|x| x.dtype() != DType::F32);
        if wrong.is_some() || weight.dtype() != DType::I8 {
            return Err(Error::DTypeMismatch {
                op: "linear_dynamic",
                rule: "the weight must be i8, and everything else f32",
                dtypes: vec![wrong.unwrap_or(self).dtype(), weight.dtype()],
                repair: "quantize the weight, and convert the others with to_dtype",
            });
        }
        let (shape, k) = linear_sizes(self, weight, bias)?;
        check_scale(scale, weight)?;
        if k > int8::MOST {
            return Err(Error::InvalidArgument {
                op: "linear_dynamic",
                rule: "a sum of products of bytes has room for 65,536 of them",
                got: format!("d_in {k}"),
                repair: "use linear_narrow, or split the features",
            });
        }
        let m = shape[..shape.len() - 1].iter().product();
        let (x, weight, scale) = (self.contiguous()?, weight.contiguous()?, scale.contiguous()?);
        let bias = bias.map(Tensor::contiguous).transpose()?;
        let mut bytes = Buffer::new("linear_dynamic", m * k, DType::U8)?;
        let mut scales = Buffer::new("linear_dynamic", m, DType::F32)?;
        let (bytes, scales) =
            (&mut bytes.as_mut_slice::<u8>()[..m * k], &mut scales.as_mut_slice::<f32>()[..m]);
        int8::quantize_rows(x.as_slice().unwrap_or_default(), k, bytes, scales);
        let w = int8::Weight {
            bytes: weight.as_slice().unwrap_or_default(),
            scales: scale.as_slice().unwrap_or_default(),
        };
        let x = int8::Rows { bytes, scales };
        Tensor::build("linear_dynamic", &shape, |out: &mut [f32]| {
            flops::count([out.len(), k]);
            let bias = bias.as_ref().and_then(|b| b.as_slice::<f32>());
            int8::product(out, &x, &w, k, Epilogue { bias, relu });
        })
    }
}

fn check_scale(scale: &Tensor, weight: &Tensor) -> Result<()> {
    if *scale.shape() == weight.shape()[..1] {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        op: "linear",
        rule: "the scale must have one element for each row of the weight",
        shapes: vec![scale.shape().to_vec(), weight.shape().to_vec()],
        repair: "give it shape (d_out)",
    })
}

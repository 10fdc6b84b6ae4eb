//! Normalisation over the last axes: layer norm, root-mean-square norm, and their gradients.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::widen::in_wider;
use crate::dtype::Number;
use crate::error::{Error, Result};
use crate::kernels::layer_norm::{Norm, grad_room, norm, norm_grad};
use crate::tensor::{Tensor, with_dtype};
use smallvec::SmallVec;

const FLOATS: &str = "the operand must be a float";

/// Checks what all four functions check; the elements of a row.
fn checked(
    op: &'static str,
    x: &Tensor,
    axes: &[usize],
    eps: f64,
    others: [Option<&Tensor>; 2],
) -> Result<usize> {
    if axes.is_empty() || !x.shape().ends_with(axes) {
        return Err(Error::ShapeMismatch {
            op,
            rule: "the operand's last axes must have the normalised sizes, of which there is one at least",
            shapes: vec![x.shape().to_vec(), axes.to_vec()],
            repair: "name the sizes of the last axes",
        });
    }
    if !(eps >= 0.0 && eps.is_finite()) {
        return Err(Error::InvalidArgument {
            op,
            rule: "eps must be a number of 0 or more",
            got: eps.to_string(),
            repair: "use 1e-5 or so",
        });
    }
    for other in others.into_iter().flatten() {
        same_dtype(op, x, other)?;
        if other.shape() != axes {
            return Err(Error::ShapeMismatch {
                op,
                rule: "weight and bias must have the normalised sizes",
                shapes: vec![other.shape().to_vec(), axes.to_vec()],
                repair: "give them one element for each that is normalised together",
            });
        }
    }
    Ok(axes.iter().product())
}

/// `other`, or `fill` everywhere.
fn or_full(other: Option<&Tensor>, like: &Tensor, len: usize, fill: f64) -> Result<Tensor> {
    other.map_or_else(|| Tensor::full([len], fill, like.dtype()), Tensor::contiguous)
}

fn forward(
    op: &'static str,
    x: &Tensor,
    axes: &[usize],
    [weight, bias]: [Option<&Tensor>; 2],
    eps: f64,
    center: bool,
) -> Result<Tensor> {
    let len = checked(op, x, axes, eps, [weight, bias])?;
    let operands: SmallVec<[&Tensor; 3]> = [Some(x), weight, bias].into_iter().flatten().collect();
    let of = |x: &[&Tensor]| {
        let weight = weight.map(|_| x[1]);
        forward(op, x[0], axes, [weight, bias.map(|_| x[x.len() - 1])], eps, center)
    };
    in_wider!(narrowed of &operands, of);
    with_dtype!(x.dtype(), T, float => {
        let (x, w, b) = (x.contiguous()?, or_full(weight, x, len, 1.0)?, or_full(bias, x, len, 0.0)?);
        let [data, w, b] = [&x, &w, &b].map(|t| t.as_slice::<T>().unwrap_or_default());
        Tensor::build(op, x.shape(), |out: &mut [T]| {
            if !out.is_empty() {
                norm(data, w, b, Norm { len, eps, center }, out);
            }
        })
    }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
}

fn gradient(
    op: &'static str,
    x: &Tensor,
    axes: &[usize],
    weight: Option<&Tensor>,
    eps: f64,
    g: &Tensor,
    center: bool,
) -> Result<Tensor> {
    let len = checked(op, x, axes, eps, [weight, None])?;
    same_dtype(op, x, g)?;
    if x.shape() != g.shape() {
        return Err(Error::ShapeMismatch {
            op,
            rule: "the gradient must have the result's shape",
            shapes: vec![x.shape().to_vec(), g.shape().to_vec()],
            repair: "expand the gradient",
        });
    }
    let operands: SmallVec<[&Tensor; 3]> = [Some(x), Some(g), weight].into_iter().flatten().collect();
    in_wider!(narrowed of &operands, |x| gradient(op, x[0], axes, x.get(2).copied(), eps, x[1], center));
    let rows: usize = x.shape()[..x.rank() - axes.len()].iter().product();
    let sums = usize::from(weight.is_some()) * (1 + usize::from(center));
    with_dtype!(x.dtype(), T, float => {
        let (x, g, w) = (x.contiguous()?, g.contiguous()?, or_full(weight, x, len, 1.0)?);
        let [x, g, w] = [&x, &g, &w].map(|t| t.as_slice::<T>().unwrap_or_default());
        let mut room = Tensor::build(op, &[if len == 0 { 0 } else { grad_room(rows, len) }], |_: &mut [T]| {})?;
        let room = room.as_mut_slice::<T>().unwrap_or_default();
        Tensor::build(op, &[rows + sums, len], |out: &mut [T]| {
            if len == 0 {
                return;
            }
            let (dx, out) = out.split_at_mut(rows * len);
            norm_grad(x, g, w, Norm { len, eps, center }, dx, room);
            match rows {
                0 => out.fill(T::ZERO),
                _ => out.copy_from_slice(&room[..out.len()]),
            }
        })
    }, else dtype => Err(wrong_dtype(op, FLOATS, dtype)))
}

impl Tensor {
    /// `(x − mean)/√(var + eps)·weight + bias` over the last axes, whose sizes are `axes`; mean and variance (without
    /// Bessel's correction) are those of the elements normalised together.
    ///
    /// Shapes: x `(.., axes)`, weight and bias `axes`. A row alone gives the same bits as in a batch. Source: Ba,
    /// Kiros and Hinton 2016. Errors: `ShapeMismatch`, `DTypeMismatch`, `InvalidArgument` for a negative eps.
    ///
    /// ```
    /// let x = tensor::Tensor::from_vec(vec![1.0, 3.0], [1, 2])?;
    /// assert_eq!(x.layer_norm(&[2], None, None, 0.0)?.to_vec::<f64>()?, [-1.0, 1.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn layer_norm(
        &self,
        axes: &[usize],
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Result<Tensor> {
        forward("layer_norm", self, axes, [weight, bias], eps, true)
    }

    /// `x/√(mean x² + eps)·weight` over the last axes, whose sizes are `axes`. Otherwise as [`Tensor::layer_norm`].
    ///
    /// Source: Zhang and Sennrich 2019, with the usual eps.
    pub fn rms_norm(&self, axes: &[usize], weight: Option<&Tensor>, eps: f64) -> Result<Tensor> {
        forward("rms_norm", self, axes, [weight, None], eps, false)
    }

    /// The gradients of [`Tensor::layer_norm`] from its operand (this tensor) and the gradient `g` of its result, in
    /// one pass: rows of dx, and then, if there is a weight, one row of dweight and one of dbias.
    ///
    /// Shapes: `(rows + 2, n)`, or `(rows, n)` without a weight, where n elements are normalised together. Errors: as
    /// `layer_norm`, and `ShapeMismatch` unless `g` has this tensor's shape.
    pub fn layer_norm_grad(
        &self,
        axes: &[usize],
        weight: Option<&Tensor>,
        eps: f64,
        g: &Tensor,
    ) -> Result<Tensor> {
        gradient("layer_norm_grad", self, axes, weight, eps, g, true)
    }

    /// The gradients of [`Tensor::rms_norm`], as in [`Tensor::layer_norm_grad`] but without the row of dbias.
    pub fn rms_norm_grad(
        &self,
        axes: &[usize],
        weight: Option<&Tensor>,
        eps: f64,
        g: &Tensor,
    ) -> Result<Tensor> {
        gradient("rms_norm_grad", self, axes, weight, eps, g, false)
    }
}

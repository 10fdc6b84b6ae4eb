//! Matrix products in all of NumPy's ranks, and the affine map of a linear layer.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::widen::in_wider;
use crate::dtype::Element;
use crate::error::{Error, Result};
use crate::flops;
use crate::kernels::matmul::{Epilogue, Mat, batched, matmul};
use crate::layout::{Dims, Layout, broadcast_shapes};
use crate::loops::walk::Walk;
use crate::tensor::{Tensor, with_dtype};
use smallvec::SmallVec;

const FLOATS: &str = "operands must be floats";

/// The last two axes of `layout`, as a matrix at `offset`.
pub(crate) fn matrix<'a, T: Element>(x: &'a Tensor, layout: &Layout, offset: usize) -> Mat<'a, T> {
    let rank = layout.shape.len();
    Mat {
        data: x.data(),
        offset,
        rows: layout.shape[rank - 2],
        cols: layout.shape[rank - 1],
        row_stride: layout.strides[rank - 2],
        col_stride: layout.strides[rank - 1],
    }
}

/// The offset of each matrix, in row-major order of the leading axes under `batch`.
pub(crate) fn offsets(layout: &Layout, batch: &[usize]) -> Vec<usize> {
    let lead = layout.shape.len() - 2;
    let leading = Layout {
        shape: Dims::from_slice(&layout.shape[..lead]),
        strides: layout.strides[..lead].into(),
        offset: layout.offset,
    };
    let leading = leading.expanded(batch);
    let walk = Walk::new([&leading]);
    let mut out = Vec::with_capacity(leading.len());
    walk.runs(0..leading.len(), |_, [at], len| {
        out.extend((0..len).map(|i| (at as isize + i as isize * walk.inner[0]) as usize));
    });
    out
}

/// The shape of `x·wᵀ + b`, and d_in. Errors: `ShapeMismatch`.
pub(crate) fn linear_sizes(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<(Dims, usize)> {
    let d_in = *x.shape().last().unwrap_or(&0);
    if x.rank() == 0 || weight.rank() != 2 || weight.shape()[1] != d_in {
        return Err(Error::ShapeMismatch {
            op: "linear",
            rule: "the last axis of the input must equal the second axis of the weight (d_out, d_in)",
            shapes: vec![x.shape().to_vec(), weight.shape().to_vec()],
            repair: "change d_in of the layer or the features of the input",
        });
    }
    let d_out = weight.shape()[0];
    if let Some(bias) = bias
        && bias.shape() != [d_out]
    {
        return Err(Error::ShapeMismatch {
            op: "linear",
            rule: "the bias must have one element for each row of the weight",
            shapes: vec![bias.shape().to_vec(), weight.shape().to_vec()],
            repair: "give it shape (d_out)",
        });
    }
    let mut shape = x.dims().clone();
    shape[x.rank() - 1] = d_out;
    Ok((shape, d_in))
}

/// `x`, or a copy, and the layout of all its rows of `d_in`.
pub(crate) fn flat_rows(x: &Tensor, d_in: usize) -> Result<(Tensor, Layout)> {
    let rows: usize = x.shape()[..x.rank() - 1].iter().product();
    Ok(match x.layout().reshaped(&[rows, d_in]) {
        Some(flat) => (x.clone(), flat),
        None => (x.copied()?, Layout::contiguous(&[rows, d_in])),
    })
}

impl Tensor {
    /// The matrix product: `(.., m, k) · (.., k, n) → (.., m, n)`, leading axes broadcast; a vector stands for a row on
    /// the left and for a column on the right, and its axis is dropped from the result.
    ///
    /// Each element is a chain of fused multiply-adds over blocks of 512, blocks added in order, whatever the shapes,
    /// strides and threads: a row alone gives the same bits as the same row in a batch.
    ///
    /// Errors: `ShapeMismatch` where inner sizes differ, leading axes do not broadcast or an operand is a scalar;
    /// `DTypeMismatch` unless both are floats of one type.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let a = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], [2, 2])?;
    /// let x = Tensor::from_vec(vec![1.0, -1.0], [2])?;
    /// assert_eq!(a.matmul(&x)?.to_vec::<f64>()?, [-1.0, -1.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn matmul(&self, b: &Tensor) -> Result<Tensor> {
        in_wider!(narrowed[self, b], |x| x[0].matmul(x[1]));
        let a = self;
        let dtype = same_dtype("matmul", a, b)?;
        let refuse = |rule, repair| Error::ShapeMismatch {
            op: "matmul",
            rule,
            shapes: vec![a.shape().to_vec(), b.shape().to_vec()],
            repair,
        };
        if a.rank() == 0 || b.rank() == 0 {
            return Err(refuse("operands must have at least one axis", "multiply by a scalar with mul"));
        }
        let (mut la, mut lb) = (a.layout().clone(), b.layout().clone());
        if a.rank() == 1 {
            la = la.with_axis(0);
        }
        if b.rank() == 1 {
            lb = lb.with_axis(1);
        }
        let (ra, rb) = (la.shape.len(), lb.shape.len());
        let (m, k, n) = (la.shape[ra - 2], la.shape[ra - 1], lb.shape[rb - 1]);
        if k != lb.shape[rb - 2] {
            return Err(refuse(
                "the last axis of the left operand must equal the second-to-last of the right",
                "transpose one operand with t()",
            ));
        }
        // Many matrices times one: the leading axes are rows.
        if rb == 2
            && ra > 2
            && a.rank() > 1
            && let Some(flat) = la.reshaped(&[la.len() / k.max(1), k])
            && k > 0
        {
            let mut shape = Dims::from_slice(&la.shape[..ra - 1]);
            if b.rank() > 1 {
                shape.push(n);
            }
            return with_dtype!(dtype, T, float => Tensor::build("matmul", &shape, |out: &mut [T]| {
                flops::count([out.len(), k]);
                matmul(out, matrix(a, &flat, flat.offset), matrix(b, &lb, lb.offset), Epilogue::NONE);
            }), else dtype => Err(wrong_dtype("matmul", FLOATS, dtype)));
        }
        let batch = broadcast_shapes("matmul", &la.shape[..ra - 2], &lb.shape[..rb - 2]).map_err(|_| {
            refuse("the axes before the last two must broadcast", "reshape or expand one operand")
        })?;
        let mut shape = batch.clone();
        if a.rank() > 1 {
            shape.push(m);
        }
        if b.rank() > 1 {
            shape.push(n);
        }
        with_dtype!(dtype, T, float => Tensor::build("matmul", &shape, |out: &mut [T]| {
            flops::count([out.len(), k]);
            match batch.is_empty() {
                // There may be more matrices without elements than offsets fit in memory.
                _ if out.is_empty() => {}
                true => matmul(out, matrix(a, &la, la.offset), matrix(b, &lb, lb.offset), Epilogue::NONE),
                false => batched(out, matrix(a, &la, 0), &offsets(&la, &batch),
                                 matrix(b, &lb, 0), &offsets(&lb, &batch)),
            }
        }), else dtype => Err(wrong_dtype("matmul", FLOATS, dtype)))
    }

    /// `y = x·wᵀ + b`, and `max(y, 0)` if `relu`: the map of a linear layer, in one pass over the result.
    ///
    /// Shapes: x `(.., d_in)`, weight `(d_out, d_in)`, bias `(d_out)` → `(.., d_out)`.
    ///
    /// Errors: `ShapeMismatch`, `DTypeMismatch`.
    pub fn linear(&self, weight: &Tensor, bias: Option<&Tensor>, relu: bool) -> Result<Tensor> {
        let operands: SmallVec<[&Tensor; 3]> =
            [Some(self), Some(weight), bias].into_iter().flatten().collect();
        in_wider!(narrowed of &operands, |x| x[0].linear(x[1], x.get(2).copied(), relu));
        let x = self;
        let dtype = same_dtype("linear", x, weight)?;
        let (shape, d_in) = linear_sizes(x, weight, bias)?;
        if let Some(bias) = bias {
            same_dtype("linear", x, bias)?;
        }
        let (x, flat) = flat_rows(x, d_in)?;
        let bias = bias.map(Tensor::contiguous).transpose()?;
        with_dtype!(dtype, T, float => Tensor::build("linear", &shape, |out: &mut [T]| {
            flops::count([out.len(), d_in]);
            let bias = bias.as_ref().and_then(|b| b.as_slice::<T>());
            let weight = matrix(weight, weight.layout(), weight.layout().offset);
            matmul(out, matrix(&x, &flat, flat.offset), weight.t(), Epilogue { bias, relu });
        }), else dtype => Err(wrong_dtype("linear", FLOATS, dtype)))
    }
}

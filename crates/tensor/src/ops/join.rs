//! Several tensors made one, or one repeated.

use super::arithmetic::same_dtype;
use crate::error::{Error, Result};
use crate::layout::{Dims, checked_len, resolve_axis};
use crate::loops::copy::copy_into;
use crate::parallel::for_chunks;
use crate::tensor::Tensor;
use crate::word::{Plain, with_words};

/// Elements a thread takes at a time.
const GRAIN: usize = 1 << 15;

/// The first of several tensors, which there must be.
fn first<'a>(op: &'static str, tensors: &[&'a Tensor]) -> Result<&'a Tensor> {
    tensors.first().copied().ok_or_else(|| Error::InvalidArgument {
        op,
        rule: "there must be one tensor at least",
        got: "none".into(),
        repair: "leave the call out or give it tensors",
    })
}

/// The refusal of tensor `i`, whose shape does not fit tensor 0.
fn misfit(op: &'static str, rule: &'static str, tensors: &[&Tensor], i: usize) -> Error {
    let got = format!("{:?} for tensor 0 and {:?} for tensor {i}", tensors[0].shape(), tensors[i].shape());
    Error::InvalidArgument { op, rule, got, repair: "reshape or narrow them to fit" }
}

/// The shape of `tensors` joined along `axis`: that of the first, but there.
fn joined_shape(op: &'static str, tensors: &[&Tensor], axis: usize) -> Result<Dims> {
    let mut shape = tensors[0].dims().clone();
    for (i, x) in tensors.iter().enumerate().skip(1) {
        same_dtype(op, tensors[0], x)?;
        if x.rank() != shape.len() || (0..shape.len()).any(|a| a != axis && x.shape()[a] != shape[a]) {
            return Err(misfit(
                op,
                "tensors must have one shape, but on the axis they are joined along",
                tensors,
                i,
            ));
        }
        // Saturated, it is refused with all the other sizes that are too large.
        shape[axis] = shape[axis].saturating_add(x.shape()[axis]);
    }
    checked_len(op, &shape, tensors[0].dtype())?;
    Ok(shape)
}

/// `parts` side by side in every row of `out`, which has `rows` of them.
fn side_by_side<T: Plain>(out: &mut [T], parts: &[&[T]], rows: usize) {
    if out.is_empty() {
        return;
    }
    let row = out.len() / rows;
    for_chunks(out, (GRAIN / row).max(1) * row, |start, out| {
        for (r, out) in out.chunks_exact_mut(row).enumerate() {
            let mut rest = out;
            for part in parts {
                let width = part.len() / rows;
                let (here, after) = rest.split_at_mut(width);
                here.copy_from_slice(&part[(start / row + r) * width..][..width]);
                rest = after;
            }
        }
    });
}

fn join(op: &'static str, tensors: &[&Tensor], axis: usize) -> Result<Tensor> {
    let shape = joined_shape(op, tensors, axis)?;
    let (rows, dtype) = (shape[..axis].iter().product(), tensors[0].dtype());
    if rows == 1 {
        return with_words!(dtype, W => Tensor::build_words(op, &shape, dtype, |mut out: &mut [W]| {
            for x in tensors {
                let (here, after) = out.split_at_mut(x.len());
                copy_into(x.words::<W>(), x.layout(), here);
                out = after;
            }
        }));
    }
    let tensors = tensors.iter().map(|x| x.contiguous()).collect::<Result<Vec<_>>>()?;
    with_words!(dtype, W => {
        let parts: Vec<&[W]> = tensors.iter().map(Tensor::contiguous_words).collect();
        Tensor::build_words(op, &shape, dtype, |out: &mut [W]| side_by_side(out, &parts, rows))
    })
}

impl Tensor {
    /// `tensors` one after another along an axis that they have.
    ///
    /// Errors: `InvalidArgument` for no tensors, or where sizes differ on another axis; `InvalidAxis`;
    /// `DTypeMismatch` unless all have one dtype.
    ///
    /// ```
    /// use tensor::{DType, Tensor};
    /// let (x, y) = (Tensor::zeros([2, 1], DType::F32)?, Tensor::ones([2, 2], DType::F32)?);
    /// assert_eq!(Tensor::cat(&[&x, &y], 1)?.to_vec::<f32>()?, [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn cat(tensors: &[&Tensor], axis: isize) -> Result<Tensor> {
        let axis = resolve_axis("cat", axis, first("cat", tensors)?.rank())?;
        join("cat", tensors, axis)
    }

    /// `tensors` of one shape along a new axis, which is axis `axis` of the result.
    ///
    /// Errors: `InvalidArgument` for no tensors or shapes that differ; `InvalidAxis`, whose rank is the result's;
    /// `DTypeMismatch` unless all have one dtype.
    pub fn stack(tensors: &[&Tensor], axis: isize) -> Result<Tensor> {
        let shape = first("stack", tensors)?.shape();
        let axis = resolve_axis("stack", axis, shape.len() + 1)?;
        if let Some(i) = tensors.iter().position(|x| x.shape() != shape) {
            return Err(misfit("stack", "tensors must have one shape", tensors, i));
        }
        let rows: Vec<Tensor> = tensors.iter().map(|x| x.with_layout(x.layout().with_axis(axis))).collect();
        join("stack", &rows.iter().collect::<Vec<_>>(), axis)
    }

    /// This tensor laid side by side, `times[i]` times along axis `i`; times before the first axis make new ones.
    ///
    /// PyTorch's `repeat`, NumPy's `tile`. Errors: `InvalidArgument` for fewer times than axes; `ShapeOverflow`.
    pub fn repeat(&self, times: &[usize]) -> Result<Tensor> {
        let Some(lead) = times.len().checked_sub(self.rank()) else {
            return Err(Error::InvalidArgument {
                op: "repeat",
                rule: "every axis must be given its times",
                got: format!("times {times:?} for {:?}", self.shape()),
                repair: "give 1 for axes that stay",
            });
        };
        // Axis i of size d becomes (times, d), the first of them by stride 0.
        let mut layout = self.layout().clone();
        let (mut apart, mut shape) = (Dims::new(), Dims::new());
        for (i, &n) in times.iter().enumerate() {
            layout = layout.with_axis(if i < lead { i } else { lead + 2 * (i - lead) });
            apart.push(n);
            if i >= lead {
                apart.push(self.shape()[i - lead]);
            }
            shape.push(n.saturating_mul(if i < lead { 1 } else { self.shape()[i - lead] }));
        }
        checked_len("repeat", &apart, self.dtype())?;
        self.with_layout(layout.expanded(&apart)).reshape(&shape[..])
    }
}

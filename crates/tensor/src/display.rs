//! How tensors print: `{}` in nested brackets with aligned columns, `{:?}` in one line.

use crate::tensor::Tensor;
use std::fmt;

/// Elements above which the middle of long axes is left out.
const WHOLE: usize = 1000;
/// Positions kept at either end of an axis whose middle is left out.
const EDGE: usize = 3;
/// Elements above which none is printed: only tensors of very many axes come here.
const MOST: usize = 10_000;
/// Columns after which a row goes on in the next line.
const COLUMNS: usize = 80;
/// Digits after the point, unless the format asks for others.
const DIGITS: usize = 4;
/// Values shown in one line by `{:?}`.
const FEW: usize = 6;

/// The positions of an axis that are printed, and whether some are left out before the `EDGE`-th last.
fn shown(len: usize, cut: bool) -> (Vec<usize>, bool) {
    match cut && len > 2 * EDGE {
        true => ((0..EDGE).chain(len - EDGE..len).collect(), true),
        false => ((0..len).collect(), false),
    }
}

/// Where the printed elements stand in the buffer, in order; `None` if they are too many.
fn offsets(x: &Tensor, cut: bool) -> Option<Vec<usize>> {
    let layout = x.layout();
    let mut out = vec![layout.offset as isize];
    for (&len, &stride) in layout.shape.iter().zip(&layout.strides) {
        // Counted before the positions are listed: an axis may be as long as an address.
        let count = if cut { len.min(2 * EDGE) } else { len };
        if count.saturating_mul(out.len()) > MOST {
            return None;
        }
        let positions = shown(len, cut).0;
        out = out.iter().flat_map(|&at| positions.iter().map(move |&i| at + i as isize * stride)).collect();
    }
    Some(out.into_iter().map(|at| at as usize).collect())
}

/// Floats with as many digits as they need together: whole numbers with none, others with `digits`, in scientific
/// notation where that would show too few or too many.
fn float_cells(values: &[f64], digits: usize) -> Vec<String> {
    let sizes = || values.iter().map(|v| v.abs()).filter(|v| v.is_finite() && *v > 0.0);
    let (low, high) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
    let whole = sizes().all(|v| v == v.trunc());
    let scientific = high >= 1e8 || (!whole && low < 1e-4);
    let cell = |&v: &f64| match v.is_finite() {
        true if scientific => format!("{v:.digits$e}"),
        true if whole => format!("{v:.0}."),
        _ => format!("{v:.digits$}"),
    };
    values.iter().map(cell).collect()
}

/// The printed elements as text, all of one width.
fn cells(x: &Tensor, offsets: &[usize], digits: usize) -> Vec<String> {
    let mut cells = match x.dtype().is_float() {
        true => float_cells(&offsets.iter().map(|&at| x.float_at(at)).collect::<Vec<_>>(), digits),
        false => offsets.iter().map(|&at| x.text_at(at)).collect(),
    };
    let width = cells.iter().map(|c| c.len()).max().unwrap_or(0);
    for cell in cells.iter_mut().filter(|_| x.rank() > 0) {
        *cell = format!("{cell:>width$}");
    }
    cells
}

/// Prints the axes `shape`, `indent` brackets deep, with the next of `cells`.
fn block(
    f: &mut fmt::Formatter<'_>,
    shape: &[usize],
    indent: usize,
    cut: bool,
    cells: &mut &[String],
) -> fmt::Result {
    let Some((&len, inner)) = shape.split_first() else {
        let Some((cell, rest)) = cells.split_first() else { return Ok(()) };
        *cells = rest;
        return f.write_str(cell);
    };
    let (positions, gap) = shown(len, cut);
    let per_line = match inner {
        [] => (COLUMNS.saturating_sub(indent) / (cells.first().map_or(0, |c| c.len()) + 2)).max(1),
        _ => 1,
    };
    let margin = " ".repeat(indent + 1);
    // Between rows one line break, between matrices an empty line, and so on.
    let breaks = "\n".repeat(inner.len().max(1));
    f.write_str("[")?;
    for i in 0..positions.len() {
        if i > 0 {
            match i % per_line {
                0 => write!(f, ",{breaks}{margin}")?,
                _ => f.write_str(", ")?,
            }
        }
        if gap && i == EDGE {
            match inner {
                [] => f.write_str("..., ")?,
                _ => write!(f, "...,{breaks}{margin}")?,
            }
        }
        block(f, inner, indent + 1, cut, cells)?;
    }
    f.write_str("]")
}

/// The elements in nested brackets, then dtype and shape in a line of their own. Above 1000 elements the middle of
/// long axes is left out. A precision (`{:.2}`) sets the digits after the point.
///
/// ```
/// let x = tensor::Tensor::from_vec(vec![1.0f32, -0.5, 10.25, 0.0], [2, 2])?;
/// assert_eq!(x.to_string(), "[[ 1.0000, -0.5000],\n [10.2500,  0.0000]]\nf32 [2, 2]");
/// # Ok::<(), tensor::Error>(())
/// ```
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.len() > WHOLE;
        if self.len() == 0 {
            f.write_str("[]")?;
        } else if let Some(offsets) = offsets(self, cut) {
            let cells = cells(self, &offsets, f.precision().unwrap_or(DIGITS));
            block(f, self.shape(), 0, cut, &mut &cells[..])?;
        } else {
            f.write_str("[...]")?;
        }
        write!(f, "\n{} {:?}", self.dtype(), self.shape())
    }
}

/// Dtype, shape and the first few elements: `Tensor(f32, [2, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, ...])`.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = self.layout();
        let first = (0..self.len().min(FEW)).map(|position| {
            let (mut rest, mut at) = (position, layout.offset as isize);
            for (&len, &stride) in layout.shape.iter().zip(&layout.strides).rev() {
                at += (rest % len) as isize * stride;
                rest /= len;
            }
            self.text_at(at as usize)
        });
        let mut first: Vec<String> = first.collect();
        if self.len() > FEW {
            first.push("...".into());
        }
        write!(f, "Tensor({}, {:?}, [{}])", self.dtype(), self.shape(), first.join(", "))
    }
}

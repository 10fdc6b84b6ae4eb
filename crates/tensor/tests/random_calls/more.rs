//! The functions that `calls.rs` has no line for: constructors of sequences, borders and windows, tuples of indices,
//! Fourier transforms.

use crate::calls::{Call, Outcome};
use crate::source::Source;
use tensor::{ConvOptions, DType, Error, Fft, FftNorm, Indexing, PadMode, Spatial, Tensor};

type One = Result<Tensor, Error>;

fn one(result: One) -> Outcome {
    result.map(|x| vec![x])
}

fn pads(s: &mut Source) -> Vec<(isize, isize, isize)> {
    s.many(2, |s| {
        let mut border = || if s.rarely(15) { s.signed() } else { s.below(4) as isize };
        let (before, after) = (border(), border());
        (s.axis(), before, after)
    })
}

fn mode(s: &mut Source) -> PadMode {
    let value = s.number();
    s.pick(&[PadMode::Constant(value), PadMode::Reflect, PadMode::Replicate, PadMode::Circular])
}

fn pad(s: &mut Source) -> Outcome {
    let (x, pads, mode) = (s.any(), pads(s), mode(s));
    let padded = x.pad(&pads, mode);
    let g = match &padded {
        Ok(padded) => s.shaped(&x, padded.shape()),
        Err(_) => s.like(&x),
    };
    let adjoint = g.pad_adjoint(x.shape(), &pads, mode);
    Ok(vec![padded?, adjoint?])
}

fn unfold(s: &mut Source) -> Outcome {
    let (x, axis, size, step) = (s.any(), s.axis(), s.count(), s.count());
    let windows = x.unfold(axis, size, step)?;
    let adjoint = s.shaped(&x, windows.shape()).unfold_adjoint(x.shape(), axis, size, step);
    adjoint.map(|adjoint| vec![windows, adjoint])
}

fn columns(s: &mut Source) -> Outcome {
    let mut spatial = |zero: usize| -> Spatial {
        let numbers = s.many(3, |s| s.count().saturating_add(zero));
        if s.rarely(4) {
            Spatial::from(&numbers[..])
        } else {
            Spatial::from(numbers.first().copied().unwrap_or(1))
        }
    };
    let kernel = spatial(0);
    let options =
        ConvOptions { stride: spatial(1), padding: spatial(0).into(), dilation: spatial(1), groups: 1 };
    let x = s.any();
    let columns = x.im2col(&kernel, &options)?;
    let sizes = x.shape()[2..].into();
    let images = s.shaped(&x, columns.shape()).col2im(&sizes, &kernel, &options)?;
    Ok(vec![columns, images])
}

/// Tuples of indices into `x`, or nearly so.
fn tuples(s: &mut Source, x: &Tensor) -> Tensor {
    let k = s.below(x.rank() + 2);
    let rows = s.below(4);
    s.ids(&[rows, k])
}

fn tuples_of_indices(s: &mut Source) -> Outcome {
    let x = s.any();
    let indices = tuples(s, &x);
    let read = x.gather_nd(&indices)?;
    let src = s.shaped(&x, read.shape());
    let added = x.scatter_nd_add(&indices, &src);
    let dims = s.many(3, |s| s.count());
    let flat = s.ids(&[2, dims.len()]).ravel_indices(&dims);
    Ok([Ok(read), added, flat].into_iter().flatten().collect())
}

fn transform(s: &mut Source) -> Outcome {
    let dtype = s.pick(&[DType::F32, DType::F64]);
    let mut shape = s.many(3, |s| s.below(6));
    let kind = s.pick(&[Fft::Forward, Fft::Inverse, Fft::RealForward, Fft::RealInverse]);
    if kind != Fft::RealForward && !s.rarely(8) {
        shape.push(2);
    }
    let x = if s.rarely(8) { s.any() } else { s.of(dtype, &shape) };
    let (n, len) = (s.count(), s.count());
    let norm = s.pick(&[FftNorm::Backward, FftNorm::Ortho, FftNorm::Forward]);
    let (axis, scale) = (s.axis(), norm.scale(n, s.rarely(2)));
    one(x.fft_along(kind, n, len, axis, scale))
}

fn grids(s: &mut Source) -> Outcome {
    let vectors = s.many(3, |s| {
        let n = s.below(4);
        s.ids(&[n])
    });
    let indexing = s.pick(&[Indexing::Ij, Indexing::Xy]);
    Tensor::meshgrid(&vectors.iter().collect::<Vec<_>>(), indexing)
}

/// As `calls::CALLS`.
pub const MORE: &[(&str, Call)] = &[
    ("arange_step", |s| one(Tensor::arange_step(s.number(), s.number(), s.number(), s.dtype()))),
    ("linspace", |s| one(Tensor::linspace(s.number(), s.number(), s.signed(), s.dtype()))),
    ("logspace", |s| one(Tensor::logspace(s.number(), s.number(), s.signed(), s.number(), s.dtype()))),
    ("eye_rectangular", |s| one(Tensor::eye_rectangular(s.count(), s.count(), s.dtype()))),
    ("from_fn", |s| one(Tensor::from_fn(s.shape(), |at| at.len() as f32))),
    ("meshgrid", grids),
    ("full_like", |s| {
        let (x, value) = (s.any(), s.number());
        Ok(vec![x.full_like(value)?, x.zeros_like()?, x.ones_like()?])
    }),
    ("pad", pad),
    ("roll", |s| one(s.any().roll(s.signed(), s.axis()))),
    ("repeat_interleave", |s| one(s.any().repeat_interleave(s.signed(), s.axis()))),
    ("unfold", unfold),
    ("im2col", columns),
    ("moveaxis", |s| one(s.any().moveaxis(s.axis(), s.axis()))),
    ("tuples of indices", tuples_of_indices),
    ("fft_along", transform),
];

//! A function of one sample, for each sample of a batch.

use super::value_and_grad;
use crate::error::{Error, Result};
use crate::var::Var;

/// What [`vmap`] can stack: a value, or a list of values.
pub trait Stacked: Sized {
    /// The values, in order.
    fn into_values(self) -> Vec<Var>;
    /// The other way.
    fn from_values(values: Vec<Var>) -> Self;
}

impl Stacked for Var {
    fn into_values(self) -> Vec<Var> {
        vec![self]
    }
    fn from_values(mut values: Vec<Var>) -> Self {
        values.remove(0)
    }
}

impl Stacked for Vec<Var> {
    fn into_values(self) -> Vec<Var> {
        self
    }
    fn from_values(values: Vec<Var>) -> Self {
        values
    }
}

/// `x ↦ f` of each sample, the results stacked along a new axis 0. `f` returns a value, or a list of values.
///
/// `in_axes` has one entry for each input: the axis whose positions are the samples, which `f` does not see, or `None`
/// for an input that all samples share. Samples may depend on values outside of `f`, tracked ones too, and the whole
/// nests with every function here: `vmap(grad(loss), ..)` are gradients by sample, `jacobian` of it their Jacobians.
///
/// `f` runs once for each sample, in order, so that whatever it does is right, branches on values included, and
/// anomalies, hooks and derivatives are those of a loop. The cost is a loop's too: a function that can be written for
/// the whole batch at once is faster so, in particular where a sample is small.
///
/// Errors: `InvalidArgument` unless there is one entry for each input, one of them an axis, and the same number of
/// samples, not 0, in each, or where samples differ in their results' number; `InvalidAxis`; `ShapeMismatch` where they
/// differ in shape; those of `f`.
///
/// ```
/// use autodiff::{Var, functional::{grad, vmap}};
/// use tensor::Tensor;
///
/// let w = Var::from(Tensor::from_vec(vec![1.0, 2.0], [2])?);
/// let x = Var::from(Tensor::from_vec(vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0], [3, 2])?);
/// let loss = |v: &[Var]| v[0].mul(&v[1])?.sum(&[])?.square();
/// let by_sample = vmap(grad(loss), &[None, Some(0)])(&[w, x])?;
/// assert_eq!(by_sample[0].value().to_vec::<f64>()?, [2.0, 0.0, 0.0, 4.0, 6.0, 6.0]); // 2·⟨w, x⟩·x
/// # Ok::<(), autodiff::Error>(())
/// ```
///
/// Differs from JAX and PyTorch in: there are no rules of batching, so `f` is not turned into operations on the batch;
/// results are stacked along axis 0.
pub fn vmap<T: Stacked>(
    f: impl Fn(&[Var]) -> Result<T>,
    in_axes: &[Option<isize>],
) -> impl Fn(&[Var]) -> Result<T> {
    let in_axes = in_axes.to_vec();
    move |x| {
        if x.len() != in_axes.len() || in_axes.iter().all(Option::is_none) {
            return Err(refused(
                "vmap",
                "in_axes must have one entry for each input, one of them an axis",
                format!("{in_axes:?} for {} inputs", x.len()),
                "name the axis of the samples, or None for an input that they share",
            ));
        }
        let samples = samples("vmap", x, &in_axes)?;
        stacked("vmap", samples.iter().map(|sample| Ok(f(sample)?.into_values())))
    }
}

fn refused(op: &'static str, rule: &'static str, got: String, repair: &'static str) -> Error {
    Error::InvalidArgument { op, rule, got, repair }
}

/// The inputs of each sample.
fn samples(op: &'static str, x: &[Var], in_axes: &[Option<isize>]) -> Result<Vec<Vec<Var>>> {
    let parts = |(x, axis): (&Var, &Option<isize>)| axis.map(|axis| positions(op, x, axis)).transpose();
    let parts: Vec<Option<Vec<Var>>> = x.iter().zip(in_axes).map(parts).collect::<Result<_>>()?;
    let sizes: Vec<usize> = parts.iter().flatten().map(Vec::len).collect();
    let n = sizes.first().copied().unwrap_or(0);
    if n == 0 || sizes.iter().any(|&size| size != n) {
        return Err(refused(
            op,
            "all axes of samples must have one size, not 0",
            format!("{sizes:?}"),
            "give every sample a place in each",
        ));
    }
    let of = |(x, parts): (&Var, &Option<Vec<Var>>), i: usize| match parts {
        Some(parts) => parts[i].clone(),
        None => x.clone(),
    };
    Ok((0..n).map(|i| x.iter().zip(&parts).map(|pair| of(pair, i)).collect()).collect())
}

/// Every position of an axis, which goes. The axis is halved again and again, so that n gradients do not become n tensors
/// of the size of `x` on their way back, but two at each of log₂ n levels.
fn positions(op: &'static str, x: &Var, axis: isize) -> Result<Vec<Var>> {
    let rank = x.rank();
    let at = if axis < 0 { axis.saturating_add_unsigned(rank) } else { axis };
    let Some(&n) = usize::try_from(at).ok().and_then(|at| x.shape().get(at)) else {
        return Err(tensor::Error::InvalidAxis { op, rule: "an axis must exist", axis, rank }.into());
    };
    let mut parts = vec![(x.clone(), n)];
    while parts.len() < n {
        let mut halves = Vec::with_capacity(2 * parts.len());
        for (part, size) in parts {
            let low = size.div_ceil(2);
            if size > 1 {
                halves.push((part.narrow(axis, 0, low)?, low));
                halves.push((part.narrow(axis, low, size - low)?, size - low));
            } else {
                halves.push((part, size));
            }
        }
        parts = halves;
    }
    parts.iter().take(n).map(|(part, _)| part.select(axis, 0)).collect()
}

/// The lists of all samples, stacked place by place.
fn stacked<T: Stacked>(op: &'static str, results: impl Iterator<Item = Result<Vec<Var>>>) -> Result<T> {
    let rows: Vec<Vec<Var>> = results.collect::<Result<_>>()?;
    let count = rows[0].len();
    if let Some(other) = rows.iter().find(|row| row.len() != count) {
        return Err(refused(
            op,
            "all samples must have as many results",
            format!("{count} and {}", other.len()),
            "return as many values for each",
        ));
    }
    let of = |j: usize| Var::stack(&rows.iter().map(|row| &row[j]).collect::<Vec<_>>(), 0);
    Ok(T::from_values((0..count).map(of).collect::<Result<_>>()?))
}

/// The gradient of `f(params, sample)`, a single number, for each sample of a batch: for each parameter a tensor whose
/// axis 0 goes over the samples. A sample is row `i` of each tensor of `batch`, without axis 0.
///
/// [`vmap`] of the gradient by `params`: the samples run one after the other, so that this is as slow as they are alone.
///
/// Errors: `InvalidArgument` unless all of `batch` have one size, not 0, on axis 0; as [`value_and_grad`].
pub fn per_sample_grads(
    f: impl Fn(&[Var], &[Var]) -> Result<Var>,
    params: &[Var],
    batch: &[Var],
) -> Result<Vec<Var>> {
    let op = "per_sample_grads";
    let samples = samples(op, batch, &vec![Some(0); batch.len()])?;
    let grads = |sample: &Vec<Var>| Ok(value_and_grad(|params| f(params, sample), params)?.1);
    stacked(op, samples.iter().map(grads))
}

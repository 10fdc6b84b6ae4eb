//! Derivatives of functions: each takes `f` and a place, and returns values.
//!
//! `f` takes `&[Var]` and returns a `Var`. All of them nest: inside `f` any of them may be used again, on what `f` is
//! given and on tracked values from outside. Where nothing outside is tracked the results are constants, and no graph
//! stays behind.

use crate::checkpoint::place;
use crate::engine::grad_of_as;
use crate::error::{Error, Result};
use crate::forward::{LinearMap, linearize};
use crate::var::Var;
use tensor::Tensor;

mod batch;

pub use batch::{Stacked, per_sample_grads, vmap};

/// How a Jacobian is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Column by column: one pass for each input element.
    Forward,
    /// Row by row: one pass for each output element.
    Reverse,
    /// Whichever takes fewer passes.
    #[default]
    Auto,
}

/// `f` run at places of its own.
struct Run {
    places: Vec<Var>,
    outputs: Vec<Var>,
    /// Whether the results will be differentiated with respect to anything outside.
    open: bool,
}

impl Run {
    fn new(f: impl FnOnce(&[Var]) -> Result<Vec<Var>>, x: &[Var]) -> Result<(Self, LinearMap)> {
        let places: Vec<Var> = x.iter().map(|x| place(x, x.dtype().is_float())).collect::<Result<_>>()?;
        let outputs = f(&places)?;
        let linear = linearize(&outputs, &places)?;
        let open = linear.is_open() || x.iter().any(Var::is_tracked);
        Ok((Self { places, outputs, open }, linear))
    }

    fn out(&self, x: Var) -> Var {
        if self.open { x } else { x.detach() }
    }

    /// The gradient of one output for each input, zero where it does not depend on it.
    fn pull(&self, output: &Var, cotangent: Option<&Var>) -> Result<Vec<Var>> {
        let places: Vec<&Var> = self.places.iter().collect();
        let higher = self.open || cotangent.is_some_and(Var::is_tracked);
        let grads = match grad_of_as(&[(output, cotangent)], &places, higher) {
            Err(Error::NotTracked) => vec![None; places.len()],
            grads => grads?,
        };
        grads.into_iter().zip(&places).map(|(grad, x)| grad.map_or_else(|| zeros(x), Ok)).collect()
    }

    fn push(&self, linear: &LinearMap, v: &[Var]) -> Result<Vec<Var>> {
        let higher = self.open || v.iter().any(Var::is_tracked);
        let tangents = linear.push_as(v, higher)?;
        tangents.into_iter().zip(&self.outputs).map(|(v, y)| v.map_or_else(|| zeros(y), Ok)).collect()
    }
}

fn zeros(like: &Var) -> Result<Var> {
    Ok(Var::constant(Tensor::zeros(like.shape(), like.dtype())?))
}

/// All zeros but a 1 at `i`, in row-major order.
fn unit(like: &Var, i: usize) -> Result<Var> {
    let mut values = vec![0.0; like.value().len()];
    values[i] = 1.0;
    Ok(Var::constant(Tensor::from_vec(values, like.shape())?.to_dtype(like.dtype())?))
}

/// `x ↦ ∇f(x)`, one gradient for each input. `f` must return a single number. Errors: as [`value_and_grad`].
///
/// ```
/// use autodiff::{Var, functional::grad};
/// use tensor::Tensor;
///
/// let cube = |x: &[Var]| x[0].square()?.mul(&x[0]);
/// let second = grad(|x: &[Var]| Ok(grad(cube)(x)?.remove(0)));
/// assert_eq!(second(&[Tensor::scalar(2.0).into()])?[0].item()?, 12.0); // 6·x
/// # Ok::<(), autodiff::Error>(())
/// ```
pub fn grad(f: impl Fn(&[Var]) -> Result<Var>) -> impl Fn(&[Var]) -> Result<Vec<Var>> {
    move |x| Ok(value_and_grad(&f, x)?.1)
}

/// `f(x)`, a single number, and its gradient for each input (zeros where it does not depend on it).
///
/// Errors: `NotScalar`; `NotDifferentiable`; those of `f`.
pub fn value_and_grad(f: impl FnOnce(&[Var]) -> Result<Var>, x: &[Var]) -> Result<(Var, Vec<Var>)> {
    let (run, _) = Run::new(|x| Ok(vec![f(x)?]), x)?;
    let grads = run.pull(&run.outputs[0], None)?;
    Ok((run.out(run.outputs[0].clone()), grads.into_iter().map(|g| run.out(g)).collect()))
}

/// `f(x)` and `Jᵀ·c` for each input. Errors: `BadCotangent`; `NotDifferentiable`; those of `f`.
pub fn vjp(f: impl FnOnce(&[Var]) -> Result<Var>, x: &[Var], c: &Var) -> Result<(Var, Vec<Var>)> {
    let (run, _) = Run::new(|x| Ok(vec![f(x)?]), x)?;
    let grads = run.pull(&run.outputs[0], Some(c))?;
    let out = |g| if c.is_tracked() { g } else { run.out(g) };
    Ok((run.out(run.outputs[0].clone()), grads.into_iter().map(out).collect()))
}

/// `f(x)` and its derivative along `v`, `J·v`: one tangent for each input.
///
/// Errors: `InvalidArgument` where a tangent does not fit; `NotDifferentiable`; those of `f`.
///
/// ```
/// use autodiff::{Var, functional::jvp};
/// use tensor::Tensor;
///
/// let (y, dy) = jvp(|x| x[0].square(), &[Tensor::scalar(3.0).into()], &[Tensor::scalar(2.0).into()])?;
/// assert_eq!((y.item()?, dy.item()?), (9.0, 12.0));
/// # Ok::<(), autodiff::Error>(())
/// ```
pub fn jvp(f: impl FnOnce(&[Var]) -> Result<Var>, x: &[Var], v: &[Var]) -> Result<(Var, Var)> {
    let (run, linear) = Run::new(|x| Ok(vec![f(x)?]), x)?;
    let tangent = run.push(&linear, v)?.remove(0);
    let tangent = if v.iter().any(Var::is_tracked) { tangent } else { run.out(tangent) };
    Ok((run.out(run.outputs[0].clone()), tangent))
}

/// `H·v`, the second derivative of `f`, a single number, along `v`: the gradient pushed forward.
///
/// Errors: as [`value_and_grad`] and [`jvp`].
pub fn hvp(f: impl FnOnce(&[Var]) -> Result<Var>, x: &[Var], v: &[Var]) -> Result<Vec<Var>> {
    let (run, linear) = gradient_run(f, x)?;
    let tracked = v.iter().any(Var::is_tracked);
    let tangents = run.push(&linear, v)?;
    Ok(tangents.into_iter().map(|v| if tracked { v } else { run.out(v) }).collect())
}

/// The gradient of `f` as a function, run.
fn gradient_run(f: impl FnOnce(&[Var]) -> Result<Var>, x: &[Var]) -> Result<(Run, LinearMap)> {
    Run::new(
        |places| {
            let y = f(places)?;
            let run = Run { places: places.to_vec(), outputs: Vec::new(), open: true };
            run.pull(&y, None)
        },
        x,
    )
}

/// `J[i…, j…] = ∂f(x)[i…]/∂x[j…]` for each input: the output's shape, then the input's.
///
/// Errors: `NotDifferentiable`; `InvalidArgument` for an input that is no float; those of `f`.
pub fn jacobian(f: impl FnOnce(&[Var]) -> Result<Var>, x: &[Var], mode: Mode) -> Result<Vec<Var>> {
    require_floats("jacobian", x)?;
    let (run, linear) = Run::new(|x| Ok(vec![f(x)?]), x)?;
    let y = &run.outputs[0];
    let (rows, columns) = (y.value().len(), x.iter().map(|x| x.value().len()).sum::<usize>());
    if mode == Mode::Forward || mode == Mode::Auto && columns < rows {
        return Ok(columns_of(&run, &linear, x)?.remove(0));
    }
    let rows: Vec<Vec<Var>> = (0..rows).map(|i| run.pull(y, Some(&unit(y, i)?))).collect::<Result<_>>()?;
    let of = |j: usize| {
        let rows: Vec<&Var> = rows.iter().map(|row| &row[j]).collect();
        let shape = [y.shape(), x[j].shape()].concat();
        if rows.is_empty() {
            return Ok(Var::constant(Tensor::zeros(&shape, x[j].dtype())?));
        }
        Ok(run.out(Var::stack(&rows, 0)?.reshape(&shape)?))
    };
    (0..x.len()).map(of).collect()
}

/// `H[i][j][a…, b…] = ∂²f(x)/∂x_i[a…]∂x_j[b…]`, `f` a single number: forward over reverse.
///
/// Errors: as [`value_and_grad`]; `InvalidArgument` for an input that is no float.
pub fn hessian(f: impl FnOnce(&[Var]) -> Result<Var>, x: &[Var]) -> Result<Vec<Vec<Var>>> {
    require_floats("hessian", x)?;
    let (run, linear) = gradient_run(f, x)?;
    columns_of(&run, &linear, x)
}

/// The derivative of each output by each input, one pushed tangent a column.
fn columns_of(run: &Run, linear: &LinearMap, x: &[Var]) -> Result<Vec<Vec<Var>>> {
    let mut blocks: Vec<Vec<Var>> = vec![Vec::new(); run.outputs.len()];
    let still: Vec<Var> = x.iter().map(zeros).collect::<Result<_>>()?;
    for (j, x) in x.iter().enumerate() {
        let columns: Vec<Vec<Var>> = (0..x.value().len())
            .map(|e| {
                let mut v = still.clone();
                v[j] = unit(x, e)?;
                run.push(linear, &v)
            })
            .collect::<Result<_>>()?;
        for (i, y) in run.outputs.iter().enumerate() {
            let columns: Vec<&Var> = columns.iter().map(|column| &column[i]).collect();
            let shape = [y.shape(), x.shape()].concat();
            blocks[i].push(match columns.is_empty() {
                true => Var::constant(Tensor::zeros(&shape, y.dtype())?),
                false => run.out(Var::stack(&columns, -1)?.reshape(&shape)?),
            });
        }
    }
    Ok(blocks)
}

fn require_floats(op: &'static str, x: &[Var]) -> Result<()> {
    let Some(x) = x.iter().find(|x| !x.dtype().is_float()) else { return Ok(()) };
    Err(Error::InvalidArgument {
        op,
        rule: "every input must be a float",
        got: x.dtype().to_string(),
        repair: "capture the input in the function instead",
    })
}

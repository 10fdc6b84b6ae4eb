//! The contract test: what holds for every operation, whatever it computes.

use super::gradcheck::{GradCheck, gradcheck, gradgradcheck};
use super::spec::{Case, OpSpec};
use crate::engine::grad_of;
use crate::error::{Error, Result};
use crate::forward::linearize;
use crate::var::Var;
use std::fmt;
use tensor::{DType, Rng, Tensor};

/// A promise that an operation did not keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// The operation.
    pub op: &'static str,
    /// The case, by its label.
    pub case: String,
    /// What does not hold.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.op, self.case, self.what)
    }
}

/// Holds an operation to its specification and returns every promise it breaks; none is a pass.
///
/// For each case: the stated shape; the reference; first derivatives against differences under a random cotangent;
/// second derivatives; forward mode against reverse mode; an input used twice gets both gradients; inputs with strides, or whose buffer is shared, give the
/// same bits, and inputs are left as they were; f32 agrees with f64; 1 and 3 threads give the same bits. Each
/// refused input is refused in the stated words. Some case must be empty, unless the specification says why not.
///
/// Sets the thread count of the process while it runs.
pub fn contract(spec: &OpSpec) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut report =
        |case: &str, what: String| broken.push(Broken { op: spec.name, case: case.to_string(), what });
    let threads = tensor::threads();
    for case in &spec.cases {
        for (rule, check) in CHECKS {
            match check(spec, case) {
                Ok(None) => {}
                Ok(Some(what)) => report(&case.label, format!("{rule}: {what}")),
                Err(error) => report(&case.label, format!("{rule}: {error}")),
            }
        }
    }
    tensor::set_threads(threads);
    for (i, case) in spec.errors.iter().enumerate() {
        let inputs: Vec<Var> = case.inputs.iter().map(Var::from).collect();
        match (case.call)(&inputs) {
            Ok(y) => report(&format!("error {i}"), format!("must be refused; got {y:?}")),
            Err(error) if error.to_string() == case.text => {}
            Err(error) => {
                report(&format!("error {i}"), format!("must say \"{}\"; got \"{error}\"", case.text))
            }
        }
    }
    let has_empty = spec.cases.iter().any(|case| case.inputs.iter().any(|x| x.len() == 0));
    if !has_empty && spec.no_empty.is_none() {
        report("all", "some case must have an empty input, or no_empty must say why not".into());
    }
    if spec.cases.iter().all(|case| case.reference.is_none()) {
        report("all", "some case must have an independent reference".into());
    }
    broken
}

/// `Ok(None)`: the promise holds; `Ok(Some(what))`: it does not.
type Check = fn(&OpSpec, &Case) -> Result<Option<String>>;

const CHECKS: [(&str, Check); 9] = [
    ("the result has the stated shape", has_shape),
    ("the result agrees with the reference", agrees_with_reference),
    ("first derivatives", first_order),
    ("second derivatives", second_order),
    ("forward mode is reverse mode transposed", forward_mode),
    ("an input used twice gets both gradients", adds_gradients),
    ("layout and sharing change no bit", layout_is_invisible),
    ("f32 agrees with f64", agrees_in_f32),
    ("threads change no bit", threads_are_invisible),
];

fn constants(inputs: &[Tensor]) -> Vec<Var> {
    inputs.iter().map(Var::from).collect()
}

fn leaves(inputs: &[Tensor]) -> Vec<Var> {
    inputs
        .iter()
        .map(|x| if x.dtype().is_float() { Var::variable(x.clone()) } else { Var::from(x) })
        .collect()
}

/// The result and, where derivatives exist, the gradient of each float input under a fixed random cotangent.
fn run(spec: &OpSpec, case: &Case, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let differentiable = !spec.not_differentiable && inputs.iter().any(|x| x.dtype().is_float());
    if !differentiable {
        return Ok(vec![(case.call)(&constants(inputs))?.into_value()]);
    }
    let inputs = leaves(inputs);
    let y = (case.call)(&inputs)?;
    let mut out = vec![y.value().clone()];
    if y.is_tracked() && y.dtype().is_float() {
        let cotangent = Rng::seed(7).normal(y.shape(), 0.0, 1.0, DType::F64)?.to_dtype(y.dtype())?;
        let grads = y.mul(&Var::from(cotangent))?.sum(&[])?.backward()?;
        out.extend(inputs.iter().filter_map(|x| grads.of(x)).cloned());
    }
    Ok(out)
}

fn same_bits(a: &[Tensor], b: &[Tensor]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.bit_eq(b))
}

fn has_shape(_: &OpSpec, case: &Case) -> Result<Option<String>> {
    let y = (case.call)(&constants(&case.inputs))?;
    Ok((y.shape() != case.shape).then(|| format!("stated {:?}, got {:?}", case.shape, y.shape())))
}

/// The first element of `y` that is further from `expected` than `ulps·ε·max(1, |expected|)`.
fn first_far(y: &[f64], expected: &[f64], ulps: f64, epsilon: f64) -> Option<String> {
    if y.len() != expected.len() {
        return Some(format!("{} elements against {}", y.len(), expected.len()));
    }
    let far = |(y, e): (f64, f64)| {
        !(y == e || y.is_nan() && e.is_nan() || (y - e).abs() <= ulps * epsilon * e.abs().max(1.0))
    };
    let pairs = || y.iter().copied().zip(expected.iter().copied());
    let i = pairs().position(far)?;
    Some(format!("element {i} is {:e}, expected {:e}, allowed {ulps} ulps", y[i], expected[i]))
}

fn as_f64(x: &Tensor) -> Result<Vec<f64>> {
    Ok(x.to_dtype(DType::F64)?.to_vec()?)
}

fn agrees_with_reference(_: &OpSpec, case: &Case) -> Result<Option<String>> {
    let Some(reference) = &case.reference else { return Ok(None) };
    let y = (case.call)(&constants(&case.inputs))?;
    Ok(first_far(&as_f64(y.value())?, &reference(&case.inputs), case.ulps, f64::EPSILON))
}

fn has_floats(case: &Case) -> bool {
    case.inputs.iter().any(|x| x.dtype() == DType::F64)
}

fn first_order(spec: &OpSpec, case: &Case) -> Result<Option<String>> {
    if spec.not_differentiable {
        return refuses_backward(spec, case);
    }
    if case.first_order && has_floats(case) {
        gradcheck(|x| (case.call)(x), &case.inputs, &GradCheck::default())?;
    }
    Ok(None)
}

fn refuses_backward(spec: &OpSpec, case: &Case) -> Result<Option<String>> {
    if !has_floats(case) {
        return Ok(None);
    }
    let inputs = leaves(&case.inputs);
    let y = (case.call)(&inputs)?;
    let cotangent = Var::from(Tensor::ones(y.shape(), y.dtype())?);
    let inputs: Vec<&Var> = inputs.iter().filter(|x| x.is_tracked()).collect();
    Ok(match grad_of(&[(&y, Some(&cotangent))], &inputs) {
        Err(Error::NotDifferentiable { op }) if op == spec.name => None,
        other => Some(format!("must be refused by name; got {other:?}")),
    })
}

fn second_order(spec: &OpSpec, case: &Case) -> Result<Option<String>> {
    if case.second_order && !spec.not_differentiable && has_floats(case) {
        // A second difference of products of three random factors: one digit more than for first derivatives.
        gradgradcheck(
            |x| (case.call)(x),
            &case.inputs,
            &GradCheck { atol: 1e-7, rtol: 1e-6, ..Default::default() },
        )?;
    }
    Ok(None)
}

/// `⟨c, J·v⟩ = ⟨Jᵀ·c, v⟩` for random c and v; an operation without a derivative refuses by name.
fn forward_mode(spec: &OpSpec, case: &Case) -> Result<Option<String>> {
    if !has_floats(case) || !(case.first_order || spec.not_differentiable) {
        return Ok(None);
    }
    let inputs = leaves(&case.inputs);
    let y = (case.call)(&inputs)?;
    let inputs: Vec<Var> = inputs.into_iter().filter(Var::is_tracked).collect();
    let rng = Rng::seed(11);
    let draw = |i: usize, x: &Var| -> Result<Var> {
        Ok(rng.stream(i as u64).normal(x.shape(), 0.0, 1.0, DType::F64)?.to_dtype(x.dtype())?.into())
    };
    let v: Vec<Var> = inputs.iter().enumerate().map(|(i, x)| draw(i, x)).collect::<Result<_>>()?;
    let pushed = linearize(std::slice::from_ref(&y), &inputs)?.push(&v);
    if spec.not_differentiable {
        return Ok(match pushed {
            Err(Error::NotDifferentiable { op }) if op == spec.name => None,
            other => Some(format!("must be refused by name; got {other:?}")),
        });
    }
    let tangent = pushed?.remove(0);
    if !y.is_tracked() {
        return Ok(tangent.map(|_| "a constant has a tangent".into()));
    }
    let c = draw(inputs.len(), &y)?;
    let (mut forward, mut reverse, mut size) = (0.0, 0.0, 0.0);
    let mut add = |sum: &mut f64, a: &Var, b: &Var| -> Result<()> {
        for x in as_f64(a.mul(b)?.value())? {
            *sum += x;
            size += x.abs();
        }
        Ok(())
    };
    if let Some(tangent) = &tangent {
        if tangent.shape() != y.shape() || tangent.dtype() != y.dtype() {
            return Ok(Some(format!("the tangent is {tangent:?}, the result {y:?}")));
        }
        add(&mut forward, &c, tangent)?;
    }
    let all: Vec<&Var> = inputs.iter().collect();
    for (grad, v) in grad_of(&[(&y, Some(&c))], &all)?.iter().zip(&v) {
        if let Some(grad) = grad {
            add(&mut reverse, grad, v)?;
        }
    }
    // Sums of the same products in another order: a thousand roundings of their size.
    let gap: f64 = forward - reverse;
    let far = gap.is_nan() || gap.abs() > 1e3 * f64::EPSILON * size;
    Ok(far.then(|| format!("⟨c, J·v⟩ is {forward:e}, ⟨Jᵀ·c, v⟩ is {reverse:e}")))
}

fn adds_gradients(spec: &OpSpec, case: &Case) -> Result<Option<String>> {
    if spec.not_differentiable || !case.first_order || !has_floats(case) {
        return Ok(None);
    }
    let once = run(spec, case, &case.inputs)?;
    let call = case.call.clone();
    let twice = Case { call: std::sync::Arc::new(move |x| call(x)?.add(&call(x)?)), ..case.clone() };
    let twice = run(spec, &twice, &case.inputs)?;
    for (i, (once, twice)) in once.iter().zip(&twice).enumerate().skip(1) {
        // Contributions of a composed function meet in another order, and so round differently.
        let doubled = as_f64(&once.mul_scalar(2.0)?)?;
        if let Some(what) = first_far(&as_f64(twice)?, &doubled, case.ulps, f64::EPSILON) {
            return Ok(Some(format!("gradient {} is not twice that of one use: {what}", i - 1)));
        }
    }
    Ok(None)
}

/// The same values with strides of their own: axes stored in reverse order, inside a larger buffer, every second one.
fn strided(x: &Tensor) -> Result<Tensor> {
    if x.rank() == 0 {
        return Ok(x.clone());
    }
    let reversed: Vec<isize> = (0..x.rank() as isize).rev().collect();
    let stored = x.permute(&reversed)?.contiguous()?;
    let padded = Tensor::stack(&[&stored, &stored], stored.rank() as isize)?;
    Ok(padded.select(-1, 0)?.permute(&reversed)?)
}

/// The first along axis 0 repeated, by a stride of 0, and the same without.
fn repeated(x: &Tensor) -> Result<(Tensor, Tensor)> {
    if x.rank() == 0 || x.len() == 0 {
        return Ok((x.clone(), x.clone()));
    }
    let repeated = x.narrow(0, 0, 1)?.expand(x.shape())?;
    Ok((repeated.copied()?, repeated))
}

fn layout_is_invisible(spec: &OpSpec, case: &Case) -> Result<Option<String>> {
    let owned: Vec<Tensor> = case.inputs.iter().map(Tensor::copied).collect::<tensor::Result<_>>()?;
    let expected = run(spec, case, &owned)?;
    let views: Vec<Tensor> = case.inputs.iter().map(strided).collect::<Result<_>>()?;
    if !same_bits(&expected, &run(spec, case, &views)?) {
        return Ok(Some("strided inputs differ from contiguous ones".into()));
    }
    let (full, repeated): (Vec<Tensor>, Vec<Tensor>) =
        case.inputs.iter().map(repeated).collect::<Result<Vec<_>>>()?.into_iter().unzip();
    if !same_bits(&run(spec, case, &full)?, &run(spec, case, &repeated)?) {
        return Ok(Some("inputs that repeat by a stride of 0 differ from contiguous ones".into()));
    }
    let inputs: Vec<Tensor> = case.inputs.iter().map(Tensor::copied).collect::<tensor::Result<_>>()?;
    if !same_bits(&expected, &run(spec, case, &inputs)?) {
        return Ok(Some("a second run differs from the first".into()));
    }
    Ok((!same_bits(&inputs, &case.inputs)).then(|| "an input was changed".into()))
}

fn agrees_in_f32(spec: &OpSpec, case: &Case) -> Result<Option<String>> {
    if !has_floats(case) || case.large {
        return Ok(None);
    }
    let to = |x: &Tensor, dtype| if x.dtype().is_float() { x.to_dtype(dtype) } else { Ok(x.clone()) };
    let f32s: Vec<Tensor> = case.inputs.iter().map(|x| to(x, DType::F32)).collect::<tensor::Result<_>>()?;
    let f64s: Vec<Tensor> = f32s.iter().map(|x| to(x, DType::F64)).collect::<tensor::Result<_>>()?;
    let (single, double) = (run(spec, case, &f32s)?, run(spec, case, &f64s)?);
    let gradients = if case.first_order { single.len() } else { 1 };
    for (single, double) in single.iter().zip(&double).take(gradients) {
        let (single, double) = (as_f64(single)?, as_f64(double)?);
        if let Some(what) = first_far(&single, &double, case.ulps_f32, f32::EPSILON as f64) {
            return Ok(Some(what));
        }
    }
    Ok(None)
}

fn threads_are_invisible(spec: &OpSpec, case: &Case) -> Result<Option<String>> {
    tensor::set_threads(1);
    let one = run(spec, case, &case.inputs)?;
    tensor::set_threads(3);
    let three = run(spec, case, &case.inputs)?;
    Ok((!same_bits(&one, &three)).then(|| "1 and 3 threads differ".into()))
}

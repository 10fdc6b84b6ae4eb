//! Every operation in every type: BF16 and F16 give what F32 gives, rounded once; I32 and I8 what I64 gives, wrapped.

use autodiff::check::{Case, OpSpec};
use autodiff::{Error, Result, Var};
use tensor::{DType, Rng, Tensor};

/// Operations that refuse BF16 and F16: linear algebra and Fourier transforms. Everything else takes them.
const REFUSED: &[&str] = &[
    "eig",
    "solve",
    "inv",
    "slogdet",
    "det",
    "cholesky",
    "triangular_solve",
    "qr",
    "eigh",
    "eigvalsh",
    "svd",
    "svdvals",
    "pinv",
    "lstsq",
    "lu",
    "matrix_exp",
    "matrix_norm",
    "eigvals",
    "fft",
    "ifft",
    "rfft",
    "irfft",
];

fn converted(case: &Case, to: impl Fn(&Tensor) -> tensor::Result<Tensor>) -> Vec<Tensor> {
    let to = |x: &Tensor| if x.dtype().is_float() { to(x) } else { Ok(x.clone()) };
    case.inputs.iter().map(|x| to(x).unwrap()).collect()
}

fn called(case: &Case, inputs: &[Tensor]) -> Result<Tensor> {
    (case.call)(&inputs.iter().map(Var::from).collect::<Vec<_>>()).map(Var::into_value)
}

fn cases(spec: &OpSpec) -> impl Iterator<Item = &Case> {
    spec.cases.iter().filter(|case| !case.large && case.inputs.iter().any(|x| x.dtype().is_float()))
}

fn is_refused(spec: &OpSpec) -> bool {
    REFUSED.iter().any(|name| spec.name.starts_with(name))
}

fn is_dtype_refusal<T>(out: &Result<T>) -> bool {
    matches!(out, Err(Error::Tensor(tensor::Error::DTypeMismatch { .. })))
}

#[test]
fn floats_of_16_bits_give_what_singles_give_rounded_once() {
    let mut wrong = Vec::new();
    for spec in autodiff::ops::specs() {
        for case in cases(&spec) {
            for dtype in [DType::BF16, DType::F16] {
                let narrow = converted(case, |x| x.to_dtype(dtype));
                let wide: Vec<Tensor> = narrow
                    .iter()
                    .map(|x| if x.dtype() == dtype { x.to_dtype(DType::F32).unwrap() } else { x.clone() })
                    .collect();
                let (got, expected) = (called(case, &narrow), called(case, &wide));
                let mut report =
                    |what: String| wrong.push(format!("{} ({}), {dtype}: {what}", spec.name, case.label));
                if is_refused(&spec) && is_dtype_refusal(&got) {
                    let text = got.unwrap_err().to_string();
                    if !text.contains(&dtype.to_string()) || !text.contains("to_dtype(F32)") {
                        report(format!("the refusal is \"{text}\""));
                    }
                    continue;
                }
                match (got, expected) {
                    (Ok(got), Ok(expected)) => {
                        let rounded = match expected.dtype() {
                            DType::F32 => expected.to_dtype(dtype).unwrap(),
                            _ => expected.clone(),
                        };
                        if !got.bit_eq(&rounded) {
                            report(format!("got {got:?}, expected {rounded:?}"));
                        }
                    }
                    (Err(got), Err(expected)) if got == expected => {}
                    (got, expected) => report(format!("got {got:?}, F32 gives {expected:?}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// The gradients of ⟨c, y⟩ with respect to the float inputs.
fn gradients(case: &Case, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let inputs: Vec<Var> = inputs
        .iter()
        .map(|x| if x.dtype().is_float() { Var::variable(x.clone()) } else { Var::from(x) })
        .collect();
    let y = (case.call)(&inputs)?;
    if !y.is_tracked() || !y.dtype().is_float() {
        return Ok(Vec::new());
    }
    // Few digits, so that every type holds them.
    let cotangent = Rng::seed(7).normal(y.shape(), 0.0, 1.0, DType::BF16)?.to_dtype(y.dtype())?;
    let grads = y.mul(&Var::from(cotangent))?.sum(&[])?.backward()?;
    Ok(inputs.iter().filter_map(|x| grads.of(x)).cloned().collect())
}

#[test]
fn gradients_have_the_type_of_their_values_and_are_those_of_singles_but_for_rounding() {
    let mut wrong = Vec::new();
    for spec in autodiff::ops::specs().iter().filter(|spec| !spec.not_differentiable) {
        for case in cases(spec).filter(|case| case.first_order) {
            for (dtype, unit) in [(DType::BF16, 2f64.powi(-8)), (DType::F16, 2f64.powi(-11))] {
                let narrow = converted(case, |x| x.to_dtype(dtype));
                let wide = converted(case, |x| x.to_dtype(dtype)?.to_dtype(DType::F32));
                let mut report =
                    |what: String| wrong.push(format!("{} ({}), {dtype}: {what}", spec.name, case.label));
                let (got, expected) = match (gradients(case, &narrow), gradients(case, &wide)) {
                    (Ok(got), Ok(expected)) => (got, expected),
                    (got, _) if is_dtype_refusal(&got) && is_refused(spec) => continue,
                    (got, expected) => {
                        report(format!("got {got:?}, F32 gives {expected:?}"));
                        continue;
                    }
                };
                if got.len() != expected.len() {
                    report(format!("{} gradients, singles have {}", got.len(), expected.len()));
                }
                for (got, expected) in got.iter().zip(&expected) {
                    if got.dtype() != dtype || got.shape() != expected.shape() {
                        report(format!("a gradient is {got:?}"));
                        continue;
                    }
                    let [got, expected] =
                        [got, expected].map(|x| x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap());
                    let size = expected.iter().fold(0.25f64, |m, x| m.max(x.abs()));
                    for (i, (g, e)) in got.iter().zip(&expected).enumerate() {
                        if dtype == DType::F16 && e.abs() > 65504.0 {
                            continue;
                        }
                        // A rule is a chain of a dozen operations at most, each of which rounds.
                        if (g - e).abs() > 24.0 * unit * size {
                            report(format!("element {i} of a gradient is {g}, of singles {e}"));
                            break;
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn narrow_integers_give_what_wide_ones_give_wrapped() {
    let (mut wrong, mut computed) = (Vec::new(), 0);
    // Targets of I64 are labels, and those of other types are not.
    for spec in autodiff::ops::specs().iter().filter(|spec| !spec.name.ends_with("cross_entropy")) {
        for case in cases(spec) {
            for dtype in [DType::I32, DType::I8] {
                let narrow = converted(case, |x| x.to_dtype(dtype));
                let wide = converted(case, |x| x.to_dtype(dtype)?.to_dtype(DType::I64));
                let (got, expected) = (called(case, &narrow), called(case, &wide));
                let wrapped = |x: &Tensor| {
                    let of = x.to_vec::<i64>().unwrap();
                    match dtype {
                        DType::I8 => Tensor::from_vec(of.iter().map(|&x| x as i8).collect(), x.shape()),
                        _ => Tensor::from_vec(of.iter().map(|&x| x as i32).collect(), x.shape()),
                    }
                };
                let fits = match (&got, &expected) {
                    (Ok(got), Ok(wide)) if got.dtype() == dtype => got.bit_eq(&wrapped(wide).unwrap()),
                    (Ok(got), Ok(wide)) => got.bit_eq(wide),
                    (Err(got), Err(wide)) => {
                        got.to_string().replace(&dtype.to_string(), "i64") == wide.to_string()
                    }
                    _ => false,
                };
                computed += usize::from(got.is_ok());
                if !fits {
                    wrong.push(format!(
                        "{} ({}), {dtype}: got {got:?}, I64 gives {expected:?}",
                        spec.name, case.label
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(computed > 200, "{computed}");
}

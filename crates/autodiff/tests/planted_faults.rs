//! The contract must catch a wrong rule: each operation here has one planted fault, and a right twin that passes.

use autodiff::check::{Case, GradCheck, OpSpec, Samples, contract, gradcheck};
use autodiff::{Grads, Op, Result, Saved, Saves, Var, grads};
use tensor::{DType, Tensor};

/// What is wrong with the rule, or with the result, of `x·y`.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    None,
    Factor,
    Sign,
    MissingTerm,
    InputsExchanged,
    NoGradient,
    OneGradientForAllRows,
    SavedTheWrongInput,
    Detached,
}

/// `z = x·y`, of equal shapes or a row `y`.
struct Product(Fault);

impl Op for Product {
    fn name(&self) -> &'static str {
        "product"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].mul(x[1])?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (x, y) = (saved.input(0), saved.input(1));
        let (dx, dy) = (grad.mul(&y)?, grad.mul(&x)?);
        match self.0 {
            Fault::None => grads([dx, dy]),
            Fault::Factor => grads([dx.mul_scalar(1.001)?, dy]),
            Fault::Sign => grads([dx, dy.neg()?]),
            // As if it were the rule of x·x with one side forgotten.
            Fault::MissingTerm => grads([dx.mul_scalar(0.5)?, dy.mul_scalar(0.5)?]),
            Fault::InputsExchanged => grads([dy.sum_to(x.shape())?, dx.sum_to(y.shape())?]),
            Fault::NoGradient => Ok(Grads::from_iter([Some(dx), None])),
            // The mean over the rows that broadcasting repeated, where the sum belongs.
            Fault::OneGradientForAllRows => {
                let rows = grad.value().len() as f64 / y.value().len() as f64;
                grads([dx, dy.sum_to(y.shape())?.mul_scalar(1.0 / rows)?])
            }
            Fault::SavedTheWrongInput => grads([grad.mul(&x)?, dy]),
            // Right at first order, blind at second.
            Fault::Detached => grads([grad.mul(&y.detach())?, grad.mul(&x.detach())?]),
        }
    }
}

fn product(fault: Fault) -> OpSpec {
    let mut s = Samples::new(1);
    let call = move |x: &[Var]| Var::apply(Product(fault), &[&x[0], &x[1]]);
    OpSpec::new("product")
        .case("same shape", [s.uniform([3, 3], 0.5, 2.0), s.uniform([3, 3], 0.5, 2.0)], [3, 3], call)
        .reference_pairwise(|x, y| ((x + y) * (x + y) - (x - y) * (x - y)) / 4.0)
        .case("a row repeats", [s.uniform([3, 2], 0.5, 2.0), s.uniform([2], 0.5, 2.0)], [3, 2], call)
        .case("empty", [s.empty([0, 2]), s.uniform([2], 0.5, 2.0)], [0, 2], call)
}

/// Why the contract refuses it, one promise in each line.
fn broken(spec: &OpSpec) -> String {
    contract(spec).iter().map(|broken| format!("{broken}\n")).collect()
}

#[test]
fn a_right_rule_breaks_no_promise() {
    assert_eq!(broken(&product(Fault::None)), "");
}

#[test]
fn a_rule_that_is_wrong_at_first_order_is_caught() {
    for fault in [
        Fault::Factor,
        Fault::Sign,
        Fault::MissingTerm,
        Fault::InputsExchanged,
        Fault::NoGradient,
        Fault::OneGradientForAllRows,
        Fault::SavedTheWrongInput,
    ] {
        let broken = broken(&product(fault));
        assert!(broken.contains("first derivatives: [gradcheck]"), "{fault:?}: {broken}");
    }
}

#[test]
fn a_wrong_mean_shows_only_where_broadcasting_repeats() {
    let broken = broken(&product(Fault::OneGradientForAllRows));
    assert!(broken.contains("product (a row repeats): first derivatives"), "{broken}");
    assert!(!broken.contains("product (same shape): first derivatives"), "{broken}");
}

#[test]
fn a_rule_that_cannot_be_differentiated_is_caught_at_second_order() {
    let broken = broken(&product(Fault::Detached));
    assert!(broken.contains("second derivatives: [gradcheck]"), "{broken}");
    assert!(!broken.contains("first derivatives"), "{broken}");
}

#[test]
fn the_ratio_of_a_wrong_factor_is_in_the_message() {
    let broken = broken(&product(Fault::Factor));
    assert!(broken.contains("ratio 1.001000"), "{broken}");
}

/// `y = xᵀ` of a square matrix, whose gradient is handed on as it is.
struct TransposeOnce;

impl Op for TransposeOnce {
    fn name(&self) -> &'static str {
        "transpose_once"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].t()?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.clone()])
    }
}

#[test]
fn a_gradient_that_is_transposed_is_caught_though_its_shape_is_right() {
    let x = [Samples::new(2).uniform([3, 3], -1.0, 1.0)];
    let spec =
        OpSpec::new("transpose_once").case("square", x, [3, 3], |x| Var::apply(TransposeOnce, &[&x[0]]));
    assert!(broken(&spec).contains("first derivatives: [gradcheck]"), "{}", broken(&spec));
}

/// `y(i) = x(0) + … + x(i)`. The gradient of x(j) is the sum of g(i) over i ≥ j, or over i > j: off by one.
struct RunningSum {
    off_by_one: bool,
}

impl Op for RunningSum {
    fn name(&self) -> &'static str {
        "running_sum"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let mut y = x[0].to_dtype(DType::F64)?.to_vec::<f64>()?;
        for i in 1..y.len() {
            y[i] += y[i - 1];
        }
        Ok(Tensor::from_vec(y, x[0].shape())?.to_dtype(x[0].dtype())?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        let n = grad.shape()[0];
        let first = usize::from(self.off_by_one);
        let mask: Vec<f64> = (0..n * n).map(|ij| f64::from(u8::from(ij / n >= ij % n + first))).collect();
        let mask = Var::from(Tensor::from_vec(mask, [n, n])?.to_dtype(grad.dtype())?);
        grads([grad.matmul(&mask)?])
    }
}

fn running_sum(off_by_one: bool) -> OpSpec {
    let mut s = Samples::new(3);
    OpSpec::new("running_sum")
        .case("five", [s.uniform([5], -1.0, 1.0)], [5], move |x| {
            Var::apply(RunningSum { off_by_one }, &[&x[0]])
        })
        .reference(|x| {
            let x = x[0].to_vec::<f64>().unwrap_or_default();
            (0..x.len()).map(|i| x[..=i].iter().sum()).collect()
        })
        .no_empty("a control")
}

#[test]
fn a_rule_that_is_off_by_one_is_caught() {
    assert_eq!(broken(&running_sum(false)), "");
    assert!(broken(&running_sum(true)).contains("first derivatives: [gradcheck]"));
}

/// The spec of `y = x²` with a promise that it does not keep.
fn square() -> (Tensor, OpSpec) {
    let mut s = Samples::new(4);
    (s.uniform([3], 0.5, 1.0), OpSpec::new("square").case("empty", [s.empty([0])], [0], |x| x[0].square()))
}

#[test]
fn a_result_off_by_a_millionth_is_caught_by_the_reference() {
    let (x, spec) = square();
    let spec = spec.case("three", [x], [3], |x| x[0].square()).reference_pointwise(|x| x * x * (1.0 + 1e-6));
    assert!(broken(&spec).contains("square (three): the result agrees with the reference: element 0"));
}

#[test]
fn another_shape_than_the_stated_one_is_caught() {
    let (x, spec) = square();
    let spec = spec.case("three", [x], [1, 3], |x| x[0].square()).reference_pointwise(|x| x * x);
    assert_eq!(broken(&spec), "square (three): the result has the stated shape: stated [1, 3], got [3]\n");
}

#[test]
fn an_error_with_another_text_is_caught() {
    let (x, spec) = square();
    let spec = spec
        .case("three", [x.clone()], [3], |x| x[0].square())
        .reference_pointwise(|x| x * x)
        .error([Tensor::scalar(true)], |x| x[0].square(), "no")
        .error([x], |x| x[0].square(), "no");
    let broken = broken(&spec);
    assert!(broken.contains("square (error 0): must say \"no\"; got \"[square]"), "{broken}");
    assert!(broken.contains("square (error 1): must be refused"), "{broken}");
}

#[test]
fn a_spec_without_an_empty_case_or_a_reference_is_caught() {
    let (x, _) = square();
    let spec = OpSpec::new("square").case("three", [x], [3], |x| x[0].square());
    assert_eq!(
        broken(&spec),
        "square (all): some case must have an empty input, or no_empty must say why not\n\
         square (all): some case must have an independent reference\n"
    );
}

#[test]
fn an_operation_that_reads_where_an_element_stands_in_memory_is_caught() {
    /// The first element in memory, which is that of a contiguous input only.
    struct FirstInMemory;
    impl Op for FirstInMemory {
        fn name(&self) -> &'static str {
            "first_in_memory"
        }
        fn saves(&self) -> Saves {
            Saves::NOTHING
        }
        fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
            Ok(if x[0].is_contiguous() { x[0].select(0, 0)? } else { x[0].select(0, 1)? })
        }
        fn backward(&self, _: &Saved, _: &Var) -> Result<Grads> {
            autodiff::not_differentiable("first_in_memory")
        }
    }
    let x = [Samples::new(5).uniform([3], -1.0, 1.0)];
    let spec = OpSpec::new("first_in_memory")
        .case("three", x, [], |x| Var::apply(FirstInMemory, &[&x[0]]))
        .reference(|x| x[0].to_vec::<f64>().unwrap_or_default()[..1].to_vec())
        .no_empty("a control")
        .not_differentiable();
    assert_eq!(
        broken(&spec),
        "first_in_memory (three): layout and sharing change no bit: strided inputs differ from contiguous ones\n"
    );
}

#[test]
fn an_operation_declared_without_a_derivative_that_has_one_is_caught() {
    let (x, spec) = square();
    let spec =
        spec.case("three", [x], [3], |x| x[0].square()).reference_pointwise(|x| x * x).not_differentiable();
    assert!(broken(&spec).contains("square (three): first derivatives: must be refused by name"));
}

/// The identity, with a gradient that is too large by a thousandth.
struct TooLarge;

impl Op for TooLarge {
    fn name(&self) -> &'static str {
        "too_large"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].clone())
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.mul_scalar(1.001)?])
    }
}

/// Operations whose derivative with respect to this input is 0 wherever it exists.
const FLAT: [(&str, usize); 13] = [
    ("sign", 0),
    ("floor", 0),
    ("ceil", 0),
    ("round", 0),
    ("trunc", 0),
    ("copysign", 1),
    ("relu_grad", 0),
    ("leaky_relu_grad", 0),
    ("clamp_grad", 0),
    ("floor_divide", 0),
    ("floor_divide", 1),
    ("heaviside", 0),
    // Its value at 0 counts there alone.
    ("heaviside", 1),
];

#[test]
fn a_wrong_factor_for_any_input_of_any_operation_in_the_list_is_caught() {
    let mut escaped = Vec::new();
    for spec in autodiff::ops::specs() {
        let checked = |case: &&Case| case.first_order && !spec.not_differentiable;
        let inputs = spec.cases.iter().map(|case| case.inputs.len()).max().unwrap_or(0);
        for input in 0..inputs {
            let is_float =
                |case: &&Case| case.inputs.get(input).is_some_and(|x| x.dtype().is_float() && x.len() > 0);
            let cases: Vec<&Case> = spec.cases.iter().filter(checked).filter(is_float).collect();
            if cases.is_empty() || FLAT.contains(&(spec.name, input)) {
                continue;
            }
            for how in [GradCheck::default(), GradCheck::fast()] {
                let caught = cases.iter().any(|case| {
                    let wrong = |x: &[Var]| {
                        let mut x = x.to_vec();
                        x[input] = Var::apply(TooLarge, &[&x[input]])?;
                        (case.call)(&x)
                    };
                    gradcheck(wrong, &case.inputs, &how).is_err()
                });
                if !caught {
                    escaped.push(format!("{} (input {input}, {:?})", spec.name, how.mode));
                }
            }
        }
    }
    assert!(escaped.is_empty(), "not caught: {}", escaped.join(", "));
}

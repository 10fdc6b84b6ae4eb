//! What the checker of gradients says, in both of its modes.

use autodiff::check::{Against, CheckMode, GradCheck, Mismatch, Place, Report, gradcheck, gradgradcheck};
use autodiff::{Error, Grads, Op, Result, Saved, Saves, Var, grads};
use std::cell::Cell;
use tensor::{DType, Rng, Tensor};

const BOTH: [CheckMode; 2] = [CheckMode::Full, CheckMode::Fast];

fn how(mode: CheckMode) -> GradCheck {
    GradCheck { mode, ..GradCheck::default() }
}

fn normal(shape: &[usize], seed: u64) -> Tensor {
    Rng::seed(seed).normal(shape, 0.0, 1.0, DType::F64).unwrap()
}

fn mismatch(result: Result<Report>) -> Mismatch {
    match result {
        Err(Error::CheckFailed(mismatch)) => *mismatch,
        other => panic!("{other:?}"),
    }
}

/// The identity; the gradient of one element is multiplied by a factor.
struct WrongElement {
    element: usize,
    factor: f64,
}

impl Op for WrongElement {
    fn name(&self) -> &'static str {
        "wrong_element"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].clone())
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        let mut factors = vec![1.0; grad.value().len()];
        factors[self.element] = self.factor;
        grads([grad.mul(&Var::from(Tensor::from_vec(factors, grad.shape())?))?])
    }
}

/// `tanh(x0)·x1`, right but for one element of the gradient of x1.
fn wrong(element: usize, factor: f64) -> impl Fn(&[Var]) -> Result<Var> {
    move |x| x[0].tanh()?.mul(&Var::apply(WrongElement { element, factor }, &[&x[1]])?)
}

#[test]
fn right_rules_pass_in_both_modes_and_the_worst_element_is_reported() -> Result<()> {
    let x = [normal(&[3, 4], 1), normal(&[3, 4], 2)];
    let full = gradcheck(wrong(0, 1.0), &x, &how(CheckMode::Full))?;
    assert_eq!(full.compared, 24);
    assert!(matches!(full.place, Some(Place::Element { .. })), "{full}");
    assert!(full.worst < 0.1 && (full.ratio - 1.0).abs() < 1e-6, "{full}");
    let fast = gradcheck(wrong(0, 1.0), &x, &how(CheckMode::Fast))?;
    assert_eq!((fast.compared, fast.place), (3, Some(Place::Everywhere)));
    for mode in BOTH {
        gradgradcheck(wrong(0, 1.0), &x, &GradCheck { atol: 1e-7, rtol: 1e-6, ..how(mode) })?;
    }
    Ok(())
}

#[test]
fn one_wrong_element_is_named_with_its_ratio_in_both_modes() {
    // Small and element by element; large and found by halving.
    for shape in [[3, 4], [40, 50]] {
        let x = [normal(&shape, 1), normal(&shape, 2)];
        for mode in BOTH {
            let found = mismatch(gradcheck(wrong(7, 1.01), &x, &how(mode)));
            assert_eq!(found.place, Place::Element { input: 1, element: 7 }, "{mode:?} {shape:?}");
            assert_eq!((found.against, &found.shape[..]), (Against::Differences, &shape[..]));
            assert!((found.ratio() - 1.01).abs() < 1e-5, "{found}");
        }
    }
}

#[test]
fn the_text_names_element_ratio_and_allowance() {
    let x = [Tensor::from_vec(vec![0.0, 1.0], [2]).unwrap(), Tensor::from_vec(vec![2.0, 2.0], [2]).unwrap()];
    let text = mismatch(gradcheck(wrong(1, 2.0), &x, &GradCheck::fast())).to_string();
    assert!(
        text.starts_with("[gradcheck] the backward rule must agree with finite differences; got "),
        "{text}"
    );
    assert!(text.contains("(ratio 2.000000, allowed difference "), "{text}");
    assert!(
        text.ends_with(" at element 1 of input 1 [2]; correct the rule, or keep samples away from kinks"),
        "{text}"
    );
}

#[test]
fn a_mistake_in_the_second_derivative_is_caught_in_both_modes() {
    /// `x²`, whose rule hides from differentiation that it depends on x.
    struct Blind;
    impl Op for Blind {
        fn name(&self) -> &'static str {
            "blind"
        }
        fn saves(&self) -> Saves {
            Saves::inputs(&[0])
        }
        fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
            Ok(x[0].square()?)
        }
        fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
            grads([grad.mul(&saved.input(0).detach())?.mul_scalar(2.0)?])
        }
    }
    let f = |x: &[Var]| Var::apply(Blind, &[&x[0]]);
    for mode in BOTH {
        gradcheck(f, &[normal(&[5], 3)], &how(mode)).unwrap();
        let found = mismatch(gradgradcheck(f, &[normal(&[5], 3)], &how(mode)));
        assert!(matches!(found.place, Place::Element { input: 0, .. }), "{found}");
    }
}

#[test]
fn a_wrong_rule_of_forward_mode_is_caught_in_both_modes() {
    /// `x·y` with a forward rule that forgets x.
    struct Product;
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
            grads([grad.mul(&saved.input(1))?, grad.mul(&saved.input(0))?])
        }
        fn jvp(&self, saved: &Saved, tangents: &[Option<Var>]) -> Result<Option<Var>> {
            tangents[1].as_ref().map(|v| v.mul(&saved.input(0))).transpose()
        }
    }
    let x = [normal(&[4], 1), normal(&[4], 2)];
    for mode in BOTH {
        let found = mismatch(gradcheck(|x| Var::apply(Product, &[&x[0], &x[1]]), &x, &how(mode)));
        assert_eq!((found.place, found.against), (Place::Direction { input: 0 }, Against::ForwardMode));
        assert_eq!(found.numeric, 0.0);
        assert!(
            found
                .to_string()
                .ends_with(" at a random direction in input 0 [4]; correct the rule of forward mode")
        );
    }
}

#[test]
fn fast_mode_calls_the_function_as_often_for_a_large_input_as_for_a_small_one() -> Result<()> {
    let calls = |n: usize| -> Result<usize> {
        let calls = Cell::new(0);
        let f = |x: &[Var]| {
            calls.set(calls.get() + 1);
            x[0].sin()?.mul(&x[1])
        };
        gradcheck(f, &[normal(&[n], 1), normal(&[n], 2)], &GradCheck::fast())?;
        Ok(calls.get())
    };
    // The value, the graph for the gradient and for forward mode, and two for each of three directions.
    assert_eq!((calls(2)?, calls(100_000)?), (9, 9));
    Ok(())
}

#[test]
fn large_values_that_do_not_move_hide_nothing() {
    let f = |x: &[Var]| {
        let y = Var::apply(WrongElement { element: 0, factor: 1.001 }, &[&x[0]])?;
        Var::cat(&[&y, &Var::from(Tensor::full([3], 1e12, DType::F64)?)], 0)
    };
    for mode in BOTH {
        assert!((mismatch(gradcheck(f, &[normal(&[2], 1)], &how(mode))).ratio() - 1.001).abs() < 1e-6);
    }
}

#[test]
fn a_nan_in_a_gradient_is_no_agreement() {
    for mode in BOTH {
        let found = mismatch(gradcheck(wrong(2, f64::NAN), &[normal(&[4], 1), normal(&[4], 2)], &how(mode)));
        assert_eq!(found.place, Place::Element { input: 1, element: 2 });
    }
}

#[test]
fn a_report_is_a_line() {
    let report = Report {
        compared: 24,
        worst: 0.0321,
        place: Some(Place::Element { input: 1, element: 5 }),
        ratio: 1.0000000012,
    };
    assert_eq!(
        report.to_string(),
        "24 derivatives agree; the worst uses 3.2 % of what is allowed (ratio 1.000000001), at element 5 of input 1"
    );
}

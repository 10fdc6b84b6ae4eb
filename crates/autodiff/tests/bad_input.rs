//! Bad input to what differentiates: an error with its text, or the value stated. What losses and single operations
//! refuse stands with them.

use autodiff::check::{GradCheck, Place, gradcheck};
use autodiff::ops::loss::cross_entropy::CrossEntropy;
use autodiff::{Error, Reduction, Result, Var, grad_of};
use tensor::{DType, Tensor};

fn vector(x: &[f64]) -> Var {
    Var::variable(Tensor::from_slice(x, [x.len()]).unwrap())
}

/// The text of the refusal.
#[track_caller]
fn refused<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("was not refused"),
        Err(error) => error.to_string(),
    }
}

/// The gradient of the sum of `f`.
fn gradient(x: &[f64], f: impl Fn(&Var) -> Result<Var>) -> Result<Vec<f64>> {
    let x = vector(x);
    let grads = f(&x)?.sum(&[])?.backward()?;
    Ok(grads.of(&x).expect("x is used").to_vec()?)
}

#[test]
fn a_check_of_gradients_needs_double_precision() {
    let x = Tensor::ones([2], DType::F32).unwrap();
    assert_eq!(
        refused(gradcheck(|x| x[0].exp(), &[x], &GradCheck::default())),
        "[gradcheck] at least one input and the result must be f64, or differences drown in rounding; got inputs f32 \
         and a result of f32; convert with to_dtype(DType::F64)"
    );
}

#[test]
fn a_check_at_a_kink_fails_and_says_how_far_apart_the_slopes_are() {
    let at_zero = Tensor::zeros([1], DType::F64).unwrap();
    let check = |f: fn(&Var) -> Result<Var>| {
        gradcheck(|x| f(&x[0]), std::slice::from_ref(&at_zero), &GradCheck::default())
    };
    // The middle of both slopes happens to be right for abs.
    assert!(check(Var::abs).is_ok());
    let Err(Error::CheckFailed(far)) = check(Var::relu) else { panic!("relu has no slope at 0") };
    assert_eq!((far.analytic, far.place), (0.0, Place::Element { input: 0, element: 0 }));
    let tie = Tensor::ones([2], DType::F64).unwrap();
    // Shared between the two, and so the middle of both slopes too.
    assert!(gradcheck(|x| x[0].max(&[]), std::slice::from_ref(&tie), &GradCheck::default()).is_ok());
}

#[test]
fn a_view_that_repeats_its_elements_is_checked_like_a_copy() -> Result<()> {
    let x = Tensor::from_slice(&[0.5f64, -1.5], [2])?.expand([3, 2])?;
    let report = gradcheck(|x| x[0].square()?.mul(&x[0]), &[x], &GradCheck::default())?;
    assert_eq!(report.compared, 6);
    Ok(())
}

#[test]
fn where_no_derivative_exists_the_stated_one_is_taken() -> Result<()> {
    let edge = [-1.0, 0.0, 1.0];
    assert_eq!(gradient(&edge, Var::relu)?, [0.0, 0.0, 1.0]);
    assert_eq!(gradient(&edge, Var::abs)?, [-1.0, 0.0, 1.0]);
    assert_eq!(gradient(&edge, Var::sign)?, [0.0; 3]);
    assert_eq!(gradient(&edge, |x| x.clamp(-1.0, 0.0))?, [1.0, 1.0, 0.0]);
    assert_eq!(gradient(&[2.0, 2.0, 1.0], |x| x.max(&[]))?, [0.5, 0.5, 0.0]);
    assert_eq!(gradient(&[0.0], Var::sqrt)?, [f64::INFINITY]);
    assert_eq!(gradient(&[0.0], Var::ln)?, [f64::INFINITY]);
    assert_eq!(gradient(&[2.0, 0.0, 3.0], |x| x.prod(&[]))?, [0.0, 6.0, 0.0]);
    Ok(())
}

#[test]
fn gradients_times_zero_are_zero_and_those_of_nothing_are_empty() -> Result<()> {
    let x = vector(&[1.0, -2.0]);
    let zero = Var::from(Tensor::zeros([2], DType::F64)?);
    let y = x.exp()?.mul(&zero)?.sum(&[])?;
    assert_eq!(y.backward()?.of(&x).map(|g| g.to_vec::<f64>()), Some(Ok(vec![0.0, 0.0])));
    assert_eq!(gradient(&[], Var::exp)?, []);
    let (a, b) = (
        Var::variable(Tensor::zeros([2, 0], DType::F64)?),
        Var::variable(Tensor::zeros([0, 3], DType::F64)?),
    );
    let grads = a.matmul(&b)?.sum(&[])?.backward()?;
    assert_eq!(grads.of(&a).map(Tensor::shape), Some(&[2, 0][..]));
    assert_eq!(grads.of(&b).map(Tensor::shape), Some(&[0, 3][..]));
    Ok(())
}

#[test]
fn cotangents_and_losses_of_the_wrong_kind_are_refused() -> Result<()> {
    let x = vector(&[1.0, 2.0]);
    let wrong = Var::from(Tensor::ones([2, 1], DType::F64)?);
    assert_eq!(
        refused(grad_of(&[(&x.exp()?, Some(&wrong))], &[&x])),
        "[grad_of] a cotangent must have the shape and dtype of its output; got f64 [2, 1] for f64 [2]; build it with the output's shape and dtype"
    );
    assert!(
        refused(x.exp()?.backward())
            .starts_with("[backward] the loss must have exactly one element; got [2]; ")
    );
    assert!(
        refused(Var::from(Tensor::scalar(1.0)).backward())
            .starts_with("[backward] the value must depend on a tracked variable; ")
    );
    Ok(())
}

#[test]
fn losses_are_finite_at_the_ends_and_refuse_what_is_no_probability() -> Result<()> {
    let far = vector(&[0.0, 800.0, -800.0, 800.0, -800.0]);
    let target = Var::from(Tensor::from_slice(&[0.5, 1.0, 0.0, 0.0, 1.0], [5])?);
    let losses = far.bce_with_logits(&target, None, Reduction::None)?.value().to_vec::<f64>()?;
    assert_eq!(losses, [std::f64::consts::LN_2, 0.0, 0.0, 800.0, 800.0]);
    let slopes = gradient(&[800.0, -800.0], |x| {
        x.bce_with_logits(&Var::from(Tensor::from_slice(&[0.0, 1.0], [2])?), None, Reduction::Sum)
    })?;
    assert_eq!(slopes, [1.0, -1.0]);
    let logits = Var::variable(Tensor::from_slice(&[-800.0, 0.0, 800.0], [1, 3])?);
    let worst = logits.cross_entropy(Tensor::from_slice(&[0i64], [1])?, &CrossEntropy::default())?;
    assert_eq!(worst.item()?, 1600.0);
    let minus = Tensor::from_slice(&[-1i64], [1])?;
    assert!(refused(logits.cross_entropy(minus, &CrossEntropy::default())).starts_with(
        "[cross_entropy] a label must name one of the classes, counted from 0; got label -1 in row 0, with 3 classes; "
    ));
    Ok(())
}

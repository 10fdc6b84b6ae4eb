//! What a forward pass is told, and what it says about itself.

use autodiff::Var;
use nn::{Context, Linear, Param};
use tensor::{DType, Rng, Tensor};

#[test]
fn a_context_that_trains_tracks_parameters_and_one_that_does_not_tracks_none() {
    let mut param = Param::new(Tensor::scalar(2.0));
    let rng = &mut Rng::seed(0);
    assert!(Context::train(rng).param(&param).is_tracked());
    assert!(!Context::eval().param(&param).is_tracked());
    param.set_trainable(false);
    assert!(!Context::train(rng).param(&param).is_tracked());
}

#[test]
fn a_parameter_used_twice_receives_the_sum() {
    let param = Param::new(Tensor::scalar(3.0));
    let cx = Context::train(&mut Rng::seed(0));
    let loss = cx.param(&param).mul(&cx.param(&param)).unwrap();
    assert_eq!(loss.backward().unwrap().get(param.id()).unwrap().item().unwrap(), 6.0);
}

#[test]
fn only_training_has_randomness_and_each_context_takes_one_stream() {
    assert!(Context::eval().rng().is_none() && !Context::eval().is_train());
    let rng = &mut Rng::seed(0);
    let mut draw = || {
        let mut cx = Context::train(rng);
        assert!(cx.is_train());
        cx.rng().unwrap().uniform([4], 0.0, 1.0, DType::F64).unwrap()
    };
    let (first, second) = (draw(), draw());
    assert!(!first.bit_eq(&second));
    let mut again = Context::train(&mut Rng::seed(0));
    assert!(first.bit_eq(&again.rng().unwrap().uniform([4], 0.0, 1.0, DType::F64).unwrap()));
}

#[test]
fn names_of_an_error_are_joined_by_dots_and_left_again() {
    let layer = Linear::new(2, 2, &mut Rng::seed(0)).unwrap();
    let x: Var = Tensor::zeros([1, 3], DType::F32).unwrap().into();
    let cx = &mut Context::eval();
    let text = |cx: &mut Context| {
        let error = cx.within("encoder", |cx| cx.within(3, |cx| cx.call("fc", &layer, &x))).unwrap_err();
        error.to_string()
    };
    let first = text(cx);
    assert!(first.starts_with("encoder.3.fc: [linear] the last axis"), "{first}");
    assert_eq!(text(cx), first, "an error leaves no name behind");
    assert_eq!(cx.within("a", |_| Ok(5)).unwrap(), 5);
}

//! The summary table.

use nn::{Activation, Dropout, Linear, Module, Residual, Sequential, Summary};
use tensor::{DType, Rng, Tensor};

#[test]
fn a_model_is_shown_as_a_table_of_what_ran() {
    let rng = &mut Rng::seed(0);
    let mut net = Sequential::new()
        .push(Linear::new(64, 128, rng).unwrap())
        .push(Activation::Relu)
        .push(Dropout::new(0.2).unwrap())
        .push(Residual::new(Sequential::new().push(Linear::new(128, 128, rng).unwrap())))
        .push(Linear::new(128, 10, rng).unwrap());
    net.freeze("0.*").unwrap();
    let summary = Summary::of(&net, &Tensor::zeros([1, 64], DType::F32).unwrap()).unwrap();
    let expected = "\
path        layer              output    parameters
0           Linear(64 → 128)   [1, 128]        8320
1           relu               [1, 128]           0
2           Dropout(0.2)       [1, 128]           0
3           Residual           [1, 128]       16512
3.branch    Sequential         [1, 128]       16512
3.branch.0  Linear(128 → 128)  [1, 128]       16512
4           Linear(128 → 10)   [1, 10]         1290
26122 parameters, 17802 trainable; output [1, 10]";
    assert_eq!(summary.to_string(), expected, "\n{summary}");
    assert_eq!(summary.params, net.n_params());
}

#[test]
fn an_input_that_does_not_fit_is_refused_with_the_path() {
    let net = Sequential::new().push(Linear::new(3, 2, &mut Rng::seed(0)).unwrap());
    let error = Summary::of(&net, &Tensor::zeros([1, 4], DType::F32).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("0: [linear] the last axis of the input"), "{error}");
}

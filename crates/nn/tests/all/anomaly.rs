//! The module in which a number went wrong is named, forward and backward.

use autodiff::{Var, detect_anomaly};
use nn::{Context, Layer, Linear, Module, Result};
use tensor::{DType, Rng, Tensor};

#[derive(Module)]
struct Block {
    linear1: Linear,
    linear2: Linear,
}

impl Layer for Block {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let h = cx.call("linear1", &self.linear1, x)?;
        cx.call("linear2", &self.linear2, &h)
    }
}

#[derive(Module)]
struct Net {
    blocks: Vec<Block>,
}

impl Layer for Net {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        cx.within("blocks", |cx| {
            self.blocks.iter().enumerate().try_fold(x.clone(), |y, (i, block)| cx.call(i, block, &y))
        })
    }
}

/// Five blocks of the identity, but for the weights of `blocks.3`.
fn net(linear1: f64, linear2: f64) -> Net {
    let scaled = |by: f64| {
        let weight = Tensor::eye(2, DType::F64).unwrap().mul_scalar(by).unwrap();
        Linear::from_parts(weight, None).unwrap()
    };
    let block = |i| match i {
        3 => Block { linear1: scaled(linear1), linear2: scaled(linear2) },
        _ => Block { linear1: scaled(1.0), linear2: scaled(1.0) },
    };
    Net { blocks: (0..5).map(block).collect() }
}

#[test]
fn forward_the_layer_is_named_with_its_operation_and_the_ranges_of_its_operands() {
    let x = Var::from(Tensor::from_vec(vec![1.0, -8.0, 3.0, 2.0], [2, 2]).unwrap());
    let error = detect_anomaly(|| net(1e308, 1.0).forward(&x, &mut Context::train(&mut Rng::seed(0))));
    // All but the first element overflow.
    assert_eq!(
        error.unwrap_err().to_string(),
        "blocks.3.linear1: [linear] the result must be finite; got f64 [2, 2] in 1e308..=1e308 with 0 NaN, 3 infinite \
         from input 0: f64 [2, 2] in -8.0..=3.0, input 1: f64 [2, 2] in 0.0..=1e308; keep the operands where the \
         function and its derivative are finite"
    );
}

#[test]
fn forward_in_inference_the_layer_is_named_too() {
    let x = Var::from(Tensor::from_vec(vec![1e10, 0.0], [1, 2]).unwrap());
    let error = detect_anomaly(|| net(1.0, 1e300).forward(&x, &mut Context::eval())).unwrap_err().to_string();
    assert!(
        error.starts_with("blocks.3.linear2: [linear] the result must be finite; got f64 [1, 2]"),
        "{error}"
    );
}

/// What comes forward is of order 1 everywhere; what goes back meets 1e300 twice.
#[test]
fn backward_the_layer_is_named_with_its_operation_and_the_ranges_of_its_operands() {
    let x = Var::variable(Tensor::from_vec(vec![1e-300, 0.0], [1, 2]).unwrap());
    let error = detect_anomaly(|| {
        let y = net(1e300, 1.0).forward(&x, &mut Context::train(&mut Rng::seed(0))).unwrap();
        y.mul_scalar(1e10).unwrap().sum(&[]).unwrap().backward().unwrap_err()
    });
    let text = error.to_string();
    assert!(text.starts_with("[linear] the gradient of input 0 must be finite; got f64 [1, 2]"), "{text}");
    assert!(
        text.contains(
            " with 0 NaN, 2 infinite going backward through blocks.3.linear1 from the gradient: f64 [1, 2] in \
             10000000000.0..=10000000000.0"
        ),
        "{text}"
    );
    let autodiff::Error::Anomaly(found) = error else { panic!("{error}") };
    assert_eq!((found.op, found.gradient, &found.path[..]), ("linear", Some(0), "blocks.3.linear1"));
}

#[test]
fn backward_a_weight_s_gradient_is_named_by_its_number() {
    let x = Var::from(Tensor::from_vec(vec![1e200, 0.0], [1, 2]).unwrap());
    let error = detect_anomaly(|| {
        let y = net(1e-200, 1.0).forward(&x, &mut Context::train(&mut Rng::seed(0))).unwrap();
        y.mul_scalar(1e150).unwrap().sum(&[]).unwrap().backward().unwrap_err()
    });
    let autodiff::Error::Anomaly(found) = error else { panic!("{error}") };
    assert_eq!((found.op, found.gradient, &found.path[..]), ("linear", Some(1), "blocks.3.linear1"));
    assert_eq!(found.operands[1].1.max, 1e200);
}

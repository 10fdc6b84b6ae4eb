//! Parts of a model that are run again on the way back.

use crate::{normal, square_sum, with_threads};
use autodiff::{Gradients, Var, detect_anomaly};
use nn::check::gradcheck_module;
use nn::{
    Activation, Checkpointed, Context, Dropout, Layer, Linear, LinearConfig, Module, Param, Residual, Result,
    Sequential, Summary,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use tensor::{DType, Rng, Tensor};

fn linear(d_in: usize, d_out: usize, seed: u64) -> Linear {
    let config = LinearConfig { dtype: DType::F64, ..Default::default() };
    Linear::with_config(d_in, d_out, &config, &mut Rng::seed(seed)).unwrap()
}

/// Two layers with dropout before and behind; in checkpoints or not.
#[derive(Clone, Module)]
struct Net {
    first: Dropout,
    block: Residual<Sequential>,
    last: Dropout,
    head: Linear,
    again: bool,
}

impl Net {
    fn new(again: bool) -> Self {
        let branch = Sequential::new()
            .push(linear(6, 6, 1))
            .push(Activation::Tanh)
            .push(Dropout::new(0.5).unwrap())
            .push(linear(6, 6, 2));
        let dropout = || Dropout::new(0.3).unwrap();
        Self { first: dropout(), block: Residual::new(branch), last: dropout(), head: linear(6, 2, 3), again }
    }
}

impl Layer for Net {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        let x = cx.call("first", &self.first, x)?;
        let y = match self.again {
            true => cx.checkpoint("block", &self.block, &x)?,
            false => cx.call("block", &self.block, &x)?,
        };
        let y = cx.call("last", &self.last, &y)?;
        cx.call("head", &self.head, &y)
    }
}

fn pass(net: &impl Layer, x: &Var, cx: &mut Context) -> (Tensor, Gradients) {
    let y = net.forward(x, cx).unwrap();
    (y.value().clone(), square_sum(&y).unwrap().backward().unwrap())
}

fn same_gradients(a: &impl Module, found: &Gradients, b: &impl Module, expected: &Gradients) -> bool {
    let pairs = a.named_params().into_iter().zip(b.named_params());
    found.len() == expected.len()
        && pairs.into_iter().all(|((_, a), (_, b))| match (found.get(a.id()), expected.get(b.id())) {
            (Some(a), Some(b)) => a.bit_eq(b),
            (a, b) => a.is_none() && b.is_none(),
        })
}

#[test]
fn dropout_before_inside_and_behind_drops_the_same_and_gradients_are_equal_to_the_bit() {
    let (plain, again) = (Net::new(false), Net::new(true));
    let x = normal([7, 6], 4);
    let run = |net: &Net, threads| {
        with_threads(threads, || {
            let mut cx = Context::train(&mut Rng::seed(9));
            let input = Var::variable(x.clone());
            let (y, grads) = pass(net, &input, &mut cx);
            let dx = grads.of(&input).unwrap().clone();
            (y, dx, grads, cx.rng().unwrap().clone())
        })
    };
    let expected = run(&plain, 1);
    for threads in [1, 3] {
        let found = run(&again, threads);
        assert!(found.0.bit_eq(&expected.0) && found.1.bit_eq(&expected.1));
        assert!(same_gradients(&again, &found.2, &plain, &expected.2));
        // Nothing was drawn on the way back.
        assert_eq!(found.3, expected.3);
    }
}

#[test]
fn frozen_parameters_get_no_gradient_and_all_frozen_builds_no_graph() {
    let (mut plain, mut again) = (Net::new(false), Net::new(true));
    for net in [&mut plain, &mut again] {
        net.freeze("block.branch.0.*").unwrap();
    }
    let x = Var::from(normal([7, 6], 4));
    let (a, b) = (
        pass(&plain, &x, &mut Context::train(&mut Rng::seed(9))),
        pass(&again, &x, &mut Context::train(&mut Rng::seed(9))),
    );
    assert_eq!(a.1.len(), 4);
    assert!(same_gradients(&again, &b.1, &plain, &a.1));
    again.freeze("**").unwrap();
    assert!(!again.forward(&x, &mut Context::train(&mut Rng::seed(9))).unwrap().is_tracked());
}

#[test]
fn a_checked_module_may_have_checkpoints() {
    let report = gradcheck_module(
        &Net::new(true),
        &normal([3, 6], 4),
        |net, x, cx| net.forward(x, cx),
        &Default::default(),
    )
    .unwrap();
    assert_eq!(report.compared, 18 + 2 * 42 + 14);
}

#[test]
fn a_wrapped_layer_has_the_names_the_table_and_the_errors_of_the_layer() {
    let branch = || Sequential::new().push(linear(6, 6, 1)).push(Activation::Tanh);
    let (plain, again) =
        (Sequential::new().push(branch()), Sequential::new().push(Checkpointed::new(branch())));
    let x = normal([7, 6], 4);
    assert_eq!(Summary::of(&plain, &x).unwrap(), Summary::of(&again, &x).unwrap());
    let paths: Vec<String> = again.named_params().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["0.0.weight", "0.0.bias"]);
    let text = |net: &Sequential, cx: &mut Context| {
        net.forward(&normal([7, 5], 4).into(), cx).unwrap_err().to_string()
    };
    for cx in [&mut Context::eval(), &mut Context::train(&mut Rng::seed(0))] {
        assert_eq!(text(&again, cx), text(&plain, cx));
    }
    assert!(text(&again, &mut Context::train(&mut Rng::seed(0))).starts_with("0.0: [linear] the last axis"));
}

/// Counts its runs, and scales by a parameter.
#[derive(Module)]
struct Counted {
    gain: Param,
    #[module(skip)]
    runs: std::sync::Arc<AtomicUsize>,
    #[module(skip)]
    training: std::sync::Arc<AtomicUsize>,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self { gain: self.gain.clone(), runs: self.runs.clone(), training: self.training.clone() }
    }
}

impl Layer for Counted {
    fn forward(&self, x: &Var, cx: &mut Context) -> Result<Var> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.training.fetch_add(usize::from(cx.is_train()), Ordering::Relaxed);
        Ok(x.mul(&cx.param(&self.gain))?)
    }
}

#[test]
fn the_rerun_trains_too_and_inference_runs_once() {
    let layer =
        Counted { gain: Param::new(normal([3], 1)), runs: Default::default(), training: Default::default() };
    let x = Var::from(normal([2, 3], 2));
    let y = Context::train(&mut Rng::seed(0)).checkpoint("gain", &layer, &x).unwrap();
    assert_eq!(layer.runs.load(Ordering::Relaxed), 1);
    let grads = y.sum(&[]).unwrap().backward().unwrap();
    assert_eq!((layer.runs.load(Ordering::Relaxed), layer.training.load(Ordering::Relaxed)), (2, 2));
    assert!(grads.get(layer.gain.id()).unwrap().bit_eq(&x.value().sum(&[0]).unwrap()));
    Context::eval().checkpoint("gain", &layer, &x).unwrap();
    assert_eq!((layer.runs.load(Ordering::Relaxed), layer.training.load(Ordering::Relaxed)), (3, 2));
}

#[test]
fn parts_of_several_inputs_and_captured_values_get_all_gradients() {
    let layer = linear(4, 4, 1);
    let leaves = [0, 1, 2].map(|seed| Var::variable(normal([3, 4], seed)));
    let run = |again: bool| {
        let mut cx = Context::train(&mut Rng::seed(0));
        let captured = leaves[2].exp().unwrap();
        let part = move |layer: &Linear, x: &[Var], cx: &mut Context| {
            let gate = cx.call("gate", layer, &x[0])?.sigmoid()?;
            Ok(gate.mul(&x[1])?.mul(&captured)?)
        };
        let y = match again {
            true => cx.checkpoint_with("part", &layer, &leaves[..2], part),
            false => cx.within("part", |cx| part(&layer, &leaves[..2], cx)),
        };
        square_sum(&y.unwrap()).unwrap().backward().unwrap()
    };
    let (expected, found) = (run(false), run(true));
    assert!(same_gradients(&layer, &found, &layer, &expected));
    for leaf in &leaves {
        assert!(found.of(leaf).unwrap().bit_eq(expected.of(leaf).unwrap()));
    }
}

#[test]
fn parameters_are_written_in_place_once_the_graph_has_gone_backward() {
    let mut layer = linear(4, 4, 1);
    let address = |layer: &Linear| layer.weight.value().as_slice::<f64>().unwrap().as_ptr();
    let before = address(&layer);
    let mut cx = Context::train(&mut Rng::seed(0));
    let y = cx.checkpoint("fc", &layer, &normal([3, 4], 1).into()).unwrap();
    square_sum(&y).unwrap().backward().unwrap();
    drop(y);
    layer.weight.value_mut().as_mut_slice::<f64>().unwrap()[0] = 7.0;
    assert_eq!(address(&layer), before);
}

/// Overflows on the way back: 1e-300·1e300 = 1, and the gradient 1e10 times 1e300.
#[test]
fn an_anomaly_in_the_rerun_is_named_with_its_module() {
    let inner = Linear::from_parts(Tensor::full([2, 2], 1e300, DType::F64).unwrap(), None).unwrap();
    let net = Sequential::new().push(Checkpointed::new(Residual::new(Sequential::new().push(inner))));
    let x = Var::variable(Tensor::full([1, 2], 1e-300, DType::F64).unwrap());
    let error = detect_anomaly(|| {
        let y = net.forward(&x, &mut Context::train(&mut Rng::seed(0))).unwrap();
        y.mul_scalar(1e10).unwrap().sum(&[]).unwrap().backward().unwrap_err().to_string()
    });
    assert!(error.starts_with("[linear] the gradient of input 0 must be finite"), "{error}");
    assert!(error.contains(" going backward through 0.branch.0 from the gradient: f64 [1, 2]"), "{error}");
}

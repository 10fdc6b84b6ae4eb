//! What every layer promises, held against a table. A new layer is a line in it.

use crate::{normal, square_sum, with_threads};
use autodiff::Var;
use autodiff::check::Place;
use nn::check::gradcheck_module;
use nn::{
    Activation, Checkpointed, Context, Dropout, FeedForward, FeedForwardConfig, Flatten, GroupNorm,
    GroupNormConfig, Identity, Layer, LayerNorm, LayerNormConfig, Linear, LinearConfig, Module, Residual,
    RmsNorm, RmsNormConfig, Sequential, Softmax,
};
use tensor::{DType, Rng, Tensor};

struct Case {
    layer: Box<dyn Layer>,
    kind: &'static str,
    input: &'static [usize],
    output: &'static [usize],
    /// Paths and shapes, in declaration order.
    params: &'static [(&'static str, &'static [usize])],
}

const F64: LinearConfig =
    LinearConfig { bias: true, weight_init: nn::init::Init::FanIn, bias_init: None, dtype: DType::F64 };

fn linear(d_in: usize, d_out: usize, seed: u64) -> Linear {
    Linear::with_config(d_in, d_out, &F64, &mut Rng::seed(seed)).unwrap()
}

fn feed_forward(gated: bool) -> FeedForward {
    let config = FeedForwardConfig { d_ff: 6, gated, dropout: 0.3, dtype: DType::F64, ..Default::default() };
    FeedForward::new(4, &config, &mut Rng::seed(5)).unwrap()
}

fn cases() -> Vec<Case> {
    fn case(
        layer: impl Layer + 'static,
        kind: &'static str,
        input: &'static [usize],
        output: &'static [usize],
        params: &'static [(&'static str, &'static [usize])],
    ) -> Case {
        Case { layer: Box::new(layer), kind, input, output, params }
    }
    let no_bias = LinearConfig { bias: false, ..F64 };
    let branch = Sequential::new().push(linear(4, 6, 1)).push(Activation::Tanh).push(linear(6, 4, 2));
    vec![
        case(linear(5, 3, 0), "Linear(5 → 3)", &[4, 5], &[4, 3], &[("weight", &[3, 5]), ("bias", &[3])]),
        case(
            linear(5, 3, 0),
            "Linear(5 → 3)",
            &[2, 4, 5],
            &[2, 4, 3],
            &[("weight", &[3, 5]), ("bias", &[3])],
        ),
        case(
            Linear::with_config(5, 3, &no_bias, &mut Rng::seed(0)).unwrap(),
            "Linear(5 → 3)",
            &[4, 5],
            &[4, 3],
            &[("weight", &[3, 5])],
        ),
        case(
            Sequential::new().push(linear(3, 4, 0)).push(Activation::Gelu).push(linear(4, 2, 1)),
            "Sequential",
            &[5, 3],
            &[5, 2],
            &[("0.weight", &[4, 3]), ("0.bias", &[4]), ("2.weight", &[2, 4]), ("2.bias", &[2])],
        ),
        case(
            Residual::new(branch),
            "Residual",
            &[5, 4],
            &[5, 4],
            &[
                ("branch.0.weight", &[6, 4]),
                ("branch.0.bias", &[6]),
                ("branch.2.weight", &[4, 6]),
                ("branch.2.bias", &[4]),
            ],
        ),
        case(
            Checkpointed::new(Sequential::new().push(linear(4, 4, 1)).push(Dropout::new(0.4).unwrap())),
            "Sequential",
            &[5, 4],
            &[5, 4],
            &[("0.weight", &[4, 4]), ("0.bias", &[4])],
        ),
        case(
            feed_forward(false),
            "FeedForward(4 → 6, gelu)",
            &[3, 2, 4],
            &[3, 2, 4],
            &[
                ("linear1.weight", &[6, 4]),
                ("linear1.bias", &[6]),
                ("linear2.weight", &[4, 6]),
                ("linear2.bias", &[4]),
            ],
        ),
        case(
            feed_forward(true),
            "FeedForward(4 → 6, gated gelu)",
            &[5, 4],
            &[5, 4],
            &[
                ("linear1.weight", &[6, 4]),
                ("linear1.bias", &[6]),
                ("gate.weight", &[6, 4]),
                ("gate.bias", &[6]),
                ("linear2.weight", &[4, 6]),
                ("linear2.bias", &[4]),
            ],
        ),
        case(
            LayerNorm::with_config([2, 3], &LayerNormConfig { dtype: DType::F64, ..Default::default() })
                .unwrap(),
            "LayerNorm(2, 3)",
            &[5, 2, 3],
            &[5, 2, 3],
            &[("weight", &[2, 3]), ("bias", &[2, 3])],
        ),
        case(
            RmsNorm::with_config([5], &RmsNormConfig { dtype: DType::F64, ..Default::default() }).unwrap(),
            "RmsNorm(5)",
            &[4, 5],
            &[4, 5],
            &[("weight", &[5])],
        ),
        case(
            GroupNorm::with_config(2, 4, &GroupNormConfig { dtype: DType::F64, ..Default::default() })
                .unwrap(),
            "GroupNorm(2, 4)",
            &[2, 4, 3],
            &[2, 4, 3],
            &[("weight", &[4]), ("bias", &[4])],
        ),
        case(Identity, "Identity", &[2, 3], &[2, 3], &[]),
        case(Flatten, "Flatten", &[2, 3, 4], &[2, 12], &[]),
        case(Flatten, "Flatten", &[5], &[5, 1], &[]),
        case(Dropout::new(0.4).unwrap(), "Dropout(0.4)", &[6, 5], &[6, 5], &[]),
        case(Softmax { axis: 0 }, "Softmax(0)", &[3, 4], &[3, 4], &[]),
        case(Softmax { axis: -1 }, "Softmax(-1)", &[3, 4], &[3, 4], &[]),
        case(Activation::Identity, "identity", &[3, 4], &[3, 4], &[]),
        case(Activation::Relu, "relu", &[3, 4], &[3, 4], &[]),
        case(Activation::LeakyRelu { slope: 0.1 }, "leaky_relu(0.1)", &[3, 4], &[3, 4], &[]),
        case(Activation::Elu { alpha: 0.7 }, "elu(0.7)", &[3, 4], &[3, 4], &[]),
        case(Activation::Gelu, "gelu", &[3, 4], &[3, 4], &[]),
        case(Activation::GeluTanh, "gelu_tanh", &[3, 4], &[3, 4], &[]),
        case(Activation::Silu, "silu", &[3, 4], &[3, 4], &[]),
        case(Activation::Sigmoid, "sigmoid", &[3, 4], &[3, 4], &[]),
        case(Activation::Tanh, "tanh", &[3, 4], &[3, 4], &[]),
        case(Activation::Softplus, "softplus", &[3, 4], &[3, 4], &[]),
    ]
}

/// Runs `check` on every case; failures say of which layer they are.
fn for_all(check: impl Fn(&Case) -> Result<(), String>) {
    let failed: Vec<String> = cases()
        .iter()
        .filter_map(|case| check(case).err().map(|what| format!("{} {:?}: {what}", case.kind, case.input)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The output of a training pass and the gradients of all parameters.
fn train_pass(case: &Case) -> (Tensor, Vec<Option<Tensor>>) {
    let x = Var::variable(normal(case.input, 7));
    let y = case.layer.forward(&x, &mut Context::train(&mut Rng::seed(3))).unwrap();
    let output = y.value().clone();
    let grads = square_sum(&y).unwrap().backward().unwrap();
    let all = case.layer.named_params();
    (output, all.iter().map(|(_, param)| grads.get(param.id()).cloned()).collect())
}

#[test]
fn parameters_have_their_names_and_shapes_and_the_output_its_shape() {
    for_all(|case| {
        let params: Vec<(String, Vec<usize>)> = case
            .layer
            .named_params()
            .into_iter()
            .map(|(path, p)| (path, p.value().shape().to_vec()))
            .collect();
        let expected: Vec<(String, Vec<usize>)> =
            case.params.iter().map(|(path, shape)| (path.to_string(), shape.to_vec())).collect();
        let output = train_pass(case).0.shape().to_vec();
        match (params == expected, output == case.output, case.layer.kind() == case.kind) {
            (true, true, true) => Ok(()),
            _ => Err(format!("{params:?}, output {output:?}, kind {}", case.layer.kind())),
        }
    });
}

#[test]
fn gradients_agree_with_finite_differences_by_the_input_and_by_every_parameter() {
    for_all(|case| {
        // Where a kink is, 0, no normal number lies within a step of it.
        let x = normal(case.input, 7);
        let report =
            gradcheck_module(&case.layer, &x, |layer, x, cx| layer.forward(x, cx), &Default::default())
                .map_err(|e| e.to_string())?;
        let elements = x.len() + case.layer.n_params();
        if report.compared != elements {
            return Err(format!("{} of {elements} derivatives compared", report.compared));
        }
        Ok(())
    });
}

#[test]
fn every_parameter_receives_a_gradient_that_is_not_0() {
    for_all(|case| {
        for ((path, _), grad) in case.layer.named_params().iter().zip(train_pass(case).1) {
            let grad = grad.ok_or_else(|| format!("{path} has none"))?;
            if grad.to_vec::<f64>().unwrap().contains(&0.0) {
                return Err(format!("{path} has a 0 in {grad}"));
            }
        }
        Ok(())
    });
}

#[test]
fn a_pass_is_the_same_to_the_bit_on_a_second_run_and_at_any_thread_count() {
    // Large enough that kernels split the work.
    let make = || {
        let rng = &mut Rng::seed(5);
        Sequential::new()
            .push(Linear::new(130, 300, rng).unwrap())
            .push(Activation::Gelu)
            .push(Dropout::new(0.3).unwrap())
            .push(Residual::new(Linear::new(300, 300, rng).unwrap()))
            .push(Softmax { axis: -1 })
    };
    let cases = |out: &mut Vec<Tensor>| {
        for case in cases() {
            let (output, grads) = train_pass(&case);
            out.push(output);
            out.extend(grads.into_iter().flatten());
        }
        let layer = make();
        let x = Var::variable(normal([257, 130], 7).to_dtype(DType::F32).unwrap());
        let y = layer.forward(&x, &mut Context::train(&mut Rng::seed(3))).unwrap();
        out.push(y.value().clone());
        let grads = square_sum(&y).unwrap().backward().unwrap();
        out.extend(layer.named_params().iter().map(|(_, param)| grads.get(param.id()).unwrap().clone()));
    };
    let runs = [1, 1, 2, 3].map(|threads| {
        with_threads(threads, || {
            let mut all = Vec::new();
            cases(&mut all);
            all
        })
    });
    for run in &runs[1..] {
        assert!(run.len() == runs[0].len() && run.iter().zip(&runs[0]).all(|(a, b)| a.bit_eq(b)));
    }
}

#[test]
fn the_same_bits_come_from_a_layer_that_loaded_the_state() {
    let mut others = cases();
    for (case, other) in cases().iter().zip(&mut others) {
        for (i, (_, param)) in other.layer.named_params_mut().into_iter().enumerate() {
            *param.value_mut() = normal(param.value().shape(), 100 + i as u64);
        }
        let changed = !case.params.is_empty();
        assert_eq!(!train_pass(case).0.bit_eq(&train_pass(other).0), changed, "{}", case.kind);
        other.layer.load_state_dict(&case.layer.state_dict()).unwrap();
        assert!(train_pass(case).0.bit_eq(&train_pass(other).0), "{}", case.kind);
    }
}

#[test]
fn an_evaluation_pass_builds_no_graph() {
    for_all(|case| {
        let y = case.layer.forward(&normal(case.input, 7).into(), &mut Context::eval()).unwrap();
        if y.is_tracked() { Err("tracked".to_string()) } else { Ok(()) }
    });
}

#[test]
fn frozen_parameters_build_no_graph_in_training_either() {
    for mut case in cases() {
        if !case.params.is_empty() {
            case.layer.freeze("**").unwrap();
            let y = case.layer.forward(&normal(case.input, 7).into(), &mut Context::train(&mut Rng::seed(0)));
            assert!(!y.unwrap().is_tracked(), "{}", case.kind);
        }
    }
}

#[test]
fn a_linear_layer_is_the_product_with_the_transposed_weight_plus_the_bias() {
    let layer = linear(5, 3, 0);
    let x = normal([4, 5], 1);
    let (x_, w, b) = (
        x.to_vec::<f64>().unwrap(),
        layer.weight.value().to_vec::<f64>().unwrap(),
        layer.bias.as_ref().unwrap().value().to_vec::<f64>().unwrap(),
    );
    let y = layer.forward(&x.into(), &mut Context::eval()).unwrap().value().to_vec::<f64>().unwrap();
    for (i, y) in y.iter().enumerate() {
        let (row, out) = (i / 3, i % 3);
        let expected = (0..5).fold(b[out], |sum, k| sum + x_[5 * row + k] * w[5 * out + k]);
        // Five products of order 1, each rounded twice.
        assert!((y - expected).abs() < 10.0 * f64::EPSILON, "{y} for {expected}");
    }
}

#[test]
fn the_rectified_form_has_the_bits_of_the_two_steps() {
    let layer = linear(70, 33, 0);
    let x: Var = normal([9, 70], 1).into();
    let cx = &mut Context::eval();
    let composed = layer.forward(&x, cx).unwrap().relu().unwrap();
    assert!(layer.forward_relu(&x, cx).unwrap().value().bit_eq(composed.value()));
}

#[test]
fn starting_values_do_not_depend_on_whether_there_is_a_bias() {
    let no_bias = LinearConfig { bias: false, ..F64 };
    let bare = Linear::with_config(4, 4, &no_bias, &mut Rng::seed(0)).unwrap();
    assert!(bare.weight.value().bit_eq(linear(4, 4, 0).weight.value()));
    let mut rngs = [Rng::seed(0), Rng::seed(0)];
    for (rng, config) in rngs.iter_mut().zip([F64, no_bias]) {
        Linear::with_config(4, 4, &config, rng).unwrap();
    }
    assert_eq!(rngs[0], rngs[1]);
}

#[test]
fn default_starting_values_are_uniform_within_the_root_of_the_fan() {
    let layer = linear(100, 400, 0);
    for param in [&layer.weight, layer.bias.as_ref().unwrap()] {
        let values = param.value().to_vec::<f64>().unwrap();
        let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        // Among 400 values at least one lies in the outer tenth but with probability 0.9^400 = 5e-19.
        assert!((0.09..=0.1).contains(&largest), "{largest}");
    }
}

#[test]
fn wrong_inputs_and_sizes_are_refused_with_their_shapes() {
    let forward = |layer: &dyn Layer, x: Tensor| {
        layer.forward(&x.into(), &mut Context::eval()).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert_eq!(
        forward(&linear(5, 3, 0), normal([4, 6], 0)),
        "[linear] the last axis of the input must equal the second axis of the weight (d_out, d_in); \
         got [4, 6] and [3, 5]; change d_in of the layer or the features of the input"
    );
    let nested =
        Sequential::new().push(Identity).push(Residual::new(Sequential::new().push(linear(4, 3, 0))));
    assert_eq!(
        forward(&nested, normal([2, 5], 0)),
        "1.branch.0: [linear] the last axis of the input must equal the second axis of the weight (d_out, d_in); \
         got [2, 5] and [3, 4]; change d_in of the layer or the features of the input"
    );
    assert_eq!(
        forward(&Flatten, Tensor::scalar(1.0)),
        "[flatten] the input must have a batch axis; got a scalar; add an axis with unsqueeze(0)"
    );
    assert_eq!(
        forward(&Activation::Gelu, Tensor::scalar(1i64)),
        "[gelu] the operand must be a float; got i64; convert with to_dtype first"
    );
    assert_eq!(
        forward(&Softmax { axis: 2 }, normal([2, 2], 0)),
        "[softmax] an axis must exist; got axis 2 for rank 2; use each axis of -2..2 at most once"
    );
    let built = |d_in, d_out| Linear::new(d_in, d_out, &mut Rng::seed(0)).unwrap_err().to_string();
    assert_eq!(
        built(0, 3),
        "[linear] sizes must be at least 1; got d_in 0, d_out 3; give the layer features and outputs"
    );
    assert_eq!(
        built(usize::MAX, 2),
        format!(
            "[uniform] a tensor must stay below {} bytes; got shape [2, {}] of f32; use smaller sizes",
            isize::MAX,
            usize::MAX
        )
    );
}

#[test]
fn parts_that_make_no_linear_layer_are_refused() {
    let text =
        |weight: Tensor, bias: Option<Tensor>| Linear::from_parts(weight, bias).unwrap_err().to_string();
    assert_eq!(
        text(normal([3], 0), None),
        "[linear] the weight must be floats (d_out, d_in); got f64 [3]; reshape or convert it"
    );
    assert_eq!(
        text(Tensor::zeros([3, 2], DType::I64).unwrap(), None),
        "[linear] the weight must be floats (d_out, d_in); got i64 [3, 2]; reshape or convert it"
    );
    assert_eq!(
        text(normal([3, 2], 0), Some(normal([2], 0))),
        "[linear] the bias must be (d_out) of the weight's dtype; got f64 [2] for a weight f64 [3, 2]; \
         reshape or convert it"
    );
}

#[test]
fn what_the_model_says_inside_a_gradient_check_is_kept() {
    let net = Sequential::new().push(linear(4, 3, 0));
    let error =
        gradcheck_module(&net, &normal([2, 5], 0), |net, x, cx| net.forward(x, cx), &Default::default())
            .unwrap_err();
    assert!(error.to_string().starts_with("0: [linear] the last axis of the input"), "{error}");
}

#[test]
fn a_wrong_gradient_of_a_parameter_is_caught_and_counted_from_the_input() {
    // The bias passes through a detached copy, so that half of its gradient is lost.
    let error = gradcheck_module(
        &linear(3, 2, 0),
        &normal([4, 3], 1),
        |layer, x, cx| {
            let bias = cx.param(layer.bias.as_ref().unwrap());
            Ok(layer.forward(x, cx)?.add(&bias.detach())?)
        },
        &Default::default(),
    )
    .unwrap_err();
    assert!(error.to_string().starts_with("bias: [gradcheck] the backward rule must agree"), "{error}");
    let nn::Error::At { source, .. } = error else { panic!("{error}") };
    let nn::Error::Autodiff(autodiff::Error::CheckFailed(mismatch)) = *source else { panic!("{source}") };
    assert!(matches!(mismatch.place, Place::Element { input: 2, .. }), "{mismatch}");
    assert_eq!(mismatch.shape, [2]);
    assert!((mismatch.analytic / mismatch.numeric - 0.5).abs() < 1e-6);
}

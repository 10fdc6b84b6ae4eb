//! Normalisation layers: values, refusals, names.

use crate::{normal, paths};
use nn::{
    Context, GroupNorm, GroupNormConfig, Layer, LayerNorm, LayerNormConfig, Module, RmsNorm, RmsNormConfig,
    Sequential, Summary,
};
use tensor::{DType, Tensor};

fn run(layer: &dyn Layer, x: &Tensor) -> Vec<f64> {
    let y = layer.forward(&x.into(), &mut Context::eval()).unwrap();
    assert_eq!(y.shape(), x.shape());
    y.value().to_vec::<f64>().unwrap()
}

fn text(layer: &dyn Layer, x: Tensor) -> String {
    layer.forward(&x.into(), &mut Context::eval()).unwrap_err().to_string()
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 1e-13, "{found:?} instead of {expected:?}");
    }
}

const F64: LayerNormConfig =
    LayerNormConfig { eps: 1e-5, elementwise_affine: true, bias: true, dtype: DType::F64 };

/// A layer with other values than it starts with.
fn set<M: Module>(mut module: M, values: &[(&str, &[f64])]) -> M {
    for (path, values) in values {
        let (_, param) = module.named_params_mut().into_iter().find(|(p, _)| p == path).unwrap();
        param.set(Tensor::from_slice(values, param.value().shape()).unwrap()).unwrap();
    }
    module
}

#[test]
fn layer_norm_has_the_values_of_the_formula() {
    let norm = LayerNorm::with_config([4], &LayerNormConfig { eps: 1.0, ..F64 }).unwrap();
    let norm = set(norm, &[("weight", &[1.0, 2.0, 3.0, 4.0]), ("bias", &[0.0, 1.0, 0.0, -1.0])]);
    // Mean 3 and variance 3 of the first row, with eps 2 below; mean 0 and variance 8 of the second, 3 below.
    let r3 = 3f64.sqrt();
    let x = [3.0 - r3, 3.0 + r3, 3.0 - r3, 3.0 + r3, 4.0, -4.0, 0.0, 0.0];
    let x = Tensor::from_slice(&x, [2, 4]).unwrap();
    let h = r3 / 2.0;
    let expected = [-h, 2.0 * h + 1.0, -3.0 * h, 4.0 * h - 1.0, 4.0 / 3.0, -8.0 / 3.0 + 1.0, 0.0, -1.0];
    close(&run(&norm, &x), &expected);
}

#[test]
fn the_last_axes_are_normalised_together_and_rows_apart() {
    let norm = LayerNorm::with_config([2, 3], &F64).unwrap();
    let x = normal([4, 2, 3], 1);
    let flat = LayerNorm::with_config([6], &F64).unwrap();
    assert_eq!(run(&norm, &x), run(&flat, &x.reshape([4, 6]).unwrap()));
    // A sample alone has the bits that it has in the batch.
    let row = x.narrow(0, 2, 1).unwrap();
    assert_eq!(run(&norm, &row), run(&norm, &x)[12..18]);
}

#[test]
fn rms_norm_has_the_values_of_the_formula_and_torch_s_default_eps() {
    let config = RmsNormConfig { eps: Some(0.0), dtype: DType::F64, ..Default::default() };
    let norm = set(RmsNorm::with_config([2], &config).unwrap(), &[("weight", &[2.0, -1.0])]);
    let x = Tensor::from_vec(vec![1.0, 7.0, -3.0, 3.0], [2, 2]).unwrap();
    close(&run(&norm, &x), &[0.4, -1.4, -2.0, -1.0]);
    // √(x² + ε) with x² = 3·ε is 2·√ε.
    let plain = RmsNormConfig { elementwise_affine: false, ..Default::default() };
    let root = (3.0 * f64::EPSILON).sqrt();
    close(
        &run(&RmsNorm::with_config([1], &plain).unwrap(), &Tensor::full([1], root, DType::F64).unwrap()),
        &[3f64.sqrt() / 2.0],
    );
    let root = (3.0 * f32::EPSILON).sqrt();
    let y = RmsNorm::new([1])
        .unwrap()
        .forward(&Tensor::full([1], f64::from(root), DType::F32).unwrap().into(), &mut Context::eval());
    assert!((y.unwrap().item().unwrap() - 3f64.sqrt() / 2.0).abs() < 1e-6);
}

#[test]
fn group_norm_is_layer_norm_of_each_group_with_a_gain_for_each_channel() {
    let config = GroupNormConfig { dtype: DType::F64, ..Default::default() };
    let (weight, bias) = ([1.0, 2.0, -1.0, 0.5], [0.0, 1.0, 2.0, 3.0]);
    let norm = set(GroupNorm::with_config(2, 4, &config).unwrap(), &[("weight", &weight), ("bias", &bias)]);
    let x = normal([3, 4, 2, 5], 1);
    let plain = LayerNorm::with_config([20], &LayerNormConfig { elementwise_affine: false, ..F64 }).unwrap();
    let normalised = run(&plain, &x.reshape([6, 20]).unwrap());
    let expected: Vec<f64> =
        normalised.iter().enumerate().map(|(i, y)| y * weight[i / 10 % 4] + bias[i / 10 % 4]).collect();
    close(&run(&norm, &x), &expected);
    // Without places behind the channels, and one group a channel.
    let single =
        GroupNorm::with_config(3, 3, &GroupNormConfig { eps: 1.0, affine: false, ..config }).unwrap();
    assert_eq!(run(&single, &normal([2, 3], 1)), [0.0; 6]);
}

#[test]
fn names_are_those_of_the_outside_framework_and_the_table_names_the_sizes() {
    let bare = LayerNormConfig { elementwise_affine: false, ..F64 };
    let no_bias = LayerNormConfig { bias: false, ..F64 };
    assert_eq!(paths(&LayerNorm::new([3]).unwrap()), ["weight", "bias"]);
    assert_eq!(paths(&LayerNorm::with_config([3], &no_bias).unwrap()), ["weight"]);
    assert!(paths(&LayerNorm::with_config([3], &bare).unwrap()).is_empty());
    assert_eq!(paths(&RmsNorm::new([3]).unwrap()), ["weight"]);
    assert_eq!(paths(&GroupNorm::new(1, 3).unwrap()), ["weight", "bias"]);
    let net = Sequential::new()
        .push(LayerNorm::new([4, 6]).unwrap())
        .push(RmsNorm::new([6]).unwrap())
        .push(GroupNorm::new(2, 4).unwrap());
    let summary = Summary::of(&net, &Tensor::zeros([2, 4, 6], DType::F32).unwrap()).unwrap();
    let kinds: Vec<&str> = summary.rows.iter().map(|row| &row.layer[..]).collect();
    assert_eq!(kinds, ["LayerNorm(4, 6)", "RmsNorm(6)", "GroupNorm(2, 4)"]);
    assert_eq!(summary.params, 48 + 6 + 8);
}

#[test]
fn no_rows_and_no_elements_give_nothing() {
    let group = GroupNormConfig { dtype: DType::F64, ..Default::default() };
    let rms = RmsNormConfig { dtype: DType::F64, ..Default::default() };
    let layers: [(Box<dyn Layer>, &[usize]); 6] = [
        (Box::new(LayerNorm::with_config([4], &F64).unwrap()), &[0, 4]),
        (Box::new(LayerNorm::with_config([0], &F64).unwrap()), &[3, 0]),
        (Box::new(RmsNorm::with_config([4], &rms).unwrap()), &[2, 0, 4]),
        (Box::new(RmsNorm::with_config([0], &rms).unwrap()), &[3, 0]),
        (Box::new(GroupNorm::with_config(2, 4, &group).unwrap()), &[0, 4, 3]),
        (Box::new(GroupNorm::with_config(2, 4, &group).unwrap()), &[3, 4, 0]),
    ];
    for (layer, shape) in &layers {
        assert!(run(&**layer, &normal(shape, 0)).is_empty(), "{} {shape:?}", layer.kind());
    }
}

#[test]
fn wrong_inputs_are_refused_with_their_shapes() {
    let norm = LayerNorm::with_config([3], &F64).unwrap();
    assert_eq!(
        text(&norm, normal([2, 4], 0)),
        "[layer_norm] the operand's last axes must have the normalised sizes, of which there is one at least; got \
         [2, 4] and [3]; name the sizes of the last axes"
    );
    assert_eq!(
        text(&LayerNorm::with_config([2, 3], &F64).unwrap(), normal([3], 0)),
        "[layer_norm] the operand's last axes must have the normalised sizes, of which there is one at least; got [3] \
         and [2, 3]; name the sizes of the last axes"
    );
    assert_eq!(
        text(&RmsNorm::new([3]).unwrap(), Tensor::scalar(1.0f32)),
        "[rms_norm] the operand's last axes must have the normalised sizes, of which there is one at least; got [] and \
         [3]; name the sizes of the last axes"
    );
    assert_eq!(
        text(&norm, Tensor::zeros([2, 3], DType::F32).unwrap()),
        "[layer_norm] operands must have one dtype; got f32 and f64; convert one with to_dtype"
    );
    let group = GroupNorm::new(2, 4).unwrap();
    for shape in [&[4][..], &[2, 3], &[2, 3, 4]] {
        assert_eq!(
            text(&group, normal(shape, 0)),
            format!(
                "[group_norm] the second axis of the input must be the channels; got {shape:?} for 4 channels; change \
                 the layer's channels, or permute the input to (n, channels, ..)"
            )
        );
    }
}

#[test]
fn layers_that_cannot_be_are_refused() {
    assert_eq!(
        LayerNorm::new([]).unwrap_err().to_string(),
        "[layer_norm] at least one axis must be normalised; got []; name the sizes of the last axes"
    );
    for eps in [-1e-5, f64::NAN, f64::INFINITY] {
        let texts = [
            LayerNorm::with_config([3], &LayerNormConfig { eps, ..F64 }).unwrap_err().to_string(),
            RmsNorm::with_config([3], &RmsNormConfig { eps: Some(eps), ..Default::default() })
                .unwrap_err()
                .to_string(),
            GroupNorm::with_config(1, 3, &GroupNormConfig { eps, ..Default::default() })
                .unwrap_err()
                .to_string(),
        ];
        for (text, op) in texts.iter().zip(["layer_norm", "rms_norm", "group_norm"]) {
            assert_eq!(text, &format!("[{op}] eps must be a number of 0 or more; got {eps}; use 1e-5 or so"));
        }
    }
    for (groups, channels) in [(0, 4), (3, 4), (8, 4), (1, 0)] {
        assert_eq!(
            GroupNorm::new(groups, channels).unwrap_err().to_string(),
            format!(
                "[group_norm] the groups must divide the channels; got {groups} groups of {channels} channels; use a \
                 divisor of the number of channels"
            )
        );
    }
}

//! Weight norm and spectral norm: names, values, gradients, checkpoints.

use crate::normal;
use autodiff::Var;
use nn::check::gradcheck_module;
use nn::{
    Checkpointed, Context, Conv2d, ConvConfig, ConvTranspose1d, Layer, Linear, LinearConfig, Module,
    Sequential, SpectralNorm, SpectralNormConfig, WeightNorm,
};
use tensor::{DType, Rng, Tensor};

fn linear(d_in: usize, d_out: usize) -> Linear {
    let config = LinearConfig { dtype: DType::F64, ..LinearConfig::default() };
    Linear::with_config(d_in, d_out, &config, &mut Rng::seed(5)).unwrap()
}

fn conv() -> Conv2d {
    let config = ConvConfig { dtype: DType::F64, groups: 2, ..ConvConfig::default() };
    Conv2d::with_config(4, 6, 2, &config, &mut Rng::seed(6)).unwrap()
}

fn transposed() -> ConvTranspose1d {
    let config = ConvConfig { dtype: DType::F64, ..ConvConfig::default() };
    ConvTranspose1d::with_config(3, 2, 2, &config, &mut Rng::seed(7)).unwrap()
}

fn largest_singular_value(w: &Tensor) -> f64 {
    w.svdvals().unwrap().to_vec::<f64>().unwrap()[0]
}

#[test]
fn names_and_shapes_are_those_of_the_field() {
    let shapes = |state: nn::StateDict| -> Vec<(String, Vec<usize>)> {
        state.iter().map(|(name, x)| (name.to_string(), x.shape().to_vec())).collect()
    };
    let of = |rows: &[(&str, &[usize])]| -> Vec<(String, Vec<usize>)> {
        rows.iter().map(|(name, shape)| (name.to_string(), shape.to_vec())).collect()
    };
    let net = Sequential::new().push(WeightNorm::new(conv()).unwrap());
    assert_eq!(
        shapes(net.state_dict()),
        of(&[
            ("0.bias", &[6]),
            ("0.parametrizations.weight.original0", &[6, 1, 1, 1]),
            ("0.parametrizations.weight.original1", &[6, 2, 2, 2]),
        ])
    );
    let net = Sequential::new().push(SpectralNorm::new(transposed(), &mut Rng::seed(0)).unwrap());
    assert_eq!(
        shapes(net.state_dict()),
        of(&[
            ("0.bias", &[2]),
            ("0.parametrizations.weight.0._u", &[2]),
            ("0.parametrizations.weight.0._v", &[6]),
            ("0.parametrizations.weight.original", &[3, 2, 2]),
        ])
    );
    let mut other = Sequential::new().push(SpectralNorm::new(transposed(), &mut Rng::seed(1)).unwrap());
    other.load_state_dict(&net.state_dict()).unwrap();
    assert_eq!(other.state_dict().fingerprint().unwrap(), net.state_dict().fingerprint().unwrap());
}

#[test]
fn a_weight_is_at_first_what_it_was_and_then_has_the_lengths_given() {
    let (plain, x) = (conv(), Var::from(normal([2, 4, 3, 3], 1)));
    let mut norm = WeightNorm::new(plain.clone()).unwrap();
    let cx = &mut Context::eval();
    let (y, expected) = (norm.forward(&x, cx).unwrap(), plain.forward(&x, cx).unwrap());
    assert!(y.value().all_close(expected.value(), 1e-14, 1e-14).unwrap());
    let rectified = norm.forward_relu(&x, cx).unwrap();
    assert!(rectified.value().bit_eq(y.relu().unwrap().value()));
    norm.g.set(Tensor::full([6, 1, 1, 1], 3.0, DType::F64).unwrap()).unwrap();
    let weight = norm.into_inner().unwrap().weight.value().to_vec::<f64>().unwrap();
    for part in weight.chunks(8) {
        assert!((part.iter().map(|w| w * w).sum::<f64>().sqrt() - 3.0).abs() < 1e-14);
    }
}

#[test]
fn gradients_are_those_of_differences() {
    fn check<L: Layer>(layer: &L, x: &Tensor) {
        let report = gradcheck_module(layer, x, |layer, x, cx| layer.forward(x, cx), &Default::default());
        report.unwrap();
    }
    let (rows, images) = (normal([2, 4], 2), normal([1, 4, 3, 3], 3));
    check(&WeightNorm::new(linear(4, 3)).unwrap(), &rows);
    check(&WeightNorm::new(conv()).unwrap(), &images);
    check(&SpectralNorm::new(linear(4, 3), &mut Rng::seed(0)).unwrap(), &rows);
    check(&SpectralNorm::new(conv(), &mut Rng::seed(0)).unwrap(), &images);
    check(&SpectralNorm::new(transposed(), &mut Rng::seed(0)).unwrap(), &normal([1, 3, 4], 4));
}

#[test]
fn the_direction_of_a_weight_has_no_gradient_along_itself() {
    let norm = WeightNorm::new(linear(4, 3)).unwrap();
    let x = normal([5, 4], 8).into();
    let y = norm.forward(&x, &mut Context::train(&mut Rng::seed(0))).unwrap();
    let grads = y.square().unwrap().sum(&[]).unwrap().backward().unwrap();
    let params = norm.named_params();
    let (path, v) = &params[1];
    assert_eq!(path, "parametrizations.weight.original1");
    let along = v.value().mul(grads.get(v.id()).unwrap()).unwrap().sum(&[1]).unwrap();
    assert!(along.to_vec::<f64>().unwrap().iter().all(|x| x.abs() < 1e-13));
}

#[test]
fn the_largest_singular_value_becomes_1() {
    // Of some iterations: the second value is not far from the first.
    let config = SpectralNormConfig { n_power_iterations: 300, ..SpectralNormConfig::default() };
    let norm = SpectralNorm::with_config(linear(7, 5), &config, &mut Rng::seed(0)).unwrap();
    norm.forward(&normal([1, 7], 0).into(), &mut Context::train(&mut Rng::seed(0))).unwrap();
    let weight = norm.into_inner().unwrap().weight;
    assert!((largest_singular_value(weight.value()) - 1.0).abs() < 1e-10);
}

#[test]
fn a_pass_in_training_is_one_iteration_and_inference_none() {
    let w = Tensor::from_vec(vec![2.0, 0.0, 0.0, 1.0], [2, 2]).unwrap();
    let norm = SpectralNorm::new(Linear::from_parts(w, None).unwrap(), &mut Rng::seed(0)).unwrap();
    let start = Tensor::from_vec(vec![0.6, 0.8], [2]).unwrap();
    norm.v.set(start.clone()).unwrap();
    let x: Var = normal([1, 2], 0).into();
    norm.forward(&x, &mut Context::eval()).unwrap();
    assert!(norm.v.value().bit_eq(&start));
    norm.forward(&x, &mut Context::train(&mut Rng::seed(0))).unwrap();
    // u ∝ (2·0.6, 0.8), and v ∝ (4·0.6, 0.8): the directions of (3, 2) and of (3, 1).
    for (vector, [a, b]) in [(&norm.u, [3.0f64, 2.0]), (&norm.v, [3.0, 1.0])] {
        let (found, length) = (vector.value().to_vec::<f64>().unwrap(), a.hypot(b));
        assert!((found[0] - a / length).abs() < 1e-15 && (found[1] - b / length).abs() < 1e-15, "{found:?}");
    }
}

fn conv_back() -> Conv2d {
    let config = ConvConfig { dtype: DType::F64, padding: 1.into(), ..ConvConfig::default() };
    Conv2d::with_config(6, 4, 2, &config, &mut Rng::seed(9)).unwrap()
}

fn block() -> Sequential {
    let rng = &mut Rng::seed(1);
    let config = SpectralNormConfig { n_power_iterations: 2, ..SpectralNormConfig::default() };
    Sequential::new()
        .push(SpectralNorm::with_config(conv(), &config, rng).unwrap())
        .push(WeightNorm::new(conv_back()).unwrap())
        .push(SpectralNorm::new(conv(), rng).unwrap())
}

/// The gradients of two passes in training, both run before the first goes backward, as with a discriminator that sees
/// two batches in a step.
fn gradients_of_two_passes(layer: &dyn Layer) -> Vec<Tensor> {
    let cx = &mut Context::train(&mut Rng::seed(3));
    let x = [2, 3].map(|seed| Var::variable(normal([2, 4, 3, 3], seed)));
    let y = [0, 1].map(|i| layer.forward(&x[i], cx).unwrap());
    let mut all = Vec::new();
    for (x, y) in x.iter().zip(y) {
        let grads = y.square().unwrap().sum(&[]).unwrap().backward().unwrap();
        let params = layer.named_params();
        all.extend(params.iter().map(|(_, p)| grads.get(p.id()).unwrap().clone()));
        all.push(grads.of(x).unwrap().clone());
    }
    all
}

#[test]
fn a_checkpoint_iterates_once_and_has_the_same_gradients() {
    let inner = Sequential::new().push(Checkpointed::new(block()));
    let (plain, again, nested) =
        (block(), Checkpointed::new(block()), Checkpointed::new(Sequential::new().push(inner)));
    let expected = gradients_of_two_passes(&plain);
    for layer in [&again as &dyn Layer, &nested] {
        for (a, b) in expected.iter().zip(gradients_of_two_passes(layer)) {
            assert!(a.bit_eq(&b));
        }
    }
    let state = plain.state_dict().fingerprint().unwrap();
    assert_eq!(state, again.state_dict().fingerprint().unwrap());
    assert_ne!(state, block().state_dict().fingerprint().unwrap());
    for (a, b) in plain.state_dict().iter().zip(nested.state_dict().iter()) {
        assert!(a.1.bit_eq(b.1), "{}", b.0);
    }
}

#[test]
fn configurations_that_cannot_be_are_refused() {
    let with =
        |config| SpectralNorm::with_config(linear(2, 2), &config, &mut Rng::seed(0)).unwrap_err().to_string();
    assert_eq!(
        with(SpectralNormConfig { n_power_iterations: 0, ..SpectralNormConfig::default() }),
        "[spectral_norm] there must be an iteration in each pass; got 0; use 1"
    );
    assert_eq!(
        with(SpectralNormConfig { eps: 0.0, ..SpectralNormConfig::default() }),
        "[spectral_norm] eps must be a positive number; got 0; use 1e-12 or so"
    );
}

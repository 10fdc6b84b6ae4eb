//! ResNet-20: its losses against those of an outside framework from the same weights, and that it learns.

use autodiff::Var;
use models::{ResNet, ResNetConfig};
use nn::loss::cross_entropy;
use nn::{Context, Layer, Module};
use optim::{Optimizer, Sgd, SgdConfig};
use serde_json::Value;
use tensor::{DType, Rng, Tensor};

/// As in `goldens/make_resnet.py`.
fn operand(state: &mut u64, shape: &[usize], scale: f64, shift: f64) -> Tensor {
    let mut next = || {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (*state >> 40) as f64 / (1 << 23) as f64 - 1.0
    };
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| next()).collect();
    let x = Tensor::from_vec(values, shape).unwrap();
    x.mul_scalar(scale).unwrap().add_scalar(shift).unwrap()
}

#[test]
fn ten_steps_lose_what_the_outside_framework_loses() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/resnet20.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rng = &mut Rng::seed(0);
    let config = ResNetConfig { dtype: DType::F64, ..ResNetConfig::resnet20(10) };
    let mut net = ResNet::new(&config, rng).unwrap();
    let mut state = file["seed"].as_u64().unwrap();
    let paths: Vec<(String, Vec<usize>)> =
        net.named_params().into_iter().map(|(path, p)| (path, p.value().shape().to_vec())).collect();
    let mut weights = net.state_dict();
    for (path, shape) in paths {
        let fan_in: usize = shape[1..].iter().product();
        let (scale, shift) = match shape.len() {
            1 => (0.25, if path.ends_with("weight") { 1.0 } else { 0.0 }),
            _ => ((3.0 / fan_in as f64).sqrt(), 0.0),
        };
        weights.insert(path, operand(&mut state, &shape, scale, shift));
    }
    net.load_state_dict(&weights).unwrap();
    let x = Var::from(operand(&mut state, &[16, 3, 32, 32], 1.0, 0.0));
    let labels = Tensor::from_vec((0..16).map(|i| i % 10).collect::<Vec<i64>>(), [16]).unwrap();
    let mut sgd = Sgd::with_config(SgdConfig { lr: 0.05, momentum: 0.9, ..SgdConfig::default() });
    for (step, golden) in file["losses"].as_array().unwrap().iter().enumerate() {
        let loss = cross_entropy(&net.forward(&x, &mut Context::train(rng)).unwrap(), &labels).unwrap();
        let (loss_is, golden) = (loss.item().unwrap(), golden.as_f64().unwrap());
        assert!((loss_is - golden).abs() <= 1e-9 * golden, "step {step}: {loss_is} instead of {golden}");
        sgd.step(&mut net, &loss.backward().unwrap()).unwrap();
    }
    // The running statistics are those that ten batches leave.
    let loss =
        cross_entropy(&net.forward(&x, &mut Context::eval()).unwrap(), &labels).unwrap().item().unwrap();
    let golden = file["evaluated"].as_f64().unwrap();
    assert!((loss - golden).abs() <= 1e-9 * golden, "evaluated: {loss} instead of {golden}");
}

#[test]
fn one_batch_is_learnt_by_heart_and_every_parameter_has_a_gradient() {
    let rng = &mut Rng::seed(1);
    let mut net = ResNet::new(&ResNetConfig::resnet20(10), rng).unwrap();
    let x = Var::from(rng.normal([64, 3, 32, 32], 0.0, 1.0, DType::F32).unwrap());
    let labels = rng.uniform([64], 0.0, 10.0, DType::F32).unwrap().to_dtype(DType::I64).unwrap();
    let mut sgd = Sgd::with_config(SgdConfig { lr: 0.1, momentum: 0.9, ..SgdConfig::default() });
    let mut last = f64::NAN;
    for step in 0..60 {
        let loss = cross_entropy(&net.forward(&x, &mut Context::train(rng)).unwrap(), &labels).unwrap();
        last = loss.item().unwrap();
        let grads = loss.backward().unwrap();
        if step == 0 {
            for (path, param) in net.named_params() {
                let grad = grads.get(param.id()).unwrap_or_else(|| panic!("{path} has no gradient"));
                assert!(
                    grad.abs().unwrap().max(&[]).unwrap().item().unwrap() > 0.0,
                    "{path} has a gradient of zeros"
                );
            }
        }
        if last < 0.01 {
            return;
        }
        sgd.step(&mut net, &grads).unwrap();
    }
    panic!("the loss is {last} after 60 steps");
}

#[test]
fn evaluation_has_the_same_bits_at_any_batch_size() {
    let rng = &mut Rng::seed(2);
    let net = ResNet::new(&ResNetConfig::resnet20(10), rng).unwrap();
    let x = rng.normal([9, 3, 32, 32], 0.0, 1.0, DType::F32).unwrap();
    let run = |x: Tensor| net.forward(&x.into(), &mut Context::eval()).unwrap().into_value();
    let all = run(x.clone());
    for i in [0, 4, 8] {
        let one = run(x.narrow(0, i, 1).unwrap());
        assert!(one.bit_eq(&all.narrow(0, i, 1).unwrap()), "image {i}");
    }
}

#[test]
fn names_and_sizes_are_those_of_published_weights() {
    let rng = &mut Rng::seed(3);
    for (config, params) in [
        (ResNetConfig::resnet18(1000), 11_689_512),
        (ResNetConfig::resnet34(1000), 21_797_672),
        (ResNetConfig::resnet50(1000), 25_557_032),
    ] {
        assert_eq!(ResNet::new(&config, rng).unwrap().n_params(), params);
    }
    let state = ResNet::new(&ResNetConfig::resnet50(1000), rng).unwrap().state_dict();
    for (name, shape) in [
        ("conv1.weight", &[64, 3, 7, 7][..]),
        ("bn1.running_mean", &[64]),
        ("layer1.0.downsample.0.weight", &[256, 64, 1, 1]),
        ("layer1.0.downsample.1.num_batches_tracked", &[]),
        ("layer2.0.conv2.weight", &[128, 128, 3, 3]),
        ("layer4.2.bn3.bias", &[2048]),
        ("fc.weight", &[1000, 2048]),
    ] {
        assert_eq!(state.get(name).unwrap_or_else(|| panic!("{name} is not there")).shape(), shape, "{name}");
    }
}

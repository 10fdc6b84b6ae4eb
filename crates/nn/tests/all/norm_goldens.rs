//! Layers that normalise values or weights, against an outside framework: passes in training and inference, gradients,
//! buffers.

use crate::golden::{cases, hold, operand, sizes};
use autodiff::Var;
use nn::{
    Context, Conv2d, ConvConfig, ConvTranspose1d, GroupNorm, GroupNormConfig, InstanceNorm1d, InstanceNorm2d,
    InstanceNorm3d, InstanceNormConfig, Layer, Linear, LinearConfig, SpectralNorm, SpectralNormConfig,
    StateDict, WeightNorm,
};
use tensor::{DType, Rng, Tensor};

fn layer(name: &str) -> nn::Result<Box<dyn Layer>> {
    let rng = &mut Rng::seed(0);
    let plain = InstanceNormConfig { dtype: DType::F64, ..InstanceNormConfig::default() };
    let tracked =
        InstanceNormConfig { affine: true, track_running_stats: true, momentum: 0.25, eps: 0.125, ..plain };
    let group = GroupNormConfig { dtype: DType::F64, ..GroupNormConfig::default() };
    let of_conv = ConvConfig { dtype: DType::F64, ..ConvConfig::default() };
    let linear = LinearConfig { dtype: DType::F64, ..LinearConfig::default() };
    let linear = Linear::with_config(5, 4, &linear, rng)?;
    let conv = Conv2d::with_config(4, 6, 2, &ConvConfig { groups: 2, ..of_conv.clone() }, rng)?;
    let transposed = ConvTranspose1d::with_config(3, 2, 2, &of_conv, rng)?;
    let three = SpectralNormConfig { n_power_iterations: 3, ..SpectralNormConfig::default() };
    Ok(match name {
        "instance_norm1d" => Box::new(InstanceNorm1d::with_config(3, &plain)?),
        "instance_norm2d" => Box::new(InstanceNorm2d::with_config(2, &plain)?),
        "instance_norm3d" => Box::new(InstanceNorm3d::with_config(2, &plain)?),
        "tracked_instance_norm1d" => Box::new(InstanceNorm1d::with_config(2, &tracked)?),
        "tracked_instance_norm2d" => Box::new(InstanceNorm2d::with_config(3, &tracked)?),
        "tracked_instance_norm3d" => Box::new(InstanceNorm3d::with_config(1, &tracked)?),
        "group_norm" => Box::new(GroupNorm::with_config(2, 6, &group)?),
        "group_norm_of_all" => {
            Box::new(GroupNorm::with_config(1, 3, &GroupNormConfig { eps: 0.25, ..group })?)
        }
        "weight_norm_linear" => Box::new(WeightNorm::new(linear)?),
        "weight_norm_conv2d" => Box::new(WeightNorm::new(conv)?),
        "weight_norm_conv_transpose1d" => Box::new(WeightNorm::new(transposed)?),
        "spectral_norm_linear" => Box::new(SpectralNorm::new(linear, rng)?),
        "spectral_norm_conv2d" => Box::new(SpectralNorm::with_config(conv, &three, rng)?),
        "spectral_norm_conv_transpose1d" => Box::new(SpectralNorm::new(transposed, rng)?),
        other => panic!("no layer {other}"),
    })
}

/// `goldens/make_norms.py` says how they were made, `goldens/norms.json` by which version and from which seed.
#[test]
fn norms_are_those_of_the_outside_framework() {
    let cases = cases("norms.json");
    assert_eq!(cases.len(), 14);
    for case in &cases {
        let mut layer = layer(case["layer"].as_str().unwrap()).unwrap();
        let state = &mut case["seed"].as_str().unwrap().parse().unwrap();
        let mut params = layer.named_params_mut();
        params.sort_by(|a, b| a.0.cmp(&b.0));
        for (_, param) in params {
            let shape = param.value().shape().to_vec();
            param.set(operand(state, &shape, 0.5)).unwrap();
        }
        // By name, as in the state.
        let values = layer.state_dict();
        let mut values: Vec<(String, Tensor)> =
            values.iter().map(|(path, x)| (path.into(), x.clone())).collect();
        for (path, vector) in &mut values {
            if path.ends_with("._u") || path.ends_with("._v") {
                let x = operand(state, vector.shape(), 1.0);
                let length = x.square().unwrap().sum(&[]).unwrap().sqrt().unwrap();
                *vector = x.div(&length).unwrap();
            }
        }
        layer.load_state_dict(&values.into_iter().collect::<StateDict>()).unwrap();

        let shape = sizes(&case["results"][1]["shape"]);
        let x = Var::variable(operand(state, &shape, 1.0));
        let y = layer.forward(&x, &mut Context::train(&mut Rng::seed(0))).unwrap();
        let cotangent = Var::from(operand(state, y.shape(), 1.0));
        let grads = y.mul(&cotangent).unwrap().sum(&[]).unwrap().backward().unwrap();
        let mut params = layer.named_params();
        params.sort_by(|a, b| a.0.cmp(&b.0));
        let mut found = vec![y.value().clone(), grads.of(&x).unwrap().clone()];
        found.extend(params.iter().map(|(_, param)| grads.get(param.id()).unwrap().clone()));
        let after = layer.state_dict();
        let buffers = after.iter().filter(|(path, _)| params.iter().all(|(param, _)| param != path));
        found.extend(buffers.map(|(_, x)| x.to_dtype(DType::F64).unwrap()));
        found.push(layer.forward(&x, &mut Context::eval()).unwrap().into_value());
        hold(&found, case);
    }
}

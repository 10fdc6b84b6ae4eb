//! Loss curves against PyTorch's; `goldens/make_goldens.py` says how they were made, `goldens/goldens.json` by which
//! version and from which seed.

use autodiff::Var;
use models::{Mlp, MlpConfig};
use nn::loss::{cross_entropy, mse_loss};
use nn::{Activation, Context, Layer, Module};
use optim::{AdamConfig, AdamW, Optimizer, Sgd, SgdConfig};
use serde_json::Value;
use tensor::{DType, Rng, Tensor};

/// Ten steps of some hundred roundings each, 1000·ε of either type, and as much again for good measure.
const ALLOWED: [(DType, &str, f64); 2] = [(DType::F32, "f32", 1e-4), (DType::F64, "f64", 1e-10)];

fn numbers(json: &Value) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn tensor(json: &Value, dtype: DType) -> Tensor {
    let shape: Vec<usize> = numbers(&json["shape"]).iter().map(|&d| d as usize).collect();
    Tensor::from_vec(numbers(&json["values"]), shape).unwrap().to_dtype(dtype).unwrap()
}

fn model(case: &Value, dtype: DType) -> Mlp {
    let activation = match case["activation"].as_str().unwrap() {
        "ReLU" => Activation::Relu,
        "Tanh" => Activation::Tanh,
        other => panic!("{other} is in the file and not here"),
    };
    let sizes: Vec<usize> = numbers(&case["sizes"]).iter().map(|&d| d as usize).collect();
    let mut config = MlpConfig { activation, ..Default::default() };
    config.linear.dtype = dtype;
    let mut model = Mlp::with_config(&sizes, &config, &mut Rng::seed(0)).unwrap();
    let weights = case["weights"].as_array().unwrap();
    let params = model.named_params_mut();
    assert_eq!(params.len(), weights.len());
    for ((_, param), start) in params.into_iter().zip(weights) {
        param.set(tensor(start, dtype)).unwrap();
    }
    model
}

fn optimizer(case: &Value) -> Box<dyn Optimizer> {
    let number = |name: &str| case["optimizer"][name].as_f64().unwrap();
    let lr = number("lr");
    match case["optimizer"]["kind"].as_str().unwrap() {
        "AdamW" => {
            let weight_decay = number("weight_decay");
            Box::new(AdamW::with_config(AdamConfig { lr, weight_decay, ..Default::default() }))
        }
        "SGD" => {
            Box::new(Sgd::with_config(SgdConfig { lr, momentum: number("momentum"), ..Default::default() }))
        }
        other => panic!("{other} is in the file and not here"),
    }
}

fn curve(case: &Value, dtype: DType) -> Vec<f64> {
    let (mut model, mut optimizer, rng) = (model(case, dtype), optimizer(case), &mut Rng::seed(0));
    let x = Var::from(tensor(&case["x"], dtype));
    let classes = case["loss"] == "cross_entropy";
    let y = tensor(&case["y"], if classes { DType::I64 } else { dtype });
    let step = |_| {
        let output = model.forward(&x, &mut Context::train(rng)).unwrap();
        let loss = if classes { cross_entropy(&output, &y) } else { mse_loss(&output, &y) }.unwrap();
        let value = loss.item().unwrap();
        optimizer.step(&mut model, &loss.backward().unwrap()).unwrap();
        value
    };
    (0..10).map(step).collect()
}

#[test]
fn ten_steps_have_the_losses_of_the_outside_framework() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/goldens.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        for (dtype, name, allowed) in ALLOWED {
            let (found, golden) = (curve(case, dtype), numbers(&case[name]));
            assert_eq!(golden.len(), 10);
            assert!((golden[9] / golden[0] - 1.0).abs() > 0.05, "a curve that does not move proves nothing");
            for (step, (a, b)) in found.iter().zip(&golden).enumerate() {
                assert!((a / b - 1.0).abs() <= allowed, "{}, {name}, step {step}: {a} for {b}", case["name"]);
            }
        }
    }
}

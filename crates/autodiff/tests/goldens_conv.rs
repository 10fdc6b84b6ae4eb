//! 200 random convolutions and their gradients against those of an outside framework in double precision, to 1e-10.
//! `goldens/make_conv.py` says how they were made, `goldens/conv.json` by which version and from which seed.

use autodiff::{Var, grad_of};
use serde_json::Value;
use tensor::{ConvOptions, Spatial, Tensor};

fn sizes(json: &Value) -> Vec<usize> {
    json.as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect()
}

/// As in the script.
fn operand(state: &mut u64, shape: &[usize]) -> Tensor {
    let mut next = || {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (*state >> 57) as f64 / 64.0 - 1.0
    };
    Tensor::from_vec((0..shape.iter().product()).map(|_| next()).collect(), shape).unwrap()
}

/// Within 1e-10 of what it should be, and of 1.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-10 * b.abs().max(1.0)
}

#[test]
fn random_convolutions_are_those_of_the_outside_framework() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/conv.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 200);
    for case in cases {
        let spatial = |name: &str| Spatial::from(&sizes(&case[name])[..]);
        let options = ConvOptions {
            stride: spatial("stride"),
            padding: spatial("padding").into(),
            dilation: spatial("dilation"),
            groups: case["groups"].as_u64().unwrap() as usize,
        };
        let mut state: u64 = case["seed"].as_str().unwrap().parse().unwrap();
        let operands = case["operands"].as_array().unwrap();
        let x: Vec<Var> =
            operands.iter().map(|shape| Var::variable(operand(&mut state, &sizes(shape)))).collect();
        let y = x[0].conv(&x[1], Some(&x[2]), &options).unwrap();
        let cotangent = Var::from(operand(&mut state, y.shape()));
        let grads = grad_of(&[(&y, Some(&cotangent))], &[&x[0], &x[1], &x[2]]).unwrap();
        let found = [Some(y)].into_iter().chain(grads).map(|v| v.unwrap().into_value());
        for (found, golden) in found.zip(case["results"].as_array().unwrap()) {
            assert_eq!(found.shape(), sizes(&golden["shape"]), "{case}");
            let values = found.to_vec::<f64>().unwrap();
            let squares: f64 = values.iter().map(|v| v * v).sum();
            assert!(near(squares, golden["squares"].as_f64().unwrap()), "{squares} in {case}");
            for (i, at) in golden["at"].as_array().unwrap().iter().enumerate() {
                let value = values[i * (values.len() - 1) / 5];
                assert!(near(value, at.as_f64().unwrap()), "{value} at sample {i} of {golden} in {case}");
            }
        }
    }
}

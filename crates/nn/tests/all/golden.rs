//! What `tests/goldens/generator.py` does, on this side.

use nn::Module;
use serde_json::Value;
use tensor::Tensor;

/// The cases of a file in `tests/goldens`.
pub fn cases(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/goldens/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    serde_json::from_value(file["cases"].take()).unwrap()
}

/// A list of sizes.
pub fn sizes(json: &Value) -> Vec<usize> {
    json.as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect()
}

/// Numbers made from a state, which moves on.
pub fn operand(state: &mut u64, shape: &[usize], scale: f64) -> Tensor {
    let mut next = || {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((*state >> 57) as f64 / 64.0 - 1.0) * scale
    };
    Tensor::from_vec((0..shape.iter().product()).map(|_| next()).collect(), shape).unwrap()
}

/// Gives every parameter numbers made from the state.
pub fn fill(module: &mut impl Module, state: &mut u64) {
    for (_, param) in module.named_params_mut() {
        let shape = param.value().shape().to_vec();
        param.set(operand(state, &shape, 0.5)).unwrap();
    }
}

/// Holds results to those of a case: shapes, sums of squares and samples, to 1e-10 of them, and of 1.
pub fn hold(found: &[Tensor], case: &Value) {
    let wanted = case["results"].as_array().unwrap();
    assert_eq!(found.len(), wanted.len());
    for (i, (found, golden)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(found.shape(), sizes(&golden["shape"]), "result {i} of {case}");
        let values = found.to_vec::<f64>().unwrap();
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-10 * b.abs().max(1.0);
        let squares: f64 = values.iter().map(|v| v * v).sum();
        assert!(near(squares, golden["squares"].as_f64().unwrap()), "{squares}: result {i} of {case}");
        for (place, at) in golden["at"].as_array().unwrap().iter().enumerate() {
            let value = values[place * (values.len() - 1) / 5];
            assert!(near(value, at.as_f64().unwrap()), "{value} at sample {place}: result {i} of {case}");
        }
    }
}

//! Feed-forward networks, gated and not: against the formula, by name, and the same bits however they are computed.

use crate::{normal, paths, square_sum, with_threads};
use autodiff::Var;
use nn::{
    Activation, Context, FeedForward, FeedForwardConfig, Layer, Module, TransformerConfig,
    TransformerDecoderLayer, TransformerEncoderLayer,
};
use std::collections::BTreeMap;
use tensor::{DType, Rng, Tensor};

const SQRT_2: f64 = std::f64::consts::SQRT_2;

type Formula = fn(f64) -> f64;

/// Activations, and their formulas.
fn activations() -> [(Activation, Formula); 7] {
    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + libm::exp(-x))
    }
    [
        (Activation::Identity, |x| x),
        (Activation::Sigmoid, sigmoid),
        (Activation::Relu, |x| x.max(0.0)),
        (Activation::Gelu, |x| x * (1.0 + libm::erf(x / SQRT_2)) / 2.0),
        (Activation::GeluTanh, |x| {
            let v = libm::sqrt(2.0 / std::f64::consts::PI) * (x + 0.044715 * x * x * x);
            x * (1.0 + libm::tanh(v)) / 2.0
        }),
        (Activation::Silu, |x| x * sigmoid(x)),
        (Activation::Tanh, libm::tanh),
    ]
}

/// Row by row, from the parameters by their names.
fn by_hand(layer: &FeedForward, x: &[f64], d: usize, act: Formula) -> Vec<f64> {
    let values: BTreeMap<String, Vec<f64>> =
        layer.named_params().into_iter().map(|(path, p)| (path, p.value().to_vec().unwrap())).collect();
    let linear = |x: &[f64], name: &str| -> Option<Vec<f64>> {
        let weight = values.get(&format!("{name}.weight"))?;
        let bias = values.get(&format!("{name}.bias"));
        let rows = weight.chunks(x.len()).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>());
        Some(rows.enumerate().map(|(i, y)| y + bias.map_or(0.0, |b| b[i])).collect())
    };
    let row = |x: &[f64]| -> Vec<f64> {
        let up = linear(x, "linear1").unwrap();
        let inner: Vec<f64> = match linear(x, "gate") {
            Some(gate) => up.iter().zip(gate).map(|(up, gate)| up * act(gate)).collect(),
            None => up.into_iter().map(act).collect(),
        };
        linear(&inner, "linear2").unwrap()
    };
    x.chunks(d).flat_map(row).collect()
}

#[test]
fn a_network_is_what_its_formula_says_for_every_activation_with_a_gate_and_without() {
    let x = normal([2, 3, 4], 1);
    for (activation, act) in activations() {
        for (gated, bias) in [(false, true), (true, true), (true, false)] {
            let config =
                FeedForwardConfig { d_ff: 5, activation, gated, bias, dropout: 0.0, dtype: DType::F64 };
            let layer = FeedForward::new(4, &config, &mut Rng::seed(2)).unwrap();
            let y = layer.forward(&x.clone().into(), &mut Context::eval()).unwrap();
            let wanted = by_hand(&layer, &x.to_vec().unwrap(), 4, act);
            let found = y.value().to_vec::<f64>().unwrap();
            assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-13), "{activation} {gated}");
        }
    }
}

/// The value and the gradients of both operands.
fn grads_of(f: impl Fn(&Var, &Var) -> Var, x: &Tensor, gate: &Tensor) -> [Tensor; 3] {
    let (x, gate) = (Var::variable(x.clone()), Var::variable(gate.clone()));
    let y = f(&x, &gate);
    let value = y.value().clone();
    let grads = square_sum(&y).unwrap().backward().unwrap();
    [value, grads.of(&x).unwrap().clone(), grads.of(&gate).unwrap().clone()]
}

#[test]
fn one_pass_gives_the_bits_of_two_and_so_does_every_number_of_threads() {
    for dtype in [DType::F32, DType::F64] {
        let rng = &mut Rng::seed(3);
        let [x, gate] = [0; 2].map(|_| rng.normal([70, 301], 0.0, 3.0, dtype).unwrap());
        for (activation, _) in activations() {
            let two = grads_of(|x, gate| activation.apply(gate).unwrap().mul(x).unwrap(), &x, &gate);
            for threads in [1, 2, 3, 8] {
                let one = with_threads(threads, || {
                    grads_of(|x, gate| activation.gated(x, gate).unwrap(), &x, &gate)
                });
                for (i, (one, two)) in one.iter().zip(&two).enumerate() {
                    assert!(one.bit_eq(two), "{activation} {dtype}, {threads} threads, result {i}");
                }
            }
            // One operand alone takes another way.
            let frozen = Var::variable(gate.clone());
            let y = activation.gated(&x.clone().into(), &frozen).unwrap();
            let grads = square_sum(&y).unwrap().backward().unwrap();
            assert!(grads.of(&frozen).unwrap().bit_eq(&two[2]), "{activation} {dtype}");
        }
    }
}

#[test]
fn a_gate_stands_among_the_names_of_the_layer_it_is_in() {
    let config = TransformerConfig {
        d_ff: 6,
        activation: Activation::Silu,
        gated: true,
        dtype: DType::F64,
        dropout: 0.2,
        norm_first: true,
        ..Default::default()
    };
    let rng = &mut Rng::seed(4);
    let encoder = TransformerEncoderLayer::new(4, 2, &config, rng).unwrap();
    let of_network =
        ["linear1.weight", "linear1.bias", "gate.weight", "gate.bias", "linear2.weight", "linear2.bias"];
    assert_eq!(paths(&encoder)[4..10], of_network);
    let decoder = TransformerDecoderLayer::new(4, 2, &config, rng).unwrap();
    assert_eq!(paths(&decoder)[8..14], of_network);
    // All of it has its gradient, dropout too.
    let x = normal([2, 3, 4], 5);
    let forward = |layer: &TransformerEncoderLayer, x: &Var, cx: &mut Context| layer.forward(x, cx);
    nn::check::gradcheck_module(&encoder, &x, forward, &Default::default()).unwrap();
    // A refusal says where it happened.
    let mut wrong = encoder.clone();
    wrong.feed_forward.gate = None;
    wrong.feed_forward.linear1 = wrong.feed_forward.linear2.clone();
    let error = wrong.forward(&x.into(), &mut Context::eval()).unwrap_err().to_string();
    assert!(error.starts_with("linear1: [linear] the last axis"), "{error}");
}

//! Character models: their losses against those of an outside framework from the same weights; parts of a text.

mod goldens;

use autodiff::Var;
use goldens::{numbers, read};
use models::{CharRnn, CharRnnConfig};
use nn::loss::cross_entropy;
use nn::{Context, Layer, Module, RecurrentState};
use optim::{Adam, Optimizer, clip_grad_norm};
use tensor::{Cell, DType, Rng, Tensor};

#[test]
fn ten_steps_lose_what_the_outside_framework_loses() {
    let file = read("char_rnn.json");
    for (name, cell) in [("lstm", Cell::Lstm), ("gru", Cell::Gru), ("tanh", Cell::Tanh)] {
        let config = CharRnnConfig {
            vocab: 11,
            cell,
            d_embedding: 5,
            hidden: 7,
            dtype: DType::F64,
            ..Default::default()
        };
        let mut net = CharRnn::new(&config, &mut Rng::seed(0)).unwrap();
        let mut state = file["seed"].as_u64().unwrap();
        for (_, param) in net.named_params_mut() {
            let shape = param.value().shape().to_vec();
            let values = numbers(&mut state, shape.iter().product());
            let values = values.into_iter().map(|v| v as f64 / (1 << 24) as f64 - 0.5).collect();
            param.set(Tensor::from_vec(values, shape).unwrap()).unwrap();
        }
        let mut tokens = || numbers(&mut state, 18).into_iter().map(|v| (v % 11) as i64).collect::<Vec<_>>();
        let (x, y) = (Tensor::from_vec(tokens(), [3, 6]).unwrap(), Tensor::from_vec(tokens(), [18]).unwrap());
        let mut adam = Adam::new(0.02);
        for (step, golden) in file[name].as_array().unwrap().iter().enumerate() {
            let cx = &mut Context::train(&mut Rng::seed(0));
            let logits = net.forward(&x.clone().into(), cx).unwrap().reshape([18, 11]).unwrap();
            let loss = cross_entropy(&logits, &y).unwrap();
            let (loss_is, golden) = (loss.item().unwrap(), golden.as_f64().unwrap());
            // PyTorch adds 1e-6 to the norm that it clips by, which leaves a trace of 1e-7.
            assert!(
                (loss_is - golden).abs() <= 1e-5 * golden,
                "{name}, step {step}: {loss_is} instead of {golden}"
            );
            let mut grads = loss.backward().unwrap();
            clip_grad_norm(&mut grads, 1.0).unwrap();
            adam.step(&mut net, &grads).unwrap();
        }
    }
}

/// One step over the whole text and several over its parts see the same numbers; the gradient ends at a part's beginning.
#[test]
fn a_text_in_parts_is_the_text_and_memory_stays_flat() {
    let net = CharRnn::new(&CharRnnConfig { vocab: 20, hidden: 40, ..Default::default() }, &mut Rng::seed(3))
        .unwrap();
    let text: Vec<i64> = numbers(&mut 5, 2 * 4096).into_iter().map(|v| (v % 20) as i64).collect();
    let text = Tensor::from_vec(text, [2, 4096]).unwrap();
    let whole = net.forward(&text.narrow(1, 0, 256).unwrap().into(), &mut Context::eval()).unwrap();
    let part = |at: usize, state: Option<&RecurrentState>| {
        let x = Var::from(text.narrow(1, at, 32).unwrap());
        let cx = &mut Context::train(&mut Rng::seed(0));
        let (y, state) = net.forward_with(&x, state, cx).unwrap();
        let loss = y.square().unwrap().mean(&[]).unwrap();
        let grads = loss.backward().unwrap();
        assert!(net.named_params().iter().all(|(_, p)| grads.get(p.id()).is_some()));
        (y.into_value(), state.detach())
    };
    let mut state = None;
    let mut peaks = Vec::new();
    for at in (0..4096).step_by(32) {
        tensor::reset_peak_memory();
        let (y, after) = part(at, state.as_ref());
        if at < 256 {
            assert!(y.bit_eq(&whole.value().narrow(1, at, 32).unwrap()), "part from {at}");
        }
        assert!(!after.h.is_tracked());
        state = Some(after);
        peaks.push(tensor::memory_stats().peak_bytes);
    }
    assert!(peaks[peaks.len() - 1] <= peaks[1], "{peaks:?}");
}

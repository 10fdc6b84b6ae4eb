//! Low-rank adapters and mixtures of experts.

use autodiff::Var;
use nn::{
    Activation, Context, Layer, Linear, Lora, LoraConfig, MixtureOfExperts, MixtureOfExpertsConfig, Module,
    Sequential,
};
use tensor::{DType, Rng, Tensor};

fn net(rng: &mut Rng) -> Sequential {
    Sequential::new()
        .push(Linear::new(6, 12, rng).unwrap())
        .push(Activation::Tanh)
        .push(Linear::new(12, 3, rng).unwrap())
}

#[test]
fn only_adapters_learn_and_merging_keeps_what_was_learnt() {
    let rng = &mut Rng::seed(1);
    let base = net(rng);
    let kept = base.state_dict();
    let mut lora = Lora::new(base, &LoraConfig { rank: 2, ..LoraConfig::default() }, rng).unwrap();
    let paths: Vec<&str> = lora.adapters().iter().map(|adapter| adapter.path()).collect();
    assert_eq!(paths, ["0.weight", "2.weight"]);
    let x: Var = rng.normal([20, 6], 0.0, 1.0, DType::F32).unwrap().into();
    let y = rng.normal([20, 3], 0.0, 1.0, DType::F32).unwrap();
    let loss = |lora: &Lora<Sequential>, cx: &mut Context| {
        nn::loss::mse_loss(&lora.forward(&x, cx).unwrap(), y.clone()).unwrap()
    };
    let first = loss(&lora, &mut Context::eval()).item().unwrap();
    for step in 0..200 {
        let grads = loss(&lora, &mut Context::train(rng)).backward().unwrap();
        assert_eq!(grads.len(), 4, "step {step}");
        for (_, param) in lora.named_params_mut() {
            if let Some(grad) = grads.get(param.id()) {
                let value = param.value().sub(&grad.mul_scalar(0.01).unwrap()).unwrap();
                param.set(value).unwrap();
            }
        }
    }
    let last = loss(&lora, &mut Context::eval()).item().unwrap();
    assert!(last < 0.8 * first, "{first} to {last}");
    assert_eq!(lora.base().state_dict().fingerprint().unwrap(), kept.fingerprint().unwrap());
    let adapted = lora.forward(&x, &mut Context::eval()).unwrap().into_value();
    let plain = lora.merged().unwrap();
    assert!(plain.forward(&x, &mut Context::eval()).unwrap().value().bit_eq(&adapted));
    assert!(plain.named_params().iter().all(|(_, param)| param.is_trainable()));
}

#[test]
fn adapters_refuse_what_they_cannot_adapt() {
    let rng = &mut Rng::seed(0);
    let refused = |rank: usize, pattern: &str, rng: &mut Rng| {
        let config = LoraConfig { rank, pattern, ..LoraConfig::default() };
        Lora::new(net(rng), &config, rng).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(
        refused(0, "**", rng),
        "[lora] there must be a rank, and alpha a number; got rank 0, alpha 16; use a rank of 8 or so"
    );
    let error = refused(2, "**.wieght", rng);
    assert!(error.contains("**.wieght") && error.contains("0.weight, 2.weight"), "{error}");
}

fn experts(top_k: usize, gated: bool, rng: &mut Rng) -> MixtureOfExperts {
    let config = MixtureOfExpertsConfig {
        experts: 5,
        top_k,
        d_ff: 7,
        activation: Activation::Tanh,
        gated,
        dtype: DType::F64,
    };
    MixtureOfExperts::new(4, &config, rng).unwrap()
}

/// Every expert over every token, and those that were not chosen times 0.
fn by_all(layer: &MixtureOfExperts, x: &[f64], top_k: usize) -> (Vec<f64>, f64) {
    let values: std::collections::BTreeMap<String, Vec<f64>> =
        layer.named_params().into_iter().map(|(path, p)| (path, p.value().to_vec().unwrap())).collect();
    let linear = |x: &[f64], path: &str| -> Vec<f64> {
        let weight = &values[&format!("{path}.weight")];
        let dot = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        let bias = values.get(&format!("{path}.bias"));
        weight.chunks(x.len()).enumerate().map(|(i, row)| dot(row) + bias.map_or(0.0, |b| b[i])).collect()
    };
    let (mut out, mut fell, mut mean) = (Vec::new(), [0.0; 5], [0.0; 5]);
    let tokens = x.len() / 4;
    for x in x.chunks(4) {
        let logits = linear(x, "gate");
        let mut order: Vec<usize> = (0..5).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        let total: f64 = order[..top_k].iter().map(|&e| libm::exp(logits[e])).sum();
        let of_all: f64 = logits.iter().map(|&x| libm::exp(x)).sum();
        let mut y = vec![0.0; 4];
        for &e in &order[..top_k] {
            fell[e] += 1.0 / (tokens * top_k) as f64;
            let first = linear(x, &format!("experts.{e}.linear1"));
            let gate = format!("experts.{e}.gate");
            let inner: Vec<f64> = match values.contains_key(&format!("{gate}.weight")) {
                true => linear(x, &gate).iter().zip(first).map(|(gate, x)| libm::tanh(*gate) * x).collect(),
                false => first.into_iter().map(libm::tanh).collect(),
            };
            for (y, z) in y.iter_mut().zip(linear(&inner, &format!("experts.{e}.linear2"))) {
                *y += libm::exp(logits[e]) / total * z;
            }
        }
        (0..5).for_each(|e| mean[e] += libm::exp(logits[e]) / of_all / tokens as f64);
        out.extend(y);
    }
    (out, 5.0 * fell.iter().zip(mean).map(|(f, p)| f * p).sum::<f64>())
}

#[test]
fn a_mixture_is_what_all_experts_give_weighed_by_the_chosen() {
    let rng = &mut Rng::seed(2);
    for (top_k, gated) in [(1, false), (2, true), (5, false)] {
        let layer = experts(top_k, gated, rng);
        let x = rng.normal([3, 7, 4], 0.0, 1.0, DType::F64).unwrap();
        let mixed = layer.forward_with(&x.clone().into(), &mut Context::eval()).unwrap();
        let (wanted, balance) = by_all(&layer, &x.to_vec().unwrap(), top_k);
        let found = mixed.out.value().to_vec::<f64>().unwrap();
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-13), "top {top_k}");
        assert!((mixed.balance.item().unwrap() - balance).abs() < 1e-13, "top {top_k}");
        // A token alone: the same bits.
        let alone = x.narrow(0, 1, 1).unwrap().narrow(1, 3, 1).unwrap();
        let alone = layer.forward(&alone.into(), &mut Context::eval()).unwrap().into_value();
        assert!(alone.bit_eq(&mixed.out.value().narrow(0, 1, 1).unwrap().narrow(1, 3, 1).unwrap()));
    }
}

#[test]
fn every_expert_has_a_gradient_also_without_tokens() {
    let rng = &mut Rng::seed(3);
    let layer = experts(1, false, rng);
    let x: Var = Tensor::full([1, 4], 0.3, DType::F64).unwrap().into();
    let mixed = layer.forward_with(&x, &mut Context::train(rng)).unwrap();
    let grads =
        mixed.out.square().unwrap().sum(&[]).unwrap().add(&mixed.balance).unwrap().backward().unwrap();
    assert!(layer.named_params().iter().all(|(_, param)| grads.get(param.id()).is_some()));
}

#[test]
fn gradients_of_a_mixture_are_right() {
    let rng = &mut Rng::seed(4);
    let layer = experts(2, true, rng);
    let x = rng.normal([6, 4], 0.0, 1.0, DType::F64).unwrap();
    let forward = |layer: &MixtureOfExperts, x: &Var, cx: &mut Context| layer.forward(x, cx);
    nn::check::gradcheck_module(&layer, &x, forward, &Default::default()).unwrap();
}

#[test]
fn wrong_sizes_are_refused() {
    let rng = &mut Rng::seed(0);
    let config = MixtureOfExpertsConfig { experts: 2, top_k: 3, ..Default::default() };
    assert_eq!(
        MixtureOfExperts::new(4, &config, rng).unwrap_err().to_string(),
        "[mixture_of_experts] a token must go to an expert, and to no more than there are; got top_k 3 of 2; change top_k"
    );
    let x = Tensor::zeros([2, 3], DType::F64).unwrap().into();
    let error = experts(1, false, rng).forward(&x, &mut Context::eval()).unwrap_err().to_string();
    assert!(
        error.starts_with("[mixture_of_experts] the last axis of the input must be the features"),
        "{error}"
    );
}

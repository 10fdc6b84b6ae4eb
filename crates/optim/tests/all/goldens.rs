//! Twenty steps against PyTorch's, in double precision; `goldens/make_goldens.py` says how they were made,
//! `goldens/goldens.json` by which version and from which seed.

use crate::{Net, net};
use autodiff::Gradients;
use nn::Module;
use optim::{
    Adadelta, AdadeltaConfig, Adagrad, AdagradConfig, Adam, AdamConfig, AdamW, Adamax, AdamaxConfig, Groups,
    Lion, LionConfig, NAdam, NAdamConfig, Optimizer, RAdam, RAdamConfig, RmsProp, RmsPropConfig, Sgd,
    SgdConfig,
};
use serde_json::Value;
use tensor::Tensor;

/// Twenty updates of a dozen roundings each are 5e-14 of numbers of order 1; a wrong constant is far above.
const ALLOWED: f64 = 1e-12;

fn values(json: &Value) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn groups(json: &Value) -> Groups {
    json.as_array().unwrap().iter().fold(Groups::default(), |groups, rule| {
        let (pattern, value) = (rule[1].as_str().unwrap(), rule[2].as_f64().unwrap());
        match rule[0].as_str().unwrap() {
            "no_decay" => groups.no_decay_on_biases_and_norms(),
            "lr_scale" => groups.lr_scale(pattern, value),
            "weight_decay" => groups.weight_decay(pattern, value),
            other => panic!("{other} is in the file and not here"),
        }
    })
}

fn optimizer(case: &Value) -> Box<dyn Optimizer> {
    let (config, groups) = (&case["config"], groups(&case["groups"]));
    let number = |name: &str| config[name].as_f64().unwrap();
    let adam = || AdamConfig {
        lr: number("lr"),
        beta1: number("beta1"),
        beta2: number("beta2"),
        eps: number("eps"),
        weight_decay: number("weight_decay"),
    };
    match case["optimizer"].as_str().unwrap() {
        "SGD" => {
            let config = SgdConfig {
                lr: number("lr"),
                momentum: number("momentum"),
                dampening: number("dampening"),
                nesterov: config["nesterov"].as_bool().unwrap(),
                weight_decay: number("weight_decay"),
            };
            Box::new(Sgd::with_config(config).groups(groups))
        }
        "Adam" => Box::new(Adam::with_config(adam()).groups(groups)),
        "AdamW" => Box::new(AdamW::with_config(adam()).groups(groups)),
        "RMSprop" => {
            let config = RmsPropConfig {
                lr: number("lr"),
                weight_decay: number("weight_decay"),
                alpha: number("alpha"),
                eps: number("eps"),
                momentum: number("momentum"),
                centered: config["centered"].as_bool().unwrap(),
            };
            Box::new(RmsProp::with_config(config).groups(groups))
        }
        "Adagrad" => {
            let (lr, weight_decay) = (number("lr"), number("weight_decay"));
            let config = AdagradConfig { lr, weight_decay, lr_decay: number("lr_decay"), eps: number("eps") };
            Box::new(Adagrad::with_config(config).groups(groups))
        }
        "Adadelta" => {
            let (lr, weight_decay) = (number("lr"), number("weight_decay"));
            let config = AdadeltaConfig { lr, weight_decay, rho: number("rho"), eps: number("eps") };
            Box::new(Adadelta::with_config(config).groups(groups))
        }
        "Adamax" => {
            let AdamConfig { lr, beta1, beta2, eps, weight_decay } = adam();
            let config = AdamaxConfig { lr, weight_decay, beta1, beta2, eps };
            Box::new(Adamax::with_config(config).groups(groups))
        }
        "NAdam" => {
            let AdamConfig { lr, beta1, beta2, eps, weight_decay } = adam();
            let momentum_decay = number("momentum_decay");
            let config = NAdamConfig { lr, weight_decay, beta1, beta2, eps, momentum_decay };
            Box::new(NAdam::with_config(config).groups(groups))
        }
        "RAdam" => {
            let AdamConfig { lr, beta1, beta2, eps, weight_decay } = adam();
            let config = RAdamConfig { lr, weight_decay, beta1, beta2, eps };
            Box::new(RAdam::with_config(config).groups(groups))
        }
        "Lion" => {
            let (lr, weight_decay) = (number("lr"), number("weight_decay"));
            let config = LionConfig { lr, weight_decay, beta1: number("beta1"), beta2: number("beta2") };
            Box::new(Lion::with_config(config).groups(groups))
        }
        other => panic!("{other} is in the file and not here"),
    }
}

/// The largest difference to the golden parameters after any kept step.
fn run(file: &Value, case: &Value) -> f64 {
    let mut model: Net = net(0);
    for (path, param) in model.named_params_mut() {
        let shape = param.value().shape().to_vec();
        param.set(Tensor::from_vec(values(&file["start"][&path]), shape).unwrap()).unwrap();
    }
    let mut optimizer = optimizer(case);
    let (frozen, wakes) = (case["frozen"].as_str(), file["frozen_steps"].as_u64().unwrap() as usize);
    if let Some(pattern) = frozen {
        model.freeze(pattern).unwrap();
    }
    let mut worst = 0.0f64;
    for (step, given) in file["grads"].as_array().unwrap().iter().enumerate() {
        if let (Some(pattern), true) = (frozen, step == wakes) {
            model.unfreeze(pattern).unwrap();
        }
        let mut grads = Gradients::default();
        for (path, param) in model.named_params() {
            if param.is_trainable() {
                grads.insert(
                    param.id(),
                    Tensor::from_vec(values(&given[&path]), param.value().shape()).unwrap(),
                );
            }
        }
        optimizer.step(&mut model, &grads).unwrap();
        let Some(golden) = case["after"].get((step + 1).to_string()) else { continue };
        for (path, param) in model.named_params() {
            let golden = values(&golden[&path]);
            let found = param.value().to_vec::<f64>().unwrap();
            assert_eq!(found.len(), golden.len());
            assert!(found.iter().all(|x| x.is_finite()), "{} {path}: {found:?}", case["name"]);
            worst = found.iter().zip(&golden).fold(worst, |worst, (a, b)| worst.max((a - b).abs()));
        }
    }
    worst
}

#[test]
fn twenty_steps_are_those_of_the_outside_framework() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/goldens.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 33, "the script's cases");
    let far: Vec<String> = cases
        .iter()
        .map(|case| (case["name"].as_str().unwrap(), run(&file, case)))
        .filter(|(_, worst)| *worst > ALLOWED)
        .map(|(name, worst)| format!("{name}: {worst:e}"))
        .collect();
    assert!(far.is_empty(), "{} of {} cases differ:\n{}", far.len(), cases.len(), far.join("\n"));
}

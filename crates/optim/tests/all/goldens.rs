//! Twenty steps against those of other people's optimizers, in double precision; `goldens/make_goldens.py` says how they were
//! made, `goldens/goldens.json` by which versions and from which seed.

use crate::{mixed, net};
use autodiff::Gradients;
use nn::{Module, StateDict};
use optim::{
    Adadelta, AdadeltaConfig, Adafactor, AdafactorConfig, Adagrad, AdagradConfig, Adam, AdamConfig, AdamW,
    Adamax, AdamaxConfig, Groups, Lamb, LambConfig, Lion, LionConfig, Muon, MuonConfig, MuonScale, NAdam,
    NAdamConfig, Optimizer, RAdam, RAdamConfig, RmsProp, RmsPropConfig, ScheduleFreeAdamW,
    ScheduleFreeConfig, Sgd, SgdConfig, Swa,
};
use serde_json::Value;
use tensor::Tensor;

/// Twenty updates of a dozen roundings each are 5e-14 of numbers of order 1; a wrong constant is far above.
const ALLOWED: f64 = 1e-12;

pub fn file() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/goldens.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

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

fn adam(config: &Value) -> AdamConfig {
    let number = |name: &str| config[name].as_f64().unwrap();
    AdamConfig {
        lr: number("lr"),
        beta1: number("beta1"),
        beta2: number("beta2"),
        eps: number("eps"),
        weight_decay: number("weight_decay"),
    }
}

fn muon(config: &Value) -> Muon {
    let usual = MuonConfig::default();
    let number = |name: &str, default: f64| config.get(name).map_or(default, |x| x.as_f64().unwrap());
    let settings = MuonConfig {
        lr: number("lr", f64::NAN),
        weight_decay: number("weight_decay", f64::NAN),
        momentum: number("momentum", f64::NAN),
        nesterov: config["nesterov"].as_bool().unwrap(),
        ns_coefficients: config.get("ns_coefficients").map_or(usual.ns_coefficients, |json| {
            let x = values(json);
            (x[0], x[1], x[2])
        }),
        ns_steps: number("ns_steps", usual.ns_steps as f64) as usize,
        eps: number("eps", usual.eps),
        scale: match config["adjust_lr_fn"].as_str().unwrap() {
            "original" => MuonScale::Original,
            "match_rms_adamw" => MuonScale::MatchRmsAdamW,
            other => panic!("{other} is in the file and not here"),
        },
    };
    let also = config["also"].as_array().unwrap().iter().map(|path| path.as_str().unwrap());
    also.fold(Muon::with_config(settings).with_fallback(adam(&config["adamw"])), Muon::fallback_also)
}

fn schedule_free(case: &Value) -> ScheduleFreeAdamW {
    let config = &case["config"];
    let AdamConfig { lr, beta1, beta2, eps, weight_decay } = adam(config);
    let settings = ScheduleFreeConfig {
        lr,
        beta1,
        beta2,
        eps,
        weight_decay,
        warmup_steps: config["warmup_steps"].as_u64().unwrap(),
        r: config["r"].as_f64().unwrap(),
        weight_lr_power: config["weight_lr_power"].as_f64().unwrap(),
    };
    ScheduleFreeAdamW::with_config(settings).groups(groups(&case["groups"]))
}

fn optimizer(case: &Value) -> Box<dyn Optimizer> {
    let (config, groups) = (&case["config"], groups(&case["groups"]));
    let number = |name: &str| config[name].as_f64().unwrap();
    let adam = || adam(config);
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
        "Lamb" => {
            let AdamConfig { lr, beta1, beta2, eps, weight_decay } = adam();
            let config = LambConfig { lr, beta1, beta2, eps, weight_decay };
            Box::new(Lamb::with_config(config).groups(groups))
        }
        "Adafactor" => {
            let config = AdafactorConfig {
                lr: number("lr"),
                beta2_decay: number("beta2_decay"),
                eps1: config["eps1"].as_f64(),
                eps2: number("eps2"),
                d: number("d"),
                weight_decay: number("weight_decay"),
            };
            Box::new(Adafactor::with_config(config).groups(groups))
        }
        "Muon" => Box::new(muon(config).groups(groups)),
        "ScheduleFreeAdamW" => Box::new(schedule_free(case)),
        other => panic!("{other} is in the file and not here"),
    }
}

/// Sets the parameters to those of the file.
pub fn start(model: &mut dyn Module, start: &Value) {
    for (path, param) in model.named_params_mut() {
        let shape = param.value().shape().to_vec();
        param.set(Tensor::from_vec(values(&start[&path]), shape).unwrap()).unwrap();
    }
}

/// The largest difference to golden parameters.
pub fn gap(name: &Value, found: &StateDict, golden: &Value) -> f64 {
    let mut worst = 0.0f64;
    for (path, found) in found.iter() {
        let (found, golden) = (found.to_vec::<f64>().unwrap(), values(&golden[path]));
        assert_eq!(found.len(), golden.len());
        assert!(found.iter().all(|x| x.is_finite()), "{name} {path}: {found:?}");
        worst = found.iter().zip(&golden).fold(worst, |worst, (a, b)| worst.max((a - b).abs()));
    }
    worst
}

/// Makes the steps of a case. After each: its number from 1 and the model.
fn walk<O: Optimizer + ?Sized>(
    file: &Value,
    case: &Value,
    optimizer: &mut O,
    mut after: impl FnMut(&mut O, usize, &mut dyn Module),
) {
    let name = case["model"].as_str().unwrap();
    let mut model: Box<dyn Module> = match name {
        "net" => Box::new(net(0)),
        _ => Box::new(mixed(0)),
    };
    let data = &file["models"][name];
    start(&mut *model, &data["start"]);
    let (frozen, wakes) = (case["frozen"].as_str(), file["frozen_steps"].as_u64().unwrap() as usize);
    if let Some(pattern) = frozen {
        model.freeze(pattern).unwrap();
    }
    for (step, given) in data["grads"].as_array().unwrap().iter().enumerate() {
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
        optimizer.step(&mut *model, &grads).unwrap();
        after(optimizer, step + 1, &mut *model);
    }
}

/// The largest difference to the golden parameters after any kept step.
fn run(file: &Value, case: &Value) -> f64 {
    let (mut worst, mut met) = (0.0f64, 0);
    walk(file, case, &mut *optimizer(case), |_, step, model| {
        let Some(golden) = case["after"].get(step.to_string()) else { return };
        worst = worst.max(gap(&case["name"], &model.state_dict(), golden));
        met += 1;
    });
    assert_eq!(met, 5, "the script's kept steps");
    worst
}

#[test]
fn twenty_steps_are_those_of_the_outside_frameworks() {
    let file = file();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 49, "the script's cases");
    let far: Vec<String> = cases
        .iter()
        .map(|case| (case["name"].as_str().unwrap(), run(&file, case)))
        .filter(|(_, worst)| *worst > ALLOWED)
        .map(|(name, worst)| format!("{name}: {worst:e}"))
        .collect();
    assert!(far.is_empty(), "{} of {} cases differ:\n{}", far.len(), cases.len(), far.join("\n"));
}

#[test]
fn averages_without_a_schedule_are_those_of_the_outside_package_and_training_goes_on_from_the_same_bits() {
    let file = file();
    let cases = file["cases"].as_array().unwrap().iter().filter(|case| case.get("averages").is_some());
    let mut met = 0;
    for case in cases {
        let (name, mut seen) = (&case["name"], Vec::new());
        walk(&file, case, &mut schedule_free(case), |_, _, model| seen.push(model.state_dict()));
        walk(&file, case, &mut schedule_free(case), |optimizer, step, model| {
            optimizer.to_eval(model).unwrap();
            if let Some(golden) = case["averages"].get(step.to_string()) {
                let far = gap(name, &model.state_dict(), golden);
                assert!(far <= ALLOWED, "{name}, step {step}: {far:e}");
                met += 1;
            }
            optimizer.to_train(model).unwrap();
            let (here, there) = (model.state_dict().fingerprint(), seen[step - 1].fingerprint());
            assert_eq!(here.unwrap(), there.unwrap(), "{name}, step {step}");
        });
    }
    assert_eq!(met, 4 * 5, "the script's cases and kept steps");
}

#[test]
fn the_mean_of_weights_is_that_of_the_outside_framework() {
    let file = file();
    let case = serde_json::json!({ "model": "net", "frozen": null });
    let (mut swa, mut met) = (Swa::new(), 0);
    walk(&file, &case, &mut Sgd::new(0.1), |_, step, model| {
        swa.update(model).unwrap();
        let Some(golden) = file["swa"].get(step.to_string()) else { return };
        let far = gap(&file["tool"], swa.state(), golden);
        assert!(far <= ALLOWED, "step {step}: {far:e}");
        met += 1;
    });
    assert_eq!((met, swa.steps()), (5, 20));
}

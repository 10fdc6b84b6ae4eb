//! Training without a schedule, and its averages.

use crate::{fingerprint, get, gradients, net, step};
use nn::Module;
use optim::{Optimizer, OptimizerState, ScheduleFreeAdamW, ScheduleFreeConfig};
use tensor::Tensor;

fn saved(optimizer: &ScheduleFreeAdamW) -> OptimizerState {
    let config = bincode::config::standard().with_limit::<100_000>();
    let bytes = bincode::serde::encode_to_vec(optimizer.state(), config).unwrap();
    bincode::serde::borrow_decode_from_slice(&bytes, config).unwrap().0
}

#[test]
fn settings_outside_their_range_are_refused_by_the_first_step() {
    let usual = ScheduleFreeConfig::default();
    let not_negative = "a setting must be finite and not negative";
    for (config, rule, got) in [
        (ScheduleFreeConfig { lr: 0.0, ..usual }, "the learning rate must be finite and positive", "lr 0"),
        (ScheduleFreeConfig { beta1: 0.0, ..usual }, "beta1 must lie between 0 and 1", "beta1 0"),
        (ScheduleFreeConfig { beta1: 1.0, ..usual }, "beta1 must lie between 0 and 1", "beta1 1"),
        (ScheduleFreeConfig { beta2: 1.0, ..usual }, "a decay rate must lie in 0..1", "beta2 1"),
        (ScheduleFreeConfig { eps: -1.0, ..usual }, not_negative, "eps -1"),
        (ScheduleFreeConfig { weight_decay: f64::NAN, ..usual }, not_negative, "weight_decay NaN"),
        (ScheduleFreeConfig { r: -1.0, ..usual }, not_negative, "r -1"),
        (ScheduleFreeConfig { weight_lr_power: -1.0, ..usual }, not_negative, "weight_lr_power -1"),
    ] {
        let mut model = net(0);
        let (before, grads) = (fingerprint(&model), gradients(&model, 0));
        let error = ScheduleFreeAdamW::with_config(config).step(&mut model, &grads).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("[schedule_free_adamw] {rule}; got {got}; correct the configuration")
        );
        assert_eq!(fingerprint(&model), before);
    }
}

#[test]
fn a_step_with_the_averages_in_the_model_is_refused() {
    let (mut model, mut optimizer) = (net(0), ScheduleFreeAdamW::new(0.1));
    step(&mut optimizer, &mut model, 0);
    let training = fingerprint(&model);
    for _ in 0..2 {
        optimizer.to_eval(&mut model).unwrap();
        assert!(optimizer.is_eval());
    }
    let (averages, grads) = (fingerprint(&model), gradients(&model, 1));
    assert_eq!(
        optimizer.step(&mut model, &grads).unwrap_err().to_string(),
        "[schedule_free_adamw] a step must be made from the weights of training; got a model that holds the averages; \
         call to_train before it"
    );
    assert_eq!((fingerprint(&model), optimizer.steps()), (averages, 1));
    for _ in 0..2 {
        optimizer.to_train(&mut model).unwrap();
        assert_eq!((fingerprint(&model), optimizer.is_eval()), (training, false));
    }
    step(&mut optimizer, &mut model, 1);
}

#[test]
fn averages_are_those_of_all_steps_that_were_made() {
    // z and its equal mean, from y alone: y = (1 − β₁)·z + β₁·x.
    let config = ScheduleFreeConfig { lr: 0.1, beta1: 0.5, ..Default::default() };
    let (mut model, mut optimizer) = (net(0), ScheduleFreeAdamW::with_config(config));
    let mut sum = [0.0; 3];
    for t in 1..=6 {
        step(&mut optimizer, &mut model, t);
        let y = get(&model, "scale");
        optimizer.to_eval(&mut model).unwrap();
        let x = get(&model, "scale");
        optimizer.to_train(&mut model).unwrap();
        for i in 0..3 {
            sum[i] += 2.0 * y[i] - x[i];
            assert!((x[i] - sum[i] / t as f64).abs() < 1e-13, "step {t}");
        }
    }
}

#[test]
fn a_run_that_is_saved_while_the_model_holds_averages_goes_on_to_the_same_bits() {
    let (mut model, mut optimizer) = (net(0), ScheduleFreeAdamW::new(0.1));
    let wakes = |optimizer: &mut ScheduleFreeAdamW, model: &mut crate::Net| {
        model.unfreeze("body.**").unwrap();
        for seed in 4..7 {
            step(optimizer, model, seed);
        }
        fingerprint(model)
    };
    for seed in 0..4 {
        step(&mut optimizer, &mut model, seed);
        // Frozen ones have averages too.
        if seed == 2 {
            model.freeze("body.**").unwrap();
        }
    }
    let training = get(&model, "body.weight");
    optimizer.to_eval(&mut model).unwrap();
    assert_ne!(get(&model, "body.weight"), training);
    let (mut resumed, mut fresh) = (net(9), ScheduleFreeAdamW::new(0.1));
    resumed.load_state_dict(&model.state_dict()).unwrap();
    fresh.load_state(saved(&optimizer)).unwrap();
    assert!(fresh.is_eval());
    fresh.to_train(&mut resumed).unwrap();
    optimizer.to_train(&mut model).unwrap();
    assert_eq!(get(&model, "body.weight"), training);
    assert_eq!(wakes(&mut optimizer, &mut model), wakes(&mut fresh, &mut resumed));
}

#[test]
fn averages_go_into_no_other_model() {
    let (mut model, mut optimizer) = (net(0), ScheduleFreeAdamW::new(0.1));
    step(&mut optimizer, &mut model, 0);
    let text = |got: &str| {
        format!(
            "[schedule_free_adamw] a state must be of the same optimizer and model; got {got}; \
             load the state that was saved with this model"
        )
    };
    let mut other = crate::mixed(0);
    let missing = "body.bias, which the model has not, body.weight, which the model has not, head.bias, which the model \
                   has not, head.weight, which the model has not, scale, which the model has not";
    assert_eq!(optimizer.to_eval(&mut other).unwrap_err().to_string(), text(missing));
    assert!(!optimizer.is_eval());
    optimizer.to_eval(&mut model).unwrap();
    assert_eq!(optimizer.to_train(&mut other).unwrap_err().to_string(), text(missing));
    assert!(optimizer.is_eval());
    let mut broken = optimizer.state();
    broken.params.get_mut("scale").unwrap().moments.remove("y");
    let mut fresh = ScheduleFreeAdamW::new(0.1);
    assert_eq!(fresh.load_state(broken).unwrap_err().to_string(), text("no y of scale"));
    let mut turned = optimizer.state();
    let y = Tensor::from_slice(&[1.0, 2.0], [2]).unwrap();
    turned.params.get_mut("scale").unwrap().moments.insert("y".into(), y);
    fresh.load_state(turned).unwrap();
    let before = fingerprint(&model);
    assert_eq!(fresh.to_train(&mut model).unwrap_err().to_string(), text("f64 [2] of scale f64 [3]"));
    assert_eq!(fingerprint(&model), before);
}

#[test]
fn before_the_first_step_there_is_nothing_to_average() {
    let (mut model, mut optimizer) = (net(0), ScheduleFreeAdamW::new(0.1));
    let before = fingerprint(&model);
    optimizer.to_eval(&mut model).unwrap();
    assert_eq!(fingerprint(&model), before);
    optimizer.to_train(&mut model).unwrap();
    step(&mut optimizer, &mut model, 0);
}

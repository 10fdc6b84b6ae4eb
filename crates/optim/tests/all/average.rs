//! Averages of weights.

use crate::net;
use nn::Module;
use optim::{Ema, Swa};
use tensor::Tensor;

fn moved(model: &mut dyn Module, by: f64) {
    for (_, param) in model.named_params_mut() {
        let value = param.value().add_scalar(by).unwrap();
        param.set(value).unwrap();
    }
}

#[test]
fn an_average_is_the_sum_of_what_was_with_falling_shares() {
    for warmup in [false, true] {
        let mut model = net(0);
        let start = model.state_dict();
        let mut ema = Ema::new(0.9).unwrap();
        if warmup {
            ema = ema.warmup();
        }
        let (mut offset, mut wanted) = (0.0, 0.0);
        for t in 0..30 {
            ema.update(&model).unwrap();
            let decay = if warmup { 0.9f64.min((1.0 + t as f64) / (10.0 + t as f64)) } else { 0.9 };
            wanted = if t == 0 { 0.0 } else { decay * wanted + (1.0 - decay) * offset };
            let step = 0.1 * (t % 7) as f64 - 0.2;
            moved(&mut model, step);
            offset += step;
        }
        assert_eq!(ema.steps(), 30);
        let last = model.state_dict().fingerprint().unwrap();
        ema.swap(&mut model).unwrap();
        for (path, param) in model.named_params() {
            let gap = param.value().sub(start.get(&path).unwrap()).unwrap();
            let found = gap.to_vec::<f64>().unwrap();
            assert!(
                found.iter().all(|x| (x - wanted).abs() < 1e-12),
                "{path}: {found:?} instead of {wanted}"
            );
        }
        ema.swap(&mut model).unwrap();
        assert_eq!(model.state_dict().fingerprint().unwrap(), last);
    }
}

#[test]
fn a_saved_average_goes_on_to_the_same_bits() {
    let (mut model, mut ema) = (net(1), Ema::new(0.8).unwrap().warmup());
    for step in 0..9 {
        if step == 4 {
            let mut fresh = Ema::new(0.8).unwrap().warmup();
            fresh.load_state(ema.state().clone(), ema.steps());
            let mut other = net(1);
            moved(&mut other, 0.0);
            let kept = std::mem::replace(&mut ema, fresh);
            assert_eq!(kept.state().fingerprint().unwrap(), ema.state().fingerprint().unwrap());
        }
        ema.update(&model).unwrap();
        moved(&mut model, 0.3);
    }
    let (mut model, mut whole) = (net(1), Ema::new(0.8).unwrap().warmup());
    for _ in 0..9 {
        whole.update(&model).unwrap();
        moved(&mut model, 0.3);
    }
    assert_eq!(whole.state().fingerprint().unwrap(), ema.state().fingerprint().unwrap());
}

#[test]
fn averages_of_another_model_are_refused() {
    let mut ema = Ema::new(0.5).unwrap();
    let error = ema.swap(&mut net(0)).unwrap_err().to_string();
    assert!(
        error.starts_with("[ema] a state must be of the same optimizer and model; got nothing of"),
        "{error}"
    );
    let one = [("x".to_string(), Tensor::from_slice(&[1.0], [1]).unwrap())];
    ema.load_state(one.into_iter().collect(), 3);
    assert!(ema.update(&net(0)).is_err());
    assert_eq!(ema.steps(), 3);
    let error = Ema::new(1.0).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, "[ema] the decay must lie in 0..1; got decay 1; correct the configuration");
}

#[test]
fn a_mean_counts_its_steps_and_goes_on_from_what_was_saved() {
    let (mut model, mut whole, mut saved) = (net(2), Swa::new(), Swa::default());
    let start = model.state_dict();
    for step in 0..7 {
        if step == 3 {
            let mut fresh = Swa::new();
            fresh.load_state(saved.state().clone(), saved.steps());
            saved = fresh;
        }
        whole.update(&model).unwrap();
        saved.update(&model).unwrap();
        moved(&mut model, 1.0);
    }
    assert_eq!((whole.steps(), saved.steps()), (7, 7));
    assert_eq!(whole.state().fingerprint().unwrap(), saved.state().fingerprint().unwrap());
    // The mean of 0, 1, .. 6.
    whole.swap(&mut model).unwrap();
    for (path, param) in model.named_params() {
        let gap = param.value().sub(start.get(&path).unwrap()).unwrap().add_scalar(-3.0).unwrap();
        assert!(gap.abs().unwrap().max(&[]).unwrap().item().unwrap() < 1e-14, "{path}");
    }
}

#[test]
fn a_mean_of_another_model_is_refused() {
    let mut swa = Swa::new();
    let error = swa.swap(&mut net(0)).unwrap_err().to_string();
    assert!(
        error.starts_with("[swa] a state must be of the same optimizer and model; got nothing of"),
        "{error}"
    );
    let one = [("x".to_string(), Tensor::from_slice(&[1.0], [1]).unwrap())];
    swa.load_state(one.into_iter().collect(), 3);
    assert!(swa.update(&net(0)).is_err());
    assert_eq!(swa.steps(), 3);
}

//! State that is saved and loaded.

use crate::{MOST, Make, fingerprint, gradients, net, step};
use nn::{Linear, Module};
use optim::{
    Adafactor, Adagrad, Adam, AdamW, Optimizer, OptimizerState, RmsProp, RmsPropConfig, Sgd, SgdConfig,
    SparseAdam,
};
use tensor::{DType, Rng, Tensor};

const OWN: [Make; 5] = [
    || Box::new(Sgd::new(0.1)),
    || Box::new(Sgd::with_config(SgdConfig { lr: 0.1, momentum: 0.9, dampening: 0.3, ..Default::default() })),
    || Box::new(RmsProp::with_config(RmsPropConfig { momentum: 0.9, centered: true, ..Default::default() })),
    || Box::new(Adagrad::new(0.1)),
    || Box::new(SparseAdam::new(0.1)),
];

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<100_000>()
}

/// Through bytes, as a checkpoint does.
fn saved(optimizer: &dyn Optimizer) -> OptimizerState {
    let bytes = bincode::serde::encode_to_vec(optimizer.state(), config()).unwrap();
    bincode::serde::borrow_decode_from_slice(&bytes, config()).unwrap().0
}

#[test]
fn a_run_that_was_saved_and_loaded_ends_with_the_same_bits() {
    for make in OWN.into_iter().chain(MOST) {
        let (mut model, mut optimizer) = (net(0), make());
        for seed in 0..5 {
            optimizer.set_lr(0.1 / (seed + 1) as f64).unwrap();
            step(&mut *optimizer, &mut model, seed);
        }
        // Another process: a model of other parameters with the saved values, a fresh optimizer.
        let (mut resumed, mut fresh) = (net(9), make());
        resumed.load_state_dict(&model.state_dict()).unwrap();
        fresh.load_state(saved(&*optimizer)).unwrap();
        assert_eq!((fresh.steps(), fresh.lr()), (5, 0.02));
        for seed in 5..10 {
            step(&mut *optimizer, &mut model, seed);
            step(&mut *fresh, &mut resumed, seed);
        }
        assert_eq!(fingerprint(&model), fingerprint(&resumed), "{}", optimizer.state().kind);
        assert_eq!(
            bincode::serde::encode_to_vec(optimizer.state(), config()).unwrap(),
            bincode::serde::encode_to_vec(fresh.state(), config()).unwrap()
        );
    }
}

#[test]
fn factored_moments_are_small_and_those_of_another_shape_are_refused() {
    let (mut model, mut adafactor) = (net(0), Adafactor::new(0.1));
    step(&mut adafactor, &mut model, 0);
    let state = saved(&adafactor);
    let shape = |path: &str, name: &str| state.params[path].moments[name].shape().to_vec();
    assert_eq!(shape("body.weight", "row_var"), [3, 1]);
    assert_eq!(shape("body.weight", "col_var"), [1, 2]);
    assert_eq!(shape("scale", "variance"), [3]);
    let refusal = |change: &dyn Fn(&mut OptimizerState)| {
        let (mut state, mut fresh) = (state.clone(), Adafactor::new(0.1));
        change(&mut state);
        match fresh.load_state(state) {
            Err(error) => error.to_string(),
            Ok(()) => fresh.step(&mut net(0), &gradients(&net(0), 0)).unwrap_err().to_string(),
        }
    };
    let text = |got: &str| {
        format!(
            "[adafactor] a state must be of the same optimizer and model; got {got}; \
             load the state that was saved with this model"
        )
    };
    // No set of names at all.
    let without = refusal(&|state| {
        state.params.get_mut("scale").unwrap().moments.clear();
    });
    let wanted = "no moments of scale where there must be col_var and row_var, or variance";
    assert_eq!(without, text(wanted));
    // That of a vector, for a matrix.
    let wrong = refusal(&|state| {
        let vector = state.params["scale"].clone();
        state.params.insert("body.weight".into(), vector);
    });
    assert_eq!(wrong, text("variance of body.weight where there must be col_var and row_var"));
    let turned = refusal(&|state| {
        let moments = &mut state.params.get_mut("body.weight").unwrap().moments;
        let row = moments["row_var"].t().unwrap();
        moments.insert("row_var".into(), row);
    });
    assert_eq!(turned, text("row_var f64 [1, 3] of body.weight f64 [3, 2]"));
}

#[test]
fn a_state_is_the_same_before_the_model_was_met() {
    let (mut model, mut optimizer) = (net(0), Adam::new(0.1));
    step(&mut optimizer, &mut model, 0);
    let mut fresh = Adam::new(0.5);
    fresh.load_state(optimizer.state()).unwrap();
    let bytes = |o: &Adam| bincode::serde::encode_to_vec(o.state(), config()).unwrap();
    assert_eq!(bytes(&fresh), bytes(&optimizer));
}

#[test]
fn the_state_of_an_optimizer_that_made_no_step_is_a_fresh_start() {
    let mut model = net(0);
    let mut adam = Adam::new(0.1);
    adam.load_state(Adam::new(0.2).state()).unwrap();
    step(&mut adam, &mut model, 0);
    assert_eq!(adam.lr(), 0.2);
}

#[test]
fn moments_of_frozen_parameters_are_saved_too() {
    let (mut model, mut optimizer) = (net(0), Adam::new(0.1));
    step(&mut optimizer, &mut model, 0);
    model.freeze("body.**").unwrap();
    step(&mut optimizer, &mut model, 1);
    let (state, mut fresh) = (saved(&optimizer), Adam::new(0.1));
    assert_eq!((state.params.len(), state.params["body.bias"].steps, state.params["scale"].steps), (5, 1, 2));
    fresh.load_state(state).unwrap();
    let mut copy = model.clone();
    for (optimizer, model) in [(&mut optimizer, &mut model), (&mut fresh, &mut copy)] {
        step(optimizer, model, 2);
        model.unfreeze("body.**").unwrap();
        step(optimizer, model, 3);
    }
    assert_eq!(fingerprint(&model), fingerprint(&copy));
}

#[test]
fn the_state_of_another_optimizer_is_refused_and_its_own_stays() {
    let (mut model, mut adam) = (net(0), Adam::new(0.1));
    step(&mut adam, &mut model, 0);
    let refusal = |optimizer: &mut dyn Optimizer, state| optimizer.load_state(state).unwrap_err().to_string();
    let mut adamw = AdamW::new(0.1);
    assert_eq!(
        refusal(&mut adamw, adam.state()),
        "[adamw] a state must be of the same optimizer and model; got a state of adam; \
         load the state that was saved with this model"
    );
    let mut sgd = Sgd::with_config(SgdConfig { lr: 0.1, momentum: 0.9, ..Default::default() });
    sgd.step(&mut model, &gradients(&net(0), 0)).unwrap_err();
    step(&mut sgd, &mut model, 0);
    let mut broken = sgd.state();
    broken.lr = f64::NAN;
    broken.params.get_mut("scale").unwrap().steps = 7;
    broken.params.get_mut("body.bias").unwrap().moments.clear();
    broken.params.get_mut("head.bias").unwrap().moments.insert("m".into(), Tensor::scalar(0.0));
    assert_eq!(
        refusal(&mut sgd, broken),
        "[sgd] a state must be of the same optimizer and model; got learning rate NaN, \
         no moments of body.bias where there must be velocity, \
         m and velocity of head.bias where there must be velocity, 7 updates of scale in 1 steps; \
         load the state that was saved with this model"
    );
    assert_eq!((sgd.steps(), sgd.lr()), (1, 0.1));
    step(&mut sgd, &mut model, 1);
    let mut plain = Sgd::new(0.1);
    let text = refusal(&mut plain, sgd.state());
    assert!(
        text.contains("velocity of body.bias where there must be no moments, velocity of body.weight"),
        "{text}"
    );
}

#[test]
fn the_state_of_another_model_is_refused_by_the_first_step_with_all_that_does_not_fit() {
    #[derive(Module)]
    struct Other {
        body: Linear,
        tail: Linear,
    }
    let (mut model, mut adam) = (net(0), Adam::new(0.1));
    step(&mut adam, &mut model, 0);

    let rng = &mut Rng::seed(0);
    let mut normal = |shape: &[usize], dtype| rng.normal(shape, 0.0, 1.0, dtype).unwrap();
    let mut other = Other {
        body: Linear::from_parts(normal(&[3, 4], DType::F64), Some(normal(&[3], DType::F64))).unwrap(),
        tail: Linear::from_parts(normal(&[1, 3], DType::F64), None).unwrap(),
    };
    let before = fingerprint(&other);
    let mut fresh = Adam::new(0.1);
    fresh.load_state(adam.state()).unwrap();
    let grads = gradients(&other, 0);
    for _ in 0..2 {
        assert_eq!(
            fresh.step(&mut other, &grads).unwrap_err().to_string(),
            "[adam] a state must be of the same optimizer and model; \
             got m f64 [3, 2] of body.weight f64 [3, 4], v f64 [3, 2] of body.weight f64 [3, 4], \
             nothing of tail.weight, head.bias, which the model has not, head.weight, which the model has not, \
             scale, which the model has not; load the state that was saved with this model"
        );
        assert_eq!(fingerprint(&other), before);
    }
    // It still fits the model it was saved with.
    step(&mut fresh, &mut model, 1);
}

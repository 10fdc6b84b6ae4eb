//! What a step refuses, and what it leaves alone.

use crate::{Net, fingerprint, get, gradients, net, scalar, step};
use autodiff::Gradients;
use nn::{Context, Module, Param};
use optim::{
    Adafactor, Adam, AdamConfig, AdamW, Lamb, Lbfgs, Muon, Optimizer, ScheduleFreeAdamW, Sgd, SgdConfig,
    SparseAdam,
};
use tensor::{DType, Rng, Tensor};

/// One of each kind, with state.
fn all() -> Vec<Box<dyn Optimizer>> {
    let momentum = SgdConfig { lr: 0.1, momentum: 0.9, ..Default::default() };
    vec![
        Box::new(Sgd::new(0.1)),
        Box::new(Sgd::with_config(momentum)),
        Box::new(Adam::new(0.1)),
        Box::new(AdamW::new(0.1)),
        Box::new(Lamb::new(0.1)),
        Box::new(Adafactor::new(0.1)),
        Box::new(Muon::new(0.1).with_fallback(AdamConfig::default())),
        Box::new(ScheduleFreeAdamW::new(0.1)),
        Box::new(SparseAdam::new(0.1)),
    ]
}

fn refusal(mut optimizer: impl Optimizer, model: &mut impl Module, grads: &Gradients) -> String {
    let before = fingerprint(model);
    let text = optimizer.step(model, grads).unwrap_err().to_string();
    assert_eq!(fingerprint(model), before, "{text}");
    assert_eq!(optimizer.steps(), 0);
    text
}

#[test]
fn settings_outside_their_range_are_refused_by_the_first_step() {
    let model = &mut net(0);
    let grads = &gradients(model, 0);
    for (lr, shown) in [(0.0, "0"), (-1e-3, "-0.001"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let text = |op: &str| {
            format!(
                "[{op}] the learning rate must be finite and positive; got lr {shown}; correct the configuration"
            )
        };
        assert_eq!(refusal(Sgd::new(lr), model, grads), text("sgd"));
        assert_eq!(refusal(Adam::new(lr), model, grads), text("adam"));
        assert_eq!(refusal(AdamW::new(lr), model, grads), text("adamw"));
    }
    let sgd = |config: SgdConfig, model: &mut Net| refusal(Sgd::with_config(config), model, grads);
    let plain = SgdConfig { lr: 0.1, ..Default::default() };
    assert_eq!(
        sgd(SgdConfig { momentum: 1.0, ..plain }, model),
        "[sgd] momentum must lie in 0..1; got momentum 1; correct the configuration"
    );
    assert_eq!(
        sgd(SgdConfig { momentum: f64::NAN, ..plain }, model),
        "[sgd] momentum must lie in 0..1; got momentum NaN; correct the configuration"
    );
    assert_eq!(
        sgd(SgdConfig { momentum: 0.5, dampening: 1.5, ..plain }, model),
        "[sgd] dampening must lie in 0..=1; got dampening 1.5; correct the configuration"
    );
    assert_eq!(
        sgd(SgdConfig { nesterov: true, ..plain }, model),
        "[sgd] Nesterov needs momentum and no dampening; got momentum 0, dampening 0; correct the configuration"
    );
    assert_eq!(
        sgd(SgdConfig { nesterov: true, momentum: 0.9, dampening: 0.1, ..plain }, model),
        "[sgd] Nesterov needs momentum and no dampening; got momentum 0.9, dampening 0.1; correct the configuration"
    );
    assert_eq!(
        sgd(SgdConfig { weight_decay: -0.1, ..plain }, model),
        "[sgd] weight decay must be finite and not negative; got weight_decay -0.1; correct the configuration"
    );
    let adam = |config: AdamConfig, model: &mut Net| refusal(Adam::with_config(config), model, grads);
    let usual = AdamConfig::default();
    assert_eq!(
        adam(AdamConfig { beta1: 1.0, ..usual }, model),
        "[adam] beta1 must lie in 0..1; got beta1 1; correct the configuration"
    );
    assert_eq!(
        adam(AdamConfig { beta2: -0.5, ..usual }, model),
        "[adam] beta2 must lie in 0..1; got beta2 -0.5; correct the configuration"
    );
    assert_eq!(
        adam(AdamConfig { eps: f64::INFINITY, ..usual }, model),
        "[adam] eps must be finite and not negative; got eps inf; correct the configuration"
    );
    assert_eq!(
        adam(AdamConfig { weight_decay: f64::NAN, ..usual }, model),
        "[adam] weight decay must be finite and not negative; got weight_decay NaN; correct the configuration"
    );
}

#[test]
fn a_schedule_may_set_the_learning_rate_to_0_and_then_nothing_moves() {
    for mut optimizer in all() {
        let model = &mut net(0);
        let before = fingerprint(model);
        optimizer.set_lr(0.0).unwrap();
        step(&mut *optimizer, model, 0);
        assert_eq!((fingerprint(model), optimizer.lr(), optimizer.steps()), (before, 0.0, 1));
        let text = optimizer.set_lr(-1.0).unwrap_err().to_string();
        assert!(
            text.ends_with("must be finite and not negative; got lr -1; correct the configuration"),
            "{text}"
        );
        assert!(optimizer.set_lr(f64::NAN).is_err());
        assert_eq!(optimizer.lr(), 0.0);
    }
}

#[test]
fn parameters_without_a_gradient_are_named_by_the_first_step() {
    let model = &mut net(0);
    let mut grads = gradients(model, 0);
    grads.remove(model.scale.id());
    grads.remove(model.head.weight.id());
    assert_eq!(
        refusal(Adam::new(0.1), model, &grads),
        "[adam] every trainable parameter must receive a gradient in the first step; got none for scale, head.weight; \
         use them in the loss or freeze them"
    );
    // Frozen, they are no mistake.
    model.freeze("scale").unwrap();
    model.freeze("head.weight").unwrap();
    Adam::new(0.1).step(model, &grads).unwrap();
}

#[test]
fn a_parameter_without_a_gradient_in_a_later_step_stays_as_it_is() {
    for mut optimizer in all() {
        let model = &mut net(0);
        step(&mut *optimizer, model, 0);
        let before = (get(model, "scale"), get(model, "body.bias"));
        let mut grads = gradients(model, 1);
        grads.remove(model.scale.id());
        optimizer.step(model, &grads).unwrap();
        assert_eq!(get(model, "scale"), before.0);
        assert_ne!(get(model, "body.bias"), before.1);
        let state = optimizer.state();
        assert_eq!((state.steps, state.params["scale"].steps, state.params["body.bias"].steps), (2, 1, 2));
    }
}

#[test]
fn frozen_parameters_stay_and_go_on_where_they_were_when_they_train_again() {
    for mut optimizer in all() {
        let model = &mut net(0);
        step(&mut *optimizer, model, 0);
        let frozen = get(model, "body.weight");
        model.freeze("body.**").unwrap();
        for seed in 1..4 {
            step(&mut *optimizer, model, seed);
        }
        assert_eq!(get(model, "body.weight"), frozen);
        assert_eq!(optimizer.state().params["body.weight"].steps, 1);
        model.unfreeze("body.**").unwrap();
        step(&mut *optimizer, model, 5);
        assert_ne!(get(model, "body.weight"), frozen);
        assert_eq!(optimizer.state().params["body.weight"].steps, 2);
    }
}

#[test]
fn a_model_with_nothing_to_train_is_refused() {
    let model = &mut net(0);
    model.freeze("**").unwrap();
    assert_eq!(
        refusal(Sgd::new(0.1), model, &Gradients::default()),
        "[sgd] a model must have a trainable parameter; got none; unfreeze some"
    );
}

#[test]
fn a_gradient_that_does_not_fit_is_refused_and_no_parameter_has_moved() {
    let model = &mut net(0);
    let mut grads = gradients(model, 0);
    grads.insert(model.head.weight.id(), Tensor::zeros([3, 2], DType::F64).unwrap());
    assert_eq!(
        refusal(AdamW::new(0.1), model, &grads),
        "[adamw] a gradient must have its parameter's shape and dtype; got f64 [3, 2] for head.weight f64 [2, 3]; \
         return gradients of this model"
    );
    grads.insert(model.head.weight.id(), Tensor::zeros([2, 3], DType::F32).unwrap());
    assert_eq!(
        refusal(AdamW::new(0.1), model, &grads),
        "[adamw] a gradient must have its parameter's shape and dtype; got f32 [2, 3] for head.weight f64 [2, 3]; \
         return gradients of this model"
    );
}

#[test]
fn a_step_changes_no_clone_and_no_saved_state() {
    for mut optimizer in all() {
        let mut model = net(0);
        let (copy, state) = (model.clone(), model.state_dict());
        let before = fingerprint(&copy);
        step(&mut *optimizer, &mut model, 0);
        assert_ne!(fingerprint(&model), before);
        assert_eq!((fingerprint(&copy), state.fingerprint().unwrap()), (before, before));
    }
}

#[test]
fn a_clone_of_the_model_goes_on_with_the_moments_of_its_original() {
    for (mut one, mut other) in all().into_iter().zip(all()) {
        let (mut model, mut whole) = (net(0), net(0));
        step(&mut *one, &mut model, 0);
        step(&mut *other, &mut whole, 0);
        let mut copy = model.clone();
        step(&mut *one, &mut copy, 1);
        step(&mut *other, &mut whole, 1);
        assert_eq!(fingerprint(&copy), fingerprint(&whole));
    }
}

/// One parameter, used for the way in and the way out.
#[derive(Module)]
struct Tied {
    shared: Param,
}

#[test]
fn a_parameter_that_is_used_twice_moves_once_along_the_sum_of_its_gradients() {
    let model = &mut Tied { shared: scalar(3.0) };
    let cx = Context::train(&mut Rng::seed(0));
    // w² through two uses, dw = 2w = 6.
    let loss = cx.param(&model.shared).mul(&cx.param(&model.shared)).unwrap();
    Sgd::new(0.25).step(model, &loss.backward().unwrap()).unwrap();
    assert_eq!(model.shared.value().item().unwrap(), 3.0 - 0.25 * 6.0);
}

#[test]
fn a_parameter_that_is_a_view_of_another_tensor_is_updated_alone() {
    let whole = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0], [2, 2]).unwrap();
    let model = &mut Tied { shared: Param::new(whole.t().unwrap()) };
    let mut grads = Gradients::default();
    grads.insert(model.shared.id(), Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0], [2, 2]).unwrap().t().unwrap());
    Sgd::new(1.0).step(model, &grads).unwrap();
    assert_eq!(get(model, "shared"), [0.0; 4]);
    assert_eq!(whole.to_vec::<f64>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn updates_have_the_same_bits_at_any_thread_count() {
    // Large enough to be split; the only test here that sets threads, which change no result.
    let run = |threads: usize| {
        tensor::set_threads(threads);
        let rng = &mut Rng::seed(0);
        let model = &mut nn::Linear::new(300, 301, rng).unwrap();
        let mut prints = Vec::new();
        for mut optimizer in all() {
            for seed in 0..3 {
                let mut grads = gradients(model, seed);
                optim::clip_grad_norm(&mut grads, 1.0).unwrap();
                optimizer.step(model, &grads).unwrap();
            }
            prints.push(fingerprint(model));
        }
        let closure = |model: &nn::Linear| -> Result<_, Box<dyn std::error::Error>> {
            let cx = Context::train(&mut Rng::seed(0));
            let both = [cx.param(&model.weight), cx.param(model.bias.as_ref().unwrap())];
            let loss = both[0].square()?.square()?.sum(&[])?.add(&both[1].square()?.sum(&[])?)?;
            Ok((loss.item()?, loss.backward()?))
        };
        Lbfgs::new(1.0).step(model, closure).unwrap();
        prints.push(fingerprint(model));
        prints
    };
    let before = tensor::threads();
    let runs = [1, 2, 3].map(run);
    tensor::set_threads(before);
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[0], runs[2]);
}

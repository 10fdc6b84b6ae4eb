//! Optimizers that look at a parameter as a whole: LAMB, Adafactor and Muon.

use crate::{Mixed, fingerprint, get, gradients, mixed, mixed_of, step};
use autodiff::Gradients;
use nn::{Linear, Module, Param};
use optim::{
    Adafactor, AdafactorConfig, AdamConfig, AdamW, Groups, Lamb, LambConfig, Muon, MuonConfig, MuonScale,
    Optimizer, ScheduleFreeAdamW,
};
use tensor::{DType, Rng, Tensor};

fn refusal(mut optimizer: impl Optimizer, model: &mut impl Module) -> String {
    let (before, grads) = (fingerprint(model), gradients(model, 0));
    let text = optimizer.step(model, &grads).unwrap_err().to_string();
    assert_eq!((fingerprint(model), optimizer.steps()), (before, 0), "{text}");
    text
}

fn muon(lr: f64) -> Muon {
    Muon::new(lr).with_fallback(AdamConfig::default())
}

/// Every parameter at once, in other types.
fn all() -> Vec<Box<dyn Optimizer>> {
    vec![
        Box::new(Lamb::new(0.1)),
        Box::new(Adafactor::new(0.1)),
        Box::new(muon(0.1)),
        Box::new(ScheduleFreeAdamW::new(0.1)),
    ]
}

#[test]
fn settings_outside_their_range_are_refused_by_the_first_step() {
    let model = &mut mixed(0);
    let text =
        |op: &str, rule: &str, got: &str| format!("[{op}] {rule}; got {got}; correct the configuration");
    let (share, not_negative) =
        ("a decay rate must lie in 0..1", "a setting must be finite and not negative");
    for (lr, shown) in [(0.0, "lr 0"), (f64::NAN, "lr NaN")] {
        let rule = "the learning rate must be finite and positive";
        assert_eq!(refusal(Lamb::new(lr), model), text("lamb", rule, shown));
        assert_eq!(refusal(Adafactor::new(lr), model), text("adafactor", rule, shown));
        assert_eq!(refusal(muon(lr), model), text("muon", rule, shown));
    }
    let usual = LambConfig::default();
    for (config, rule, got) in [
        (LambConfig { beta1: 1.0, ..usual }, share, "beta1 1"),
        (LambConfig { beta2: -0.5, ..usual }, share, "beta2 -0.5"),
        (LambConfig { eps: f64::NAN, ..usual }, not_negative, "eps NaN"),
        (LambConfig { weight_decay: -1.0, ..usual }, not_negative, "weight_decay -1"),
    ] {
        assert_eq!(refusal(Lamb::with_config(config), model), text("lamb", rule, got));
    }
    let usual = AdafactorConfig::default();
    let exponent = "the decay's exponent must be finite and not above 0";
    let largest = "the largest update must be finite and at least 1";
    for (config, rule, got) in [
        (AdafactorConfig { beta2_decay: 0.8, ..usual }, exponent, "beta2_decay 0.8"),
        (AdafactorConfig { eps1: Some(-1.0), ..usual }, not_negative, "eps1 -1"),
        (AdafactorConfig { eps2: f64::INFINITY, ..usual }, not_negative, "eps2 inf"),
        (AdafactorConfig { d: 0.5, ..usual }, largest, "d 0.5"),
        (AdafactorConfig { weight_decay: -1.0, ..usual }, not_negative, "weight_decay -1"),
    ] {
        assert_eq!(refusal(Adafactor::with_config(config), model), text("adafactor", rule, got));
    }
    let usual = MuonConfig::default();
    let steps = "there must be fewer than 100 steps of the iteration";
    for (config, rule, got) in [
        (MuonConfig { weight_decay: -1.0, ..usual }, not_negative, "weight_decay -1"),
        (MuonConfig { momentum: 1.0, ..usual }, "momentum must lie in 0..1", "momentum 1"),
        (
            MuonConfig { ns_coefficients: (1.0, f64::NAN, 1.0), ..usual },
            "a coefficient must be finite",
            "b NaN",
        ),
        (MuonConfig { ns_steps: 100, ..usual }, steps, "ns_steps 100"),
        (MuonConfig { eps: 0.0, ..usual }, "eps must be finite and positive", "eps 0"),
    ] {
        assert_eq!(refusal(Muon::with_config(config), model), text("muon", rule, got));
    }
    let usual = AdamConfig::default();
    for (config, rule, got) in [
        (AdamConfig { lr: -1.0, ..usual }, not_negative, "lr of the fallback -1"),
        (AdamConfig { beta1: 1.0, ..usual }, share, "beta1 of the fallback 1"),
        (AdamConfig { beta2: 2.0, ..usual }, share, "beta2 of the fallback 2"),
        (AdamConfig { eps: -1.0, ..usual }, not_negative, "eps of the fallback -1"),
        (AdamConfig { weight_decay: -1.0, ..usual }, not_negative, "weight_decay of the fallback -1"),
    ] {
        assert_eq!(refusal(Muon::new(0.1).with_fallback(config), model), text("muon", rule, got));
    }
}

#[test]
fn muon_alone_names_what_is_no_matrix() {
    let model = &mut mixed(0);
    assert_eq!(
        refusal(Muon::new(0.1), model),
        "[muon] every trainable parameter must be a matrix; got cube [2, 3, 2], vector [4], number []; \
         give the others to AdamW by with_fallback or freeze them"
    );
    assert_eq!(
        refusal(muon(0.1).fallback_also("head.**"), model),
        "[muon] a group's pattern must match at least one parameter; got \"head.**\", where the model has tall, wide, \
         square, cube, vector, number; correct the pattern"
    );
    for pattern in ["cube", "vector", "number"] {
        model.freeze(pattern).unwrap();
    }
    step(&mut Muon::new(0.1), model, 0);
    // A matrix that is given away has no rule either.
    assert!(refusal(Muon::new(0.1).fallback_also("tall"), model).contains("got tall [5, 2]; give"));
}

#[test]
fn what_muon_gives_away_goes_as_by_adamw_alone() {
    let adamw = AdamConfig { lr: 0.03, beta1: 0.8, beta2: 0.9, eps: 1e-4, weight_decay: 0.2 };
    let (mut both, mut alone) = (mixed(0), mixed(0));
    let mut muon = Muon::new(0.5).with_fallback(adamw).fallback_also("wide");
    let mut other = AdamW::with_config(adamw);
    for seed in 0..4 {
        // A schedule moves both learning rates in proportion.
        let factor = 0.5f64.powi(seed as i32);
        muon.set_lr(0.5 * factor).unwrap();
        other.set_lr(0.03 * factor).unwrap();
        step(&mut muon, &mut both, seed);
        step(&mut other, &mut alone, seed);
    }
    for path in ["wide", "cube", "vector", "number"] {
        assert_eq!(get(&both, path), get(&alone, path), "{path}");
    }
    assert_ne!(get(&both, "tall"), get(&alone, "tall"));
    let names = |path: &str| muon.state().params[path].moments.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (names("tall"), names("wide")),
        (vec!["momentum_buffer".to_string()], vec!["m".into(), "v".into()])
    );
}

#[test]
fn a_step_of_muon_has_singular_values_near_1_and_a_transposed_matrix_goes_the_transposed_way() {
    let rng = &mut Rng::seed(3);
    let gradient = rng.normal([6, 40], 0.0, 1.0, DType::F64).unwrap();
    let run = |gradient: &Tensor, scale| {
        let mut model = Param::new(Tensor::zeros(gradient.shape(), DType::F64).unwrap());
        let mut grads = Gradients::default();
        grads.insert(model.id(), gradient.clone());
        let config = MuonConfig { lr: 1.0, scale, ..Default::default() };
        Muon::with_config(config).step(&mut model, &grads).unwrap();
        model.value().neg().unwrap()
    };
    let (wide, tall) =
        (run(&gradient, MuonScale::Original), run(&gradient.t().unwrap(), MuonScale::Original));
    let values = wide.svd().unwrap().1.to_vec::<f64>().unwrap();
    assert!(values.iter().all(|s| (0.6..1.3).contains(s)), "{values:?}");
    // Their norms are summed in another order; the iteration makes a rounding at most 3.4445⁵ ≈ 500 times as large.
    let apart = |tall: &Tensor, wide: &Tensor| {
        tall.t().unwrap().sub(wide).unwrap().abs().unwrap().max(&[]).unwrap().item().unwrap()
    };
    // Longer by the root of the ratio.
    assert!(apart(&tall, &wide.mul_scalar((40.0f64 / 6.0).sqrt()).unwrap()) < 1e-13);
    let (wide, tall) =
        (run(&gradient, MuonScale::MatchRmsAdamW), run(&gradient.t().unwrap(), MuonScale::MatchRmsAdamW));
    assert!(apart(&tall, &wide) < 1e-13);
}

#[test]
fn a_step_of_lamb_is_as_long_as_its_share_of_the_parameter() {
    let (mut model, lr) = (mixed(0), 0.25);
    model.vector.set(Tensor::zeros([4], DType::F64).unwrap()).unwrap();
    let before = model.state_dict();
    step(&mut Lamb::new(lr), &mut model, 0);
    let length = |x: &Tensor| x.square().unwrap().sum(&[]).unwrap().item().unwrap().sqrt();
    for (path, param) in model.named_params() {
        let old = before.get(&path).unwrap();
        let (size, moved) = (length(old), length(&param.value().sub(old).unwrap()));
        // A parameter of zeros has no size: the direction itself, four times a sign.
        let wanted = if path == "vector" { lr * 2.0 } else { lr * size };
        assert!((moved - wanted).abs() < 1e-5 * wanted, "{path}: {moved} instead of {wanted}");
    }
}

#[test]
fn adafactor_survives_gradients_of_zero_and_parameters_without_elements() {
    #[derive(Module)]
    struct Odd {
        matrix: Param,
        none: Param,
    }
    let zeros = |shape: [usize; 2], dtype| Param::new(Tensor::zeros(shape, dtype).unwrap());
    for dtype in [DType::F32, DType::F64] {
        let mut model = Odd { matrix: zeros([2, 3], dtype), none: zeros([0, 3], dtype) };
        let mut grads = Gradients::default();
        for param in [&model.matrix, &model.none] {
            grads.insert(param.id(), Tensor::zeros(param.value().shape(), dtype).unwrap());
        }
        // The paper's ε₁, whose square is nothing in F32.
        let config = AdafactorConfig { eps1: Some(1e-30), ..Default::default() };
        let all: Vec<Box<dyn Optimizer>> = vec![
            Box::new(Adafactor::with_config(config)),
            Box::new(Muon::new(0.1)),
            Box::new(Lamb::new(0.1)),
            Box::new(ScheduleFreeAdamW::new(0.1)),
        ];
        for mut optimizer in all {
            optimizer.step(&mut model, &grads).unwrap();
            let found = model.matrix.value().to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
            assert_eq!(found, [0.0; 6], "{}", optimizer.state().kind);
        }
    }
}

/// The largest difference between parameters of two types, in units of the parameter's size or 1.
fn apart(one: &impl Module, other: &impl Module) -> f64 {
    let (one, other) = (one.state_dict(), other.state_dict());
    let of = |x: &Tensor| x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
    let mut worst = 0.0f64;
    for (path, x) in one.iter() {
        for (a, b) in of(x).into_iter().zip(of(other.get(path).unwrap())) {
            worst = worst.max((a - b).abs() / b.abs().max(1.0));
        }
    }
    worst
}

/// Gradients that every type holds exactly.
fn round_gradients(model: &Mixed, seed: u64) -> Gradients {
    let mut grads = Gradients::default();
    let full = gradients(&mixed(0), seed);
    for ((_, param), (_, grad)) in model.named_params().into_iter().zip(full.iter()) {
        let coarse = grad.to_dtype(DType::BF16).unwrap().to_dtype(param.value().dtype()).unwrap();
        grads.insert(param.id(), coarse);
    }
    grads
}

#[test]
fn narrower_types_go_the_same_way_to_their_rounding() {
    // Ten steps; singular values in Muon's iteration are up to 500 times as sensitive as its input.
    for (dtype, epsilon) in
        [(DType::F32, f32::EPSILON as f64), (DType::BF16, 2f64.powi(-7)), (DType::F16, 2f64.powi(-10))]
    {
        for (mut narrow, mut wide) in all().into_iter().zip(all()) {
            let mut one = mixed_of(0, dtype);
            let mut other = mixed(0);
            for ((_, narrow), (_, wide)) in one.named_params().into_iter().zip(other.named_params_mut()) {
                wide.set(narrow.value().to_dtype(DType::F64).unwrap()).unwrap();
            }
            for seed in 0..10 {
                let grads = round_gradients(&one, seed);
                narrow.step(&mut one, &grads).unwrap();
                let grads = round_gradients(&other, seed);
                wide.step(&mut other, &grads).unwrap();
            }
            let (kind, far) = (narrow.state().kind, apart(&one, &other));
            let allowed = if kind == "muon" { 100.0 } else { 20.0 };
            assert!(far <= allowed * epsilon, "{kind} in {dtype}: {} units", far / epsilon);
            assert!(one.named_params().iter().all(|(_, param)| param.value().dtype() == dtype));
        }
    }
}

#[test]
fn groups_and_frozen_parameters_are_heeded() {
    let groups = || Groups::default().lr_scale("tall", 0.0).weight_decay("square", 0.0);
    let all: Vec<Box<dyn Optimizer>> = vec![
        Box::new(Lamb::new(0.1).groups(groups())),
        Box::new(Adafactor::new(0.1).groups(groups())),
        Box::new(muon(0.1).groups(groups())),
        Box::new(ScheduleFreeAdamW::new(0.1).groups(groups())),
    ];
    for mut optimizer in all {
        let mut model = mixed(0);
        model.freeze("wide").unwrap();
        let before = model.state_dict();
        step(&mut *optimizer, &mut model, 0);
        for (path, param) in model.named_params() {
            let same = param.value().bit_eq(before.get(&path).unwrap());
            assert_eq!(same, path == "tall" || path == "wide", "{} {path}", optimizer.state().kind);
        }
    }
    let mut wrong = muon(0.1).groups(Groups::default().lr_scale("head.*", 1.0));
    let model = &mut mixed(0);
    let grads = gradients(model, 0);
    let text = wrong.step(model, &grads).unwrap_err().to_string();
    assert!(
        text.starts_with("[muon] a group's pattern must match at least one parameter; got \"head.*\""),
        "{text}"
    );
}

#[test]
fn integers_are_refused_before_anything_moves() {
    #[derive(Module)]
    struct Odd {
        layer: Linear,
        count: Param,
    }
    for mut optimizer in all() {
        let rng = &mut Rng::seed(0);
        let mut model = Odd {
            layer: Linear::new(2, 2, rng).unwrap(),
            count: Param::new(Tensor::zeros([2], DType::I64).unwrap()),
        };
        let mut grads = Gradients::default();
        for (_, param) in model.named_params() {
            grads.insert(param.id(), Tensor::ones(param.value().shape(), param.value().dtype()).unwrap());
        }
        let before = fingerprint(&model);
        let text = optimizer.step(&mut model, &grads).unwrap_err().to_string();
        assert!(text.contains("parameters must be floats; got i64"), "{text}");
        assert_eq!(fingerprint(&model), before);
    }
}

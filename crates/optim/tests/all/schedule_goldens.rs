//! Schedules against PyTorch's, `goldens/make_schedules.py`, and those it has not by their formulas.

use optim::{
    Chained, Cosine, CosineRestarts, Cyclic, CyclicMode, Exponential, InSequence, InverseSqrt, LinearWarmup,
    MultiStep, Noam, OneCycle, Plateau, PlateauConfig, Polynomial, Schedule, StepDecay, SwaAnneal, SwaLr,
    Wsd,
};
use serde_json::Value;

fn file() -> Value {
    let path = format!("{}/tests/goldens/schedules.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(json: &Value) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// Theirs go step by step, and round in each.
fn near(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= 1e-12 * wanted.abs().max(1e-3)
}

#[test]
fn learning_rates_are_those_of_the_outside_framework() {
    let (file, lr) = (file(), 0.5);
    let warm = LinearWarmup::new(lr, 0.25, 1.0, 10).unwrap();
    let sequence = InSequence::new(warm).then(12, Exponential::new(lr, 0.9).unwrap()).unwrap();
    let unit = LinearWarmup::new(1.0, 0.25, 1.0, 10).unwrap();
    let chained = Chained::new(lr).times(unit).times(Exponential::new(1.0, 0.9).unwrap());
    let all: Vec<(&str, Box<dyn Schedule>)> = vec![
        ("step_decay", Box::new(StepDecay::new(lr, 7, 0.6).unwrap())),
        ("multi_step", Box::new(MultiStep::new(lr, [5, 20, 21, 50], 0.3).unwrap())),
        ("exponential", Box::new(Exponential::new(lr, 0.93).unwrap())),
        ("polynomial", Box::new(Polynomial::new(lr, 40, 1.5).unwrap())),
        ("linear_warmup", Box::new(LinearWarmup::new(lr, 0.2, 0.9, 13).unwrap())),
        ("cosine", Box::new(Cosine::new(lr, 0.01, 60).unwrap())),
        ("cosine_restarts", Box::new(CosineRestarts::new(lr, 0.02, 8, 2).unwrap())),
        ("cosine_restarts_1", Box::new(CosineRestarts::new(lr, 0.0, 9, 1).unwrap())),
        ("one_cycle", Box::new(OneCycle::new(0.8, 61).unwrap())),
        ("triangular", Box::new(Cyclic::new(0.1, 0.9, 6, 9, CyclicMode::Triangular).unwrap())),
        ("triangular2", Box::new(Cyclic::new(0.1, 0.9, 6, 6, CyclicMode::Triangular2).unwrap())),
        ("exp_range", Box::new(Cyclic::new(0.1, 0.9, 6, 4, CyclicMode::ExpRange(0.97)).unwrap())),
        ("swa_cosine", Box::new(SwaLr::new(lr, 0.9, 25, SwaAnneal::Cosine).unwrap())),
        ("swa_linear", Box::new(SwaLr::new(lr, 0.05, 13, SwaAnneal::Linear).unwrap())),
        ("swa_at_once", Box::new(SwaLr::new(lr, 0.05, 0, SwaAnneal::Cosine).unwrap())),
        ("in_sequence", Box::new(sequence)),
        ("chained", Box::new(chained)),
    ];
    for (name, schedule) in all {
        for (step, wanted) in numbers(&file[name]).into_iter().enumerate() {
            let found = schedule.lr(step as u64);
            assert!(near(found, wanted), "{name}, step {step}: {found} instead of {wanted}");
        }
    }
    let plain = PlateauConfig::default();
    let low = PlateauConfig { factor: 0.5, patience: 3, cooldown: 2, floor: 0.05, ..plain };
    let high = PlateauConfig { lower: false, factor: 0.7, patience: 1, threshold: 0.05, ..plain };
    for (name, config) in [("plateau", low), ("plateau_high", high)] {
        let mut plateau = Plateau::new(lr, config).unwrap();
        let measures = numbers(&file[name]["measures"]);
        for (i, (measure, wanted)) in measures.into_iter().zip(numbers(&file[name]["rates"])).enumerate() {
            // Saved and read back at each measure.
            plateau = serde_json::from_str(&serde_json::to_string(&plateau).unwrap()).unwrap();
            let found = plateau.observe(measure);
            assert!(near(found, wanted), "{name}, measure {i}: {found} instead of {wanted}");
        }
    }
}

#[test]
fn warm_ups_reach_their_peak_and_falls_their_floor() {
    let noam = Noam::new(1.0, 512, 4000).unwrap();
    let by_hand = |t: f64| 512f64.powf(-0.5) * t.powf(-0.5).min(t * 4000f64.powf(-1.5));
    for t in [1u64, 100, 3999, 4000, 4001, 100_000] {
        assert!((noam.lr(t - 1) / by_hand(t as f64) - 1.0).abs() < 1e-12, "step {t}");
    }
    let root = InverseSqrt::new(2.0, 100).unwrap();
    assert_eq!([49, 99, 399].map(|step| root.lr(step)), [1.0, 2.0, 1.0]);
    let wsd = Wsd::new(1.0, 0.1, 10, 16, 100).unwrap();
    assert_eq!([4, 9, 50, 84, 100, 1000].map(|step| wsd.lr(step)), [0.5, 1.0, 1.0, 1.0, 0.1, 0.1]);
    assert!((wsd.lr(88) - (0.1 + 0.9 * 0.5)).abs() < 1e-15);
    assert!((84..110).all(|step| wsd.lr(step + 1) <= wsd.lr(step)));
    // Far steps are no trouble.
    let far = CosineRestarts::new(1.0, 0.0, 1, 2).unwrap();
    assert!(
        far.lr(u64::MAX).is_finite() && CosineRestarts::new(1.0, 0.0, 3, 1).unwrap().lr(u64::MAX).is_finite()
    );
}

#[test]
fn settings_outside_their_range_are_refused() {
    let text = |result: optim::Result<()>| result.unwrap_err().to_string();
    assert_eq!(
        text(StepDecay::new(0.0, 1, 0.5).map(|_| ())),
        "[step_decay] a learning rate must be finite and positive; got lr 0; correct the configuration"
    );
    assert_eq!(
        text(SwaLr::new(0.1, f64::NAN, 1, SwaAnneal::Linear).map(|_| ())),
        "[swa_lr] a learning rate must be finite and positive; got swa_lr NaN; correct the configuration"
    );
    assert_eq!(
        text(Cosine::new(1.0, 0.0, 0).map(|_| ())),
        "[cosine] there must be at least one step; got total 0; correct the configuration"
    );
    assert_eq!(
        text(MultiStep::new(1.0, [5, 4], 0.5).map(|_| ())),
        "[multi_step] milestones must rise; got [5, 4]; sort them"
    );
    assert_eq!(
        text(Wsd::new(1.0, 0.0, 60, 50, 100).map(|_| ())),
        "[wsd] warm-up and decay must fit in the whole; got 60 and 50 of 100 steps; shorten them"
    );
    assert_eq!(
        text(OneCycle::new(1.0, 1).map(|_| ())),
        "[one_cycle] there must be two steps; got 1; give the number of all steps"
    );
    let error = text(InSequence::new(optim::Constant(1.0)).then(0, optim::Constant(2.0)).map(|_| ()));
    assert!(error.starts_with("[in_sequence] each schedule must begin behind the one before"), "{error}");
    let error = text(Plateau::new(1.0, PlateauConfig { factor: 1.0, ..Default::default() }).map(|_| ()));
    assert!(error.starts_with("[plateau] the factor must lie in 0..1"), "{error}");
    let error = text(Cyclic::new(0.5, 0.1, 1, 1, CyclicMode::Triangular).map(|_| ()));
    assert!(error.starts_with("[cyclic] the top must not lie below the base"), "{error}");
}

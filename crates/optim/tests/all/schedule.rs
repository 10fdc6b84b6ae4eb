//! Learning rates by step.

use optim::{Constant, CosineWarmup, Schedule};

#[test]
fn a_constant_stays() {
    assert_eq!([0, 1, u64::MAX].map(|step| Constant(0.3).lr(step)), [0.3; 3]);
}

#[test]
fn a_warm_up_is_a_straight_line_and_what_follows_half_a_cosine() {
    let schedule = CosineWarmup::new(2.0, 0.5, 4, 12).unwrap();
    let line: Vec<f64> = (0..4).map(|step| schedule.lr(step)).collect();
    assert_eq!(line, [0.5, 1.0, 1.5, 2.0]);
    // By an identity of its own: (1 + cos 2a)/2 = cos²a.
    for step in 4..12 {
        let cos = libm::cos(std::f64::consts::PI * (step - 4) as f64 / 16.0);
        assert!((schedule.lr(step) - (0.5 + 1.5 * cos * cos)).abs() < 1e-15 * 4.0, "step {step}");
    }
    assert_eq!(schedule.lr(4), 2.0);
    assert_eq!([12, 13, u64::MAX].map(|step| schedule.lr(step)), [0.5; 3]);
    assert!((0..20).all(|step| step < 4 || schedule.lr(step + 1) <= schedule.lr(step)));
}

#[test]
fn there_may_be_no_warm_up_or_nothing_else() {
    assert_eq!(CosineWarmup::new(1.0, 0.0, 0, 10).unwrap().lr(0), 1.0);
    let all = CosineWarmup::new(1.0, 0.25, 2, 2).unwrap();
    assert_eq!([0, 1, 2, 3].map(|step| all.lr(step)), [0.5, 1.0, 0.25, 0.25]);
    assert_eq!(CosineWarmup::new(1.0, 0.25, 0, 0).unwrap().lr(0), 0.25);
}

#[test]
fn settings_outside_their_range_are_refused() {
    let text =
        |peak, floor, warmup, total| CosineWarmup::new(peak, floor, warmup, total).unwrap_err().to_string();
    assert_eq!(
        text(0.0, 0.0, 1, 2),
        "[cosine_warmup] the peak must be finite and positive; got peak 0; correct the configuration"
    );
    assert_eq!(
        text(f64::NAN, 0.0, 1, 2),
        "[cosine_warmup] the peak must be finite and positive; got peak NaN; correct the configuration"
    );
    assert_eq!(
        text(1.0, 2.0, 1, 2),
        "[cosine_warmup] the floor must lie between 0 and the peak; got floor 2; correct the configuration"
    );
    assert_eq!(
        text(1.0, 0.0, 20, 10),
        "[cosine_warmup] the warm-up must end before the schedule does; got warmup 20 of 10 steps; \
         correct the configuration"
    );
}

//! The noise scale of gradients whose noise is known.

use optim::GradientNoise;
use tensor::{DType, Rng};

#[test]
fn the_scale_of_known_noise_is_found() {
    // Gradients of rows: G with |G|² = 9 over 30 numbers, and noise of deviation 2 in each: tr Σ = 120, the scale 13.3.
    let (d, small, parts) = (30, 4usize, 8usize);
    let g = (9.0 / d as f64).sqrt();
    let mut rng = Rng::seed(1);
    let mut noise = GradientNoise::new(0.999);
    for _ in 0..4000 {
        let rows = rng.normal([parts, small, d], g, 2.0, DType::F64).unwrap();
        let means = rows.mean(&[1]).unwrap();
        let of_small = means.square().unwrap().sum(&[]).unwrap().item().unwrap() / parts as f64;
        let of_all = means.mean(&[0]).unwrap().square().unwrap().sum(&[]).unwrap().item().unwrap();
        noise.update(small as f64, of_small, (small * parts) as f64, of_all);
    }
    let scale = noise.scale().unwrap();
    // A mean over some thousand steps, each off by its own size or so: five per cent are three deviations.
    assert!((scale / (120.0 / 9.0) - 1.0).abs() < 0.05, "{scale}");
}

#[test]
fn what_says_nothing_is_left_out() {
    let mut noise = GradientNoise::new(0.5);
    assert_eq!(noise.scale(), None);
    for (small, large) in [(8.0, 8.0), (9.0, 8.0), (0.0, 8.0), (f64::NAN, 8.0)] {
        noise.update(small, 2.0, large, 1.0);
    }
    noise.update(1.0, f64::NAN, 2.0, 1.0);
    assert_eq!(noise, GradientNoise::new(0.5));
    // A larger batch whose gradient is gone: noise alone.
    noise.update(1.0, 2.0, 2.0, 0.5);
    assert_eq!(noise.scale(), None);
}

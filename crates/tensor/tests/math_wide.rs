//! Operations on `f32` whose loops compute in `f64`, against `libm` in `f64`: all bit patterns, thinly, and the edges.
//!
//! `IRONLOOM_MATH_STRIDE=1 cargo test --release -p tensor --test math_wide` tries all of them.

use tensor::Tensor;

type Operation = fn(&Tensor) -> tensor::Result<Tensor>;

/// The inverse error function by bisection on `libm`'s, for a few elements.
fn erfinv(x: f64) -> f64 {
    let a = x.abs();
    if a.is_nan() || a >= 1.0 {
        return if a == 1.0 { f64::INFINITY.copysign(x) } else { f64::NAN };
    }
    let (mut lo, mut hi) = (0.0, 6.0);
    for _ in 0..60 {
        let y = 0.5 * (lo + hi);
        let above = if a < 0.5 { libm::erf(y) > a } else { libm::erfc(y) < 1.0 - a };
        if above { hi = y } else { lo = y }
    }
    let y = if a < 1e-3 {
        a * std::f64::consts::PI.sqrt() / 2.0 * (1.0 + std::f64::consts::PI * a * a / 12.0)
    } else {
        hi
    };
    y.copysign(x)
}

fn sinc(x: f64) -> f64 {
    // Whole turns are taken off before π comes in, and what is beyond a quarter is turned back.
    let r = x - 2.0 * libm::rint(x / 2.0);
    let r = if r.abs() > 0.5 { (1.0 - r.abs()).copysign(r) } else { r };
    if x == 0.0 { 1.0 } else { libm::sin(std::f64::consts::PI * r) / (std::f64::consts::PI * x) }
}

fn logit(x: f64) -> f64 {
    if x < 0.25 { libm::log(x) - libm::log1p(-x) } else { 2.0 * libm::atanh(2.0 * x - 1.0) }
}

/// Name, operation, bound in units in the last place, reference.
type Row = (&'static str, Operation, f64, fn(f64) -> f64);

const TABLE: [Row; 17] = [
    ("exp2", Tensor::exp2, 0.51, libm::exp2),
    ("log2", Tensor::log2, 0.51, libm::log2),
    ("log10", Tensor::log10, 0.51, libm::log10),
    // Beyond 2⁴⁴ it is `libm`'s.
    ("tan", Tensor::tan, 1.0, libm::tan),
    ("sin", Tensor::sin, 0.51, libm::sin),
    ("cos", Tensor::cos, 0.51, libm::cos),
    ("asin", Tensor::asin, 0.51, libm::asin),
    ("acos", Tensor::acos, 0.51, libm::acos),
    ("atan", Tensor::atan, 0.51, libm::atan),
    ("sinh", Tensor::sinh, 0.51, libm::sinh),
    ("cosh", Tensor::cosh, 0.51, libm::cosh),
    ("asinh", Tensor::asinh, 0.51, libm::asinh),
    ("acosh", Tensor::acosh, 0.51, |x| if x < 1.0 { f64::NAN } else { libm::acosh(x) }),
    ("atanh", Tensor::atanh, 0.51, libm::atanh),
    ("erfc", Tensor::erfc, 0.51, libm::erfc),
    ("logit", Tensor::logit, 0.51, logit),
    ("sinc", Tensor::sinc, 0.51, sinc),
];

fn stride() -> usize {
    std::env::var("IRONLOOM_MATH_STRIDE")
        .map_or(2003, |s| s.parse().expect("IRONLOOM_MATH_STRIDE is a number"))
}

/// |got − want| in units in the last place of `want` as an `f32`; 2¹²⁸ stands for infinity where `want` is finite.
fn error_in_ulps(got: f32, want: f64) -> f64 {
    if want.is_nan() || got.is_nan() {
        return if want.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let most = 2.0f64.powi(128);
    let finite = |y: f64| y.clamp(-most, most);
    let exponent = if want == 0.0 { -126 } else { libm::ilogb(finite(want)).clamp(-126, 127) };
    (finite(f64::from(got)) - finite(want)).abs() / 2.0f64.powi(exponent - 23)
}

fn worst(operation: Operation, reference: fn(f64) -> f64, stride: usize) -> (f64, f32, f32) {
    let mut worst = (0.0, 0.0, 0.0);
    let edges =
        [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX, f32::MIN];
    let mut chunk: Vec<f32> = edges.to_vec();
    for e in edges {
        chunk.extend((-3..4).map(|d: i32| f32::from_bits(e.to_bits().wrapping_add_signed(d))));
    }
    let mut bits = (0..=u32::MAX).step_by(stride);
    while !chunk.is_empty() {
        let y =
            operation(&Tensor::from_slice(&chunk, [chunk.len()]).unwrap()).unwrap().to_vec::<f32>().unwrap();
        for (&x, &y) in chunk.iter().zip(&y) {
            let error = error_in_ulps(y, reference(f64::from(x)));
            if error > worst.0 {
                worst = (error, x, y);
            }
        }
        chunk.clear();
        chunk.extend(bits.by_ref().take(1 << 16).map(f32::from_bits));
    }
    worst
}

#[test]
fn operations_are_within_their_bounds_over_all_bit_patterns() {
    let mut broken = Vec::new();
    for (name, operation, bound, reference) in TABLE {
        let (error, x, y) = worst(operation, reference, stride());
        println!("{name}: {error:.4} at {x:e}");
        if error > bound {
            broken.push(format!("{name} of {x:e} is {y:e}, {error} ulps off"));
        }
    }
    let (error, x, y) = worst(Tensor::erfinv, erfinv, stride() * 16);
    println!("erfinv: {error:.4} at {x:e}");
    if error > 0.51 {
        broken.push(format!("erfinv of {x:e} is {y:e}, {error} ulps off"));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

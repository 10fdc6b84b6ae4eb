//! `tensor::math` against its stated bounds: `f32` against `libm` in `f64`, `f64` against 200-bit numbers.

use tensor::Tensor;
use tensor::math::Math;

/// Errors in units in the last place, and the function itself.
struct Function {
    name: &'static str,
    single: fn(f32) -> f32,
    single_bound: f64,
    double: fn(f64) -> f64,
    double_bound: f64,
    /// The function in double precision, far more accurate than `single` must be.
    oracle: fn(f64) -> f64,
    increasing: bool,
}

macro_rules! functions {
    ($($name:ident($single_bound:literal, $double_bound:literal, $increasing:literal): $oracle:expr;)*) => {
        [$(Function {
            name: stringify!($name),
            single: Math::$name,
            single_bound: $single_bound,
            double: Math::$name,
            double_bound: $double_bound,
            oracle: $oracle,
            increasing: $increasing,
        }),*]
    };
}

/// The table of `tensor::math`, as code.
const FUNCTIONS: [Function; 12] = functions! {
    exp(1.0, 1.0, true): libm::exp;
    exp_m1(1.0, 1.5, true): libm::expm1;
    ln(1.0, 1.0, true): libm::log;
    ln_1p(1.0, 1.0, true): libm::log1p;
    tanh(1.0, 1.0, true): libm::tanh;
    sigmoid(1.0, 1.0, true): |x| if x < 0.0 { libm::exp(x) / (1.0 + libm::exp(x)) } else { 1.0 / (1.0 + libm::exp(-x)) };
    erf(1.0, 1.5, true): libm::erf;
    norm_cdf(1.5, 2.0, true): |x| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
    norm_pdf(1.0, 1.0, false): |x| libm::exp(-0.5 * x * x) / std::f64::consts::TAU.sqrt();
    sin(1.0, 1.0, false): libm::sin;
    cos(1.0, 1.0, false): libm::cos;
    tan(1.0, 1.5, false): libm::tan;
};

/// Every how manyth `f32` is tried. All of them, `IRONLOOM_MATH_STRIDE=1` with `--release`, take an hour.
fn stride() -> u32 {
    std::env::var("IRONLOOM_MATH_STRIDE")
        .map_or(2003, |s| s.parse().expect("IRONLOOM_MATH_STRIDE is a number"))
}

/// |got − want| in units in the last place of `want` as an `f32`. Infinity stands for 2¹²⁸ where `want` is finite.
fn error_in_ulps(got: f32, want: f64) -> f64 {
    if want.is_nan() || got.is_nan() {
        return if want.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if want.abs() > 2.0f64.powi(128) {
        return if f64::from(got) == f64::INFINITY.copysign(want) { 0.0 } else { f64::INFINITY };
    }
    let got = if got.is_infinite() { 2.0f64.powi(128).copysign(f64::from(got)) } else { f64::from(got) };
    let exponent = libm::ilogb(want).clamp(-126, 127);
    (got - want).abs() / 2.0f64.powi(exponent - 23)
}

#[test]
fn f32_functions_are_within_their_bounds_over_all_bit_patterns() {
    let edges = [
        0.0f32,
        1.0,
        std::f32::consts::LN_2 / 2.0,
        std::f32::consts::FRAC_1_SQRT_2,
        std::f32::consts::SQRT_2,
        4.0,
        14.5,
        20.0,
        87.33654,
        88.72284,
        103.97208,
    ];
    for f in &FUNCTIONS {
        let near_edges = edges.iter().flat_map(|e| (-3..4).map(|d: i32| e.to_bits().wrapping_add_signed(d)));
        let all = (0..=u32::MAX)
            .step_by(stride() as usize)
            .chain(near_edges.clone())
            .chain(near_edges.map(|b| b | 1 << 31));
        for x in all.map(f32::from_bits) {
            let (got, want) = ((f.single)(x), (f.oracle)(f64::from(x)));
            let error = error_in_ulps(got, want);
            assert!(error <= f.single_bound, "{} of {x:e} is {got:e}, {error} ulps from {want:e}", f.name);
        }
    }
}

#[test]
fn f64_functions_are_within_their_bounds_of_golden_values() {
    let goldens = include_str!("math_accuracy/goldens.txt");
    let bits = |s: &str| u64::from_str_radix(s, 16).expect("hexadecimal");
    let mut tried = 0;
    for line in goldens.lines() {
        let fields = line.split(' ').collect::<Vec<_>>();
        let [name, x, .., nearest, rest] = fields[..] else { panic!("{line}") };
        let (x, nearest) = (f64::from_bits(bits(x)), bits(nearest));
        let (got, bound) = match FUNCTIONS.iter().find(|f| f.name == name) {
            Some(f) => ((f.double)(x), f.double_bound),
            None if name == "pow" => (Math::pow(x, f64::from_bits(bits(fields[2]))), 1.0),
            None => operation(name, x),
        };
        // Bit patterns of one sign are consecutive, and one unit in the last place apart.
        let off = got.to_bits().wrapping_sub(nearest) as i64 as f64;
        let rest: f64 = rest.parse().expect("a number");
        let error = (off - rest * f64::from_bits(nearest).signum()).abs();
        assert!(error <= bound, "{name} of {x:e} is {got:e}, {error} ulps from the true value");
        tried += 1;
    }
    assert!(tried > 1500, "only {tried} values");
}

/// The functions that are operations only, and their bounds.
fn operation(name: &str, x: f64) -> (f64, f64) {
    let x = Tensor::scalar(x);
    let (y, bound) = match name {
        "erfinv" => (x.erfinv(), 3.0),
        "logit" => (x.logit(), 3.0),
        "sinc" => (x.sinc(), 3.0),
        _ => panic!("{name}"),
    };
    (y.and_then(|y| y.item()).expect("a number"), bound)
}

#[test]
fn increasing_functions_keep_the_order_of_neighbouring_f32() {
    for f in FUNCTIONS.iter().filter(|f| f.increasing) {
        for b in (0..f32::INFINITY.to_bits()).step_by(stride() as usize) {
            let [little, large] = [b, b + 1].map(f32::from_bits);
            let order = |x: f32, y: f32| {
                let (fx, fy) = ((f.single)(x), (f.single)(y));
                assert!(
                    fx <= fy || fx.is_nan() || fy.is_nan(),
                    "{} of {x:e} is {fx:e}, of {y:e} {fy:e}",
                    f.name
                );
            };
            order(little, large);
            order(-large, -little);
        }
    }
}

macro_rules! edges {
    ($t:ident, $($f:ident: $($x:expr => $y:expr),*;)*) => {$($({
        let (x, want): ($t, $t) = ($x, $y);
        let got = Math::$f(x);
        assert!(
            got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
            "{} of {x:e} is {got:e} and must be {want:e}", stringify!($f),
        );
    })*)*};
}

macro_rules! test_edges {
    ($name:ident, $t:ident) => {
        #[test]
        fn $name() {
            const INF: $t = $t::INFINITY;
            const MAX: $t = $t::MAX;
            const MIN_POSITIVE: $t = $t::MIN_POSITIVE;
            const NAN: $t = $t::NAN;
            let least = $t::from_bits(1);
            edges! { $t,
                exp: 0.0 => 1.0, -0.0 => 1.0, INF => INF, -INF => 0.0, MAX => INF, -MAX => 0.0, NAN => NAN, least => 1.0;
                exp_m1: 0.0 => 0.0, -0.0 => -0.0, INF => INF, -INF => -1.0, MAX => INF, NAN => NAN, least => least, -least => -least;
                ln: 1.0 => 0.0, 0.0 => -INF, -0.0 => -INF, INF => INF, -1.0 => NAN, -INF => NAN, NAN => NAN, -least => NAN;
                ln_1p: 0.0 => 0.0, -0.0 => -0.0, -1.0 => -INF, INF => INF, -INF => NAN, -1.5 => NAN, NAN => NAN, least => least;
                tanh: 0.0 => 0.0, -0.0 => -0.0, INF => 1.0, -INF => -1.0, MAX => 1.0, NAN => NAN, least => least, MIN_POSITIVE => MIN_POSITIVE;
                sigmoid: 0.0 => 0.5, -0.0 => 0.5, INF => 1.0, -INF => 0.0, MAX => 1.0, -MAX => 0.0, NAN => NAN;
                erf: 0.0 => 0.0, -0.0 => -0.0, INF => 1.0, -INF => -1.0, MAX => 1.0, NAN => NAN, least => least;
                norm_cdf: 0.0 => 0.5, -0.0 => 0.5, INF => 1.0, -INF => 0.0, MAX => 1.0, -MAX => 0.0, NAN => NAN;
                norm_pdf: INF => 0.0, -INF => 0.0, MAX => 0.0, NAN => NAN;
                sin: 0.0 => 0.0, -0.0 => -0.0, INF => NAN, -INF => NAN, NAN => NAN, least => least, -least => -least, MIN_POSITIVE => MIN_POSITIVE;
                cos: 0.0 => 1.0, -0.0 => 1.0, INF => NAN, -INF => NAN, NAN => NAN, least => 1.0;
                tan: 0.0 => 0.0, -0.0 => -0.0, INF => NAN, NAN => NAN, least => least, -least => -least;
            }
            // IEEE 754-2019, 9.2.1
            let table: &[($t, $t, $t)] = &[
                (2.0, 10.0, 1024.0), (-2.0, 3.0, -8.0), (-2.0, 2.0, 4.0), (-2.0, 0.5, NAN), (-2.0, -0.5, NAN),
                (NAN, 0.0, 1.0), (NAN, -0.0, 1.0), (INF, 0.0, 1.0), (0.0, 0.0, 1.0), (-0.0, -0.0, 1.0),
                (1.0, NAN, 1.0), (1.0, INF, 1.0), (1.0, -INF, 1.0), (-1.0, INF, 1.0), (-1.0, -INF, 1.0),
                (NAN, 1.0, NAN), (2.0, NAN, NAN), (-1.0, NAN, NAN), (0.0, NAN, NAN),
                (0.0, 3.0, 0.0), (-0.0, 3.0, -0.0), (-0.0, 2.0, 0.0), (-0.0, 2.5, 0.0), (0.0, INF, 0.0),
                (0.0, -3.0, INF), (-0.0, -3.0, -INF), (-0.0, -2.0, INF), (-0.0, -2.5, INF), (-0.0, -INF, INF),
                (INF, 2.5, INF), (INF, -2.5, 0.0), (-INF, 3.0, -INF), (-INF, 2.0, INF), (-INF, 2.5, INF),
                (-INF, -3.0, -0.0), (-INF, -2.0, 0.0), (-INF, -2.5, 0.0), (-INF, INF, INF), (-INF, -INF, 0.0),
                (2.0, INF, INF), (2.0, -INF, 0.0), (-2.0, INF, INF), (0.5, INF, 0.0), (0.5, -INF, INF),
                (-0.5, -INF, INF), (least, INF, 0.0), (least, -INF, INF), (MAX, 2.0, INF), (-MAX, 3.0, -INF),
                (MAX, -2.0, 0.0), (-MAX, -3.0, -0.0), (MAX, 1.0, MAX), (least, 1.0, least), (-least, 1.0, -least),
                (-1.0, MAX, 1.0), (2.0, MAX, INF), (0.5, MAX, 0.0),
            ];
            for &(x, y, want) in table {
                let got = Math::pow(x, y);
                assert!(
                    got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                    "{x:e}^{y:e} is {got:e} and must be {want:e}",
                );
            }
        }
    };
}
test_edges!(f32_functions_are_exact_at_their_edges, f32);
test_edges!(f64_functions_are_exact_at_their_edges, f64);

#[test]
fn small_results_underflow_gradually() {
    for (got, want) in [
        (Math::exp(-100.0f32), libm::exp(-100.0)),
        (Math::sigmoid(-100.0f32), libm::exp(-100.0)),
        (Math::norm_cdf(-13.5f32), 0.5 * libm::erfc(13.5 * std::f64::consts::FRAC_1_SQRT_2)),
    ] {
        assert!(got.is_subnormal());
        assert_eq!(got, want as f32);
    }
}

#[test]
fn f32_pow_is_within_its_bound() {
    let mut tried = 0;
    let mut check = |x: f32, y: f32| {
        let (got, want) = (Math::pow(x, y), libm::pow(f64::from(x), f64::from(y)));
        let error = error_in_ulps(got, want);
        assert!(error <= 1.0, "{x:e}^{y:e} is {got:e}, {error} ulps from {want:e}");
        tried += usize::from(got.is_normal());
    };
    for i in 0..1000u32 {
        for j in 0..100u32 {
            check(0.01 + 0.02 * i as f32, 0.13 * j as f32 - 6.5);
        }
    }
    // All bit patterns by all bit patterns, thinly; bases beside 1 with exponents that make something of them.
    for i in 0..200_000u32 {
        let bits = [i.wrapping_mul(2_654_435_769), i.wrapping_mul(3_266_489_917).rotate_left(7)];
        check(f32::from_bits(bits[0]), f32::from_bits(bits[1]));
        let beside = 1.0 + (i as f32 - 100_000.0) * f32::EPSILON;
        check(beside, (bits[0] as f32 - 2.0f32.powi(31)) / 1000.0);
        // Powers that end among the subnormals and at the largest number.
        let base = 1.5 + bits[1] as f32 * 1e-9;
        for target in [-149.5f32, -126.0, 127.9] {
            check(base, (target + (i % 64) as f32 / 64.0) / libm::log2f(base));
        }
    }
    assert!(tried > 300_000, "only {tried} had a normal result");
}

//! Bits, shifts, common divisors and multiples of integers; bits and logic of booleans. None has a derivative.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::declared::{declared, declared_pair};
use crate::var::Var;
use tensor::{DType, Tensor};

macro_rules! pairs {
    ($($(#[$meta:meta])* $name:ident;)*) => {
        impl Var {$(
            $(#[$meta])*
            ///
            #[doc = concat!("Shapes broadcast. Errors: forward as [`Tensor::", stringify!($name), "`]; `NotDifferentiable` backward.")]
            pub fn $name(&self, y: &Var) -> Result<Var> {
                declared_pair(stringify!($name), self, y, Tensor::$name)
            }
        )*}
    };
}

pairs! {
    /// The bits that are set in both.
    bitwise_and;
    /// The bits that are set in either.
    bitwise_or;
    /// The bits that are set in one of the two.
    bitwise_xor;
    /// `x·2ʸ`; 0 where `y` is negative or not below the width of the type.
    bitwise_left_shift;
    /// `⌊x/2ʸ⌋`; 0 or −1, by the sign of x, where `y` is negative or not below the width of the type.
    bitwise_right_shift;
    /// The greatest common divisor.
    gcd;
    /// The least common multiple.
    lcm;
    /// True where both are.
    logical_and;
    /// True where one is, or both.
    logical_or;
    /// True where one is and the other is not.
    logical_xor;
}

impl Var {
    /// The bits that are not set. Errors: forward as [`Tensor::bitwise_not`]; `NotDifferentiable` backward.
    pub fn bitwise_not(&self) -> Result<Var> {
        declared("bitwise_not", self, Tensor::bitwise_not)
    }

    /// True where this is false. Errors: forward as [`Tensor::logical_not`]; `NotDifferentiable` backward.
    pub fn logical_not(&self) -> Result<Var> {
        declared("logical_not", self, Tensor::logical_not)
    }
}

fn divisor(x: i64, y: i64) -> i64 {
    let both = |d: &i64| x % d == 0 && y % d == 0;
    if x == 0 && y == 0 { 0 } else { (1..=x.abs().max(y.abs())).rev().find(both).unwrap_or(1) }
}

/// Bits put together one by one.
fn by_bits(x: i64, y: i64, f: fn(i64, i64) -> bool) -> i64 {
    let bit = |x: i64, i: u32| x.div_euclid(1 << i).rem_euclid(2);
    let sum: i64 = (0..20).filter(|&i| f(bit(x, i), bit(y, i))).map(|i| 1 << i).sum();
    // The sign's bit stands for all above.
    if f(i64::from(x < 0), i64::from(y < 0)) { sum - (1 << 20) } else { sum }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    type Pair = fn(&[Var]) -> Result<Var>;
    type Reference = fn(i64, i64) -> i64;
    let mut s = Samples::new(266);
    let integers: [(&'static str, Pair, Reference); 7] = [
        ("bitwise_and", |x| x[0].bitwise_and(&x[1]), |x, y| by_bits(x, y, |x, y| x + y == 2)),
        ("bitwise_or", |x| x[0].bitwise_or(&x[1]), |x, y| by_bits(x, y, |x, y| x + y > 0)),
        ("bitwise_xor", |x| x[0].bitwise_xor(&x[1]), |x, y| by_bits(x, y, |x, y| x + y == 1)),
        (
            "bitwise_left_shift",
            |x| x[0].bitwise_left_shift(&x[1]),
            |x, y| {
                if (0..64).contains(&y) { x.wrapping_mul(2i64.wrapping_pow(y as u32)) } else { 0 }
            },
        ),
        (
            "bitwise_right_shift",
            |x| x[0].bitwise_right_shift(&x[1]),
            |x, y| {
                if (0..60).contains(&y) { x.div_euclid(1 << y) } else { x.div_euclid(1 << 60) }
            },
        ),
        ("gcd", |x| x[0].gcd(&x[1]), divisor),
        ("lcm", |x| x[0].lcm(&x[1]), |x, y| if x * y == 0 { 0 } else { (x * y).abs() / divisor(x, y) }),
    ];
    let booleans: [(&'static str, Pair, Reference); 3] = [
        ("logical_and", |x| x[0].logical_and(&x[1]), |x, y| x * y),
        ("logical_or", |x| x[0].logical_or(&x[1]), |x, y| x + y - x * y),
        ("logical_xor", |x| x[0].logical_xor(&x[1]), |x, y| (x - y).abs()),
    ];
    let mut specs = Vec::new();
    for (name, call, reference) in integers {
        let dtypes = if name.starts_with("bitwise_") && !name.ends_with("shift") {
            "integers or booleans"
        } else {
            "integers"
        };
        let frame =
            OpSpec::of_integers(name, DType::I64, call, reference, |shape| s.uniform(shape, -70.0, 70.0));
        specs.push(frame.error(
            [Tensor::scalar(1.0f64), Tensor::scalar(1.0f64)],
            call,
            format!("[{name}] operands must be {dtypes}; got f64; convert with to_dtype first"),
        ));
    }
    for (name, call, reference) in booleans {
        let frame = OpSpec::of_integers(name, DType::Bool, call, reference, |shape| s.indices(shape, 2));
        specs.push(frame.error(
            [Tensor::scalar(1i64), Tensor::scalar(1i64)],
            call,
            format!("[{name}] the operand must be boolean; got i64; convert with to_dtype first"),
        ));
    }
    let few = s.indices([3, 4], 2).to_dtype(DType::Bool).expect("invariant: integers convert");
    specs.push(
        OpSpec::new("logical_not")
            .case("booleans", [few.clone()], [3, 4], |x| x[0].logical_not())
            .reference(|x| {
                let x = x[0].to_dtype(DType::F64).and_then(|x| x.to_vec::<f64>()).unwrap_or_default();
                x.into_iter().map(|x| 1.0 - x).collect()
            })
            .no_empty("one of two operands has such a case, in the same loop")
            .not_differentiable(),
    );
    specs.push(
        OpSpec::new("bitwise_not")
            .case("integers", [s.indices([3, 4], 9)], [3, 4], |x| x[0].bitwise_not())
            .reference(|x| {
                let x = x[0].to_dtype(DType::F64).and_then(|x| x.to_vec::<f64>()).unwrap_or_default();
                x.into_iter().map(|x| -1.0 - x).collect()
            })
            .case("empty", [Tensor::scalar(0u8).expand([0usize]).unwrap_or_else(|_| few.clone())], [0], |x| x[0].bitwise_not())
            .error(
                [Tensor::scalar(1.0f64)],
                |x| x[0].bitwise_not(),
                "[bitwise_not] the operand must be integers or booleans; got f64; convert with to_dtype first",
            )
            .not_differentiable(),
    );
    specs
}

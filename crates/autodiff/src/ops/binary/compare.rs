//! Comparisons, element by element, shapes broadcast: booleans, which have no derivative.
//!
//! Going backward through one is an error that names it; compare [`Var::value`]s where a condition is all that is
//! wanted.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::ops::declared::declared_pair;
use crate::var::Var;
use std::cmp::Ordering;
use tensor::{DType, Tensor};

macro_rules! comparisons {
    ($($(#[$meta:meta])* $name:ident: |$a:ident, $b:ident| $reference:expr;)*) => {
        impl Var {$(
            $(#[$meta])*
            ///
            /// Errors: forward as [`Tensor::add`]; `NotDifferentiable` backward.
            pub fn $name(&self, y: &Var) -> Result<Var> {
                declared_pair(stringify!($name), self, y, Tensor::$name)
            }
        )*}

        pub(crate) fn specs() -> Vec<OpSpec> {
            vec![$(spec(
                stringify!($name),
                |x| x[0].$name(&x[1]),
                |$a, $b| $reference,
                concat!("[", stringify!($name), "] operands must have one dtype; got f64 and i64; convert one with to_dtype"),
            )),*]
        }
    };
}

comparisons! {
    /// `x = y`; false where either is NaN.
    eq: |a, b| a.partial_cmp(&b) == Some(Ordering::Equal);
    /// `x ≠ y`; true where either is NaN.
    ne: |a, b| a.partial_cmp(&b) != Some(Ordering::Equal);
    /// `x < y`; false where either is NaN.
    lt: |a, b| b - a > 0.0;
    /// `x ≤ y`; false where either is NaN.
    le: |a, b| b - a >= 0.0;
    /// `x > y`; false where either is NaN.
    gt: |a, b| a - b > 0.0;
    /// `x ≥ y`; false where either is NaN.
    ge: |a, b| a - b >= 0.0;
}

fn spec(
    name: &'static str,
    call: fn(&[Var]) -> Result<Var>,
    reference: fn(f64, f64) -> bool,
    two_dtypes: &'static str,
) -> OpSpec {
    let mut s = Samples::new(136);
    // Few values, so that some are equal.
    let mut few = |shape: &[usize]| {
        let x = s.indices(shape, 3);
        x.to_dtype(DType::F64).expect("invariant: i64 converts to f64")
    };
    let odd = [1.0, f64::NAN, f64::NAN, -0.0, f64::MIN_POSITIVE, 2.0];
    let ends = [1.0, f64::NAN, 0.0, 0.0, -f64::MIN_POSITIVE, 3.0];
    let t =
        |values: &[f64]| Tensor::from_slice(values, [values.len()]).expect("invariant: as many as there are");
    let number = move |a, b| f64::from(u8::from(reference(a, b)));
    OpSpec::new(name)
        .case("same shape", [few(&[4, 5]), few(&[4, 5])], [4, 5], call)
        .reference_pairwise(number)
        .case("NaN, signed zeros", [t(&odd), t(&ends)], [6], call)
        .reference_pairwise(number)
        .case("both repeat", [few(&[2, 1, 3]), few(&[4, 1])], [2, 4, 3], call)
        .case("empty", [few(&[0, 2]), few(&[2])], [0, 2], call)
        .case("large", [few(&[300, 401]), few(&[401])], [300, 401], call)
        .large()
        .error([Tensor::scalar(1.0f64), Tensor::scalar(1i64)], call, two_dtypes)
        .not_differentiable()
}

//! Frames of specifications: the cases that functions of one kind have in common.

use super::spec::OpSpec;
use crate::error::Result;
use crate::var::Var;
use tensor::{DType, Tensor};

/// An application without attributes.
type Plain = fn(&[Var]) -> Result<Var>;

fn column(values: Vec<f64>) -> Tensor {
    let len = values.len();
    Tensor::from_vec(values, [len]).expect("invariant: as many as there are")
}

impl OpSpec {
    /// The frame of a function of one float: samples, none, many, and an integer, which is refused.
    pub(crate) fn of_floats(
        name: &'static str,
        call: Plain,
        reference: fn(f64) -> f64,
        mut sample: impl FnMut(&[usize]) -> Tensor,
    ) -> Self {
        Self::new(name)
            .case("samples", [sample(&[3, 4])], [3, 4], call)
            .reference_pointwise(reference)
            .case("empty", [sample(&[2, 0])], [2, 0], call)
            .case("large", [sample(&[20_003])], [20_003], call)
            .large()
            .error(
                [Tensor::scalar(1i64)],
                call,
                format!("[{name}] the operand must be a float; got i64; convert with to_dtype first"),
            )
    }

    /// The frame of a function of two floats that broadcast: samples, shapes that repeat, none, many, shapes that do not
    /// fit, and integers, which are refused.
    pub(crate) fn of_pairs(
        name: &'static str,
        call: Plain,
        reference: fn(f64, f64) -> f64,
        pair: impl FnMut(&[usize], &[usize]) -> [Tensor; 2],
    ) -> Self {
        Self::of_number_pairs(name, call, reference, pair).error(
            [Tensor::scalar(2i64), Tensor::scalar(2i64)],
            call,
            format!("[{name}] operands must be floats; got i64; convert with to_dtype first"),
        )
    }

    /// As `of_pairs`, for a function that integers have too.
    pub(crate) fn of_number_pairs(
        name: &'static str,
        call: Plain,
        reference: fn(f64, f64) -> f64,
        mut pair: impl FnMut(&[usize], &[usize]) -> [Tensor; 2],
    ) -> Self {
        Self::new(name)
            .case("same shape", pair(&[3, 4], &[3, 4]), [3, 4], call)
            .reference_pairwise(reference)
            .case("both repeat", pair(&[2, 1, 3], &[4, 1]), [2, 4, 3], call)
            .case("empty", pair(&[0, 2], &[2]), [0, 2], call)
            .case("large", pair(&[100, 401], &[401]), [100, 401], call)
            .large()
            .error(
                pair(&[2, 3], &[4]),
                call,
                format!(
                    "[{name}] shapes must broadcast: aligned at the last axis, sizes equal or one of them 1; got [2, 3] \
                     and [4]; reshape or expand one operand"
                ),
            )
    }

    /// The frame of a function of two integers or booleans, which has no derivative: samples of `dtype`, shapes that
    /// repeat, none and many.
    pub(crate) fn of_integers(
        name: &'static str,
        dtype: DType,
        call: Plain,
        reference: fn(i64, i64) -> i64,
        mut sample: impl FnMut(&[usize]) -> Tensor,
    ) -> Self {
        let mut pair = move |a: &[usize], b: &[usize]| {
            [sample(a), sample(b)].map(|x| x.to_dtype(dtype).expect("invariant: numbers convert"))
        };
        Self::new(name)
            .case("same shape", pair(&[5, 6], &[5, 6]), [5, 6], call)
            .reference(move |x| {
                let values = |x: &Tensor| {
                    x.to_dtype(DType::I64).and_then(|x| x.to_vec::<i64>()).unwrap_or_default().into_iter()
                };
                values(&x[0]).zip(values(&x[1])).map(|(x, y)| reference(x, y) as f64).collect()
            })
            .case("both repeat", pair(&[2, 1, 3], &[4, 1]), [2, 4, 3], call)
            .case("empty", pair(&[0, 2], &[2]), [0, 2], call)
            .case("large", pair(&[300, 401], &[401]), [300, 401], call)
            .large()
            .not_differentiable()
    }

    /// Adds values at single arguments, where derivatives are not checked: (x, y).
    pub(crate) fn at(self, label: &str, call: Plain, values: &[(f64, f64)]) -> Self {
        let (x, y): (Vec<f64>, Vec<f64>) = values.iter().copied().unzip();
        self.case(label, [column(x)], [y.len()], call).reference(move |_| y.clone()).no_derivative()
    }

    /// Adds values at single pairs, where derivatives are not checked: (x, y, z).
    pub(crate) fn at_pairs(self, label: &str, call: Plain, values: &[(f64, f64, f64)]) -> Self {
        let of = |f: fn(&(f64, f64, f64)) -> f64| values.iter().map(f).collect::<Vec<f64>>();
        let (x, y, z) = (of(|v| v.0), of(|v| v.1), of(|v| v.2));
        self.case(label, [column(x), column(y)], [z.len()], call)
            .reference(move |_| z.clone())
            .no_derivative()
    }
}

//! Products summed over named axes: `dot`, `inner`, `outer`, `tensordot`.   Their rule is that of [`super::einsum`]'s step

use super::einsum::product;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::var::Var;
use tensor::Tensor;
use tensor::einsum::Pair;

impl Var {
    /// NumPy's `dot`, see [`Tensor::dot`]: over the last axis of this value and the last but one of the other.
    pub fn dot(&self, b: &Var) -> Result<Var> {
        if self.rank() == 0 || b.rank() == 0 {
            return self.mul(b);
        }
        product(Pair::dot(self.shape(), b.shape())?, self, b)
    }

    /// `Σ a·b` over the last axes, see [`Tensor::inner`].
    pub fn inner(&self, b: &Var) -> Result<Var> {
        if self.rank() == 0 || b.rank() == 0 {
            return self.mul(b);
        }
        product(Pair::over_axes("inner", self.shape(), b.shape(), &[-1], &[-1])?, self, b)
    }

    /// All products of an element of this value and one of the other, see [`Tensor::outer`].
    pub fn outer(&self, b: &Var) -> Result<Var> {
        let (a, b) = (self.reshape([self.value().len()])?, b.reshape([b.value().len()])?);
        product(Pair::over_axes("outer", a.shape(), b.shape(), &[], &[])?, &a, &b)
    }

    /// `Σ a·b` over `axes_a` of this value and `axes_b` of the other, in pairs, see [`Tensor::tensordot`].
    pub fn tensordot(&self, b: &Var, axes_a: &[isize], axes_b: &[isize]) -> Result<Var> {
        product(Pair::over_axes("tensordot", self.shape(), b.shape(), axes_a, axes_b)?, self, b)
    }
}

/// Element (i, j) of a, read as (m, k), times that of b, read as (k, n).
fn naive(x: &[Tensor], m: usize, k: usize, n: usize) -> Vec<f64> {
    let (a, b) = (x[0].to_vec::<f64>().unwrap_or_default(), x[1].to_vec::<f64>().unwrap_or_default());
    (0..m * n).map(|ij| (0..k).map(|p| a[ij / n * k + p] * b[p * n + ij % n]).sum()).collect()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(35);
    let mut pair = |a: &[usize], b: &[usize]| [s.uniform(a, -1.0, 1.0), s.uniform(b, -1.0, 1.0)];
    let dot = |x: &[Var]| x[0].dot(&x[1]);
    let inner = |x: &[Var]| x[0].inner(&x[1]);
    let outer = |x: &[Var]| x[0].outer(&x[1]);
    let two = |x: &[Var]| x[0].tensordot(&x[1], &[-2, -1], &[0, 1]);
    vec![
        OpSpec::new("dot")
            .case("vectors", pair(&[3], &[3]), [], dot)
            .reference(|x| naive(x, 1, 3, 1))
            .case("rank 3 by matrix", pair(&[2, 2, 3], &[3, 2]), [2, 2, 2], dot)
            .reference(|x| naive(x, 4, 3, 2))
            .case("every row with every matrix", pair(&[2, 3], &[2, 3, 2]), [2, 2, 2], dot)
            .case("scalar", pair(&[], &[3]), [3], dot)
            .case("empty", pair(&[0], &[0]), [], dot)
            .reference(|_| vec![0.0])
            .error(
                pair(&[2], &[3]),
                dot,
                "[dot] axes that are summed together must have one size; got [2] and [3]; name other axes",
            ),
        OpSpec::new("inner")
            .case("rows with rows", pair(&[2, 3], &[1, 3]), [2, 1], inner)
            .reference(|x| naive(x, 2, 3, 1))
            .case("empty", pair(&[0, 3], &[2, 3]), [0, 2], inner),
        OpSpec::new("outer")
            .case("vectors", pair(&[2], &[3]), [2, 3], outer)
            .reference(|x| naive(x, 2, 1, 3))
            .case("flattened", pair(&[2, 2], &[3]), [4, 3], outer)
            .case("empty", pair(&[0], &[3]), [0, 3], outer),
        OpSpec::new("tensordot")
            .case("two axes", pair(&[2, 3, 2], &[3, 2, 4]), [2, 4], two)
            .reference(|x| naive(x, 2, 6, 4))
            .case("crossed", pair(&[2, 3], &[3, 2]), [], |x| x[0].tensordot(&x[1], &[0, 1], &[1, 0]))
            .case("none", pair(&[2], &[2, 2]), [2, 2, 2], |x| x[0].tensordot(&x[1], &[], &[]))
            .reference(|x| naive(x, 2, 1, 4))
            .case("empty", pair(&[2, 0, 2], &[0, 2, 4]), [2, 4], two)
            .case("large", pair(&[90, 30, 20], &[30, 20, 70]), [90, 70], two)
            .large()
            .error(
                pair(&[2, 3], &[4]),
                |x| x[0].tensordot(&x[1], &[-1], &[0]),
                "[tensordot] axes that are summed together must have one size; got [2, 3] and [4]; name other axes",
            )
            .error(
                pair(&[2, 3], &[4]),
                |x| x[0].tensordot(&x[1], &[-1], &[1]),
                "[tensordot] an axis must exist; got axis 1 for rank 1; use each axis of -1..1 at most once",
            )
            .error(
                pair(&[2, 3], &[3]),
                |x| x[0].tensordot(&x[1], &[0, 1], &[0]),
                "[tensordot] as many axes of one operand must be named as of the other, and there may be 255 of both; got axes [0, 1] of [2, 3] and [0] of [3]; name the axes in pairs",
            ),
    ]
}

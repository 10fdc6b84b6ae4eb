//! NumPy's family of products: sums over named axes, Kronecker's, chains of matrices, the cross product.

use super::einsum::{Label, Labels, Pair};
use super::widen::in_wider;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{Dims, resolve_axis};
use crate::tensor::Tensor;

fn mismatch(op: &'static str, rule: &'static str, a: &[usize], b: &[usize], repair: &'static str) -> Error {
    Error::ShapeMismatch { op, rule, shapes: vec![a.to_vec(), b.to_vec()], repair }
}

impl Pair {
    /// The product of operands of shapes `a` and `b`, summed over the axes `axes_a` of the one and `axes_b` of the
    /// other, in that order. The result has the other axes of a, then those of b. Errors name `op`: `InvalidAxis`;
    /// `ShapeMismatch` where sizes differ; `InvalidArgument` where there are more axes of one than of the other.
    pub fn over_axes(
        op: &'static str,
        a: &[usize],
        b: &[usize],
        axes_a: &[isize],
        axes_b: &[isize],
    ) -> Result<Self> {
        if axes_a.len() != axes_b.len() || a.len() + b.len() > Label::MAX as usize {
            return Err(Error::InvalidArgument {
                op,
                rule: "as many axes of one operand must be named as of the other, and there may be 255 of both",
                got: format!("axes {axes_a:?} of {a:?} and {axes_b:?} of {b:?}"),
                repair: "name the axes in pairs",
            });
        }
        let resolve = |axes: &[isize], rank: usize| {
            let mut out = Dims::new();
            for &axis in axes {
                let resolved = resolve_axis(op, axis, rank)?;
                if out.contains(&resolved) {
                    return Err(Error::InvalidAxis { op, rule: "an axis may be named once", axis, rank });
                }
                out.push(resolved);
            }
            Ok(out)
        };
        let (axes_a, axes_b) = (resolve(axes_a, a.len())?, resolve(axes_b, b.len())?);
        if axes_a.iter().zip(&axes_b).any(|(&i, &j)| a[i] != b[j]) {
            return Err(mismatch(
                op,
                "axes that are summed together must have one size",
                a,
                b,
                "name other axes",
            ));
        }
        let left: Labels = (0..a.len() as Label).collect();
        let mut right: Labels = (a.len() as Label..(a.len() + b.len()) as Label).collect();
        for (&i, &j) in axes_a.iter().zip(&axes_b) {
            right[j] = i as Label;
        }
        let free = |x: &Labels, y: &Labels| x.iter().copied().filter(|l| !y.contains(l)).collect::<Labels>();
        let mut output = free(&left, &right);
        output.extend(free(&right, &left));
        Ok(Self::of(left, right, output))
    }

    /// NumPy's `dot` of operands that are no scalars: over the last axis of a and the last but one of b, or its only one.
    pub fn dot(a: &[usize], b: &[usize]) -> Result<Self> {
        Self::over_axes("dot", a, b, &[-1], &[if b.len() > 1 { -2 } else { -1 }])
    }
}

/// Shapes in which `a` and `b` multiply, by broadcasting, to all products of their elements; and that of the Kronecker
/// product.
pub fn kron_shapes(a: &[usize], b: &[usize]) -> Result<[Vec<usize>; 3]> {
    let rank = a.len().max(b.len());
    let at = |x: &[usize], i: usize| (i + x.len()).checked_sub(rank).map_or(1, |i| x[i]);
    let both = |f: &dyn Fn(usize) -> [usize; 2]| (0..rank).flat_map(f).collect::<Vec<_>>();
    let sizes = (0..rank).map(|i| at(a, i).checked_mul(at(b, i))).collect::<Option<Vec<_>>>();
    let sizes =
        sizes.ok_or_else(|| Error::ShapeOverflow { op: "kron", shape: a.to_vec(), dtype: DType::F64 })?;
    Ok([both(&|i| [at(a, i), 1]), both(&|i| [1, at(b, i)]), sizes])
}

/// The order of least multiplications for a chain of matrices: pairs of numbers, where matrices have the numbers 0.. and
/// each product the next.
///
/// Shapes: matrices; the first may be a vector, then a row, and the last, then a column. Errors: `InvalidArgument`
/// below two matrices; `ShapeMismatch`. Source: Cormen et al., "Matrix-chain multiplication".
pub fn multi_dot_order(shapes: &[&[usize]]) -> Result<Vec<(usize, usize)>> {
    let op = "multi_dot";
    let n = shapes.len();
    if n < 2 {
        let (rule, got) = ("there must be two matrices at least", format!("{n}"));
        return Err(Error::InvalidArgument { op, rule, got, repair: "a single one needs no product" });
    }
    let mut edges = Vec::with_capacity(n + 1);
    for (i, shape) in shapes.iter().enumerate() {
        let (rows, columns) = match **shape {
            [rows, columns] => (rows, columns),
            [columns] if i == 0 => (1, columns),
            [rows] if i + 1 == n => (rows, 1),
            _ => {
                let rule = "operands must be matrices, but that the first and the last may be vectors";
                let got = format!("{shape:?}, operand {i}");
                return Err(Error::InvalidArgument { op, rule, got, repair: "use matmul for batches" });
            }
        };
        match edges.last() {
            None => edges.push(rows),
            Some(&last) if last == rows => {}
            Some(_) => {
                let rule = "the columns of a matrix must be as many as the rows of the next";
                return Err(mismatch(op, rule, shapes[i - 1], shape, "transpose one operand with t()"));
            }
        }
        edges.push(columns);
    }
    // best[i][j]: multiplications for matrices i..=j, and the last matrix of the left half.
    let mut best = vec![vec![(0.0f64, 0usize); n]; n];
    for len in 1..n {
        for i in 0..n - len {
            let j = i + len;
            let cost = |k: usize| {
                best[i][k].0 + best[k + 1][j].0 + edges[i] as f64 * edges[k + 1] as f64 * edges[j + 1] as f64
            };
            let mut found = (cost(i), i);
            for k in i + 1..j {
                if cost(k) < found.0 {
                    found = (cost(k), k);
                }
            }
            best[i][j] = found;
        }
    }
    // From the outermost product inwards; reversed, each stands after what it is made of.
    let (mut open, mut splits) = (vec![(0, n - 1)], Vec::new());
    while let Some((i, j)) = open.pop() {
        if i < j {
            splits.push((i, j));
            open.extend([(i, best[i][j].1), (best[i][j].1 + 1, j)]);
        }
    }
    splits.reverse();
    let number = |i: usize, j: usize| match i == j {
        true => i,
        false => n + splits.iter().position(|&s| s == (i, j)).unwrap_or_default(),
    };
    Ok(splits.iter().map(|&(i, j)| (number(i, best[i][j].1), number(best[i][j].1 + 1, j))).collect())
}

impl Tensor {
    /// NumPy's `dot`: of vectors `Σ a·b`, of matrices the product; in general over the last axis of a and the last but
    /// one of b, all other axes in the result; a scalar multiplies.
    ///
    /// Errors: `ShapeMismatch`, `DTypeMismatch`.
    pub fn dot(&self, b: &Tensor) -> Result<Tensor> {
        if self.rank() == 0 || b.rank() == 0 {
            return self.mul(b);
        }
        Pair::dot(self.shape(), b.shape())?.run(self, b)
    }

    /// `Σ a·b` over the last axes, all other axes in the result; a scalar multiplies. Errors: as [`Tensor::dot`].
    pub fn inner(&self, b: &Tensor) -> Result<Tensor> {
        if self.rank() == 0 || b.rank() == 0 {
            return self.mul(b);
        }
        Pair::over_axes("inner", self.shape(), b.shape(), &[-1], &[-1])?.run(self, b)
    }

    /// All products `aᵢ·bⱼ`, shape `(len a, len b)`; operands of other ranks are flattened.
    pub fn outer(&self, b: &Tensor) -> Result<Tensor> {
        let (a, b) = (self.reshape([self.len()])?, b.reshape([b.len()])?);
        Pair::over_axes("outer", a.shape(), b.shape(), &[], &[])?.run(&a, &b)
    }

    /// `Σ a·b` over the axes `axes_a` of this tensor and `axes_b` of the other, in pairs; the other axes of a stand
    /// first in the result, then those of b.
    ///
    /// NumPy's count of axes n is `axes_a = [-n, …, -1]` with `axes_b = [0, …, n - 1]`.
    /// Errors: `InvalidAxis`, `ShapeMismatch`, `InvalidArgument`, `DTypeMismatch`.
    pub fn tensordot(&self, b: &Tensor, axes_a: &[isize], axes_b: &[isize]) -> Result<Tensor> {
        Pair::over_axes("tensordot", self.shape(), b.shape(), axes_a, axes_b)?.run(self, b)
    }

    /// Kronecker's product: each element of a times all of b, `(m, n)` and `(p, q)` to `(m·p, n·q)`; missing axes in
    /// front have size 1. Errors: `DTypeMismatch`, `ShapeOverflow`.
    pub fn kron(&self, b: &Tensor) -> Result<Tensor> {
        let [a_shape, b_shape, shape] = kron_shapes(self.shape(), b.shape())?;
        self.reshape(&a_shape)?.mul(&b.reshape(&b_shape)?)?.reshape(&shape)
    }

    /// The product of a chain of matrices in the order of least multiplications; the first may be a row and the last a
    /// column, given as vectors. Errors: as [`multi_dot_order`], and `DTypeMismatch`.
    pub fn multi_dot(matrices: &[&Tensor]) -> Result<Tensor> {
        in_wider!(narrowed of matrices, Tensor::multi_dot);
        let shapes: Vec<&[usize]> = matrices.iter().map(|x| x.shape()).collect();
        let order = multi_dot_order(&shapes)?;
        let mut terms: Vec<Tensor> = matrices.iter().map(|&x| x.clone()).collect();
        for (i, j) in order {
            terms.push(terms[i].matmul(&terms[j])?);
        }
        Ok(terms.pop().expect("invariant: the order was made for two matrices at least"))
    }

    /// The cross product of 3-vectors along `axis`, other axes broadcast: `(a₁b₂ − a₂b₁, a₂b₀ − a₀b₂, a₀b₁ − a₁b₀)`.
    ///
    /// Errors: `InvalidAxis`; `ShapeMismatch` unless both have 3 positions there and the rest broadcasts;
    /// `DTypeMismatch`.
    pub fn cross(&self, b: &Tensor, axis: isize) -> Result<Tensor> {
        check_cross(self.shape(), b.shape(), axis)?;
        in_wider!(narrowed[self, b], |x| x[0].cross(x[1], axis));
        let turned = |x: &Tensor, by: &[i64]| x.index_select(axis, &Tensor::from_slice(by, [3])?);
        let forward = turned(self, &[1, 2, 0])?.mul(&turned(b, &[2, 0, 1])?)?;
        forward.sub(&turned(self, &[2, 0, 1])?.mul(&turned(b, &[1, 2, 0])?)?)
    }
}

/// Refuses operands that have no cross product along `axis`.
pub fn check_cross(a: &[usize], b: &[usize], axis: isize) -> Result<()> {
    let (i, j) = (resolve_axis("cross", axis, a.len())?, resolve_axis("cross", axis, b.len())?);
    if a[i] != 3 || b[j] != 3 || a.len() != b.len() {
        let rule = "operands must have one rank, and 3 positions along the axis";
        return Err(mismatch("cross", rule, a, b, "name the axis of the vectors' components"));
    }
    Ok(())
}

//! One product of two operands, as a batched matrix product where it is one.

use super::{Label, Labels};
use crate::dtype::DType;
use crate::error::Result;
use crate::ops::arithmetic::same_dtype;
use crate::ops::widen::in_wider;
use crate::tensor::Tensor;
use std::cmp::Reverse;

/// Sums shorter than this of products element by element are not worth a matrix product each.
const SHORT: usize = 32;

/// A product of two operands whose axes have labels: each label stands in two or three of left operand, right operand
/// and output, once in each. The products are summed over the labels that the output lacks.
///
/// The set is closed under differentiation: see [`Pair::left_gradient`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    left: Labels,
    right: Labels,
    output: Labels,
}

impl Pair {
    /// A product with those labels that are `kept`, in an order that costs nothing: common ones, those of the one
    /// operand, those of the other; `wish` decides where nothing else does.
    pub(super) fn new(left: Labels, right: Labels, kept: impl Fn(Label) -> bool, wish: &[Label]) -> Self {
        let common: Labels = left.iter().copied().filter(|&l| kept(l) && right.contains(&l)).collect();
        let only = |a: &Labels, b: &Labels| a.iter().copied().filter(|l| !b.contains(l)).collect::<Labels>();
        let (m, n) = (only(&left, &right), only(&right, &left));
        let mut output: Labels = wish.iter().copied().filter(|l| common.contains(l)).collect();
        output.extend(common.iter().copied().filter(|l| !wish.contains(l)));
        let turned = wish.iter().find(|l| m.contains(l) || n.contains(l)).is_some_and(|l| n.contains(l));
        let (first, second) = if turned { (n, m) } else { (m, n) };
        output.extend(first.into_iter().chain(second));
        Self { left, right, output }
    }

    /// A product of labels that are known to keep the rule.
    pub(crate) fn of(left: impl Into<Labels>, right: impl Into<Labels>, output: impl Into<Labels>) -> Self {
        Self { left: left.into(), right: right.into(), output: output.into() }
    }

    pub(super) fn output(&self) -> &Labels {
        &self.output
    }

    /// The gradient of the left operand: the product of the output's gradient and the right operand.
    pub fn left_gradient(&self) -> Self {
        Self { left: self.output.clone(), right: self.right.clone(), output: self.left.clone() }
    }

    /// The gradient of the right operand: the product of the left operand and the output's gradient.
    pub fn right_gradient(&self) -> Self {
        Self { left: self.left.clone(), right: self.output.clone(), output: self.right.clone() }
    }

    /// The product of operands with as many axes as labels, where axes of one label have one size. Integers are summed in
    /// I64.
    ///
    /// Errors: `DTypeMismatch`; `InvalidArgument` or `ShapeMismatch` where the axes do not fit the labels.
    pub fn run(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        if a.dtype().is_float() {
            in_wider!(narrowed[a, b], |x| self.run(x[0], x[1]));
        }
        let dtype = same_dtype("einsum", a, b)?;
        self.check(a, b)?;
        let has_left = |l: &Label| self.left.contains(l);
        let has_right = |l: &Label| self.right.contains(l);
        let common: Labels = self.output.iter().copied().filter(|l| has_left(l) && has_right(l)).collect();
        let turned = self.output.iter().find(|l| !common.contains(l)).is_some_and(has_right);
        let (a, la, b, lb) = match turned {
            true => (b, &self.right, a, &self.left),
            false => (a, &self.left, b, &self.right),
        };
        let met = self.met(la, lb, a.len(), b.len());
        let size = |l: &Label| la.iter().position(|m| m == l).map_or(1, |i| a.shape()[i]);
        let terms: usize = met.iter().map(size).product();
        let (m, n) = (own(a, la, lb), own(b, lb, la));
        let runs = |x: &Labels| x.last().is_none_or(|l| met.contains(l));
        let thin =
            m.is_empty() && n.is_empty() && !common.is_empty() && (terms < SHORT || !runs(la) || !runs(lb));
        if met.is_empty() || thin || !dtype.is_float() {
            return self.by_elements(a, la, b, lb, &met);
        }
        let left = arranged(a, la, &common, &m, &met)?;
        let right = arranged(b, lb, &common, &met, &n)?;
        let order: Labels = common.iter().chain(&m).chain(&n).copied().collect();
        let sizes = |x: &Tensor, labels: &Labels, of: &Labels| -> Vec<usize> {
            of.iter().filter_map(|l| labels.iter().position(|m| m == l)).map(|i| x.shape()[i]).collect()
        };
        let shape = [sizes(a, la, &common), sizes(a, la, &m), sizes(b, lb, &n)].concat();
        left.matmul(&right)?.reshape(&shape)?.permute(places(&order, &self.output))
    }

    /// The labels that are summed, in an order in which, were the operands contiguous, the fewest elements would have to
    /// be copied. It decides the order of the sum, and so must not depend on strides.
    fn met(&self, la: &Labels, lb: &Labels, a_len: usize, b_len: usize) -> Labels {
        let in_order = |x: &Labels, y: &Labels| -> Labels {
            x.iter().copied().filter(|l| y.contains(l) && !self.output.contains(l)).collect()
        };
        let (by_a, by_b) = (in_order(la, lb), in_order(lb, la));
        let stands = |labels: &Labels, run: &Labels| {
            run.is_empty() || labels.windows(run.len()).any(|w| w == &run[..])
        };
        let copies = |run: &Labels| {
            let of = |labels, len| if stands(labels, run) { 0 } else { len };
            of(la, a_len) + of(lb, b_len)
        };
        if copies(&by_b) < copies(&by_a) { by_b } else { by_a }
    }

    /// All products in memory, then their sums: for what is no matrix product.
    fn by_elements(&self, a: &Tensor, la: &Labels, b: &Tensor, lb: &Labels, met: &Labels) -> Result<Tensor> {
        let all: Labels = self.output.iter().chain(met).copied().collect();
        let spread = |x: &Tensor, labels: &Labels| {
            let there: Labels = all.iter().copied().filter(|l| labels.contains(l)).collect();
            let mut x = x.permute(places(labels, &there))?;
            for (i, l) in all.iter().enumerate() {
                if !there.contains(l) {
                    x = x.unsqueeze(i as isize)?;
                }
            }
            Ok(x)
        };
        let (a, b) = (spread(a, la)?, spread(b, lb)?);
        let axes: Vec<isize> = (self.output.len()..all.len()).map(|i| i as isize).collect();
        match a.dtype() {
            _ if axes.is_empty() => a.mul(&b),
            DType::U8 | DType::I8 | DType::I32 => {
                a.to_dtype(DType::I64)?.mul(&b.to_dtype(DType::I64)?)?.sum(&axes)
            }
            _ => a.mul(&b)?.sum(&axes),
        }
    }

    fn check(&self, a: &Tensor, b: &Tensor) -> Result<()> {
        use crate::error::Error;
        let mismatch = |rule| Error::ShapeMismatch {
            op: "einsum",
            rule,
            shapes: vec![a.shape().to_vec(), b.shape().to_vec()],
            repair: "make the plan for these shapes",
        };
        if a.rank() != self.left.len() || b.rank() != self.right.len() {
            return Err(mismatch("operands must have as many axes as labels"));
        }
        let differs = |(i, l): (usize, &Label)| {
            self.right.iter().position(|m| m == l).is_some_and(|j| a.shape()[i] != b.shape()[j])
        };
        match self.left.iter().enumerate().any(differs) {
            true => Err(mismatch("axes of one label must have one size")),
            false => Ok(()),
        }
    }
}

/// Where in `from` each label of `to` stands.
fn places(from: &[Label], to: &[Label]) -> Vec<isize> {
    to.iter().filter_map(|l| from.iter().position(|m| m == l)).map(|i| i as isize).collect()
}

/// The labels that only `x` has, in the order of its memory: they are rows or columns, whose order changes no bit.
fn own(x: &Tensor, labels: &Labels, others: &Labels) -> Labels {
    let mut axes: Vec<usize> = (0..labels.len()).filter(|&i| !others.contains(&labels[i])).collect();
    axes.sort_by_key(|&i| Reverse(x.layout().strides[i].unsigned_abs()));
    axes.into_iter().map(|i| labels[i]).collect()
}

/// `x` as matrices: axes `common`, then all of `rows` as one, then all of `columns` as one.
fn arranged(x: &Tensor, labels: &Labels, common: &Labels, rows: &Labels, columns: &Labels) -> Result<Tensor> {
    let order: Labels = common.iter().chain(rows).chain(columns).copied().collect();
    let x = x.permute(places(labels, &order))?;
    let (lead, both) = x.shape().split_at(common.len());
    let (rows, columns) = both.split_at(rows.len());
    let shape = [lead, &[rows.iter().product(), columns.iter().product()]].concat();
    x.reshape(&shape)
}

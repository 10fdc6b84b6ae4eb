//! From subscripts to steps.

use super::order::{Mask, pairs};
use super::parse::Equation;
use super::{Labels, Pair};
use crate::error::Result;
use crate::tensor::Tensor;

/// What is done to an operand before it is multiplied: a diagonal, sums, axes of size 1 dropped.
#[derive(Debug, Clone)]
pub struct Operand {
    axes: Option<Vec<usize>>,
    summed: Vec<isize>,
    shape: Option<Vec<usize>>,
}

impl Operand {
    /// For [`Tensor::joined_axes`], if letters repeat.
    pub fn joined_axes(&self) -> Option<&[usize]> {
        self.axes.as_deref()
    }

    /// The axes to be summed after that, if any: no other operand has them, nor has the output.
    pub fn summed_axes(&self) -> Option<&[isize]> {
        (!self.summed.is_empty()).then_some(&self.summed)
    }

    /// The shape after that without axes of size 1 that broadcast, if there are any.
    pub fn shape(&self) -> Option<&[usize]> {
        self.shape.as_deref()
    }

    /// All three.
    pub(super) fn prepare(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        if let Some(axes) = self.joined_axes() {
            x = x.joined_axes(axes)?;
        }
        if let Some(axes) = self.summed_axes() {
            x = x.sum(axes)?;
        }
        self.shape().map_or_else(|| Ok(x.clone()), |shape| x.reshape(shape))
    }
}

/// The steps of an `einsum`: operands are prepared, multiplied two at a time, and the axes of the last product put in
/// order.
#[derive(Debug, Clone)]
pub struct Plan {
    operands: Vec<Operand>,
    pairs: Vec<(usize, usize, Pair)>,
    permutation: Vec<isize>,
}

impl Plan {
    /// The plan of `subscripts` for operands of these shapes. Errors: as [`Tensor::einsum`].
    pub fn new(subscripts: &str, shapes: &[&[usize]]) -> Result<Self> {
        let Equation { terms, output, sizes } = Equation::new(subscripts, shapes)?;
        // An axis of size 1 whose label has another size elsewhere does not count.
        let counts: Vec<Vec<bool>> = terms
            .iter()
            .zip(shapes)
            .map(|(term, shape)| {
                term.iter().zip(*shape).map(|(&l, &size)| size != 1 || sizes[l as usize] == 1).collect()
            })
            .collect();
        let mut holders = [0usize; super::parse::LABELS];
        for (term, counts) in terms.iter().zip(&counts) {
            for (i, &label) in term.iter().enumerate() {
                holders[label as usize] += usize::from(counts[i] && !term[..i].contains(&label));
            }
        }
        let needed = |label: u8| output.contains(&label) || holders[label as usize] > 1;
        let (mut operands, mut labels) = (Vec::new(), Vec::<Labels>::new());
        for ((term, counts), shape) in terms.iter().zip(&counts).zip(shapes) {
            let (mut own, mut sizes_of, mut counted) = (Labels::new(), Vec::new(), Vec::new());
            let mut axes = Vec::with_capacity(term.len());
            for ((&label, &counts), &size) in term.iter().zip(counts).zip(*shape) {
                axes.push(own.iter().position(|&l| l == label).unwrap_or_else(|| {
                    own.push(label);
                    sizes_of.push(size);
                    counted.push(counts);
                    own.len() - 1
                }));
            }
            let keep = |i: usize| counted[i] && needed(own[i]);
            let all = 0..own.len();
            let summed = all.clone().filter(|&i| !keep(i) && sizes_of[i] != 1).map(|i| i as isize).collect();
            let kept: Vec<usize> = all.clone().filter(|&i| keep(i)).collect();
            let drops = all.clone().any(|i| !keep(i) && sizes_of[i] == 1);
            operands.push(Operand {
                axes: (own.len() < term.len()).then_some(axes),
                summed,
                shape: drops.then(|| kept.iter().map(|&i| sizes_of[i]).collect()),
            });
            labels.push(kept.iter().map(|&i| own[i]).collect());
        }
        let mask = |labels: &Labels| labels.iter().fold(0, |m: Mask, &l| m | 1 << l);
        let masks: Vec<Mask> = labels.iter().map(mask).collect();
        let mut used = vec![false; labels.len()];
        let mut steps = Vec::new();
        for (i, j) in pairs(&masks, mask(&output), &sizes) {
            (used[i], used[j]) = (true, true);
            let open = labels.iter().zip(&used).filter(|(_, used)| !**used).map(|(l, _)| mask(l));
            let kept = open.fold(mask(&output), |a, b| a | b);
            let pair = Pair::new(labels[i].clone(), labels[j].clone(), |l| kept >> l & 1 == 1, &output);
            labels.push(pair.output().clone());
            used.push(false);
            steps.push((i, j, pair));
        }
        let last = labels.pop().unwrap_or_default();
        let place = |l: &u8| last.iter().position(|m| m == l).unwrap_or_default() as isize;
        Ok(Self { operands, pairs: steps, permutation: output.iter().map(place).collect() })
    }

    /// What is done to each operand first.
    pub fn operands(&self) -> &[Operand] {
        &self.operands
    }

    /// The products: the numbers of two terms, which are not used again, and how they are multiplied. Operands have
    /// the numbers 0.., and each product the next number.
    pub fn pairs(&self) -> &[(usize, usize, Pair)] {
        &self.pairs
    }

    /// How the axes of the last term are permuted into the output.
    pub fn permutation(&self) -> &[isize] {
        &self.permutation
    }
}

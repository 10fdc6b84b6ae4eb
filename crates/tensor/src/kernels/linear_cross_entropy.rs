//! Cross-entropy of a linear map of rows, `x·wᵀ + b`, block by block of rows: there are never more logits than those of
//! one block, which its gradient is written over.
//!
//! With `p` the gradient of the losses by the logits of a block: `dx = p·w` of these rows, `dw += pᵀ·x`, `db += Σ p`.
//! An element of a product depends on its row and column alone, and losses on their row, so blocks change no bit of the
//! losses nor of dx. The blocks' parts of dw and db are added first to last. So are the chains of 512 rows of one product
//! (see `kernels/matmul`): dw has its bits where a block is one of those.

use super::cross_entropy::{
    CrossEntropy, CrossEntropyConfig, Target, as_computed, backward_rows, check_config, check_labels,
    forward_rows, rule,
};
use super::matmul::K_BLOCK;
use super::softmax::GRAIN;
use crate::dtype::{DType, Float};
use crate::error::{Error, Result};
use crate::ops::arithmetic::{same_dtype, wrong_dtype};
use crate::parallel::for_chunks;
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};

const OP: &str = "linear_cross_entropy";

/// Bytes of a block's logits.
const BLOCK: usize = 16 << 20;
/// The least rows of a block: with fewer, products wait for the weight.
const LEAST_ROWS: usize = 128;
/// Bytes of dw that a product gives at a time.
const TILE: usize = 4 << 20;

/// Rows, the weight and bias of their logits, and a label for each row.
#[derive(Clone)]
pub struct LinearCrossEntropy<'a> {
    /// (.., d): n rows.
    pub x: &'a Tensor,
    /// (classes, d).
    pub weight: &'a Tensor,
    /// (classes).
    pub bias: Option<&'a Tensor>,
    /// (..), I64.
    pub labels: &'a Tensor,
    /// Its weight is of x's dtype.
    pub config: CrossEntropyConfig<'a>,
    /// Rows of a block, if not as many as some megabytes of logits have.
    pub block: Option<usize>,
}

/// The gradients that were asked for, in the type that x is computed in.
#[derive(Clone, Default)]
pub struct LinearCrossEntropyGrads {
    /// (.., d).
    pub x: Option<Tensor>,
    /// (classes, d).
    pub weight: Option<Tensor>,
    /// (classes).
    pub bias: Option<Tensor>,
}

simd_fn! {
    fn add_to[T: Float](sum: &mut [T], x: &[T]) {
        for (sum, &x) in sum.iter_mut().zip(x) {
            *sum = sum.add(x);
        }
    }
}

/// How many of n rows make a block: all, one chain of the sums over rows, or an even part.
fn block_rows(n: usize, classes: usize, size: usize) -> usize {
    let most = (BLOCK / (classes * size)).max(LEAST_ROWS);
    match most {
        most if n <= most => n,
        K_BLOCK.. => K_BLOCK,
        most => n.div_ceil(n.div_ceil(most)),
    }
}

impl LinearCrossEntropy<'_> {
    /// Refuses what does not fit together. Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for a label that names
    /// no class (its row is named, counted over all leading axes) and a smoothing outside 0..=1.
    pub fn check(&self) -> Result<()> {
        let (x, weight) = (self.x, self.weight);
        let mismatch = |rule, y: &Tensor, repair| Error::ShapeMismatch {
            op: OP,
            rule,
            shapes: vec![x.shape().to_vec(), y.shape().to_vec()],
            repair,
        };
        if !same_dtype(OP, x, weight)?.is_float() {
            return Err(wrong_dtype(OP, "operands must be floats", x.dtype()));
        }
        let (&[classes, d_in], Some((&d, leading))) = (weight.shape(), x.shape().split_last()) else {
            let (rule, repair) = ("rows must be (.., d) and their weight (classes, d)", "reshape them");
            return Err(mismatch(rule, weight, repair));
        };
        if d_in != d {
            return Err(mismatch(
                "the last axis of the rows must equal the second axis of the weight (classes, d)",
                weight,
                "pass the weight as a linear layer has it, or transpose it with t()",
            ));
        }
        if let Some(bias) = self.bias {
            same_dtype(OP, x, bias)?;
            if bias.shape() != [classes] {
                let rule = "the bias must have one element for each row of the weight";
                let shapes = vec![bias.shape().to_vec(), weight.shape().to_vec()];
                return Err(Error::ShapeMismatch { op: OP, rule, shapes, repair: "give it shape (classes)" });
            }
        }
        if self.labels.dtype() != DType::I64 {
            return Err(Error::DTypeMismatch {
                op: OP,
                rule: "targets must be labels of i64",
                dtypes: vec![self.labels.dtype()],
                repair: "convert with to_dtype; for probabilities use linear and cross_entropy",
            });
        }
        if self.labels.shape() != leading {
            let rule = "labels must have the shape of the rows without their last axis";
            return Err(mismatch(rule, self.labels, "reshape the labels"));
        }
        if self.labels.len() == 0 || classes == 0 {
            let rule = "there must be at least one row and one class";
            return Err(mismatch(rule, weight, "leave empty batches out"));
        }
        check_config(OP, x, classes, &self.config)?;
        check_labels(OP, self.labels, classes, &self.config)
    }

    /// What each row weighs in the mean, (n): the weight of its label, 0 if that is to be ignored.
    ///
    /// Errors: as [`check`](Self::check).
    pub fn weights(&self) -> Result<Tensor> {
        self.check()?;
        let weight = self.config.weight.map(|w| as_computed(w)?.contiguous()).transpose()?;
        let labels = self.labels.contiguous()?;
        let labels = labels.as_slice::<i64>().unwrap_or_default();
        with_dtype!(self.x.dtype().compute(), T, float => {
            let rule = rule::<T>(self.weight.shape()[0], weight.as_ref().and_then(Tensor::as_slice), &self.config);
            Tensor::build(OP, &[labels.len()], |out: &mut [T]| {
                out.iter_mut().zip(labels).for_each(|(out, &label)| *out = rule.row_weight(label));
            })
        }, else dtype => Err(wrong_dtype(OP, "operands must be floats", dtype)))
    }

    /// The loss of each row, (n), and, where there is a gradient `g` of the losses, (n) or one number, the gradients of x,
    /// weight and bias that are `wanted`; all, as `g`, in the type that x is computed in.
    ///
    /// Errors: as [`check`](Self::check), and `ShapeMismatch` or `DTypeMismatch` for `g`.
    pub fn run(
        &self,
        g: Option<&Tensor>,
        wanted: [bool; 3],
    ) -> Result<(CrossEntropy, LinearCrossEntropyGrads)> {
        self.check()?;
        if self.x.dtype().is_narrow() {
            let (x, weight) = (as_computed(self.x)?, as_computed(self.weight)?);
            let [bias, weights] = [self.bias, self.config.weight].map(|w| w.map(as_computed).transpose());
            let (bias, weights) = (bias?, weights?);
            let config = CrossEntropyConfig { weight: weights.as_ref(), ..self.config };
            return LinearCrossEntropy { x: &x, weight: &weight, bias: bias.as_ref(), config, ..*self }
                .run(g, wanted);
        }
        let g = g.map(|g| -> Result<Tensor> {
            same_dtype(OP, self.x, g)?;
            if g.len() == 1 || g.shape() == [self.labels.len()] {
                return g.contiguous();
            }
            Err(Error::ShapeMismatch {
                op: OP,
                rule: "there must be one gradient, or one for each row",
                shapes: vec![vec![self.labels.len()], g.shape().to_vec()],
                repair: "reshape it",
            })
        });
        let g = g.transpose()?;
        with_dtype!(self.x.dtype(), T, float => self.blocks::<T>(g.as_ref(), wanted),
            else dtype => Err(wrong_dtype(OP, "operands must be floats", dtype)))
    }

    fn blocks<T: Float>(
        &self,
        g: Option<&Tensor>,
        wanted: [bool; 3],
    ) -> Result<(CrossEntropy, LinearCrossEntropyGrads)> {
        let (n, [classes, d]) = (self.labels.len(), [0, 1].map(|axis| self.weight.shape()[axis]));
        let x = self.x.reshape([n, d])?;
        let labels = self.labels.contiguous()?;
        let labels = labels.as_slice::<i64>().unwrap_or_default();
        let weights = self.config.weight.map(Tensor::contiguous).transpose()?;
        let rule = rule::<T>(classes, weights.as_ref().and_then(Tensor::as_slice), &self.config);
        let g = g.and_then(Tensor::as_slice::<T>).filter(|_| wanted.contains(&true));
        let rows = self.block.unwrap_or_else(|| block_rows(n, classes, size_of::<T>())).max(1);
        let mut stats = Tensor::zeros([n, 4], T::DTYPE)?;
        let mut dx = Vec::new();
        let mut grads = LinearCrossEntropyGrads::default();
        for start in (0..n).step_by(rows) {
            let m = rows.min(n - start);
            let (x, labels) = (x.narrow(0, start, m)?, &labels[start..start + m]);
            let mut logits = x.linear(self.weight, self.bias, false)?;
            let values = logits.as_slice::<T>().unwrap_or_default();
            let stats = &mut written::<T>(&mut stats)?[start * 4..(start + m) * 4];
            for_chunks(stats, GRAIN.div_ceil(classes) * 4, |at, out| {
                let (row, rows) = (at / 4, out.len() / 4);
                let x = &values[row * classes..(row + rows) * classes];
                forward_rows(rule, x, Target::Labels(&labels[row..]), out);
            });
            let Some(g) = g else { continue };
            for_chunks(written::<T>(&mut logits)?, GRAIN.div_ceil(classes).max(4) * classes, |at, out| {
                let mut room = vec![T::ZERO; classes];
                for (row, out) in (at / classes..).zip(out.chunks_exact_mut(classes)) {
                    room.copy_from_slice(out);
                    let g = if g.len() == 1 { g } else { &g[start + row..][..1] };
                    let stats = &stats[row * 4..][..4];
                    backward_rows(rule, &room, Target::Labels(&labels[row..]), stats, g, out);
                }
            });
            if wanted[0] {
                dx.push(logits.matmul(self.weight)?);
            }
            if wanted[1] {
                match &mut grads.weight {
                    None => grads.weight = Some(logits.t()?.matmul(&x)?),
                    Some(sum) => add_product::<T>(sum, &logits, &x)?,
                }
            }
            if wanted[2] {
                let part = logits.sum(&[0])?;
                grads.bias = Some(match grads.bias.take() {
                    None => part,
                    Some(sum) => sum.add_owned(&part)?,
                });
            }
        }
        grads.x = match &dx[..] {
            [] => None,
            [all] => Some(all.reshape(self.x.shape())?),
            blocks => Some(Tensor::cat(&blocks.iter().collect::<Vec<_>>(), 0)?.reshape(self.x.shape())?),
        };
        Ok((CrossEntropy::of_stats(stats)?, grads))
    }
}

/// The elements, to be written.
fn written<T: Float>(x: &mut Tensor) -> Result<&mut [T]> {
    let bytes = x.len() * size_of::<T>();
    x.as_mut_slice().ok_or(Error::OutOfMemory { op: OP, bytes })
}

/// Adds pᵀ·x to `sum`, tile by tile, so that the product is never there as a whole.
fn add_product<T: Float>(sum: &mut Tensor, p: &Tensor, x: &Tensor) -> Result<()> {
    let [classes, d] = [p.shape()[1], x.shape()[1]];
    let tile = (TILE / (d * size_of::<T>()).max(1)).next_multiple_of(64);
    let sum = written::<T>(sum)?;
    for first in (0..classes).step_by(tile) {
        let part = p.narrow(1, first, tile.min(classes - first))?.t()?.matmul(x)?;
        let part = part.as_slice::<T>().unwrap_or_default();
        for_chunks(&mut sum[first * d..][..part.len()], GRAIN, |at, out| add_to(out, &part[at..]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::kernels::cross_entropy::{cross_entropy, cross_entropy_grad};

    struct Sample {
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        labels: Tensor,
        g: Tensor,
    }

    impl Sample {
        fn new(n: usize, classes: usize, d: usize) -> Self {
            let mut rng = Rng::seed(n as u64);
            let mut values = |shape: &[usize]| rng.normal(shape, 0.0, 1.0, DType::F32).unwrap();
            let (x, weight, bias, g) =
                (values(&[n, d]), values(&[classes, d]), values(&[classes]), values(&[n]));
            let labels: Vec<i64> = (0..n).map(|i| (i * 7 % (classes + 1)) as i64).collect();
            Self { x, weight, bias, labels: Tensor::from_vec(labels, [n]).unwrap(), g }
        }

        fn config(&self) -> CrossEntropyConfig<'_> {
            let ignore_index = Some(self.weight.shape()[0] as i64);
            CrossEntropyConfig { weight: Some(&self.bias), ignore_index, label_smoothing: 0.1 }
        }

        fn run(&self, block: Option<usize>) -> (CrossEntropy, LinearCrossEntropyGrads) {
            let Self { x, weight, bias, labels, g } = self;
            let map =
                LinearCrossEntropy { x, weight, bias: Some(bias), labels, config: self.config(), block };
            map.run(Some(g), [true; 3]).unwrap()
        }

        /// By logits as a whole: losses, dx, dw, db.
        fn composed(&self) -> [Tensor; 4] {
            let logits = self.x.linear(&self.weight, Some(&self.bias), false).unwrap();
            let found = cross_entropy(&logits, &self.labels, &self.config()).unwrap();
            let p = cross_entropy_grad(&logits, &self.labels, &self.config(), &found.stats, &self.g).unwrap();
            let dw = p.t().unwrap().matmul(&self.x).unwrap();
            [found.losses, p.matmul(&self.weight).unwrap(), dw, p.sum(&[0]).unwrap()]
        }
    }

    #[test]
    fn blocks_change_no_bit_of_the_losses_nor_of_the_gradient_of_rows() {
        let sample = Sample::new(37, 130, 9);
        let [losses, dx, dw, db] = sample.composed();
        for block in [None, Some(1), Some(5), Some(36), Some(1000)] {
            let (found, grads) = sample.run(block);
            assert!(found.losses.bit_eq(&losses) && grads.x.unwrap().bit_eq(&dx), "{block:?}");
            for (of, whole) in [(grads.weight, &dw), (grads.bias, &db)] {
                let gap = of.unwrap().sub(whole).unwrap().abs().unwrap().to_vec::<f32>().unwrap();
                // Sums of 37 numbers below 4, in another order.
                let most = 37.0 * 37.0 * 4.0 * f32::EPSILON;
                assert!(gap.iter().all(|&gap| gap <= most), "{block:?}: {gap:?}");
            }
        }
    }

    #[test]
    fn blocks_of_one_chain_change_no_bit_of_the_gradient_of_the_weight() {
        let sample = Sample::new(3 * K_BLOCK + 5, 40, 20);
        let [_, _, dw, _] = sample.composed();
        assert!(sample.run(Some(K_BLOCK)).1.weight.unwrap().bit_eq(&dw));
    }

    #[test]
    fn blocks_are_all_rows_or_one_chain_or_even_parts_of_some_megabytes() {
        let cases =
            [(1, 7, 1), (2048, 65, 2048), (100_000, 3000, K_BLOCK), (256, 50257, 128), (400, 20_000, 200)];
        for (n, classes, rows) in cases {
            assert_eq!(block_rows(n, classes, 4), rows, "{n} rows of {classes} classes");
        }
    }
}

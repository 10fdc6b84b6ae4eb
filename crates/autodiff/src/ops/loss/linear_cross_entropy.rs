//! Cross-entropy of a linear map, `l = cross_entropy(x·wᵀ + b, t)`, whose logits are never there as a whole.
//! With `p` the gradient of the losses by the logits: `dx = p·w`, `dw = pᵀ·x`, `db = Σ p`
//!
//! Rows go in blocks of some megabytes of logits. Where the losses become one number its gradient is known but for a
//! factor, so that each block leaves its share of dx, dw and db on the way forward, and its logits are computed once and
//! kept nowhere; the loss of each row alone is differentiated from logits that are computed anew. Beside x and w it keeps
//! what the three gradients take. A gradient that will be differentiated again, and forward mode, take the composition's
//! rules, with logits as a whole.
//!
//! Source: Wijmans, Huval, Hertzberg, Koltun and Krähenbühl 2024, Cut Your Losses in Large-Vocabulary Language Models; cut by
//! rows here.

use super::cross_entropy::{CrossEntropy, by_formula, no_weight};
use super::cross_entropy_grad::CrossEntropyGrad;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::reduction::Reduction;
use crate::var::Var;
use tensor::Tensor;
use tensor::fused::{LinearCrossEntropy, LinearCrossEntropyGrads};

/// The loss of `(x, weight, labels, bias?)`, of shapes `(.., d)`, `(classes, d)`, `(..)` and `(classes)`. Saves all four, and
/// the gradients where there is one loss.
struct LinearCrossEntropyLoss {
    how: CrossEntropy,
    /// Rows of a block.
    block: Option<usize>,
    /// Which of x, weight and bias are tracked.
    wanted: [bool; 3],
    /// What the pass over the logits found out.
    stats: Option<Tensor>,
    /// By a gradient of 1.
    grads: LinearCrossEntropyGrads,
    /// What the mean divides by, else 1.
    divisor: f64,
}

impl LinearCrossEntropyLoss {
    fn map<'a>(
        &'a self,
        x: &'a Tensor,
        weight: &'a Tensor,
        labels: &'a Tensor,
        bias: Option<&'a Tensor>,
    ) -> LinearCrossEntropy<'a> {
        LinearCrossEntropy { x, weight, bias, labels, config: self.how.config(), block: self.block }
    }

    /// The composition's rules.
    fn composed(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let dtype = saved.input(0).dtype();
        let wide = |i: usize| saved.input(i).to_dtype(dtype.compute());
        let (x, weight, labels) = (wide(0)?, wide(1)?, saved.input(2));
        let bias = if saved.len() > 3 { Some(wide(3)?) } else { None };
        let (n, [classes, d]) = (labels.value().len(), [0, 1].map(|axis| weight.shape()[axis]));
        let x = x.reshape([n, d])?;
        let logits = x.linear(&weight, bias.as_ref())?;
        let g = grad.to_dtype(dtype.compute())?;
        let g = if g.rank() > 0 { g.reshape([n])? } else { g };
        let g = if self.divisor == 1.0 { g } else { g.mul_scalar(1.0 / self.divisor)? };
        let stats = self.stats.clone().expect("invariant: forward has run");
        let how = self.how.for_dtype(dtype.compute())?;
        let p = Var::apply(CrossEntropyGrad { how, stats }, &[&logits, &labels.reshape([n])?, &g])?;
        debug_assert_eq!(p.shape(), [n, classes]);
        let dx = saved.if_needed(0, || p.matmul(&weight)?.reshape(saved.shape(0))?.narrowed_to(dtype))?;
        let dw = saved.if_needed(1, || p.t()?.matmul(&x)?.narrowed_to(dtype))?;
        let mut grads = Grads::from_iter([dx, dw, None]);
        if saved.len() > 3 {
            grads.push(saved.if_needed(3, || p.sum(&[0])?.narrowed_to(dtype))?);
        }
        Ok(grads)
    }
}

impl Op for LinearCrossEntropyLoss {
    fn name(&self) -> &'static str {
        "linear_cross_entropy"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1, 2, 3])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let (dtype, reduction) = (x[0].dtype(), self.how.reduction);
        let map = self.map(x[0], x[1], x[2], x.get(3).copied());
        map.check()?;
        let mut total = None;
        if reduction == Reduction::Mean {
            let weight = map.weights()?.sum(&[])?;
            if weight.item()? == 0.0 {
                return Err(no_weight("linear_cross_entropy", x[2].len()));
            }
            total = Some(weight);
        }
        let divisor = total.as_ref().map_or(Ok(1.0), Tensor::item)?;
        let one = Tensor::ones([], dtype.compute())?.mul_scalar(1.0 / divisor)?;
        let (found, grads) = map.run((reduction != Reduction::None).then_some(&one), self.wanted)?;
        let loss = match (reduction, &total) {
            (Reduction::None, _) => found.losses.reshape(x[2].shape())?,
            (_, None) => found.losses.sum(&[])?,
            (_, Some(total)) => found.losses.sum(&[])?.div(total)?,
        };
        (self.grads, self.stats, self.divisor) = (grads, Some(found.stats), divisor);
        Ok(loss.to_dtype(dtype)?)
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        if saved.higher || grad.is_tracked() {
            return self.composed(saved, grad);
        }
        let (x, weight, labels) = (saved.input(0), saved.input(1), saved.input(2));
        let bias = (saved.len() > 3).then(|| saved.input(3));
        let dtype = x.dtype();
        let g = grad.value().to_dtype(dtype.compute())?;
        let found = match self.how.reduction {
            Reduction::None => {
                let map = self.map(x.value(), weight.value(), labels.value(), bias.as_ref().map(Var::value));
                map.run(Some(&g.reshape([g.len()])?), self.wanted)?.1
            }
            _ => self.grads.clone(),
        };
        let factor = if self.how.reduction == Reduction::None { 1.0 } else { g.item()? };
        let finished = |of: Option<Tensor>| -> Result<Option<Var>> {
            let Some(of) = of else { return Ok(None) };
            let of = if factor == 1.0 { of } else { of.mul_scalar(factor)? };
            Ok(Some(of.narrowed_to(dtype)?.into()))
        };
        let mut grads = Grads::from_iter([finished(found.x)?, finished(found.weight)?, None]);
        if saved.len() > 3 {
            grads.push(finished(found.bias)?);
        }
        Ok(grads)
    }
}

impl Var {
    /// Cross-entropy, in nats, of the logits `x·wᵀ + b` of these rows with labels: the bits of
    /// `x.linear(w, b)` followed by [`cross_entropy`](Var::cross_entropy), in memory that does not grow with rows × classes.
    ///
    /// Shapes: x `(.., d)`, weight `(classes, d)`, bias `(classes)`, labels `(..)` of I64. The result is a scalar, or `(..)`
    /// with [`Reduction::None`]. Gradients of x have the composition's bits; those of weight and bias do where a block has all
    /// rows (16 MiB of logits or 128 rows), and else differ by rounding. Narrow types are computed in F32 up to the loss: their logits are not rounded.
    ///
    /// Errors: `ShapeMismatch`; `DTypeMismatch`, for soft targets too; `InvalidArgument` for a label outside the classes (its
    /// row is named, counted over all leading axes), for a smoothing outside 0 to 1, and for the mean where all labels are
    /// ignored or have weight 0.
    ///
    /// ```
    /// use autodiff::{Var, ops::loss::cross_entropy::CrossEntropy};
    /// use tensor::{DType, Tensor};
    /// let x = Var::from(Tensor::ones([1, 2], DType::F64)?);
    /// let weight = Var::variable(Tensor::zeros([4, 2], DType::F64)?);
    /// let loss = x.linear_cross_entropy(&weight, None, Tensor::from_slice(&[3i64], [1])?, &CrossEntropy::default())?;
    /// assert!((loss.item()? - 4f64.ln()).abs() < 1e-15);
    /// let dw = loss.backward()?.of(&weight).unwrap().to_vec::<f64>()?;
    /// assert_eq!(dw, [0.25, 0.25, 0.25, 0.25, 0.25, 0.25, -0.75, -0.75]);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    pub fn linear_cross_entropy(
        &self,
        weight: &Var,
        bias: Option<&Var>,
        labels: impl Into<Var>,
        how: &CrossEntropy,
    ) -> Result<Var> {
        self.linear_cross_entropy_in(None, weight, bias, &labels.into(), how)
    }

    /// The same in blocks of so many rows.
    fn linear_cross_entropy_in(
        &self,
        block: Option<usize>,
        weight: &Var,
        bias: Option<&Var>,
        labels: &Var,
        how: &CrossEntropy,
    ) -> Result<Var> {
        let op = LinearCrossEntropyLoss {
            how: how.for_dtype(self.dtype())?,
            block,
            wanted: [self.is_tracked(), weight.is_tracked(), bias.is_some_and(Var::is_tracked)],
            stats: None,
            grads: LinearCrossEntropyGrads::default(),
            divisor: 1.0,
        };
        match bias {
            Some(bias) => Var::apply(op, &[self, weight, labels, bias]),
            None => Var::apply(op, &[self, weight, labels]),
        }
    }
}

/// Losses by three loops and the loss's own formula.
fn by_loops(x: &[Tensor], how: &CrossEntropy) -> Vec<f64> {
    let values: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
    let (classes, d) = (x[1].shape()[0], x[1].shape()[1]);
    let rows = x[2].len();
    let logit = |ij: usize| {
        let (i, j) = (ij / classes, ij % classes);
        (0..d).map(|p| values[0][i * d + p] * values[1][j * d + p]).sum::<f64>()
            + values.get(3).map_or(0.0, |b| b[j])
    };
    let logits = Tensor::from_vec((0..rows * classes).map(logit).collect::<Vec<f64>>(), [rows, classes])
        .expect("invariant: rows times classes");
    let (losses, weight) = by_formula(&[logits, x[2].clone()], how);
    match how.reduction {
        Reduction::None => losses,
        Reduction::Sum => vec![losses.iter().sum()],
        Reduction::Mean => vec![losses.iter().sum::<f64>() / weight],
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(46);
    let index = |values: &[i64], shape: &[usize]| {
        Tensor::from_slice(values, shape)
            .expect("invariant: a sample's shape has as many elements as its values")
    };
    let plain = CrossEntropy::default();
    let sum = CrossEntropy { reduction: Reduction::Sum, ..plain.clone() };
    let rows = CrossEntropy { reduction: Reduction::None, label_smoothing: 0.1, ..plain.clone() };
    let full = CrossEntropy {
        weight: Some(s.tensor(vec![0.5, 2.0, 0.0, 1.5], [4])),
        ignore_index: Some(-100),
        label_smoothing: 0.2,
        ..plain.clone()
    };
    let call = |block: Option<usize>, how: &CrossEntropy| {
        let how = how.clone();
        move |x: &[Var]| x[0].linear_cross_entropy_in(block, &x[1], x.get(3), &x[2], &how)
    };
    let reference = |how: &CrossEntropy| {
        let how = how.clone();
        move |x: &[Tensor]| by_loops(x, &how)
    };
    let mut values = |shape: &[usize]| s.uniform(shape, -1.0, 1.0);
    let mut four = |x: &[usize], w: &[usize], labels: Tensor| [values(x), values(w), labels, values(&w[..1])];
    let three = |of: [Tensor; 4]| of[..3].to_vec();
    let labels = index(&[3, 0, 1, 2, 3], &[5]);
    let some = index(&[3, -100, 1, -100, 3], &[5]);
    let mut spec = OpSpec::new("linear_cross_entropy");
    for (label, block, how, labels) in [
        ("mean", None, &plain, labels.clone()),
        ("sum, blocks of two rows", Some(2), &sum, labels.clone()),
        ("weights, ignored rows, smoothing", None, &full, some.clone()),
        ("weights, ignored rows, smoothing, blocks of one row", Some(1), &full, some),
    ] {
        spec = spec
            .case(label, four(&[5, 3], &[4, 3], labels), [], call(block, how))
            .reference(reference(how));
    }
    let grid = index(&[0, 1, 2, 3, 0, 1], &[2, 3]);
    vec![
        spec.case("each row's, of more axes, blocks of four", four(&[2, 3, 3], &[4, 3], grid), [2, 3], call(Some(4), &rows))
            .reference(reference(&rows))
            .case("no bias", three(four(&[5, 3], &[4, 3], labels.clone())), [], call(None, &plain))
            .reference(reference(&plain))
            .case("one row without a batch", four(&[3], &[4, 3], index(&[2], &[])), [], call(None, &plain))
            .reference(reference(&plain))
            .case("no features", four(&[5, 0], &[4, 0], labels), [], call(Some(2), &plain))
            .reference(reference(&plain))
            .case("large", four(&[301, 33], &[70, 33], index(&[7; 301], &[301])), [], call(Some(128), &plain))
            .large()
            .error(
                four(&[0, 3], &[4, 3], index(&[], &[0])),
                call(None, &plain),
                "[linear_cross_entropy] there must be at least one row and one class; got [0, 3] and [4, 3]; leave empty batches out",
            )
            .error(
                four(&[2, 3], &[4, 5], index(&[0, 1], &[2])),
                call(None, &plain),
                "[linear_cross_entropy] the last axis of the rows must equal the second axis of the weight (classes, d); got [2, 3] and [4, 5]; pass the weight as a linear layer has it, or transpose it with t()",
            )
            .error(
                four(&[2, 3], &[4, 3], index(&[0, 1, 2], &[3])),
                call(None, &plain),
                "[linear_cross_entropy] labels must have the shape of the rows without their last axis; got [2, 3] and [3]; reshape the labels",
            )
            .error(
                four(&[2, 3], &[4, 3], index(&[1, 4], &[2])),
                call(None, &plain),
                "[linear_cross_entropy] a label must name one of the classes, counted from 0; got label 4 in row 1, with 4 classes; correct the label, or pass the value of rows to be skipped as ignore_index",
            )
            .error(
                four(&[2, 3], &[4, 3], index(&[-100, -100], &[2])),
                call(None, &full),
                "[linear_cross_entropy] the mean needs a label that is not ignored and has a weight; got 2 rows of weight 0 in sum; leave such batches out, or use Reduction::Sum",
            )
            .error(
                four(&[2, 3], &[4, 3], Tensor::zeros([2], tensor::DType::F64).expect("invariant: two zeros")),
                call(None, &plain),
                "[linear_cross_entropy] targets must be labels of i64; got f64; convert with to_dtype; for probabilities use linear and cross_entropy",
            )
            .error(
                four(&[2, 3], &[5, 3], index(&[0, 1], &[2])),
                call(None, &full),
                "[linear_cross_entropy] there must be one weight for each class; got [2, 3] and [4]; correct the weights",
            ),
    ]
}

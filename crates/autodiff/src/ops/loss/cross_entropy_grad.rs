//! The gradient of cross-entropy by the logits, `dx = (p·Σ_c c − c)·g` with `p = softmax(x)` and `c = w·t'`, in one pass.
//! With u the gradient of dx: `dx' = softmax_grad(p, u·g·Σ c)`, `dg = Σ u·(p·Σ c − c)`, `dt = (1 − ε)·w·g·(Σ u·p − u)`

use super::cross_entropy::CrossEntropy;
use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::ops::norm::softmax::softmax_grad;
use crate::var::Var;
use tensor::{DType, Tensor, fused};

/// `dx` of `(logits, target, g)`, of shapes `(rows, classes)`, as in the loss, and `()` or `(rows)`. Saves all three.
pub struct CrossEntropyGrad {
    pub(crate) how: CrossEntropy,
    /// What the forward pass found out about the logits.
    pub(crate) stats: Tensor,
}

impl CrossEntropyGrad {
    /// `w`, or 1.
    fn weighted(&self, x: Var) -> Result<Var> {
        match &self.how.weight {
            Some(weight) => x.mul(&weight.into()),
            None => Ok(x),
        }
    }

    /// `c = w·t'`, `(rows, classes)`; 0 in ignored rows.
    fn coefficients(&self, target: &Var, classes: usize, dtype: DType) -> Result<Var> {
        let mut kept = None;
        let t = match target.dtype() {
            DType::I64 => {
                let mut labels = target.value().clone();
                if let Some(ignore) = self.how.ignore_index {
                    let ignored = labels.eq(&Tensor::scalar(ignore))?;
                    kept = Some(ignored.logical_not()?.to_dtype(dtype)?.unsqueeze(1)?);
                    labels = labels.masked_fill(&ignored, 0.0)?;
                }
                Var::from(labels.one_hot(classes, dtype)?)
            }
            _ => target.clone(),
        };
        let smoothing = self.how.label_smoothing;
        let t = t.mul_scalar(1.0 - smoothing)?.add_scalar(smoothing / classes as f64)?;
        let c = self.weighted(t)?;
        match kept {
            Some(kept) => c.mul(&kept.into()),
            None => Ok(c),
        }
    }
}

impl Op for CrossEntropyGrad {
    fn name(&self) -> &'static str {
        "cross_entropy_grad"
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1, 2])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(fused::cross_entropy_grad(x[0], x[1], &self.how.config(), &self.stats, x[2])?)
    }
    fn backward(&self, saved: &Saved, u: &Var) -> Result<Grads> {
        let (x, target, g) = (saved.input(0), saved.input(1), saved.input(2));
        let g = if g.rank() == 0 { g } else { g.unsqueeze(1)? };
        let c = self.coefficients(&target, x.shape()[1], x.dtype())?;
        let (p, total) = (x.softmax(1)?, c.sum_keep(&[1])?);
        let ug = u.mul(&g)?;
        let dx = saved.if_needed(0, || softmax_grad(&p, &ug.mul(&total)?, 1))?;
        let dt = saved.if_needed(1, || {
            let met = ug.mul(&p)?.sum_keep(&[1])?.sub(&ug)?;
            self.weighted(met)?.mul_scalar(1.0 - self.how.label_smoothing)
        })?;
        // A single g broadcasts to the rows, over which the engine sums.
        let dg = saved.if_needed(2, || u.mul(&p.mul(&total)?.sub(&c)?)?.sum(&[1]))?;
        Ok(Grads::from_iter([dx, dt, dg]))
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(45);
    let how = CrossEntropy {
        weight: Some(s.tensor(vec![0.5, 2.0, 1.5], [3])),
        ignore_index: Some(-1),
        label_smoothing: 0.1,
        ..Default::default()
    };
    let soft = CrossEntropy { ignore_index: None, ..how.clone() };
    let call = |how: CrossEntropy| {
        move |x: &[Var]| {
            let dtype = x[0].dtype();
            let how = CrossEntropy {
                weight: how.weight.as_ref().map(|w| w.to_dtype(dtype)).transpose()?,
                ..how.clone()
            };
            let stats = fused::cross_entropy(x[0].value(), x[1].value(), &how.config())?.stats;
            Var::apply(CrossEntropyGrad { how, stats }, &[&x[0], &x[1], &x[2]])
        }
    };
    // From the probabilities' own formula, target by target: Σ_k c_k·(p_j − δ_jk)·g.
    let reference = |x: &[Tensor]| {
        let v: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
        let labels = x[1].to_vec::<i64>().unwrap_or_default();
        let w = [0.5, 2.0, 1.5];
        let of = |i: usize, j: usize| {
            if labels.get(i) == Some(&-1) {
                return 0.0;
            }
            let sum: f64 = (0..3).map(|k| libm::exp(v[0][i * 3 + k])).sum();
            let p = libm::exp(v[0][i * 3 + j]) / sum;
            let target = |k: usize| match labels.get(i) {
                Some(&label) => f64::from(label == k as i64),
                None => v[1][i * 3 + k],
            };
            let of_class = |k: usize| w[k] * (0.9 * target(k) + 0.1 / 3.0) * (p - f64::from(j == k));
            (0..3).map(of_class).sum::<f64>() * v[2][i % v[2].len()]
        };
        (0..v[0].len()).map(|ij| of(ij / 3, ij % 3)).collect()
    };
    let labels = Tensor::from_slice(&[2i64, -1, 0, 1], [4]).expect("invariant: four elements");
    let mut logits = |shape: &[usize]| s.uniform(shape, -2.0, 2.0);
    vec![
        OpSpec::new("cross_entropy_grad")
            .case(
                "labels, one gradient",
                [logits(&[4, 3]), labels.clone(), logits(&[])],
                [4, 3],
                call(how.clone()),
            )
            .reference(reference)
            .case("labels, each row's gradient", [logits(&[4, 3]), labels, logits(&[4])], [4, 3], call(how))
            .reference(reference)
            .case("soft targets", [logits(&[4, 3]), logits(&[4, 3]), logits(&[4])], [4, 3], call(soft))
            .reference(reference)
            .no_empty("only made by cross_entropy, which refuses empty batches"),
    ]
}

//! Layer norm and root-mean-square norm over the last axes, `y = x̂·w + b` with `x̂ = (x − m)·r` and `r = 1/√(v + eps)`.
//! With `u = g·w` and `P(u) = u − mean u − x̂·mean(u·x̂)`: `dx = r·P(u)`, `dw = Σ g·x̂`, `db = Σ g` over the rows
//!
//! m is the mean and v the variance of the elements that are normalised together; for the root-mean-square norm m is 0, v
//! is `mean x²`, P lacks `mean u`, and there is no bias. Forward and backward are one pass each; backward finds m and r
//! again instead of keeping them. Sources: Ba, Kiros and Hinton 2016; Zhang and Sennrich 2019.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves};
use crate::var::Var;
use tensor::Tensor;

/// What is normalised, and how.
#[derive(Debug, Clone)]
struct How {
    axes: Vec<usize>,
    eps: f64,
    /// Layer norm, as opposed to root mean square.
    center: bool,
}

impl How {
    /// Elements that are normalised together.
    fn len(&self) -> usize {
        self.axes.iter().product()
    }
}

/// `y = x̂·w + b` of `(x, w?, b?)`. Saves x and w.
pub struct LayerNorm(How);

impl Op for LayerNorm {
    fn name(&self) -> &'static str {
        if self.0.center { "layer_norm" } else { "rms_norm" }
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let (how, weight, bias) = (&self.0, x.get(1).copied(), x.get(2).copied());
        Ok(match how.center {
            true => x[0].layer_norm(&how.axes, weight, bias, how.eps)?,
            false => x[0].rms_norm(&how.axes, weight, how.eps)?,
        })
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let x = saved.input(0);
        let all = match saved.len() {
            1 => norm_grad(&self.0, &[&x, grad])?,
            _ => norm_grad(&self.0, &[&x, grad, &saved.input(1)])?,
        };
        let rows: usize = x.shape()[..x.rank() - self.0.axes.len()].iter().product();
        let mut grads = Grads::from_iter([saved.if_needed(0, || all.narrow(0, 0, rows)?.reshape(x.shape()))?]);
        for i in 1..saved.len() {
            // The sum over one row is a copy, so that a small gradient does not hold the memory of dx.
            let row = || all.narrow(0, rows + i - 1, 1)?.sum(&[0])?.reshape(&self.0.axes);
            grads.push(saved.if_needed(i, row)?);
        }
        Ok(grads)
    }
}

/// Rows of dx and then, if there is a w, one of dw and (layer norm) one of db, of `(x, g, w?)`, in one pass.
///
/// With c, cw, cb the gradients of dx, dw, db, and `q = mean(c·u) − mean c·mean u − mean(c·x̂)·mean(u·x̂)`:
/// `dx' = r·P(g·cw) − r²·(x̂·q + P(c·mean(u·x̂) + u·mean(c·x̂)))`, `dg = w·r·P(c) + cw·x̂ + cb`, `dw' = Σ g·r·P(c)`.
pub struct LayerNormGrad(How);

impl Op for LayerNormGrad {
    fn name(&self) -> &'static str {
        if self.0.center { "layer_norm_grad" } else { "rms_norm_grad" }
    }
    fn saves(&self) -> Saves {
        Saves::inputs(&[0, 1, 2])
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        let (how, weight) = (&self.0, x.get(2).copied());
        Ok(match how.center {
            true => x[0].layer_norm_grad(&how.axes, weight, how.eps, x[1])?,
            false => x[0].rms_norm_grad(&how.axes, weight, how.eps, x[1])?,
        })
    }
    fn backward(&self, saved: &Saved, grad: &Var) -> Result<Grads> {
        let (center, n) = (self.0.center, self.0.len());
        let rows: usize = saved.shape(0)[..saved.shape(0).len() - self.0.axes.len()].iter().product();
        let x = saved.input(0).reshape([rows, n])?;
        let g = saved.input(1).reshape([rows, n])?;
        let c = grad.narrow(0, 0, rows)?;
        let mean = |v: &Var| v.mean_keep(&[1]);
        let gap = if center { x.sub(&mean(&x)?)? } else { x };
        let r = mean(&gap.square()?)?.add_scalar(self.0.eps)?.pow_scalar(-0.5)?;
        let normal = gap.mul(&r)?;
        let along = |v: &Var| mean(&v.mul(&normal)?);
        let project = |v: &Var| {
            let rest = v.sub(&normal.mul(&along(v)?)?)?;
            if center { rest.sub(&mean(v)?) } else { Ok(rest) }
        };
        let w = if saved.len() > 2 { Some(saved.input(2).reshape([n])?) } else { None };
        let u = w.as_ref().map_or_else(|| Ok(g.clone()), |w| g.mul(w))?;
        let of_c = r.mul(&project(&c)?)?;
        let cw = if w.is_some() { Some(grad.narrow(0, rows, 1)?) } else { None };
        let dx = saved.if_needed(0, || {
            let (in_u, in_c) = (along(&u)?, along(&c)?);
            let mut q = mean(&c.mul(&u)?)?.sub(&in_c.mul(&in_u)?)?;
            if center {
                q = q.sub(&mean(&c)?.mul(&mean(&u)?)?)?;
            }
            let bent = normal.mul(&q)?.add(&project(&c.mul(&in_u)?.add(&u.mul(&in_c)?)?)?)?;
            let dx = bent.mul(&r.square()?)?.neg()?;
            let dx = match &cw {
                Some(cw) => dx.add(&r.mul(&project(&g.mul(cw)?)?)?)?,
                None => dx,
            };
            dx.reshape(saved.shape(0))
        })?;
        let dg = saved.if_needed(1, || {
            let mut dg = w.as_ref().map_or_else(|| Ok(of_c.clone()), |w| of_c.mul(w))?;
            if let Some(cw) = &cw {
                dg = dg.add(&normal.mul(cw)?)?;
                if center {
                    dg = dg.add(&grad.narrow(0, rows + 1, 1)?)?;
                }
            }
            dg.reshape(saved.shape(0))
        })?;
        let mut grads = Grads::from_iter([dx, dg]);
        if saved.len() > 2 {
            grads.push(saved.if_needed(2, || g.mul(&of_c)?.sum(&[0])?.reshape(&self.0.axes))?);
        }
        Ok(grads)
    }
}

fn norm_grad(how: &How, inputs: &[&Var]) -> Result<Var> {
    Var::apply(LayerNormGrad(how.clone()), inputs)
}

impl Var {
    /// `(x − mean)/√(var + eps)·weight + bias` over the last axes, whose sizes are `axes`.
    ///
    /// Shapes: x `(.., axes)`, weight and bias `axes`. Saves x and the weight. Errors: as [`Tensor::layer_norm`].
    pub fn layer_norm(&self, axes: &[usize], weight: Option<&Var>, bias: Option<&Var>, eps: f64) -> Result<Var> {
        let how = LayerNorm(How { axes: axes.to_vec(), eps, center: true });
        match (weight, bias) {
            (None, None) => Var::apply(how, &[self]),
            (Some(weight), None) => Var::apply(how, &[self, weight]),
            (Some(weight), Some(bias)) => Var::apply(how, &[self, weight, bias]),
            (None, Some(bias)) => {
                let ones = Var::from(Tensor::ones(axes, self.dtype())?);
                Var::apply(how, &[self, &ones, bias])
            }
        }
    }

    /// `x/√(mean x² + eps)·weight` over the last axes, whose sizes are `axes`. Otherwise as [`Var::layer_norm`].
    pub fn rms_norm(&self, axes: &[usize], weight: Option<&Var>, eps: f64) -> Result<Var> {
        let how = LayerNorm(How { axes: axes.to_vec(), eps, center: false });
        match weight {
            Some(weight) => Var::apply(how, &[self, weight]),
            None => Var::apply(how, &[self]),
        }
    }
}

/// From all differences in a row, `var = Σᵢⱼ (xᵢ − xⱼ)²/(2n²)`, or from the squares.
fn by_pairs(x: &[Tensor], n: usize, eps: f64, center: bool) -> Vec<f64> {
    let v: Vec<Vec<f64>> = x.iter().map(|x| x.to_vec().unwrap_or_default()).collect();
    let row = |row: &[f64]| -> Vec<f64> {
        let pairs = row.iter().map(|a| row.iter().map(|b| (a - b) * (a - b)).sum::<f64>());
        let squares = match center {
            true => pairs.sum::<f64>() / (2 * n * n) as f64,
            false => row.iter().map(|a| a * a).sum::<f64>() / n as f64,
        };
        let mean = if center { row.iter().sum::<f64>() / n as f64 } else { 0.0 };
        let at = |(i, a): (usize, &f64)| {
            (a - mean) / libm::sqrt(squares + eps) * v.get(1).map_or(1.0, |w| w[i]) + v.get(2).map_or(0.0, |b| b[i])
        };
        row.iter().enumerate().map(at).collect()
    };
    v[0].chunks(n).flat_map(row).collect()
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(86);
    let mut take = |shapes: &[&[usize]]| -> Vec<Tensor> {
        shapes.iter().map(|&shape| s.uniform(shape, -2.0, 2.0)).collect()
    };
    fn layer(x: &[Var]) -> Result<Var> {
        let axes = x.get(1).map_or(&x[0].shape()[x[0].rank() - 1..], |w| w.shape());
        x[0].layer_norm(axes, x.get(1), x.get(2), 1e-3)
    }
    fn rms(x: &[Var]) -> Result<Var> {
        let axes = x.get(1).map_or(&x[0].shape()[x[0].rank() - 1..], |w| w.shape());
        x[0].rms_norm(axes, x.get(1), 1e-3)
    }
    fn grad(x: &[Var], center: bool) -> Result<Var> {
        let axes = x.get(2).map_or(&x[0].shape()[x[0].rank() - 1..], |w| w.shape()).to_vec();
        norm_grad(&How { axes, eps: 1e-3, center }, &x.iter().collect::<Vec<_>>())
    }
    // By differences of the forward formula: the sum of g·y moved by each element of x, then of w and b.
    fn by_differences(x: &[Tensor], center: bool) -> Vec<f64> {
        let [x, g, w] = [0, 1, 2].map(|i| x[i].to_vec::<f64>().unwrap_or_default());
        let n = w.len();
        let loss = |x: &[f64], w: &[f64], b: &[f64]| -> f64 {
            let t = |v: &[f64]| Tensor::from_slice(v, [v.len()]).expect("invariant: a vector of its own length");
            by_pairs(&[t(x), t(w), t(b)], n, 1e-3, center).iter().zip(&g).map(|(y, g)| y * g).sum()
        };
        let b = vec![0.0; n];
        let moved = |v: &[f64], i: usize, by: f64| {
            let mut v = v.to_vec();
            v[i] += by;
            v
        };
        // Five points: the error is of fourth order.
        let slope = |f: &dyn Fn(f64) -> f64| {
            let h = 1e-3;
            (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h)
        };
        let mut out: Vec<f64> = (0..x.len()).map(|i| slope(&|h| loss(&moved(&x, i, h), &w, &b))).collect();
        out.extend((0..n).map(|i| slope(&|h| loss(&x, &moved(&w, i, h), &b))));
        if center {
            out.extend((0..n).map(|i| slope(&|h| loss(&x, &w, &moved(&b, i, h)))));
        }
        out
    }
    vec![
        OpSpec::new("layer_norm")
            .case("weight and bias", take(&[&[3, 5], &[5], &[5]]), [3, 5], layer)
            .reference(|x| by_pairs(x, 5, 1e-3, true))
            .ulps(16.0, 64.0)
            .case("weight alone, two axes", take(&[&[2, 2, 3], &[2, 3]]), [2, 2, 3], layer)
            .reference(|x| by_pairs(x, 6, 1e-3, true))
            .ulps(16.0, 64.0)
            .case("plain, more than a chunk", take(&[&[2, 1100]]), [2, 1100], layer)
            .reference(|x| by_pairs(x, 1100, 1e-3, true))
            .ulps(64.0, 64.0)
            .no_derivative()
            .case("plain", take(&[&[2, 4]]), [2, 4], layer)
            .ulps(16.0, 64.0)
            .case("bias alone", take(&[&[2, 4], &[4]]), [2, 4], |x| x[0].layer_norm(&[4], None, Some(&x[1]), 1e-3))
            .ulps(16.0, 64.0)
            .case("no rows", take(&[&[0, 4], &[4], &[4]]), [0, 4], layer)
            .case("size 0", take(&[&[3, 0], &[0], &[0]]), [3, 0], layer)
            .case("large", take(&[&[301, 130], &[130], &[130]]), [301, 130], layer)
            .large()
            .error(
                take(&[&[2, 4]]),
                |x| x[0].layer_norm(&[3], None, None, 1e-5),
                "[layer_norm] the operand's last axes must have the normalised sizes, of which there is one at least; got [2, 4] and [3]; name the sizes of the last axes",
            )
            .error(
                take(&[&[2, 4], &[3]]),
                |x| x[0].layer_norm(&[4], Some(&x[1]), None, 1e-5),
                "[layer_norm] weight and bias must have the normalised sizes; got [3] and [4]; give them one element for each that is normalised together",
            )
            .error(
                take(&[&[2, 4]]),
                |x| x[0].layer_norm(&[4], None, None, f64::NAN),
                "[layer_norm] eps must be a number of 0 or more; got NaN; use 1e-5 or so",
            )
            .error(
                [Tensor::from_slice(&[1i64, 2], [2]).expect("invariant: two elements")],
                |x| x[0].layer_norm(&[2], None, None, 1e-5),
                "[layer_norm] the operand must be a float; got i64; convert with to_dtype first",
            ),
        OpSpec::new("rms_norm")
            .case("weight", take(&[&[3, 5], &[5]]), [3, 5], rms)
            .reference(|x| by_pairs(x, 5, 1e-3, false))
            .ulps(16.0, 64.0)
            .case("plain", take(&[&[2, 4]]), [2, 4], rms)
            .reference(|x| by_pairs(x, 4, 1e-3, false))
            .ulps(16.0, 64.0)
            .case("empty", take(&[&[0, 4], &[4]]), [0, 4], rms)
            .case("large", take(&[&[301, 130], &[130]]), [301, 130], rms)
            .large(),
        OpSpec::new("layer_norm_grad")
            .case("with weight", take(&[&[3, 5], &[3, 5], &[5]]), [5, 5], |x| grad(x, true))
            .reference(|x| by_differences(x, true))
            // The reference is a difference, good to some nine digits.
            .ulps(1e7, 256.0)
            .case("plain", take(&[&[2, 4], &[2, 4]]), [2, 4], |x| grad(x, true))
            .ulps(16.0, 256.0)
            .case("empty", take(&[&[0, 4], &[0, 4], &[4]]), [2, 4], |x| grad(x, true))
            .reference(|_| vec![0.0; 8]),
        OpSpec::new("rms_norm_grad")
            .case("with weight", take(&[&[3, 5], &[3, 5], &[5]]), [4, 5], |x| grad(x, false))
            .reference(|x| by_differences(x, false))
            .ulps(1e7, 256.0)
            .case("empty", take(&[&[0, 4], &[0, 4], &[4]]), [1, 4], |x| grad(x, false)),
    ]
}

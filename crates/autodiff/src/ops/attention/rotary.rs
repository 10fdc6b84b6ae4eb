//! Rotary positions, `(a, b) → (a·cos − b·sin, a·sin + b·cos)` for each pair of features.   `dx`: g, turned back
//!
//! Angles are constants. Saves nothing beside them. Source: Su et al. 2021, arXiv:2104.09864.

use crate::check::{OpSpec, Samples};
use crate::error::Result;
use crate::op::{Grads, Op, Saved, Saves, grads};
use crate::var::Var;
use tensor::{RotaryPairs, Tensor};

/// Pairs turned by angles.
pub struct Rotary {
    cos: Tensor,
    sin: Tensor,
    pairs: RotaryPairs,
}

impl Op for Rotary {
    fn name(&self) -> &'static str {
        "rotary"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].rotary(&self.cos, &self.sin, self.pairs)?)
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        grads([grad.rotary(&self.cos, &self.sin.neg()?, self.pairs)?])
    }
}

impl Var {
    /// Each pair of features turned by its angle: `(a·cos − b·sin, a·sin + b·cos)`. The angles are constants.
    ///
    /// Shapes: x `(.., d)`, cos and sin broadcast to `(.., d/2)` → x's. Errors: as [`Tensor::rotary`].
    pub fn rotary(&self, cos: &Tensor, sin: &Tensor, pairs: RotaryPairs) -> Result<Var> {
        Var::apply(Rotary { cos: cos.clone(), sin: sin.clone(), pairs }, &[self])
    }
}

pub(crate) fn specs() -> Vec<OpSpec> {
    let mut s = Samples::new(883);
    let angles = |shape: &[usize]| -> [Tensor; 2] {
        let angle = |i: usize| 0.3 + 0.7 * i as f64;
        let n = shape.iter().product::<usize>();
        let of = |f: fn(f64) -> f64| (0..n).map(|i| f(angle(i))).collect::<Vec<_>>();
        [of(libm::cos), of(libm::sin)].map(|x| Tensor::from_vec(x, shape).expect("invariant: as many as the shape has"))
    };
    let call = |shape: &[usize], pairs: RotaryPairs| {
        let [cos, sin] = angles(shape);
        move |x: &[Var]| {
            let like = x[0].dtype();
            let like = if like.is_float() { like.compute() } else { tensor::DType::F64 };
            x[0].rotary(&cos.to_dtype(like)?, &sin.to_dtype(like)?, pairs)
        }
    };
    // As numbers of the complex plane; angles are those of a table of rows, again for each leading axis.
    let reference = |pairs: RotaryPairs| {
        move |x: &[Tensor]| -> Vec<f64> {
            let d = x[0].shape()[x[0].rank() - 1];
            let t = x[0].shape()[x[0].rank() - 2];
            let x = x[0].to_vec::<f64>().unwrap_or_default();
            let mut out = vec![0.0; x.len()];
            for (r, row) in x.chunks(d).enumerate() {
                for i in 0..d / 2 {
                    let (a, b) = match pairs {
                        RotaryPairs::Halves => (i, i + d / 2),
                        RotaryPairs::Neighbours => (2 * i, 2 * i + 1),
                    };
                    let angle = 0.3 + 0.7 * (r % t * (d / 2) + i) as f64;
                    let (size, at) = (libm::hypot(row[a], row[b]), libm::atan2(row[b], row[a]));
                    out[r * d + a] = size * libm::cos(at + angle);
                    out[r * d + b] = size * libm::sin(at + angle);
                }
            }
            out
        }
    };
    let (halves, neighbours) = (RotaryPairs::Halves, RotaryPairs::Neighbours);
    vec![
        OpSpec::new("rotary")
            .case("halves", [s.uniform([2, 3, 4], -1.0, 1.0)], [2, 3, 4], call(&[3, 2], halves))
            .reference(reference(halves))
            .ulps(32.0, 32.0)
            .case("neighbours", [s.uniform([2, 3, 4], -1.0, 1.0)], [2, 3, 4], call(&[3, 2], neighbours))
            .reference(reference(neighbours))
            .ulps(32.0, 32.0)
            .case("one row", [s.uniform([6], -1.0, 1.0)], [6], call(&[3], halves))
            .case("no features", [s.empty([2, 0])], [2, 0], call(&[2, 0], halves))
            .case("no rows", [s.empty([0, 4])], [0, 4], call(&[1, 2], neighbours))
            .case("large", [s.uniform([4, 3, 150, 32], -1.0, 1.0)], [4, 3, 150, 32], call(&[150, 16], halves))
            .large()
            .error(
                [s.uniform([2, 3], -1.0, 1.0)],
                call(&[2, 1], halves),
                "[rotary] there must be an even number of features; got [2, 3] and [2, 1] and [2, 1]; turn a part of them, or change the size of a head",
            )
            .error(
                [s.uniform([2, 4], -1.0, 1.0)],
                call(&[2, 3], halves),
                "[rotary] angles must broadcast to (.., d/2); got [2, 4] and [2, 3] and [2, 3]; give one for each pair of features",
            ),
    ]
}

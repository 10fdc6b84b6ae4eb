//! Rotary positions: pairs of features turned by angles.

use super::arithmetic::{same_dtype, wrong_dtype};
use super::matmul::offsets;
use crate::dtype::Float;
use crate::error::{Error, Result};
use crate::parallel::{Disjoint, for_ranges};
use crate::simd::simd_fn;
use crate::tensor::{Tensor, with_dtype};

const OP: &str = "rotary";
/// Elements a thread takes at a time, at least.
const GRAIN: usize = 1 << 14;

/// Which features are turned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RotaryPairs {
    /// Feature i with feature i + d/2, as GPT-NeoX and Llama's published weights have it.
    #[default]
    Halves,
    /// Feature 2i with feature 2i + 1, as in the paper and in GPT-J.
    Neighbours,
}

simd_fn! {
    fn turn_halves[T: Float](x: &[T], cos: &[T], sin: &[T], out: &mut [T]) {
        let half = cos.len();
        let ((a, b), (first, second)) = (x.split_at(half), out.split_at_mut(half));
        let angles = cos.iter().zip(sin);
        for (((&a, &b), (&cos, &sin)), (first, second)) in
            a.iter().zip(b).zip(angles).zip(first.iter_mut().zip(second))
        {
            *first = a.mul(cos).sub(b.mul(sin));
            *second = a.mul(sin).add(b.mul(cos));
        }
    }

    fn turn_neighbours[T: Float](x: &[T], cos: &[T], sin: &[T], out: &mut [T]) {
        let (x, _) = x.as_chunks::<2>();
        let (out, _) = out.as_chunks_mut::<2>();
        for ((&[a, b], out), (&cos, &sin)) in x.iter().zip(out).zip(cos.iter().zip(sin)) {
            *out = [a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))];
        }
    }
}

impl Tensor {
    /// Each pair (a, b) of features turned by its angle: `(a·cos − b·sin, a·sin + b·cos)`.
    ///
    /// Shapes: x `(.., d)`, cos and sin broadcast to `(.., d/2)` → x's. Turned back by `−sin`. Source: Su et al. 2021,
    /// arXiv:2104.09864, equation 34.
    ///
    /// Errors: `ShapeMismatch` for an odd d and angles that do not broadcast; `DTypeMismatch` unless x is a float, and the angles
    /// are of the type that it is computed in.
    ///
    /// ```
    /// use tensor::{RotaryPairs, Tensor};
    /// let x = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0], [1, 4])?;
    /// // The first pair by a quarter, the second not at all.
    /// let (cos, sin) = (Tensor::from_slice(&[0.0, 1.0], [2])?, Tensor::from_slice(&[1.0, 0.0], [2])?);
    /// assert_eq!(x.rotary(&cos, &sin, RotaryPairs::Halves)?.to_vec::<f64>()?, [-3.0, 2.0, 1.0, 4.0]);
    /// assert_eq!(x.rotary(&cos, &sin, RotaryPairs::Neighbours)?.to_vec::<f64>()?, [-2.0, 1.0, 3.0, 4.0]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn rotary(&self, cos: &Tensor, sin: &Tensor, pairs: RotaryPairs) -> Result<Tensor> {
        if self.dtype().is_narrow() {
            return self.to_dtype(self.dtype().compute())?.rotary(cos, sin, pairs)?.narrowed_to(self.dtype());
        }
        let dtype = same_dtype(OP, self, cos)?;
        same_dtype(OP, self, sin)?;
        let refuse = |rule, repair| {
            let shapes = [self, cos, sin].map(|x| x.shape().to_vec()).into();
            Err(Error::ShapeMismatch { op: OP, rule, shapes, repair })
        };
        let d = self.shape().last().copied().unwrap_or(1);
        if !d.is_multiple_of(2) {
            return refuse(
                "there must be an even number of features",
                "turn a part of them, or change the size of a head",
            );
        }
        let mut half: Vec<isize> = self.shape().iter().map(|&len| len as isize).collect();
        half[self.rank() - 1] = (d / 2) as isize;
        let (Ok(cos), Ok(sin)) = (cos.expand(&half), sin.expand(&half)) else {
            return refuse("angles must broadcast to (.., d/2)", "give one for each pair of features");
        };
        // Two axes at least; rows of neighbours.
        let rows = |x: &Tensor| -> Result<Tensor> {
            let x = x.unsqueeze(-2)?;
            if x.shape()[x.rank() - 1] <= 1 || x.layout().strides[x.rank() - 1] == 1 {
                Ok(x)
            } else {
                x.copied()
            }
        };
        let (x, cos, sin) = (rows(self)?, rows(&cos)?, rows(&sin)?);
        let lead = &self.shape()[..self.rank() - 1];
        let at = [&x, &cos, &sin].map(|x| offsets(x.layout(), lead));
        with_dtype!(dtype, T, float => Tensor::build(OP, self.shape(), |out: &mut [T]| {
            if out.is_empty() {
                return;
            }
            let [x, cos, sin] = [&x, &cos, &sin].map(|x| x.data::<T>());
            let out = Disjoint::new(out);
            for_ranges(at[0].len(), GRAIN.div_ceil(d), |range| {
                for r in range {
                    // SAFETY: `out` stays borrowed, and each row is in one piece.
                    let out = unsafe { out.slice(r * d..(r + 1) * d) };
                    let (x, cos) = (&x[at[0][r]..][..d], &cos[at[1][r]..][..d / 2]);
                    let sin = &sin[at[2][r]..][..d / 2];
                    match pairs {
                        RotaryPairs::Halves => turn_halves(x, cos, sin, out),
                        RotaryPairs::Neighbours => turn_neighbours(x, cos, sin, out),
                    }
                }
            });
        }), else dtype => Err(wrong_dtype(OP, "operands must be floats", dtype)))
    }
}

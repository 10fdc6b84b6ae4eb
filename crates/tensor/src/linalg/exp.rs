//! The exponential of matrices.

use super::*;

/// Numerators of the [13/13] Padé approximant of eˣ, c₀ … c₁₃ over c₁₃. Source: Higham, "The scaling and squaring method
/// for the matrix exponential revisited", 2005, equation 2.2: cⱼ = (26 − j)!·13! / (26!·(13 − j)!·j!).
fn pade() -> [f64; 14] {
    let mut c = [1.0; 14];
    for j in 1..14 {
        c[j] = c[j - 1] * (14 - j) as f64 / ((27 - j) * j) as f64;
    }
    c
}

/// The largest 1-norm at which the approximant is good to double precision. Source: Higham 2005, table 2.3.
const THETA: f64 = 5.371920351148152;

impl Tensor {
    /// e^A = Σ Aᵏ/k!, by scaling and squaring with a [13/13] Padé approximant.
    ///
    /// All matrices of a batch are scaled alike, for the largest of them. Shapes: `(.., n, n)` to the same. Errors:
    /// `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for values that are not finite. Source: Higham 2005.
    pub fn matrix_exp(&self) -> Result<Tensor> {
        let n = check_square("matrix_exp", self)?;
        let dtype = self.dtype();
        if self.len() == 0 {
            return Tensor::zeros(self.shape(), dtype);
        }
        let norm = self.abs()?.sum(&[-2])?.max(&[])?.item()?;
        if !norm.is_finite() {
            return Err(Error::InvalidArgument {
                op: "matrix_exp",
                rule: "a matrix must be finite",
                got: format!("a norm of {norm}"),
                repair: "find the operation that made it",
            });
        }
        let (mut squarings, mut scaled) = (0, norm);
        while scaled > THETA {
            scaled *= 0.5;
            squarings += 1;
        }
        let mut a = self.clone();
        if squarings > 0 {
            a = a.mul_scalar(libm::ldexp(1.0, -squarings))?;
        }
        let c = pade();
        let eye = Tensor::eye(n, dtype)?;
        let a2 = a.matmul(&a)?;
        let a4 = a2.matmul(&a2)?;
        let a6 = a4.matmul(&a2)?;
        let sum =
            |c6: f64, c4: f64, c2: f64| a6.mul_scalar(c6)?.add(&a4.mul_scalar(c4)?)?.add(&a2.mul_scalar(c2)?);
        let odd = a6.matmul(&sum(c[13], c[11], c[9])?)?.add(&sum(c[7], c[5], c[3])?)?;
        let odd = a.matmul(&odd.add(&eye.mul_scalar(c[1])?)?)?;
        let even = a6.matmul(&sum(c[12], c[10], c[8])?)?.add(&sum(c[6], c[4], c[2])?)?;
        let even = even.add(&eye.mul_scalar(c[0])?)?;
        let mut y = even.sub(&odd)?.solve(&even.add(&odd)?)?;
        for _ in 0..squarings {
            y = y.matmul(&y)?;
        }
        Ok(y)
    }
}

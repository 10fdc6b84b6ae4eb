//! Powers and the exponential of matrices.

use super::*;
use std::collections::BTreeMap;

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

/// How often a matrix of that 1-norm is halved.
fn squarings(norm: f64) -> i32 {
    let (mut count, mut scaled) = (0, norm);
    while scaled > THETA {
        scaled *= 0.5;
        count += 1;
    }
    count
}

/// e^A of matrices that are all halved `squarings` times.
fn exp_of(a: &Tensor, squarings: i32) -> Result<Tensor> {
    let mut a = a.clone();
    if squarings > 0 {
        a = a.mul_scalar(libm::ldexp(1.0, -squarings))?;
    }
    let c = pade();
    let eye = Tensor::eye(a.shape()[a.rank() - 1], a.dtype())?;
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

impl Tensor {
    /// e^A = Σ Aᵏ/k!, by scaling and squaring with a [13/13] Padé approximant.
    ///
    /// Each matrix is scaled for its own norm; those that are scaled alike are worked on together. Shapes: `(.., n, n)` to
    /// the same. Errors: `ShapeMismatch`, `DTypeMismatch`; `InvalidArgument` for values that are not finite, with their
    /// place. Source: Higham 2005.
    pub fn matrix_exp(&self) -> Result<Tensor> {
        let op = "matrix_exp";
        let n = check_square(op, self)?;
        if self.len() == 0 {
            return Tensor::zeros(self.shape(), self.dtype());
        }
        let norms = self.to_dtype(DType::F64)?.abs()?.sum(&[-2])?.max(&[-1])?.to_vec::<f64>()?;
        if let Some(i) = norms.iter().position(|norm| !norm.is_finite()) {
            let lead = &self.shape()[..self.rank() - 2];
            let one = self.reshape([norms.len(), n, n])?.select(0, i as isize)?;
            let values = one.to_dtype(DType::F64)?.to_vec::<f64>()?;
            return Err(match values.iter().position(|x| !x.is_finite()) {
                Some(at) => Fault::NotFinite(at / n, at % n).error(op, i, lead),
                None => Error::InvalidArgument {
                    op,
                    rule: "the norm of a matrix must be finite",
                    got: "one that is too large for double precision".into(),
                    repair: "scale the matrix",
                },
            });
        }
        let mut alike: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
        for (i, &norm) in norms.iter().enumerate() {
            alike.entry(squarings(norm)).or_default().push(i as i64);
        }
        if let [(&squarings, _)] = alike.iter().collect::<Vec<_>>()[..] {
            return exp_of(self, squarings);
        }
        let all = self.reshape([norms.len(), n, n])?;
        let mut parts = Vec::with_capacity(alike.len());
        let mut places = vec![0i64; norms.len()];
        let mut done = 0;
        for (squarings, of) in alike {
            for &i in &of {
                places[i as usize] = done;
                done += 1;
            }
            let of = Tensor::from_slice(&of, [of.len()])?;
            parts.push(exp_of(&all.index_select(0, &of)?, squarings)?);
        }
        let parts = Tensor::cat(&parts.iter().collect::<Vec<_>>(), 0)?;
        let places = Tensor::from_slice(&places, [places.len()])?;
        parts.index_select(0, &places)?.reshape(self.shape())
    }

    /// The matrix power Aᵖ by repeated squaring; a negative p takes the inverse, p = 0 gives the identity.
    ///
    /// Shapes: `(.., n, n)` to the same. Errors: as [`Tensor::inv`].
    pub fn matrix_power(&self, p: i32) -> Result<Tensor> {
        let n = check_square("matrix_power", self)?;
        if p == 0 {
            return Tensor::eye(n, self.dtype())?.expand(self.shape());
        }
        let mut base = if p < 0 { self.inv()? } else { self.clone() };
        let (mut left, mut y) = (p.unsigned_abs(), None::<Tensor>);
        loop {
            if left & 1 == 1 {
                y = Some(match y {
                    Some(y) => y.matmul(&base)?,
                    None => base.clone(),
                });
            }
            left >>= 1;
            match y {
                Some(y) if left == 0 => return Ok(y),
                _ => base = base.matmul(&base)?,
            }
        }
    }
}

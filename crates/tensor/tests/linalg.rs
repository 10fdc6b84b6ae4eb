//! Identities of the factorizations at `c·n·ε`, refusals by their text, and empty matrices.

use proptest::prelude::*;
use tensor::{DType, Result, Rng, Tensor, Triangular};

/// The largest absolute value of `x`.
fn size(x: &Tensor) -> f64 {
    if x.len() == 0 {
        0.0
    } else {
        x.abs().and_then(|x| x.max(&[])).and_then(|x| x.item()).unwrap_or(f64::NAN)
    }
}

/// c of the bounds `c·n·ε·scale`: faer's error constants are small, 8 leaves room for the sums of the check itself.
const C: f64 = 8.0;

fn close(x: &Tensor, y: &Tensor, n: usize, scale: f64) -> Result<()> {
    let epsilon = if x.dtype() == DType::F64 { f64::EPSILON } else { f32::EPSILON as f64 };
    let (far, allowed) = (size(&x.sub(y)?), C * n.max(1) as f64 * epsilon * scale.max(1.0));
    assert!(far <= allowed, "{far:e} is more than {allowed:e} for {:?}", x.shape());
    Ok(())
}

fn identities(m: usize, n: usize, dtype: DType, seed: u64) -> Result<()> {
    let mut rng = Rng::seed(seed);
    let a = rng.normal([2, m, n], 0.0, 1.0, dtype)?;
    let (k, most) = (m.min(n), m.max(n));
    let scale = size(&a) * (most as f64).sqrt();
    let eye = Tensor::eye(k, dtype)?.expand([2, k, k])?;

    let (q, r) = a.qr()?;
    close(&q.matmul(&r)?, &a, most, scale)?;
    close(&q.t()?.matmul(&q)?, &eye, most, 1.0)?;
    assert!(
        size(&r.tril(-1)?) == 0.0
            && r.diagonal()?.ge(&Tensor::zeros([], dtype)?)?.to_dtype(DType::I64)?.sum(&[])?.item()?
                == 2.0 * k as f64
    );

    let (u, s, vt) = a.svd()?;
    close(&u.mul(&s.unsqueeze(-2)?)?.matmul(&vt)?, &a, most, scale)?;
    close(&u.t()?.matmul(&u)?, &eye, most, 1.0)?;
    close(&vt.matmul(&vt.t()?)?, &eye, most, 1.0)?;
    close(&a.svdvals()?, &s, most, scale)?;

    let (p, l, up) = a.lu()?;
    close(&p.matmul(&l)?.matmul(&up)?, &a, most, scale)?;

    let square = a.matmul(&a.t()?)?.mul_scalar(1.0 / n as f64)?.add(&Tensor::eye(m, dtype)?)?;
    let scale = size(&square) * m as f64;
    let l = square.cholesky()?;
    close(&l.matmul(&l.t()?)?, &square, m, scale)?;
    let (values, v) = square.eigh()?;
    close(&square.matmul(&v)?, &v.mul(&values.unsqueeze(-2)?)?, m, scale)?;
    close(&square.eigvalsh()?, &values, m, scale)?;
    let x = square.solve(&a)?;
    close(&square.matmul(&x)?, &a, m, scale * size(&x))?;
    let y = l.triangular_solve(&a, Triangular::default())?;
    close(&l.matmul(&y)?, &a, m, scale * size(&y))?;
    let inverse = square.inv()?;
    close(&square.matmul(&inverse)?, &Tensor::eye(m, dtype)?.expand([2, m, m])?, m, scale)?;
    let (sign, log) = square.slogdet()?;
    close(&sign, &Tensor::ones([2], dtype)?, 1, 1.0)?;
    close(&log, &values.ln()?.sum(&[-1])?, m, m as f64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn factors_multiply_back_to_the_matrix(m in 1usize..20, n in 1usize..20, seed in any::<u64>(), double in any::<bool>()) {
        identities(m, n, if double { DType::F64 } else { DType::F32 }, seed)?;
    }
}

#[test]
fn large_factors_multiply_back_to_the_matrix() -> Result<()> {
    identities(64, 100, DType::F64, 1)?;
    identities(200, 150, DType::F64, 2)?;
    identities(130, 130, DType::F32, 3)
}

fn says<T: std::fmt::Debug>(result: Result<T>, text: &str) {
    assert_eq!(result.map(|_| ()).map_err(|e| e.to_string()), Err(text.to_string()));
}

#[test]
fn bad_matrices_are_refused_with_their_place() -> Result<()> {
    let mut values = vec![1.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 4.0];
    let a = Tensor::from_vec(values.clone(), [2, 2, 2])?;
    let singular = "a matrix must not be singular; got a zero pivot at 1 of matrix 1 of the batch; add a multiple of the identity, or use pinv or lstsq";
    says(a.inv(), &format!("[inv] {singular}"));
    says(a.solve(&Tensor::ones([2], DType::F64)?), &format!("[solve] {singular}"));
    says(
        a.select(0, 1)?.sub(&Tensor::eye(2, DType::F64)?)?.cholesky(),
        "[cholesky] a matrix must be positive definite; got a pivot that is not positive at 0; add a multiple of the identity, or check that the matrix is symmetric",
    );
    assert_eq!(a.det()?.to_vec::<f64>()?, [1.0, 0.0]);
    values[6] = f64::NAN;
    let a = Tensor::from_vec(values, [2, 2, 2])?;
    let finite = "a matrix must be finite; got NaN or infinity at row 1, column 0 of matrix 1 of the batch; find the operation that made it";
    says(a.inv(), &format!("[inv] {finite}"));
    says(a.svd(), &format!("[svd] {finite}"));
    says(a.eigh(), &format!("[eigh] {finite}"));
    says(a.qr(), &format!("[qr] {finite}"));
    says(a.det(), &format!("[det] {finite}"));
    says(a.eigvals(), &format!("[eigvals] {finite}"));
    says(
        Tensor::ones([2, 3], DType::F64)?.inv(),
        "[inv] matrices must be square; got [2, 3]; use lstsq, pinv, qr or svd for other shapes",
    );
    says(
        Tensor::ones([3], DType::F64)?.qr(),
        "[qr] there must be two axes at least, rows and columns; got [3]; add an axis with unsqueeze",
    );
    says(
        Tensor::eye(2, DType::I64)?.det(),
        "[det] a matrix must be of floats; got i64; convert with to_dtype(F32) or F64",
    );
    Ok(())
}

#[test]
fn empty_matrices_and_batches_have_results() -> Result<()> {
    for shape in [&[0, 0][..], &[0, 3, 3], &[2, 0, 0]] {
        let a = Tensor::zeros(shape, DType::F64)?;
        assert_eq!(a.inv()?.shape(), shape);
        assert_eq!(a.cholesky()?.shape(), shape);
        assert_eq!(a.eigh()?.1.shape(), shape);
        assert_eq!(a.svd()?.0.shape(), shape);
        assert_eq!(a.qr()?.0.shape(), shape);
        assert_eq!(a.lu()?.0.shape(), shape);
        assert_eq!(a.matrix_exp()?.shape(), shape);
        assert_eq!(a.eigvals()?.shape(), [&shape[..shape.len() - 1], &[2]].concat());
        assert_eq!(a.solve(&a)?.shape(), shape);
    }
    assert_eq!(Tensor::zeros([0, 0], DType::F64)?.det()?.item()?, 1.0);
    assert_eq!(Tensor::zeros([0, 3], DType::F64)?.svd()?.2.shape(), [0, 3]);
    assert_eq!(Tensor::zeros([3, 0], DType::F64)?.qr()?.0.shape(), [3, 0]);
    Ok(())
}

#[test]
fn eigenvalues_rank_and_exponential_of_known_matrices() -> Result<()> {
    let turn = Tensor::from_vec(vec![0.0, -2.0, 2.0, 0.0], [2, 2])?;
    let values = turn.eigvals()?.to_vec::<f64>()?;
    assert!(values.iter().zip([0.0, 2.0, 0.0, -2.0]).all(|(x, y)| (x - y).abs() < 1e-15), "{values:?}");
    // e^A of a rotation by an angle is cos and sin of it.
    for angle in [0.5, 20.0] {
        let e = turn.mul_scalar(0.5 * angle)?.matrix_exp()?.to_vec::<f64>()?;
        let (sin, cos) = (libm::sin(angle), libm::cos(angle));
        assert!(e.iter().zip([cos, -sin, sin, cos]).all(|(x, y)| (x - y).abs() < 2e-14), "{e:?}");
    }
    let a = Tensor::from_vec(vec![1.0, 2.0, 2.0, 4.0, 1.0, 0.0, 0.0, 3.0], [2, 2, 2])?;
    assert_eq!(a.matrix_rank(None)?.to_vec::<i64>()?, [1, 2]);
    Ok(())
}

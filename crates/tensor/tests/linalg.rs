//! Identities of the factorizations at `c·n·ε`, known matrices, and empty ones.

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

/// c of the bounds `c·n·ε·scale`. The most that was seen, of 20,000 random shapes in f32 and f64, is 2.7, for singular vectors of
/// three rows; LAPACK's own tests allow 30.
const C: f64 = 4.0;

#[track_caller]
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

    let p = a.pinv(None)?;
    let (condition, best) = (size(&a.cond()?), size(&p));
    close(&a.matmul(&p)?.matmul(&a)?, &a, most, scale * condition)?;
    close(&p.matmul(&a)?.matmul(&p)?, &p, most, best * condition * most as f64)?;
    let x = a.lstsq(&a)?;
    close(&x, &p.matmul(&a)?, most, condition)?;

    let general = a.narrow(-2, 0, k)?.narrow(-1, 0, k)?;
    let (values, re, im) = general.eig()?;
    let (lr, li) = (values.select(-1, 0)?.unsqueeze(-2)?, values.select(-1, 1)?.unsqueeze(-2)?);
    close(&general.matmul(&re)?, &re.mul(&lr)?.sub(&im.mul(&li)?)?, k, scale)?;
    close(&general.matmul(&im)?, &re.mul(&li)?.add(&im.mul(&lr)?)?, k, scale)?;
    close(&re.square()?.add(&im.square()?)?.sum(&[-2])?, &Tensor::ones([2, k], dtype)?, k, 1.0)?;
    close(&values.sum(&[-2])?.select(-1, 0)?, &general.diagonal()?.sum(&[-1])?, k, scale * k as f64)?;
    close(&general.eigvals()?.sum(&[-2])?, &values.sum(&[-2])?, k, scale * k as f64)?;

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
    let again = l.cholesky_inverse()?;
    close(&square.matmul(&again)?, &Tensor::eye(m, dtype)?.expand([2, m, m])?, m, scale)?;
    assert!(again.bit_eq(&again.t()?));
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
    identities(130, 130, DType::F32, 3)?;
    identities(300, 270, DType::F32, 4)
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
        assert_eq!(a.matrix_power(-3)?.shape(), shape);
        assert_eq!(a.cholesky_inverse()?.shape(), shape);
        assert_eq!(a.inv_ex()?.0.shape(), shape);
        assert_eq!(a.pinv(None)?.shape(), shape);
        assert_eq!(a.eig()?.2.shape(), shape);
        assert_eq!(a.eigvals()?.shape(), [&shape[..shape.len() - 1], &[2]].concat());
        assert_eq!(a.solve(&a)?.shape(), shape);
        assert_eq!(a.lstsq(&a)?.shape(), shape);
        let (f, order) = a.lu_factor()?;
        assert_eq!(f.lu_solve(&order, &a, true)?.shape(), shape);
    }
    assert_eq!(Tensor::zeros([0, 0], DType::F64)?.det()?.item()?, 1.0);
    assert_eq!(Tensor::zeros([0, 3], DType::F64)?.svd()?.2.shape(), [0, 3]);
    assert_eq!(Tensor::zeros([3, 0], DType::F64)?.qr()?.0.shape(), [3, 0]);
    assert_eq!(Tensor::zeros([2, 3, 0], DType::F64)?.pinv(None)?.shape(), [2, 0, 3]);
    assert_eq!(Tensor::zeros([2, 3, 0], DType::F64)?.matrix_rank(None)?.to_vec::<i64>()?, [0, 0]);
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

#[test]
fn singular_matrices_have_factors_without_nan() -> Result<()> {
    for n in [1usize, 2, 5, 20, 40] {
        // Of rank 2 at most, a column of zeros first, and 0 alone.
        let rank_2 =
            Tensor::from_vec((0..n * n).map(|ij| (ij / n * (ij % n) + ij % n) as f64).collect(), [n, n])?;
        for a in [rank_2, Tensor::zeros([n, n], DType::F64)?] {
            let scale = size(&a) * n as f64;
            let eye = Tensor::eye(n, DType::F64)?;
            let (p, l, u) = a.lu()?;
            close(&p.matmul(&l)?.matmul(&u)?, &a, n, scale)?;
            let (q, r) = a.qr()?;
            close(&q.matmul(&r)?, &a, n, scale)?;
            close(&q.t()?.matmul(&q)?, &eye, n, 1.0)?;
            let (u, s, vt) = a.svd()?;
            close(&u.mul(&s.unsqueeze(-2)?)?.matmul(&vt)?, &a, n, scale)?;
            close(&u.t()?.matmul(&u)?, &eye, n, 1.0)?;
            close(&vt.matmul(&vt.t()?)?, &eye, n, 1.0)?;
            assert_eq!(a.det()?.item()?, 0.0);
            assert_eq!(a.slogdet()?.1.item()?, f64::NEG_INFINITY);
            assert!(a.matrix_rank(None)?.item()? <= 2.0);
            let (inverse, info) = a.inv_ex()?;
            assert_eq!((size(&inverse), info.item()?), (0.0, 1.0));
            let p = a.pinv(None)?;
            close(&a.matmul(&p)?.matmul(&a)?, &a, n, scale * (1.0 + size(&p)) * (1.0 + size(&a)) * n as f64)?;
        }
    }
    Ok(())
}

#[test]
fn sizes_of_any_magnitude_are_factorized() -> Result<()> {
    // A square of these elements is infinite or 0.
    for magnitude in [1e-200, 1e200] {
        for n in [3, 24] {
            let a = Rng::seed(5).normal([n, n], 0.0, 1.0, DType::F64)?;
            let large = a.mul_scalar(magnitude)?;
            let small = |x: &Tensor| x.mul_scalar(1.0 / magnitude);
            let (q, r) = large.qr()?;
            close(&q.matmul(&small(&r)?)?, &a, n, size(&a) * 5.0)?;
            let (u, s, vt) = large.svd()?;
            close(&u.mul(&small(&s)?.unsqueeze(-2)?)?.matmul(&vt)?, &a, n, size(&a) * 5.0)?;
            let symmetric = large.add(&large.t()?)?;
            let (values, v) = symmetric.eigh()?;
            close(&small(&symmetric)?.matmul(&v)?, &v.mul(&small(&values)?)?, n, size(&a) * 5.0)?;
        }
    }
    Ok(())
}

#[test]
fn solving_with_kept_factors_gives_the_bits_of_solve() -> Result<()> {
    for n in [4, 40] {
        let mut rng = Rng::seed(8);
        let a = rng.normal([3, n, n], 0.0, 1.0, DType::F32)?;
        let b = rng.normal([2, 1, n, 3], 0.0, 1.0, DType::F32)?;
        let (f, order) = a.lu_factor()?;
        assert!(f.lu_solve(&order, &b, false)?.bit_eq(&a.solve(&b)?));
        let x = f.lu_solve(&order, &b, true)?;
        close(&a.t()?.matmul(&x)?, &b.expand(x.shape())?, n, size(&a) * size(&x) * n as f64)?;
    }
    Ok(())
}

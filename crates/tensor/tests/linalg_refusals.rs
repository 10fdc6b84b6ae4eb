//! What linear algebra refuses, by the text: which matrix of a batch, which pivot, which element.

use tensor::{DType, MatrixNorm, Result, Tensor, Triangular};

fn says<T: std::fmt::Debug>(result: Result<T>, text: &str) {
    assert_eq!(result.map(|_| ()).map_err(|e| e.to_string()), Err(text.to_string()));
}

/// Four 3 × 3 identities, one changed at (row, column).
fn identities(matrix: usize, row: usize, column: usize, x: f64) -> Result<Tensor> {
    let mut values = Tensor::eye(3, DType::F64)?.expand([4, 3, 3])?.to_vec::<f64>()?;
    values[9 * matrix + 3 * row + column] = x;
    Tensor::from_vec(values, [4, 3, 3])
}

const SINGULAR: &str = "add a multiple of the identity, or use pinv or lstsq";
const FINITE: &str = "find the operation that made it";
const DEFINITE: &str = "add a multiple of the identity, or check that the matrix is symmetric";

#[test]
fn singular_matrices_are_refused_with_the_batch_index_and_the_pivot() -> Result<()> {
    let b = Tensor::ones([3], DType::F64)?;
    let a = identities(3, 2, 2, 0.0)?;
    let why =
        format!("a matrix must not be singular; got a singular matrix at batch index 3, pivot 2; {SINGULAR}");
    says(a.solve(&b), &format!("[solve] {why}"));
    says(a.inv(), &format!("[inv] {why}"));
    says(a.matrix_power(-2), &format!("[inv] {why}"));
    says(a.triangular_solve(&b, Triangular::default()), &format!("[triangular_solve] {why}"));
    says(a.cholesky_inverse(), &format!("[cholesky_inverse] {why}"));
    let (f, order) = a.lu_factor()?;
    says(f.lu_solve(&order, &b, false), &format!("[lu_solve] {why}"));
    says(
        a.reshape([2, 2, 3, 3])?.inv(),
        &format!(
            "[inv] a matrix must not be singular; got a singular matrix at batch index [1, 1], pivot 2; {SINGULAR}"
        ),
    );
    says(
        a.select(0, 3)?.inv(),
        &format!("[inv] a matrix must not be singular; got a singular matrix at pivot 2; {SINGULAR}"),
    );
    // Of a large one too, and the first of several.
    let mut values = Tensor::eye(30, DType::F32)?.to_vec::<f32>()?;
    values[17 * 31] = 0.0;
    values[20 * 31] = 0.0;
    let large = Tensor::from_vec(values, [30, 30])?;
    says(
        large.inv(),
        &format!("[inv] a matrix must not be singular; got a singular matrix at pivot 17; {SINGULAR}"),
    );
    // No refusal: what needs no inverse.
    assert_eq!(a.det()?.to_vec::<f64>()?, [1.0, 1.0, 1.0, 0.0]);
    assert_eq!(a.matrix_rank(None)?.to_vec::<i64>()?, [3, 3, 3, 2]);
    assert_eq!(a.pinv(None)?.select(0, 3)?.to_vec::<f64>()?, a.select(0, 3)?.to_vec::<f64>()?);
    let (inverse, info) = a.inv_ex()?;
    assert_eq!(info.to_vec::<i64>()?, [0, 0, 0, 3]);
    assert_eq!(inverse.sum(&[-2, -1])?.to_vec::<f64>()?, [3.0, 3.0, 3.0, 0.0]);
    Ok(())
}

#[test]
fn matrices_that_are_not_positive_definite_are_refused_with_the_pivot() -> Result<()> {
    for x in [0.0, -1.0] {
        says(
            identities(1, 1, 1, x)?.cholesky(),
            &format!(
                "[cholesky] a matrix must be positive definite; got one that is not at batch index 1, pivot 1; {DEFINITE}"
            ),
        );
    }
    let mut values = Tensor::eye(30, DType::F32)?.to_vec::<f32>()?;
    values[21 * 31] = -1e-3;
    says(
        Tensor::from_vec(values, [30, 30])?.cholesky(),
        &format!(
            "[cholesky] a matrix must be positive definite; got one that is not at pivot 21; {DEFINITE}"
        ),
    );
    Ok(())
}

#[test]
fn values_that_are_not_finite_are_refused_with_their_place() -> Result<()> {
    let b = Tensor::ones([3], DType::F64)?;
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let a = identities(2, 1, 0, x)?;
        let why = format!(
            "a matrix must be finite; got NaN or infinity at batch index 2, row 1, column 0; {FINITE}"
        );
        says(a.solve(&b), &format!("[solve] {why}"));
        says(a.lu_factor(), &format!("[lu_factor] {why}"));
        says(a.inv(), &format!("[inv] {why}"));
        says(a.inv_ex(), &format!("[inv_ex] {why}"));
        says(a.det(), &format!("[det] {why}"));
        says(a.slogdet(), &format!("[slogdet] {why}"));
        says(a.lu(), &format!("[lu] {why}"));
        says(a.qr(), &format!("[qr] {why}"));
        says(a.cholesky(), &format!("[cholesky] {why}"));
        says(a.cholesky_inverse(), &format!("[cholesky_inverse] {why}"));
        says(a.triangular_solve(&b, Triangular::default()), &format!("[triangular_solve] {why}"));
        says(a.eigh(), &format!("[eigh] {why}"));
        says(a.eigvalsh(), &format!("[eigvalsh] {why}"));
        says(a.eig(), &format!("[eig] {why}"));
        says(a.eigvals(), &format!("[eigvals] {why}"));
        says(a.svd(), &format!("[svd] {why}"));
        says(a.svdvals(), &format!("[svdvals] {why}"));
        says(a.pinv(None), &format!("[pinv] {why}"));
        says(a.matrix_rank(None), &format!("[matrix_rank] {why}"));
        says(a.matrix_norm(MatrixNorm::Two), &format!("[matrix_norm] {why}"));
        says(a.cond(), &format!("[cond] {why}"));
        says(a.matrix_exp(), &format!("[matrix_exp] {why}"));
        let b = Tensor::from_vec(vec![1.0, x, 1.0], [3])?;
        let why = format!("the right side must be finite; got NaN or infinity at row 1, column 0; {FINITE}");
        let a = Tensor::eye(3, DType::F64)?;
        says(a.solve(&b), &format!("[solve] {why}"));
        says(a.triangular_solve(&b, Triangular::default()), &format!("[triangular_solve] {why}"));
    }
    Ok(())
}

#[test]
fn shapes_and_dtypes_that_do_not_fit_are_refused() -> Result<()> {
    let (wide, vector) = (Tensor::ones([2, 3], DType::F64)?, Tensor::ones([3], DType::F64)?);
    let square = "matrices must be square; got [2, 3]; use lstsq, pinv, qr or svd for other shapes";
    says(wide.inv(), &format!("[inv] {square}"));
    says(wide.cholesky(), &format!("[cholesky] {square}"));
    says(wide.solve(&vector), &format!("[solve] {square}"));
    says(wide.det(), &format!("[det] {square}"));
    says(wide.eig(), &format!("[eig] {square}"));
    says(wide.matrix_power(2), &format!("[matrix_power] {square}"));
    let axes = "there must be two axes at least, rows and columns; got [3]; add an axis with unsqueeze";
    says(vector.qr(), &format!("[qr] {axes}"));
    says(vector.matrix_norm(MatrixNorm::One), &format!("[matrix_norm] {axes}"));
    says(
        Tensor::eye(2, DType::I64)?.det(),
        "[det] a matrix must be of floats; got i64; convert with to_dtype(F32) or F64",
    );
    let (f, order) = Tensor::eye(2, DType::F64)?.lu_factor()?;
    let b = Tensor::ones([2], DType::F64)?;
    says(
        f.lu_solve(&order.select(0, 0)?, &b, false),
        "[lu_solve] the order must be I64 and have the shape of the factors without their last axis; got [2, 2] and []; take both from lu_factor",
    );
    says(
        f.lu_solve(&Tensor::from_vec(vec![1i64, 1], [2])?, &b, false),
        "[lu_solve] an order must name each row once; got row 1 of 2; take it from lu_factor",
    );
    Ok(())
}

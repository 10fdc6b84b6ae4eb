//! The law of equal bits for all of linear algebra: a matrix alone, in batches of 3 and 7, on other strides, with 1 thread
//! and 3.

use tensor::{DType, MatrixNorm, Result, Rng, Tensor, Triangular, set_threads};

type Function = fn(&Tensor) -> Result<Vec<Tensor>>;

fn three((a, b, c): (Tensor, Tensor, Tensor)) -> Vec<Tensor> {
    vec![a, b, c]
}

fn two((a, b): (Tensor, Tensor)) -> Vec<Tensor> {
    vec![a, b]
}

/// A · Aᵀ + 1, of each matrix.
fn definite(a: &Tensor) -> Result<Tensor> {
    let n = a.shape()[a.rank() - 2];
    a.matmul(&a.t()?)?.add(&Tensor::eye(n, a.dtype())?)
}

/// A right side that is the same for each matrix.
fn right(a: &Tensor) -> Result<Tensor> {
    let n = a.shape()[a.rank() - 1];
    Tensor::arange(3 * n, a.dtype())?.reshape([n, 3])?.add_scalar(1.0)
}

const UPPER: Triangular = Triangular { upper: true, transposed: true, unit: false };

/// Everything that takes matrices, square where it must be.
const FUNCTIONS: &[(&str, Function)] = &[
    ("solve", |a| Ok(vec![a.solve(&right(a)?)?])),
    ("solve of a vector", |a| Ok(vec![a.solve(&right(a)?.select(1, 0)?)?])),
    ("lu_factor", |a| a.lu_factor().map(two)),
    ("lu_solve", |a| {
        let (f, order) = a.lu_factor()?;
        Ok(vec![f.lu_solve(&order, &right(a)?, false)?, f.lu_solve(&order, &right(a)?, true)?])
    }),
    ("lu", |a| a.lu().map(three)),
    ("inv", |a| Ok(vec![a.inv()?])),
    ("inv_ex", |a| a.inv_ex().map(two)),
    ("det", |a| Ok(vec![a.det()?])),
    ("slogdet", |a| a.slogdet().map(two)),
    ("cholesky", |a| Ok(vec![definite(a)?.cholesky()?])),
    ("cholesky_solve", |a| Ok(vec![definite(a)?.cholesky()?.cholesky_solve(&right(a)?)?])),
    ("cholesky_inverse", |a| Ok(vec![definite(a)?.cholesky()?.cholesky_inverse()?])),
    ("triangular_solve", |a| Ok(vec![definite(a)?.triangular_solve(&right(a)?, Triangular::default())?])),
    ("triangular_solve upper", |a| Ok(vec![definite(a)?.triangular_solve(&right(a)?, UPPER)?])),
    ("qr", |a| a.qr().map(two)),
    ("svd", |a| a.svd().map(three)),
    ("svdvals", |a| Ok(vec![a.svdvals()?])),
    ("eigh", |a| a.eigh().map(two)),
    ("eigvalsh", |a| Ok(vec![a.eigvalsh()?])),
    ("eig", |a| a.eig().map(three)),
    ("eigvals", |a| Ok(vec![a.eigvals()?])),
    ("pinv", |a| Ok(vec![a.pinv(None)?])),
    ("lstsq", |a| Ok(vec![a.lstsq(&right(a)?)?])),
    ("matrix_rank", |a| Ok(vec![a.matrix_rank(None)?])),
    ("matrix_norm nuclear", |a| Ok(vec![a.matrix_norm(MatrixNorm::Nuclear)?])),
    ("matrix_norm 1", |a| Ok(vec![a.matrix_norm(MatrixNorm::One)?])),
    ("cond", |a| Ok(vec![a.cond()?])),
    ("matrix_power", |a| Ok(vec![a.matrix_power(-3)?])),
    ("matrix_exp", |a| Ok(vec![a.matrix_exp()?])),
];

/// `a` with its rows as columns in memory.
fn turned(a: &Tensor) -> Result<Tensor> {
    a.t()?.contiguous()?.t()
}

/// Every second row and column of a larger tensor.
fn spread(a: &Tensor) -> Result<Tensor> {
    let rank = a.rank();
    let twice = |a: &Tensor, axis: isize| {
        let wide = Tensor::stack(&[&a.neg()?, a], axis + 1)?;
        let shape: Vec<usize> =
            (0..rank).map(|i| a.shape()[i] * if i as isize == axis { 2 } else { 1 }).collect();
        wide.reshape(shape)
    };
    let (rows, columns) = (rank as isize - 2, rank as isize - 1);
    let wide = twice(&twice(a, rows)?, columns)?;
    let mut args = vec![tensor::Ellipsis];
    args.extend([tensor::SliceArg::from(1..).step(2), tensor::SliceArg::from(1..).step(2)]);
    wide.slice(&args)
}

fn same(name: &str, how: &str, n: usize, got: &[Tensor], expected: &[Tensor]) {
    assert_eq!(got.len(), expected.len());
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(got.bit_eq(expected), "{name}, result {i}, n = {n}: {how} changes bits");
    }
}

#[test]
fn a_matrix_alone_has_the_bits_that_it_has_in_any_batch_layout_and_number_of_threads() -> Result<()> {
    for (n, dtype) in [(1, DType::F32), (5, DType::F64), (24, DType::F32), (40, DType::F64), (70, DType::F32)]
    {
        // Norms from 1/8 to 8 of the first, so that one matrix_exp would be scaled for another.
        let scales = Tensor::from_vec((-3..4).map(|k| libm::exp2(k as f64)).collect::<Vec<_>>(), [7, 1, 1])?;
        let all = Rng::seed(n as u64).normal([7, n, n], 0.0, 1.0, DType::F64)?;
        let all = all.add(&Tensor::eye(n, DType::F64)?)?.mul(&scales)?.to_dtype(dtype)?;
        for (name, function) in FUNCTIONS {
            set_threads(1);
            let alone = (0..7).map(|i| function(&all.select(0, i)?)).collect::<Result<Vec<_>>>()?;
            for threads in [1, 3] {
                set_threads(threads);
                for (i, alone) in alone.iter().enumerate().take(3) {
                    let a = all.select(0, i as isize)?;
                    same(name, "a thread", n, &function(&a)?, alone);
                    same(name, "a transposed layout", n, &function(&turned(&a)?)?, alone);
                    same(name, "a spread layout", n, &function(&spread(&a)?)?, alone);
                }
                for (start, len) in [(0, 7), (2, 3), (4, 3)] {
                    let batch = all.narrow(0, start, len)?;
                    for batch in [&batch, &turned(&batch)?, &spread(&batch)?] {
                        let results = function(batch)?;
                        for i in 0..len {
                            let own = results
                                .iter()
                                .map(|x| x.select(0, i as isize))
                                .collect::<Result<Vec<_>>>()?;
                            same(name, "a batch", n, &own, &alone[start + i]);
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

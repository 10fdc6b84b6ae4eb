//! Kernel timings: `cargo bench -p tensor`, or one group with `cargo bench -p tensor -- reduction`.
//!
//! `THREADS=n` sets the number of threads. Each line says the bytes it must move, so that criterion's throughput can
//! be held against that of `copy/contiguous`; products say their multiply-adds.

#![allow(missing_docs)]

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use std::hint::black_box;
use tensor::{DType, Rng, Tensor};

const ROWS: usize = 4096;
const COLUMNS: usize = 1024;

fn matrix(rows: usize, columns: usize, seed: u64) -> Tensor {
    Rng::seed(seed).normal([rows, columns], 0.0, 1.0, DType::F32).expect("a matrix fits in memory")
}

/// Times `f`, which moves or computes `amount`.
fn line(group: &mut BenchmarkGroup<WallTime>, name: &str, amount: Throughput, mut f: impl FnMut() -> Tensor) {
    group.throughput(amount);
    group.bench_function(name, |b| b.iter(|| black_box(f())));
}

/// Bytes of `n` matrices of `ROWS` × `COLUMNS` floats.
fn matrices(n: u64) -> Throughput {
    Throughput::Bytes(n * (ROWS * COLUMNS * 4) as u64)
}

fn elementwise(c: &mut Criterion) {
    let mut group = c.benchmark_group("elementwise");
    let (x, y) = (matrix(ROWS, COLUMNS, 0), matrix(ROWS, COLUMNS, 1));
    let row = matrix(1, COLUMNS, 2);
    line(&mut group, "add", matrices(3), || x.add(&y).expect("add"));
    line(&mut group, "add row", matrices(2), || x.add(&row).expect("add"));
    line(&mut group, "relu", matrices(2), || x.relu().expect("relu"));
    line(&mut group, "exp", matrices(2), || x.exp().expect("exp"));
    line(&mut group, "tanh", matrices(2), || x.tanh().expect("tanh"));
    group.finish();
}

fn reduction(c: &mut Criterion) {
    let mut group = c.benchmark_group("reduction");
    let x = matrix(ROWS, COLUMNS, 0);
    line(&mut group, "sum axis 0", matrices(1), || x.sum(&[0]).expect("sum"));
    line(&mut group, "sum axis 1", matrices(1), || x.sum(&[1]).expect("sum"));
    line(&mut group, "sum all", matrices(1), || x.sum(&[]).expect("sum"));
    line(&mut group, "max axis 1", matrices(1), || x.max(&[1]).expect("max"));
    line(&mut group, "argmax axis 1", matrices(1), || x.argmax(1).expect("argmax"));
    line(&mut group, "var axis 1", matrices(1), || x.var(&[1], 1).expect("var"));
    group.finish();
}

fn matmul(c: &mut Criterion) {
    let mut group = c.benchmark_group("matmul");
    for (m, k, n) in [(64, 784, 512), (512, 512, 512), (1024, 1024, 1024), (1, 1024, 1024)] {
        let (a, b) = (matrix(m, k, 0), matrix(k, n, 1));
        let amount = Throughput::Elements((m * k * n) as u64);
        line(&mut group, &format!("{m}x{k}x{n}"), amount, || a.matmul(&b).expect("matmul"));
    }
    group.finish();
}

fn softmax(c: &mut Criterion) {
    let mut group = c.benchmark_group("softmax");
    let x = matrix(ROWS, COLUMNS, 0);
    let y = x.softmax(1).expect("softmax");
    line(&mut group, "softmax", matrices(2), || x.softmax(1).expect("softmax"));
    line(&mut group, "log_softmax", matrices(2), || x.log_softmax(1).expect("log_softmax"));
    line(&mut group, "softmax_grad", matrices(3), || y.softmax_grad(&x, 1).expect("softmax_grad"));
    let labels =
        Tensor::from_vec((0..ROWS as i64).map(|i| i % COLUMNS as i64).collect(), [ROWS]).expect("labels");
    let config = Default::default();
    line(&mut group, "cross_entropy", matrices(1), || {
        tensor::fused::cross_entropy(&x, &labels, &config).expect("cross_entropy").losses
    });
    group.finish();
}

fn copy(c: &mut Criterion) {
    let mut group = c.benchmark_group("copy");
    let x = matrix(ROWS, COLUMNS, 0);
    let turned = x.t().expect("t");
    let heads = x.reshape([8, 512, 16, 64]).expect("reshape").permute([0, 2, 1, 3]).expect("permute");
    line(&mut group, "contiguous", matrices(2), || x.copied().expect("copy"));
    line(&mut group, "transposed", matrices(2), || turned.copied().expect("copy"));
    line(&mut group, "heads", matrices(2), || heads.copied().expect("copy"));
    group.finish();
}

fn threads(_: &mut Criterion) {
    if let Some(n) = std::env::var("THREADS").ok().and_then(|n| n.parse().ok()) {
        tensor::set_threads(n);
    }
}

fn factorization(c: &mut Criterion) {
    let mut group = c.benchmark_group("factorization");
    let cube = |n: u64| Throughput::Elements(n * n * n);
    for dtype in [DType::F32, DType::F64] {
        let of = |n: usize| matrix(n, n, 0).to_dtype(dtype).expect("a matrix converts");
        let (a, b) = (of(256), of(512));
        let symmetric = a.add(&a.t().expect("t")).expect("add").contiguous().expect("contiguous");
        let definite = b.matmul(&b.t().expect("t")).expect("matmul");
        let definite = definite.add(&Tensor::eye(512, dtype).expect("eye")).expect("add");
        let right = b.narrow(1, 0, 1).and_then(|b| b.contiguous()).expect("a column");
        line(&mut group, &format!("svd 256 {dtype}"), cube(256), || a.svd_packed().expect("svd"));
        line(&mut group, &format!("eigh 256 {dtype}"), cube(256), || symmetric.eigh_packed().expect("eigh"));
        line(&mut group, &format!("qr 512 {dtype}"), cube(512), || b.qr_packed().expect("qr"));
        line(&mut group, &format!("cholesky 512 {dtype}"), cube(512), || {
            definite.cholesky().expect("cholesky")
        });
        line(&mut group, &format!("solve 512 {dtype}"), cube(512), || b.solve(&right).expect("solve"));
        line(&mut group, &format!("inv 512 {dtype}"), cube(512), || b.inv().expect("inv"));
        line(&mut group, &format!("det 512 {dtype}"), cube(512), || b.det().expect("det"));
    }
    group.finish();
}

criterion_group!(benches, threads, elementwise, reduction, matmul, factorization, softmax, copy);
criterion_main!(benches);

//! Modules, layers, initialisers and losses, from the outside.

mod adapters;
mod anomaly;
mod batch_norm;
mod cache;
mod checkpoint;
mod context;
mod conv;
mod derive;
mod dropout;
mod embedding;
mod feed_forward;
mod freeze;
mod golden;
mod images;
mod init;
mod instance_norm;
mod layers;
mod loss;
mod norm;
mod norm_goldens;
mod pattern;
mod quantize;
mod recurrent;
mod reparam;
mod state;
mod summary;
mod transformer;

use autodiff::Var;
use nn::Module;
use std::sync::Mutex;
use tensor::{DType, Rng, Tensor};

/// Normal numbers.
fn normal(shape: impl AsRef<[usize]>, seed: u64) -> Tensor {
    Rng::seed(seed).normal(shape, 0.0, 1.0, DType::F64).unwrap()
}

fn paths(module: &impl Module) -> Vec<String> {
    module.named_params().into_iter().map(|(path, _)| path).collect()
}

/// `f()` while kernels use `n` threads. One at a time: the number is the process's.
fn with_threads<T>(n: usize, f: impl FnOnce() -> T) -> T {
    static LOCK: Mutex<()> = Mutex::new(());
    let _guard = LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let before = tensor::threads();
    tensor::set_threads(n);
    let result = f();
    tensor::set_threads(before);
    result
}

/// The sum of squares, which makes every output count, and each differently.
fn square_sum(y: &Var) -> autodiff::Result<Var> {
    y.square()?.sum(&[])
}

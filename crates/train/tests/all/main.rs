//! The training loop from the outside.

mod bits;
mod callbacks;
#[cfg(feature = "dashboard")]
mod dashboard;
mod fit;
mod goldens;
mod logs;
mod metric_goldens;
mod metric_laws;
mod refusals;
mod resume;
mod sparse;
mod steps;
mod tried;

use data::Dataset;
use models::Mlp;
use nn::Module;
use std::sync::Mutex;
use tensor::{DType, Rng, Tensor};
use train::{Classification, Progress, TrainConfig};

/// Two classes, inside and outside a circle, which no line can part.
fn circle(rows: usize, seed: u64) -> Dataset {
    let x = Rng::seed(seed).uniform([rows, 2], -1.0, 1.0, DType::F32).unwrap();
    let labels =
        x.to_vec::<f32>().unwrap().chunks(2).map(|p| i64::from(p[0] * p[0] + p[1] * p[1] < 0.6)).collect();
    let names = vec!["outside".to_string(), "inside".to_string()];
    Dataset::classification(x, Tensor::from_vec(labels, [rows]).unwrap(), names).unwrap()
}

fn task() -> Classification {
    Classification::new(["outside", "inside"])
}

fn mlp(seed: u64) -> Mlp {
    Mlp::new([2, 16, 2], &mut Rng::seed(seed)).unwrap()
}

/// Three epochs without a word.
fn quiet() -> TrainConfig {
    TrainConfig { epochs: 3, batch_size: 16, progress: Progress::Silent, ..Default::default() }
}

fn fingerprint(model: &impl Module) -> u64 {
    model.state_dict().fingerprint().unwrap()
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

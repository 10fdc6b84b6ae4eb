//! What a step on a sparse table takes. One test, since it counts all memory of the process.

use nn::{Context, Embedding, EmbeddingConfig, Layer};
use optim::{Adagrad, Optimizer, Sgd, SparseAdam, clip_grad_norm};
use tensor::{DType, Rng, memory_stats, reset_peak_memory};

const D: usize = 16;

/// The most bytes that a step holds beside table and moments, once the moments are there.
fn peak(vocab: usize, sparse: bool, optimizer: &mut dyn Optimizer) -> usize {
    let config = EmbeddingConfig { sparse, ..Default::default() };
    let mut table = Embedding::with_config(vocab, D, &config, &mut Rng::seed(0)).unwrap();
    let mut step = |seed: u64| {
        let tokens = Rng::seed(seed).uniform([8, 20], 0.0, 1000.0, DType::F64).unwrap().floor().unwrap();
        let tokens = tokens.to_dtype(DType::I64).unwrap().into();
        let y = table.forward(&tokens, &mut Context::train(&mut Rng::seed(0))).unwrap();
        let mut grads = y.square().unwrap().mean(&[]).unwrap().backward().unwrap();
        clip_grad_norm(&mut grads, 0.1).unwrap();
        optimizer.step(&mut table, &grads).unwrap();
    };
    (0..3).for_each(&mut step);
    let before = memory_stats();
    reset_peak_memory();
    step(3);
    let peak = memory_stats().peak_bytes - (before.system_bytes - before.pooled_bytes);
    // Steps of the same tokens find all they need.
    let steady = memory_stats();
    (0..4).for_each(&mut step);
    assert_eq!(memory_stats().system_allocations, steady.system_allocations);
    peak
}

#[test]
fn a_step_on_a_sparse_table_takes_memory_by_the_tokens_and_not_by_the_table() {
    let table = |vocab: usize| vocab * D * 4;
    let all: [fn() -> Box<dyn Optimizer>; 3] =
        [|| Box::new(SparseAdam::new(0.1)), || Box::new(Sgd::new(0.1)), || Box::new(Adagrad::new(0.1))];
    for make in all {
        let (small, large) = (peak(2_000, true, &mut *make()), peak(200_000, true, &mut *make()));
        let name = make().state().kind;
        assert_eq!(small, large, "{name}");
        assert!(large < table(2_000), "{name}: {large} bytes for 160 tokens of {} bytes", D * 4);
        // The measure sees a whole gradient where there is one.
        let whole = peak(200_000, false, &mut *make());
        assert!(whole >= table(200_000), "{name}: {whole}");
    }
}

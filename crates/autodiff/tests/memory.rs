//! What a backward pass holds on to. One test, since it counts all memory of the process.

use autodiff::{Grads, Op, Result, Saved, Saves, Var, grads};
use std::sync::atomic::{AtomicUsize, Ordering};
use tensor::{DType, Tensor, memory_stats, reset_peak_memory};

const N: usize = 1 << 17;
const BYTES: usize = 8 * N;

/// How many tensors of `N` doubles are alive.
fn alive() -> usize {
    let stats = memory_stats();
    (stats.system_bytes - stats.pooled_bytes) / BYTES
}

static AT_BACKWARD: [AtomicUsize; 2] = [const { AtomicUsize::new(usize::MAX) }; 2];

/// The identity, which notes how many tensors are alive when the gradient passes.
struct Probe(usize);

impl Op for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }
    fn saves(&self) -> Saves {
        Saves::NOTHING
    }
    fn forward(&mut self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].clone())
    }
    fn backward(&self, _: &Saved, grad: &Var) -> Result<Grads> {
        AT_BACKWARD[self.0].store(alive(), Ordering::Relaxed);
        grads([grad.clone()])
    }
}

#[test]
fn saved_activations_are_let_go_as_the_gradient_passes() -> Result<()> {
    const DEPTH: usize = 20;
    let x = Var::variable(Tensor::full([N], 0.5, DType::F64)?);
    let forward = || -> Result<Var> {
        let mut y = Var::apply(Probe(0), &[&x])?;
        for _ in 0..DEPTH {
            y = y.tanh()?;
        }
        Var::apply(Probe(1), &[&y])?.sum(&[])
    };

    let loss = forward()?;
    assert_eq!(alive(), 1 + DEPTH, "the leaf, and the result of each tanh");
    drop(loss);
    assert_eq!(alive(), 1, "a graph that is dropped leaves nothing");

    let loss = forward()?;
    let grads = loss.backward()?;
    // At the far end all results are saved, and the gradient is the one number of the sum, repeated.
    assert_eq!(AT_BACKWARD[1].load(Ordering::Relaxed), 1 + DEPTH);
    // Before the leaf all are gone; what is left is the leaf and the gradient that passes.
    assert_eq!(AT_BACKWARD[0].load(Ordering::Relaxed), 2);
    assert_eq!(alive(), 2, "the leaf and its gradient");
    drop(grads);

    // From then on the pool has all that a step needs.
    let before = memory_stats().system_allocations;
    for _ in 0..3 {
        forward()?.backward()?;
    }
    assert_eq!(memory_stats().system_allocations, before, "a steady step takes nothing from the system");

    // Parts of a value add their gradients to one sum: none makes another of the whole.
    let whole = x.reshape([64, N / 64])?.mul_scalar(2.0)?;
    let mut loss = Var::constant(Tensor::zeros([], DType::F64)?);
    for i in 0..64 {
        loss = loss.add(&whole.select(0, i)?.square()?.sum(&[])?)?;
    }
    drop(whole);
    reset_peak_memory();
    let before = memory_stats().peak_bytes;
    loss.backward()?;
    // The sum, and then the leaf's gradient beside it, when the value itself is gone.
    let more = memory_stats().peak_bytes - before;
    assert!(more < BYTES * 3 / 2, "{more} bytes for a value of {BYTES}");

    // Constants keep nothing but the value itself.
    let mut y = x.detach();
    for _ in 0..DEPTH {
        y = y.tanh()?;
    }
    assert_eq!(alive(), 2, "inference holds its input and its result");
    Ok(())
}

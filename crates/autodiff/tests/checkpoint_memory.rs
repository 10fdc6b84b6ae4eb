//! What a checkpoint saves. One test, since it counts all memory of the process.

use autodiff::{Gradients, LeafId, Result, Var, checkpoint};
use tensor::{DType, Rng, Tensor, memory_stats, reset_peak_memory};

const BLOCKS: usize = 48;

/// `x + tanh(x·w)·gelu(x·w)`, whose parameter is a leaf made inside.
fn block(x: &Var, w: &(LeafId, Tensor)) -> Result<Var> {
    let h = x.matmul(&Var::leaf(w.1.clone(), w.0))?;
    x.add(&h.tanh()?.mul(&h.gelu()?)?)
}

fn train(x: &Var, weights: &[(LeafId, Tensor)], again: bool) -> Result<(usize, Gradients)> {
    let before = memory_stats();
    reset_peak_memory();
    let step = |y: Var, w: &(LeafId, Tensor)| {
        let w = w.clone();
        if again { checkpoint(move |x| block(&x[0], &w), &[y]) } else { block(&y, &w) }
    };
    let grads = weights.iter().try_fold(x.clone(), step)?.square()?.mean(&[])?.backward()?;
    Ok((memory_stats().peak_bytes - (before.system_bytes - before.pooled_bytes), grads))
}

#[test]
fn a_network_of_48_blocks_takes_at_most_half_and_has_the_same_gradients() -> Result<()> {
    let mut rng = Rng::seed(1);
    let weights: Vec<(LeafId, Tensor)> = (0..BLOCKS)
        .map(|_| Ok((LeafId::new(), rng.normal([32, 32], 0.0, 0.1, DType::F32)?)))
        .collect::<Result<_>>()?;
    let x = Var::variable(rng.normal([512, 32], 0.0, 1.0, DType::F32)?);
    let (whole, expected) = train(&x, &weights, false)?;
    let (parts, grads) = train(&x, &weights, true)?;
    assert!(2 * parts <= whole, "{parts} bytes against {whole}");
    assert_eq!(grads.len(), BLOCKS + 1);
    for ((a, expected), (b, found)) in expected.iter().zip(grads.iter()) {
        assert!(a == b && expected.bit_eq(found));
    }
    Ok(())
}

//! What a model in checkpoints holds. One test, since it counts all memory of the process.

use autodiff::Gradients;
use nn::{
    Activation, Checkpointed, Context, Dropout, Layer, LayerNorm, Linear, Module, Residual, Result,
    Sequential,
};
use tensor::{DType, Rng, Tensor, memory_stats, reset_peak_memory};

const BLOCKS: usize = 48;
const WIDTH: usize = 32;

/// `x + dropout(linear2(gelu(linear1(norm(x)))))`
fn block(rng: &mut Rng) -> Result<Residual<Sequential>> {
    Ok(Residual::new(
        Sequential::new()
            .push(LayerNorm::new([WIDTH])?)
            .push(Linear::new(WIDTH, 2 * WIDTH, rng)?)
            .push(Activation::Gelu)
            .push(Linear::new(2 * WIDTH, WIDTH, rng)?)
            .push(Dropout::new(0.25)?),
    ))
}

/// The most bytes that the step held, its loss and its gradients.
fn train(net: &Sequential, x: &Tensor) -> Result<(usize, Tensor, Gradients)> {
    let before = memory_stats();
    reset_peak_memory();
    let mut cx = Context::train(&mut Rng::seed(3));
    let loss = net.forward(&x.into(), &mut cx)?.square()?.mean(&[])?;
    let value = loss.value().clone();
    let grads = loss.backward()?;
    Ok((memory_stats().peak_bytes - (before.system_bytes - before.pooled_bytes), value, grads))
}

#[test]
fn a_network_of_48_blocks_with_dropout_takes_at_most_half_and_has_the_same_gradients() -> Result<()> {
    let rng = &mut Rng::seed(1);
    let blocks: Vec<Residual<Sequential>> = (0..BLOCKS).map(|_| block(rng)).collect::<Result<_>>()?;
    let state = blocks.iter().cloned().fold(Sequential::new(), |net, block| net.push(block)).state_dict();
    let mut whole = blocks.iter().cloned().fold(Sequential::new(), |net, block| net.push(block));
    let mut parts =
        blocks.into_iter().fold(Sequential::new(), |net, block| net.push(Checkpointed::new(block)));
    // A wrapper changes no name.
    whole.load_state_dict(&state)?;
    parts.load_state_dict(&state)?;
    let x = rng.normal([512, WIDTH], 0.0, 1.0, DType::F32)?;

    let (held, loss, expected) = train(&whole, &x)?;
    let (held_in_parts, loss_in_parts, grads) = train(&parts, &x)?;
    assert!(2 * held_in_parts <= held, "{held_in_parts} bytes against {held}");
    assert!(loss.bit_eq(&loss_in_parts));
    assert_eq!(grads.len(), expected.len());
    for ((path, a), (_, b)) in whole.named_params().into_iter().zip(parts.named_params()) {
        assert!(expected.get(a.id()).unwrap().bit_eq(grads.get(b.id()).unwrap()), "{path}");
    }
    Ok(())
}

//! A cache that forgets what a window has passed: no bit may tell.

use autodiff::Var;
use nn::{AttentionMask, Context, KvCache, MultiHeadAttention};
use tensor::{DType, Rng, Tensor};

fn normal(shape: &[usize], rng: &mut Rng) -> Var {
    rng.normal(shape, 0.0, 1.0, DType::F32).unwrap().into()
}

/// Sequences of `lens` tokens, read in passes of at most `t`, each from its own end: what the layer makes of them.
fn in_passes(
    attention: &MultiHeadAttention,
    mask: &AttentionMask,
    x: &Var,
    lens: &[usize],
    t: &mut dyn FnMut() -> usize,
) -> (Vec<Tensor>, Vec<usize>) {
    let mut cx = Context::cached(KvCache::new(lens.len(), usize::MAX).unwrap());
    let (mut parts, mut bytes) = (vec![Vec::new(); lens.len()], Vec::new());
    while cx.offsets().iter().zip(lens).any(|(at, len)| at < len) {
        let at = cx.offsets().to_vec();
        let t = t().min(lens.iter().zip(&at).map(|(len, at)| len - at).max().unwrap());
        // What a sequence has no more of is padding, and is not counted.
        let rows = at.iter().enumerate().map(|(i, &at)| {
            let start = at.min(x.shape()[1] - t);
            x.value().narrow(0, i, 1).unwrap().narrow(1, start, t).unwrap()
        });
        let rows: Vec<Tensor> = rows.collect();
        let step = Var::from(Tensor::cat(&rows.iter().collect::<Vec<_>>(), 0).unwrap());
        let y = attention.forward_with(&step, &step, mask, &mut cx).unwrap();
        let by: Vec<usize> = lens.iter().zip(&at).map(|(len, at)| t.min(len - at)).collect();
        cx.advance(&by).unwrap();
        for (i, &by) in by.iter().enumerate() {
            parts[i].push(y.value().narrow(0, i, 1).unwrap().narrow(1, 0, by).unwrap());
        }
        bytes.push(cx.cache().unwrap().bytes());
    }
    let whole = |parts: &Vec<Tensor>| Tensor::cat(&parts.iter().collect::<Vec<_>>(), 1).unwrap();
    (parts.iter().map(whole).collect(), bytes)
}

#[test]
fn a_cache_that_forgets_changes_no_bit_and_takes_no_more_memory() {
    let rng = &mut Rng::seed(0);
    let attention = MultiHeadAttention::new(4, 2, rng).unwrap();
    let all = 5000;
    let x = normal(&[3, all, 4], rng);
    let mut state = 7u64;
    let mut any = move |most: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        1 + ((state >> 33) % most) as usize
    };
    for (window, lens, most) in
        [(5, [5000, 4990, 2047], 300), (1500, [5000, 3000, 5000], 700), (2500, [5000, 4000, 4500], 900)]
    {
        let masks = [
            AttentionMask::sliding(window),
            AttentionMask { slopes: vec![0.5, 0.01], ..AttentionMask::sliding(window) },
        ];
        for mask in masks {
            let whole = attention.forward_with(&x, &x, &mask, &mut Context::eval()).unwrap();
            let (found, bytes) = in_passes(&attention, &mask, &x, &lens, &mut || any(most));
            for (i, found) in found.iter().enumerate() {
                let expected = whole.value().narrow(0, i, 1).unwrap().narrow(1, 0, lens[i]).unwrap();
                assert!(found.bit_eq(&expected), "window {window}, sequence {i}");
            }
            // Keys and values of four numbers for three sequences: three windows, a chunk, and the longest pass.
            let room = 3 * 2 * 4 * 4 * (3 * window + 1024 + most as usize);
            assert!(bytes.iter().all(|&bytes| bytes <= room), "{} of {room}", bytes.iter().max().unwrap());
        }
    }
}

#[test]
fn one_token_a_pass_takes_flat_memory_behind_a_long_prompt() {
    let rng = &mut Rng::seed(1);
    let attention = MultiHeadAttention::new(4, 2, rng).unwrap();
    let x = normal(&[2, 4000, 4], rng);
    let mask = AttentionMask::sliding(3);
    let whole = attention.forward_with(&x, &x, &mask, &mut Context::eval()).unwrap();
    let mut passes = 0;
    let mut first_long = || {
        passes += 1;
        if passes == 1 { 2900 } else { 1 }
    };
    let (found, bytes) = in_passes(&attention, &mask, &x, &[4000, 4000], &mut first_long);
    for (i, found) in found.iter().enumerate() {
        assert!(found.bit_eq(&whole.value().narrow(0, i, 1).unwrap()));
    }
    assert!(bytes[1..].iter().all(|&bytes| bytes == 2 * 2 * 4 * 4 * (1024 + 3)), "{:?}", &bytes[..3]);
}

//! Dropout is a random mask in training, and nothing in evaluation.

use crate::{square_sum, with_threads};
use autodiff::Var;
use nn::{Context, Dropout, Layer};
use tensor::{DType, Rng, Tensor};

fn ones(n: usize) -> Var {
    Tensor::ones([n], DType::F32).unwrap().into()
}

/// What dropout with `p` makes of ones, in a pass of this stream.
fn dropped(p: f64, n: usize, seed: u64) -> Vec<f32> {
    let mut cx = Context::train(&mut Rng::seed(seed));
    Dropout::new(p).unwrap().forward(&ones(n), &mut cx).unwrap().value().to_vec().unwrap()
}

#[test]
fn elements_are_0_or_scaled_up_so_that_the_mean_stays() {
    const N: usize = 100_000;
    for p in [0.1, 0.5, 0.9] {
        let y = dropped(p, N, 0);
        let scale = (1.0 / (1.0 - p)) as f32;
        assert!(y.iter().all(|&y| y == 0.0 || y == scale), "p = {p}");
        let mean = y.iter().map(|&y| y as f64).sum::<f64>() / N as f64;
        // The standard deviation of the mean is √(p/(1 − p)/N); five of them.
        let allowed = 5.0 * (p / (1.0 - p) / N as f64).sqrt();
        assert!((mean - 1.0).abs() < allowed, "p = {p}: mean {mean}, allowed {allowed}");
    }
}

#[test]
fn probability_0_keeps_everything_and_1_nothing() {
    assert_eq!(dropped(0.0, 5, 0), [1.0; 5]);
    assert_eq!(dropped(1.0, 5, 0), [0.0; 5]);
}

#[test]
fn the_same_stream_gives_the_same_mask_and_another_one_another() {
    assert_eq!(dropped(0.5, 1000, 3), dropped(0.5, 1000, 3));
    assert_ne!(dropped(0.5, 1000, 3), dropped(0.5, 1000, 4));
}

#[test]
fn steps_of_one_generator_and_layers_of_one_pass_have_different_masks() {
    let (rng, dropout) = (&mut Rng::seed(0), Dropout::new(0.5).unwrap());
    let mut pass = || {
        let mut cx = Context::train(rng);
        let mut run = || dropout.forward(&ones(1000), &mut cx).unwrap().value().to_vec::<f32>().unwrap();
        [run(), run()]
    };
    let ([a, b], [c, d]) = (pass(), pass());
    let masks = [a, b, c, d];
    for i in 0..4 {
        for j in 0..i {
            assert_ne!(masks[i], masks[j], "masks {i} and {j}");
        }
    }
}

#[test]
fn the_gradient_passes_where_the_element_passed() {
    let x = Var::variable(Tensor::ones([1000], DType::F64).unwrap());
    let y = Dropout::new(0.25).unwrap().forward(&x, &mut Context::train(&mut Rng::seed(0))).unwrap();
    let output = y.value().clone();
    let grads = y.sum(&[]).unwrap().backward().unwrap();
    assert!(grads.of(&x).unwrap().bit_eq(&output), "the mask is the derivative");
}

#[test]
fn evaluation_changes_nothing() {
    let x = ones(10);
    let y = Dropout::new(0.9).unwrap().forward(&x, &mut Context::eval()).unwrap();
    assert!(y.value().bit_eq(x.value()));
}

#[test]
fn a_probability_outside_0_to_1_is_refused() {
    for p in [-0.1, 1.5, f64::NAN] {
        assert_eq!(
            Dropout::new(p).unwrap_err().to_string(),
            format!("[dropout] a probability must lie in 0..=1; got {p}; use 0.1 or the like")
        );
    }
}

#[test]
fn added_to_a_residual_it_has_the_bits_of_a_product_with_the_mask_and_a_sum() {
    for (p, dtype) in [(0.0, DType::F32), (0.1, DType::F32), (0.5, DType::F64), (1.0, DType::F32)] {
        let rng = &mut Rng::seed(4);
        let [x, y] = [0; 2].map(|_| rng.normal([70, 601], 0.0, 1.0, dtype).unwrap());
        let dropout = Dropout::new(p).unwrap();
        let pass = |threads: usize, sum: &dyn Fn(&Var, &Var, &mut Context) -> Var| {
            with_threads(threads, || {
                let (x, y) = (Var::variable(x.clone()), Var::variable(y.clone()));
                let mut cx = Context::train(&mut Rng::seed(5));
                let z = sum(&x, &y, &mut cx);
                let value = z.value().clone();
                let grads = square_sum(&z).unwrap().backward().unwrap();
                // What is drawn next stays what it was.
                let next = cx.rng().unwrap().bernoulli([64], 0.5).unwrap();
                [value, grads.of(&x).unwrap().clone(), grads.of(&y).unwrap().clone(), next]
            })
        };
        let by_mask = pass(1, &|x, y, cx| {
            if p == 0.0 {
                return x.add(y).unwrap();
            }
            let scale = if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 };
            let mask = cx.rng().unwrap().bernoulli(y.shape(), 1.0 - p).unwrap().to_dtype(dtype).unwrap();
            x.add(&y.mul(&mask.mul_scalar(scale).unwrap().into()).unwrap()).unwrap()
        });
        for threads in [1, 2, 3, 8] {
            let one = pass(threads, &|x, y, cx| dropout.add_to(x, y, cx).unwrap());
            let two = pass(threads, &|x, y, cx| x.add(&dropout.forward(y, cx).unwrap()).unwrap());
            for i in 0..4 {
                assert!(one[i].bit_eq(&by_mask[i]), "p = {p}, {threads} threads, result {i}");
                assert!(two[i].bit_eq(&by_mask[i]), "p = {p}, {threads} threads, result {i} of two");
            }
        }
    }
}

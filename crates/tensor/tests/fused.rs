//! Fused losses and optimizer updates against their formulas, and the same bits at any thread count.

use std::sync::{Mutex, MutexGuard};
use tensor::fused::{
    AdamConfig, AdamItem, SgdConfig, SgdItem, adam_update, mse, mse_grad, sgd_update, sum_of_squares,
};
use tensor::{DType, Tensor, set_threads};

/// The thread count is process-wide; tests that set it take turns.
fn settings() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|p| p.into_inner())
}

fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        })
        .collect()
}

fn tensor(n: usize, seed: u64, dtype: DType) -> Tensor {
    Tensor::from_vec(noise(n, seed), [n]).unwrap().to_dtype(dtype).unwrap()
}

fn f64s(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().to_vec().unwrap()
}

const ADAM: AdamConfig =
    AdamConfig { beta1: 0.9, beta2: 0.999, eps: 1e-8, decoupled: false, step: 1, grad_scale: 1.0 };
const SGD: SgdConfig = SgdConfig { momentum: 0.0, dampening: 0.0, nesterov: false, step: 1, grad_scale: 1.0 };

#[test]
fn squared_error_and_its_gradient_are_the_formulas() {
    for n in [1usize, 7, 1024, 1025, 100_003] {
        let (x, y) = (tensor(n, 1, DType::F64), tensor(n, 2, DType::F64));
        let gaps: Vec<f64> = f64s(&x).iter().zip(f64s(&y)).map(|(x, y)| x - y).collect();
        let expected = gaps.iter().map(|g| g * g).sum::<f64>() / n as f64;
        // The plain sum of the oracle rounds n times.
        let got = mse(&x, &y).unwrap();
        assert_eq!(got.shape(), [0usize; 0]);
        assert!((got.item().unwrap() - expected).abs() <= n as f64 * f64::EPSILON * expected);
        let grad = f64s(&mse_grad(&x, &y, &Tensor::scalar(3.0f64)).unwrap());
        for (grad, gap) in grad.iter().zip(&gaps) {
            // Three roundings.
            assert!((grad - 6.0 * gap / n as f64).abs() <= 4.0 * f64::EPSILON * grad.abs());
        }
    }
    let none = Tensor::zeros([0], DType::F32).unwrap();
    assert!(mse(&none, &none).unwrap().item().unwrap().is_nan());
    let t = Tensor::zeros([2, 3], DType::F32).unwrap();
    assert_eq!(
        mse(&t, &t.t().unwrap()).unwrap_err().to_string(),
        "[mse] shapes must be equal; got [2, 3] and [3, 2]; reshape or expand one operand"
    );
}

#[test]
fn the_sum_of_squares_runs_over_all_tensors_in_doubles() {
    let tensors = [tensor(5000, 1, DType::F32), tensor(0, 2, DType::F64), tensor(33, 3, DType::F64)];
    let view = tensors[0].reshape([50, 100]).unwrap().t().unwrap();
    let list: Vec<&Tensor> = tensors.iter().chain([&view]).collect();
    let expected: f64 = list.iter().flat_map(|t| f64s(t)).map(|x| x * x).sum();
    let got = sum_of_squares(&list).unwrap();
    assert!((got - expected).abs() <= 1e4 * f64::EPSILON * expected);
    assert_eq!(sum_of_squares(&[]).unwrap(), 0.0);
    assert_eq!(
        sum_of_squares(&[&Tensor::zeros([1], DType::I64).unwrap()]).unwrap_err().to_string(),
        "[sum_of_squares] operands must be floats; got i64; convert with to_dtype first"
    );
}

/// Adam of one number, step by step as in the paper.
fn adam_by_hand(p: f64, grads: &[f64], lr: f64, decay: f64, c: &AdamConfig) -> (f64, f64, f64) {
    let (mut p, mut m, mut v) = (p, 0.0, 0.0);
    for (t, g) in (1i32..).zip(grads) {
        let mut g = g * c.grad_scale;
        match c.decoupled {
            true => p -= lr * decay * p,
            false => g += decay * p,
        }
        m = c.beta1 * m + (1.0 - c.beta1) * g;
        v = c.beta2 * v + (1.0 - c.beta2) * g * g;
        let (m_hat, v_hat) = (m / (1.0 - c.beta1.powi(t)), v / (1.0 - c.beta2.powi(t)));
        p -= lr * m_hat / (v_hat.sqrt() + c.eps);
    }
    (p, m, v)
}

#[test]
fn adam_takes_the_steps_of_the_paper() {
    for (decoupled, grad_scale) in [(false, 1.0), (true, 0.25)] {
        for dtype in [DType::F32, DType::F64] {
            let lens = [3usize, 40_000, 1, 0, 17];
            let mut params: Vec<Tensor> = lens.iter().map(|&n| tensor(n, n as u64, dtype)).collect();
            let starts: Vec<Vec<f64>> = params.iter().map(f64s).collect();
            let mut ms: Vec<Tensor> = lens.iter().map(|&n| Tensor::zeros([n], dtype).unwrap()).collect();
            let mut vs = ms.clone();
            let grads: Vec<Vec<Tensor>> = (0..3)
                .map(|s| lens.iter().map(|&n| tensor(n, 100 * s + n as u64, dtype)).collect())
                .collect();
            let config = AdamConfig { decoupled, grad_scale, ..ADAM };
            for (step, grads) in (1..).zip(&grads) {
                let mut items: Vec<AdamItem> = params
                    .iter_mut()
                    .zip(grads)
                    .zip(ms.iter_mut().zip(&mut vs))
                    .map(|((param, grad), (m, v))| AdamItem {
                        param,
                        grad,
                        m,
                        v,
                        lr: 0.01,
                        weight_decay: 0.1,
                    })
                    .collect();
                adam_update(&mut items, &AdamConfig { step, ..config }).unwrap();
            }
            // Three steps of some ten roundings, and m and v sums that may cancel to nothing: absolute.
            let tol = 32.0 * if dtype == DType::F32 { f32::EPSILON as f64 } else { f64::EPSILON };
            for (i, start) in starts.iter().enumerate() {
                let (p, m, v) = (f64s(&params[i]), f64s(&ms[i]), f64s(&vs[i]));
                for j in (0..lens[i]).step_by(97) {
                    let gs: Vec<f64> =
                        grads.iter().map(|g| f64s(&g[i].narrow(0, j, 1).unwrap())[0]).collect();
                    let (ep, em, ev) = adam_by_hand(start[j], &gs, 0.01, 0.1, &config);
                    assert!((p[j] - ep).abs() <= tol, "p {} against {ep}", p[j]);
                    assert!((m[j] - em).abs() <= tol && (v[j] - ev).abs() <= tol);
                }
            }
        }
    }
}

#[test]
fn descent_with_momentum_follows_its_velocity() {
    for (nesterov, dampening) in [(false, 0.0), (true, 0.0), (false, 0.5)] {
        let mut p = tensor(10, 1, DType::F64);
        let mut v = Tensor::full([10], f64::NAN, DType::F64).unwrap();
        let (mut ep, mut ev) = (f64s(&p), vec![0.0; 10]);
        for step in 1..4 {
            let g = tensor(10, 50 + step, DType::F64);
            let config = SgdConfig { momentum: 0.9, dampening, nesterov, step, grad_scale: 0.5 };
            let velocity = Some(&mut v);
            let item = SgdItem { param: &mut p, grad: &g, velocity, lr: 0.1, weight_decay: 0.01 };
            sgd_update(&mut [item], &config).unwrap();
            for (i, g) in f64s(&g).into_iter().enumerate() {
                let g = 0.5 * g + 0.01 * ep[i];
                ev[i] = if step == 1 { g } else { 0.9 * ev[i] + (1.0 - dampening) * g };
                ep[i] -= 0.1 * if nesterov { g + 0.9 * ev[i] } else { ev[i] };
            }
        }
        for (got, expected) in f64s(&p).iter().zip(&ep).chain(f64s(&v).iter().zip(&ev)) {
            assert!((got - expected).abs() <= 16.0 * f64::EPSILON, "{got} against {expected}");
        }
    }
    let mut p = Tensor::ones([2], DType::F32).unwrap();
    let shared = p.clone();
    let g = Tensor::ones([2], DType::F32).unwrap();
    let item = SgdItem { param: &mut p, grad: &g, velocity: None, lr: 0.25, weight_decay: 0.0 };
    sgd_update(&mut [item], &SGD).unwrap();
    assert_eq!(p.to_vec::<f32>().unwrap(), [0.75; 2]);
    assert_eq!(shared.to_vec::<f32>().unwrap(), [1.0; 2], "a tensor that shared the buffer must not change");
}

#[test]
fn updates_and_norms_have_the_same_bits_at_any_thread_count() {
    let _turn = settings();
    let run = || {
        let lens = [100_000usize, 5, 30_000, 1];
        let mut params: Vec<Tensor> = lens.iter().map(|&n| tensor(n, n as u64, DType::F32)).collect();
        let grads: Vec<Tensor> = lens.iter().map(|&n| tensor(n, 7 + n as u64, DType::F32)).collect();
        let mut ms: Vec<Tensor> = lens.iter().map(|&n| Tensor::zeros([n], DType::F32).unwrap()).collect();
        let mut vs = ms.clone();
        let mut items: Vec<AdamItem> = params
            .iter_mut()
            .zip(&grads)
            .zip(ms.iter_mut().zip(&mut vs))
            .map(|((param, grad), (m, v))| AdamItem { param, grad, m, v, lr: 0.01, weight_decay: 0.0 })
            .collect();
        adam_update(&mut items, &ADAM).unwrap();
        let norm = sum_of_squares(&grads.iter().collect::<Vec<_>>()).unwrap().to_bits();
        let error = mse(&params[0], &grads[0]).unwrap().item().unwrap().to_bits();
        (params.iter().map(|p| p.to_vec::<f32>().unwrap()).collect::<Vec<_>>(), norm, error)
    };
    set_threads(1);
    let expected = run();
    for threads in [2, 3, 8] {
        set_threads(threads);
        assert_eq!(run(), expected);
    }
    set_threads(2);
}

#[test]
fn items_that_do_not_fit_are_named_and_nothing_moves() {
    let mut good = Tensor::ones([2], DType::F32).unwrap();
    let mut bad = Tensor::ones([3], DType::F32).unwrap();
    let g = Tensor::ones([2], DType::F32).unwrap();
    fn plain<'a>(param: &'a mut Tensor, grad: &'a Tensor) -> SgdItem<'a> {
        SgdItem { param, grad, velocity: None, lr: 1.0, weight_decay: 0.0 }
    }
    let error = sgd_update(&mut [plain(&mut good, &g), plain(&mut bad, &g)], &SGD).unwrap_err().to_string();
    assert_eq!(
        error,
        "[sgd_update] gradients and states must have their parameter's shape; got [3] and [2]; \
         pass those that belong to this parameter"
    );
    assert_eq!(good.to_vec::<f32>().unwrap(), [1.0; 2]);
    let (mut m, mut v) = (Tensor::zeros([2], DType::F64).unwrap(), Tensor::zeros([2], DType::F32).unwrap());
    let item = AdamItem { param: &mut good, grad: &g, m: &mut m, v: &mut v, lr: 1.0, weight_decay: 0.0 };
    assert_eq!(
        adam_update(&mut [item], &ADAM).unwrap_err().to_string(),
        "[adam_update] gradients and states must have their parameter's dtype; got f32 and f64; convert with to_dtype"
    );
    let mut counts = Tensor::zeros([2], DType::I64).unwrap();
    assert_eq!(
        sgd_update(&mut [plain(&mut counts, &g)], &SGD).unwrap_err().to_string(),
        "[sgd_update] parameters must be floats; got i64; leave this one out"
    );
}

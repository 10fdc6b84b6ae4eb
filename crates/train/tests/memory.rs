//! What training takes from the system. One test, since it counts all memory of the process.

use data::Dataset;
use models::{Mlp, MlpConfig};
use nn::{Activation, Context, Layer, Module};
use optim::{Adam, Optimizer, clip_grad_norm};
use std::cell::RefCell;
use tensor::{DType, MemoryStats, Rng, Tensor, memory_stats};
use train::{Callback, Classification, Flow, Progress, StepRecord, TrainConfig, Trainer};

fn data(rows: usize, features: usize) -> Dataset {
    let rng = &mut Rng::seed(0);
    let x = rng.normal([rows, features], 0.0, 1.0, DType::F32).unwrap();
    let labels: Vec<i64> = (0..rows as i64).map(|i| i % 3).collect();
    let names = ["a", "b", "c"].map(String::from).to_vec();
    Dataset::classification(x, Tensor::from_vec(labels, [rows]).unwrap(), names).unwrap()
}

fn model(features: usize, hidden: usize) -> Mlp {
    let config = MlpConfig { activation: Activation::Gelu, dropout: 0.1, ..Default::default() };
    Mlp::with_config([features, hidden, hidden, 3], &config, &mut Rng::seed(0)).unwrap()
}

/// Steps by hand, as many as are asked for.
fn steps(model: &mut Mlp, adam: &mut Adam, data: &Dataset, count: usize) {
    let (x, labels, rng) = (data.features().into(), data.targets(), &mut Rng::seed(1));
    for _ in 0..count {
        let mut cx = Context::train(rng);
        let loss = nn::loss::cross_entropy(&model.forward(&x, &mut cx).unwrap(), labels).unwrap();
        let mut grads = loss.backward().unwrap();
        clip_grad_norm(&mut grads, 0.1).unwrap();
        adam.step(model, &grads).unwrap();
    }
}

/// Notes the pool's counts after each step.
struct Counts<'a>(&'a RefCell<Vec<MemoryStats>>);

impl Callback for Counts<'_> {
    fn on_step(&mut self, _: &StepRecord, _: &mut dyn Module) -> train::Result<Flow> {
        self.0.borrow_mut().push(memory_stats());
        Ok(Flow::Continue)
    }
}

/// Resident memory of this process in bytes, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? * 1024)
}

#[test]
fn a_steady_step_takes_no_tensor_memory_and_many_steps_leave_resident_memory_flat() {
    // By hand.
    let (mut net, mut adam, rows) = (model(20, 64), Adam::new(1e-3), data(128, 20));
    steps(&mut net, &mut adam, &rows, 3);
    let before = memory_stats();
    steps(&mut net, &mut adam, &rows, 200);
    assert_eq!(memory_stats(), before, "200 steps");

    // In the loop: 7 steps an epoch, the last one of another size, and the best weights kept.
    let config = TrainConfig {
        epochs: 50,
        batch_size: 20,
        clip_norm: Some(0.1),
        progress: Progress::Silent,
        ..Default::default()
    };
    let (task, valid) = (Classification::new(["a", "b", "c"]), data(30, 20));
    let run = || {
        let counts = RefCell::default();
        let mut trainer = Trainer::new(config.clone()).callback(Counts(&counts));
        trainer.fit(&mut model(20, 64), &mut Adam::new(1e-3), &task, &rows, Some(&valid)).unwrap();
        drop(trainer);
        counts.into_inner()
    };
    let (first, again) = (run(), run());
    assert_eq!((first.len(), again.len()), (350, 350));
    // A first epoch that is better may come late, and its weights are then a set more: three matrices, three biases.
    let late = first[349].system_allocations - first[150].system_allocations;
    assert!(late <= 6, "steps 150 to 350 took {late} blocks");
    assert_eq!(again[349].system_allocations, first[349].system_allocations, "a second run");

    // Small, and many.
    let (mut net, mut adam, rows) = (model(4, 8), Adam::new(1e-3), data(4, 4));
    steps(&mut net, &mut adam, &rows, 2000);
    let (before, held) = (memory_stats(), resident());
    steps(&mut net, &mut adam, &rows, 10_000);
    assert_eq!(memory_stats(), before, "10,000 steps");
    if let (Some(held), Some(now)) = (held, resident()) {
        // 26 bytes a step; an allocator may take a page or two, a leak of any object would be more.
        let growth = now.saturating_sub(held);
        assert!(growth <= 256 * 1024, "10,000 steps grew resident memory by {growth} bytes");
    }
}

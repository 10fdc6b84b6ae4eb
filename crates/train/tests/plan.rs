//! Plans, held against what runs take. One test, since it counts all memory of the process.

use data::{Batch, Source, digits};
use models::{CharRnn, CharRnnConfig, Gpt, GptConfig, Mlp};
use nn::{
    Activation, BatchNorm2d, Conv2d, ConvConfig, Flatten, Layer, Linear, MaxPool, Sequential, Unflatten,
};
use optim::{Adam, AdamW, Optimizer, ScheduleFreeAdamW};
use tensor::{Rng, Tensor, memory_stats, reset_peak_memory};
use train::{Averaging, Classification, Direction, Meter, Progress, Result, Task, TrainConfig, Trainer};

/// The next token at every place.
struct NextToken(usize);

impl Task for NextToken {
    fn loss(&self, output: &autodiff::Var, targets: &Tensor) -> Result<autodiff::Var> {
        let rows = targets.len();
        Ok(nn::loss::cross_entropy(&output.reshape([rows, self.0])?, &targets.reshape([rows])?)?)
    }
    fn meter(&self) -> Result<Meter> {
        Ok(Meter::loss_only())
    }
    fn main_metric(&self) -> (&'static str, Direction) {
        ("loss", Direction::Lower)
    }
}

/// Rows of tokens, which are their own targets.
struct Texts(Tensor);

impl Source for Texts {
    fn len(&self) -> usize {
        self.0.shape()[0]
    }
    fn batch(&self, rows: &[usize]) -> data::Result<Batch> {
        let rows = Tensor::from_vec(rows.iter().map(|&row| row as i64).collect(), [rows.len()])?;
        let tokens = self.0.index_select(0, &rows)?;
        Ok(Batch { features: tokens.clone(), targets: tokens })
    }
}

fn adamw() -> Box<dyn Optimizer> {
    Box::new(AdamW::new(1e-3))
}

/// `off`: how far a plan from parts of a batch alone may be.
fn check(
    off: f64,
    optimizer: fn() -> Box<dyn Optimizer>,
    name: &str,
    config: TrainConfig,
    model: &mut impl Layer,
    task: &dyn Task,
    data: &dyn Source,
) {
    let mut trainer = Trainer::new(config);
    let before = model.state_dict().fingerprint().unwrap();
    let plan = trainer.plan(model, &mut *optimizer(), task, data, Some(data)).unwrap();
    // From parts of a batch alone.
    let drawn = trainer.plan_within(0, model, &mut *optimizer(), task, data, Some(data)).unwrap();
    assert_eq!(model.state_dict().fingerprint().unwrap(), before, "{name}: a plan changes nothing");
    reset_peak_memory();
    let flops = tensor::product_flops();
    let fit = trainer.fit(model, &mut *optimizer(), task, data, Some(data)).unwrap();
    let (peak, flops) = (memory_stats().peak_bytes as f64, tensor::product_flops() - flops);
    assert_eq!(plan.steps_per_epoch * plan.epochs, fit.steps as usize);
    let share = plan.peak_bytes as f64 / peak;
    println!("{name}: planned {} of {peak} bytes, {share:.3}\n{plan}", plan.peak_bytes);
    let from_parts = drawn.peak_bytes as f64 / peak;
    println!("{name} from parts: {from_parts:.3}");
    // Arithmetic lies on a line, but for the last rounding.
    assert!(drawn.step_flops.abs_diff(plan.step_flops) <= 1, "{} {}", drawn.step_flops, plan.step_flops);
    assert!((1.0 - off..1.0 + off).contains(&from_parts), "{name}: {from_parts:.3} from parts");
    assert!((0.9..1.1).contains(&share), "{name}: planned {} of {peak} bytes, {share:.3}", plan.peak_bytes);
    // More than half of the run's products are those of steps; validation, on as many rows, has a third of what they have.
    let planned = plan.step_flops * fit.steps;
    assert!(planned <= flops && planned * 2 > flops, "{name}: {planned} of {flops}");
}

#[test]
fn peak_memory_of_the_four_families_is_planned_within_a_tenth() {
    let config = |batch_size| TrainConfig {
        epochs: 3,
        batch_size,
        eval_batch_size: 256,
        progress: Progress::Silent,
        ..TrainConfig::default()
    };
    let rng = &mut Rng::seed(0);
    let digits = digits().unwrap();
    let some = digits.select(&(0..512).collect::<Vec<_>>()).unwrap();
    let classes = Classification::new(digits.class_names().unwrap().iter().cloned());

    let mut mlp = Mlp::new([64, 512, 512, 10], rng).unwrap();
    check(0.1, adamw, "mlp", config(128), &mut mlp, &classes, &some);
    let averaged = TrainConfig { average: Some(Averaging::Ema { decay: 0.9, warmup: true }), ..config(100) };
    check(
        0.1,
        adamw,
        "mlp with averages, batches of 100",
        averaged,
        &mut Mlp::new([64, 512, 512, 10], rng).unwrap(),
        &classes,
        &some,
    );
    // Steps are made from other weights than those that are measured: validation has both.
    let schedule_free = || Box::new(ScheduleFreeAdamW::new(1e-3)) as Box<dyn Optimizer>;
    let evaluated = TrainConfig { eval_batch_size: 512, ..config(32) };
    check(0.1, schedule_free, "mlp, schedule-free", evaluated, &mut mlp, &classes, &some);

    let conv = ConvConfig { padding: 1.into(), ..ConvConfig::default() };
    let mut cnn = Sequential::new()
        .push(Unflatten::new([1, 8, 8]))
        .push(Conv2d::with_config(1, 32, 3, &conv, rng).unwrap())
        .push(BatchNorm2d::new(32).unwrap())
        .push(Activation::Relu)
        .push(Conv2d::with_config(32, 32, 3, &conv, rng).unwrap())
        .push(Activation::Relu)
        .push(MaxPool::new([2, 2]))
        .push(Flatten)
        .push(Linear::new(32 * 16, 10, rng).unwrap());
    // Kernels of convolutions bound the room that they take, which a line does not know: more is planned than is used.
    check(0.8, adamw, "cnn", config(128), &mut cnn, &classes, &some);

    // Texts of 32 tokens of 20.
    let tokens = (0..256 * 32).map(|i: i64| (i * 7 + i / 32) % 20).collect();
    let texts = Texts(Tensor::from_vec(tokens, [256, 32]).unwrap());
    let size = CharRnnConfig { vocab: 20, hidden: 96, ..CharRnnConfig::default() };
    check(0.1, adamw, "rnn", config(64), &mut CharRnn::new(&size, rng).unwrap(), &NextToken(20), &texts);

    let size = GptConfig { vocab: 20, context: 32, layers: 2, heads: 4, d: 64, ..GptConfig::default() };
    check(0.1, adamw, "transformer", config(64), &mut Gpt::new(&size, rng).unwrap(), &NextToken(20), &texts);

    let error = {
        let mut used = Adam::new(1e-3);
        let mut trainer = Trainer::new(config(128));
        trainer.fit(&mut mlp, &mut used, &classes, &some, None).unwrap();
        trainer.plan(&mut mlp, &mut used, &classes, &some, None).unwrap_err()
    };
    // What a run would refuse, a plan refuses.
    let none = Trainer::new(TrainConfig { batch_size: 0, ..config(1) });
    let plan = none.plan(&mut mlp, &mut AdamW::new(1e-3), &classes, &some, None).unwrap_err().to_string();
    let fit = Trainer::new(TrainConfig { batch_size: 0, ..config(1) })
        .fit(&mut mlp, &mut AdamW::new(1e-3), &classes, &some, None)
        .unwrap_err()
        .to_string();
    assert_eq!(plan, fit);
    assert_eq!(
        error.to_string(),
        "[plan] a run must be planned before its first step; got an optimizer that has made 12 steps; plan with a new optimizer"
    );
}

//! A forecast with its uncertainty: the next two days of an hourly series, as a mean and a variance for each hour.
//!
//! The example makes the series itself: days and weeks, a level that wanders, and noise that is larger in the afternoon. A
//! recurrent network reads four days and goes on over the next two, of which it is told the hour and the weekday alone; what
//! it says is trained by the Gaussian negative log-likelihood
//! `½·(ln σ² + (y − μ)²/σ² + ln 2π)`. Prints how many of the true values lie in its 90 % interval, and draws one forecast
//! against what came. The default run takes ten seconds on two cores.
//!
//! ```sh
//! cargo run --release --example forecast -- --seed 1
//! ```

use clap::Parser;
use ironloom::prelude::*;
use ironloom::tensor;
use ironloom::tensor::math::Math;
use ironloom::train::plot::LineChart;
use ironloom::train::{self, Direction, Meter, Progress, Task, TrainConfig, Trainer, format};
use ironloom::{nn, optim::CosineWarmup};
use serde_json::json;
use std::f64::consts::{PI, SQRT_2};
use std::path::PathBuf;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Forecasts a noisy series with an interval.
#[derive(Debug, Parser)]
struct Args {
    /// Hours of the series: 70 % of them to train on, 15 % to choose the best epoch by, 15 % to test with.
    #[arg(long, default_value_t = 16_000)]
    hours: usize,
    /// Passes over the training part.
    #[arg(long, default_value_t = 10)]
    epochs: usize,
    /// Units of the recurrent layer.
    #[arg(long, default_value_t = 48)]
    hidden: usize,
    /// The share of true values that the interval should hold.
    #[arg(long, default_value_t = 0.9)]
    interval: f64,
    /// Decides the series, the starting weights and the order of the windows.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; the result does not depend on them. Default: all cores.
    #[arg(long)]
    threads: Option<usize>,
    /// Where the plots and the weights go.
    #[arg(long, default_value = "out/forecast")]
    out: PathBuf,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

/// Hours that are read, and hours that are forecast.
const PAST: usize = 96;
const AHEAD: usize = 48;
const DAY: usize = 24;
const WEEK: usize = 7 * DAY;
/// What is known of an hour: its value and that it is known, and where it stands in day and week.
const FEATURES: usize = 6;
const BATCH: usize = 32;
const LR: f64 = 5e-3;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A recurrent layer over past and future, and a linear one that makes a mean and a log variance of its last states.
#[derive(Debug, Module)]
struct Forecaster {
    gru: Gru,
    head: Linear,
}

impl Layer for Forecaster {
    /// `(n, PAST + AHEAD, FEATURES)` → `(n, AHEAD, 2)`
    fn forward(&self, x: &Var, cx: &mut Context) -> nn::Result<Var> {
        let y = cx.call("gru", &self.gru, x)?.narrow(1, PAST, AHEAD)?;
        cx.call("head", &self.head, &y)
    }
}

/// Values `(n, AHEAD)` from means and log variances `(n, AHEAD, 2)`.
struct GaussianNll;

impl Task for GaussianNll {
    fn loss(&self, output: &Var, targets: &Tensor) -> train::Result<Var> {
        let (mean, log_variance) = (output.select(-1, 0)?, output.select(-1, 1)?);
        let miss = mean.sub(&Var::from(targets))?.square()?.mul(&log_variance.neg()?.exp()?)?;
        Ok(miss.add(&log_variance)?.add_scalar(Math::ln(2.0 * PI))?.mul_scalar(0.5)?.mean(&[])?)
    }
    fn meter(&self) -> train::Result<Meter> {
        Ok(Meter::loss_only())
    }
    fn main_metric(&self) -> (&'static str, Direction) {
        ("loss", Direction::Lower)
    }
}

/// An hourly series, with mean and deviation of its training part.
struct Series {
    values: Vec<f64>,
    mean: f64,
    deviation: f64,
}

/// Sine of a place in a cycle of `period` hours.
fn wave(hour: usize, period: usize, shift: f64) -> f64 {
    Math::sin(2.0 * PI * ((hour % period) as f64 / period as f64 + shift))
}

fn make_series(hours: usize, train: usize, rng: &mut Rng) -> Result<Series> {
    let steps: Vec<f64> = rng.normal([hours], 0.0, 1.0, DType::F64)?.to_vec()?;
    let noise: Vec<f64> = rng.normal([hours], 0.0, 1.0, DType::F64)?.to_vec()?;
    let mut level = 0.0;
    let values: Vec<f64> = (0..hours)
        .map(|hour| {
            level = 0.95 * level + 0.2 * steps[hour];
            let weekend = hour % WEEK >= 5 * DAY;
            let day = 3.0 * wave(hour, DAY, -0.3) + 1.2 * wave(hour, DAY / 2, 0.1);
            let deviation = 0.5 + 0.3 * wave(hour, DAY, -0.4);
            20.0 + level + if weekend { 0.5 * day } else { day } + deviation * noise[hour]
        })
        .collect();
    let mean = values[..train].iter().sum::<f64>() / train as f64;
    let variance = values[..train].iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / train as f64;
    Ok(Series { values, mean, deviation: variance.sqrt() })
}

impl Series {
    /// Windows that begin at these hours: features `(n, PAST + AHEAD, FEATURES)`, values ahead `(n, AHEAD)`.
    fn windows(&self, begins: &[usize]) -> Result<Dataset> {
        let scaled = |hour: usize| ((self.values[hour] - self.mean) / self.deviation) as f32;
        let (mut features, mut targets) = (Vec::new(), Vec::new());
        for &begin in begins {
            for t in 0..PAST + AHEAD {
                let hour = begin + t;
                let known = t < PAST;
                let clock = [(DAY, 0.0), (DAY, 0.25), (WEEK, 0.0), (WEEK, 0.25)];
                features.extend([if known { scaled(hour) } else { 0.0 }, f32::from(u8::from(known))]);
                features.extend(clock.map(|(period, shift)| wave(hour, period, shift) as f32));
            }
            targets.extend((begin + PAST..begin + PAST + AHEAD).map(scaled));
        }
        let n = begins.len();
        Ok(Dataset::regression(
            Tensor::from_vec(features, [n, PAST + AHEAD, FEATURES])?,
            Tensor::from_vec(targets, [n, AHEAD])?,
        )?)
    }
}

fn run(args: &Args) -> Result<()> {
    if let Some(threads) = args.threads {
        tensor::set_threads(threads);
    }
    if !(args.interval > 0.0 && args.interval < 1.0) {
        return Err(format!(
            "[forecast] an interval must hold a share between 0 and 1; got {}",
            args.interval
        )
        .into());
    }
    // Three parts one after the other; a window lies in one of them.
    let (train_end, valid_end) = (args.hours * 70 / 100, args.hours * 85 / 100);
    let window = PAST + AHEAD;
    let begins = |from: usize, to: usize, stride: usize| -> Vec<usize> {
        (from..(to + 1).saturating_sub(window)).step_by(stride).collect()
    };
    let parts = [begins(0, train_end, 2), begins(train_end, valid_end, 6), begins(valid_end, args.hours, 6)];
    if parts.iter().any(Vec::is_empty) {
        let got = args.hours;
        return Err(
            format!("[forecast] each part must hold a window of {window} hours; got {got} hours").into()
        );
    }
    let mut rng = Rng::seed(args.seed);
    let series = make_series(args.hours, train_end, &mut rng)?;
    let [train, valid, test] = [&parts[0], &parts[1], &parts[2]].map(|begins| series.windows(begins));
    let (train, valid, test) = (train?, valid?, test?);

    let mut model = Forecaster {
        gru: Gru::new(FEATURES, args.hidden, &mut rng)?,
        head: Linear::new(args.hidden, 2, &mut rng)?,
    };
    println!(
        "{} windows to train, {} to validate, {} to test; {} parameters",
        train.len(),
        valid.len(),
        test.len(),
        format::grouped(model.n_params() as u64)
    );
    let config = TrainConfig {
        epochs: args.epochs,
        batch_size: BATCH,
        seed: args.seed,
        clip_norm: Some(1.0),
        progress: Progress::Auto,
        ..Default::default()
    };
    let steps = (args.epochs * train.len().div_ceil(BATCH)) as u64;
    let mut trainer = Trainer::new(config).schedule(CosineWarmup::new(LR, LR / 50.0, steps / 20, steps)?);
    let fit = trainer.fit(&mut model, &mut Adam::new(LR), &GaussianNll, &train, Some(&valid))?;

    // Forecasts of the test part in the series' own units: mean and deviation of each hour.
    let said = trainer.predict(&model, test.features())?.to_dtype(DType::F64)?.to_vec::<f64>()?;
    let said: Vec<(f64, f64)> = said
        .chunks(2)
        .map(|pair| {
            let deviation = Math::exp(pair[1] / 2.0) * series.deviation;
            (series.mean + pair[0] * series.deviation, deviation)
        })
        .collect();
    // A normal number lies within ±z deviations with this probability.
    let z = SQRT_2 * Tensor::scalar(args.interval).erfinv()?.item()?;
    let (mut inside, mut square, mut square_naive, mut width) = (0, 0.0, 0.0, 0.0);
    for (row, &begin) in parts[2].iter().enumerate() {
        for t in 0..AHEAD {
            let hour = begin + PAST + t;
            let (mean, deviation) = said[row * AHEAD + t];
            let truth = series.values[hour];
            inside += usize::from((truth - mean).abs() <= z * deviation);
            square += (truth - mean) * (truth - mean);
            // What the same hour of the week was a week before.
            let naive = truth - series.values[hour - WEEK];
            square_naive += naive * naive;
            width += 2.0 * z * deviation;
        }
    }
    let count = said.len() as f64;
    let coverage = inside as f64 / count;
    let rmse = (square / count).sqrt();
    let rmse_naive = (square_naive / count).sqrt();
    let nll = trainer.evaluate(&model, &GaussianNll, &test)?.values.get("loss").unwrap_or(f64::NAN);
    println!(
        "test: {} of the values lie in the {} interval, which is {:.2} wide on average",
        format::percent(Some(coverage)),
        format::percent(Some(args.interval)),
        width / count
    );
    println!(
        "test: root mean square error {rmse:.3}; of last week's values {rmse_naive:.3}; loss {nll:.4} nats"
    );

    std::fs::create_dir_all(&args.out)
        .map_err(|error| format!("[forecast] {} must be a folder: {error}", args.out.display()))?;
    let shown = parts[2].len() / 2;
    let now = parts[2][shown] + PAST;
    // Hours are counted from the first one that is forecast.
    let line = |of: &dyn Fn(usize) -> f64| (0..AHEAD).map(|t| (t as f64, of(t))).collect::<Vec<_>>();
    let said = &said[shown * AHEAD..][..AHEAD];
    let past = (0..DAY * 2).map(|t| (t as f64 - (DAY * 2) as f64, series.values[now - DAY * 2 + t]));
    let share = format::percent(Some(args.interval));
    let chart = LineChart::new("Two days ahead")
        .x_label("hour")
        .integer_x()
        .size(900.0, 420.0)
        .series("what was", past)
        .series("what came", line(&|t| series.values[now + t]))
        .series("forecast", line(&|t| said[t].0))
        .series(format!("{share} interval, below"), line(&|t| said[t].0 - z * said[t].1))
        .series("above", line(&|t| said[t].0 + z * said[t].1));
    for name in ["forecast.svg", "forecast.png"] {
        chart.figure().save(args.out.join(name))?;
    }
    train::save_weights(args.out.join("weights.iron"), &model.state_dict())?;
    println!("forecast.png and weights are in {}", args.out.display());
    if args.json {
        let line = json!({
            "seed": args.seed,
            "epochs": fit.history.len(),
            "coverage": coverage,
            "interval": args.interval,
            "rmse": rmse,
            "rmse_last_week": rmse_naive,
            "test_loss": nll,
            "weight_hash": format!("{:016x}", model.state_dict().fingerprint()?),
            "seconds": fit.seconds,
        });
        println!("{line}");
    }
    Ok(())
}

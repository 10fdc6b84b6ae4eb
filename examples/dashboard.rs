//! A run to watch: curves and numbers that move at the bottom of the terminal while a network trains.
//!
//! ```sh
//! cargo run --release --features dashboard --example dashboard
//! ```

use clap::Parser;
use ironloom::data::{self, Fractions, Standardizer, split_stratified};
use ironloom::optim::CosineWarmup;
use ironloom::prelude::*;
use ironloom::train::{Classification, Dashboard, Progress, TrainConfig, Trainer, format};
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Trains on handwritten digits and shows how.
#[derive(Debug, Parser)]
struct Args {
    /// Passes over the training part.
    #[arg(long, default_value_t = 100)]
    epochs: usize,
    /// Decides the split, the starting weights and the order of the images.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

const LR: f64 = 2e-3;
const BATCH: usize = 32;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let digits = data::digits()?;
    let split = split_stratified(&digits.labels()?, Fractions::default(), args.seed)?;
    let standardizer = Standardizer::fit_shared(&digits.train_part(&split)?)?;
    let train = standardizer.apply(&digits.select(&split.train)?)?;
    let valid = standardizer.apply(&digits.select(&split.validation)?)?;

    let mut model = Mlp::new([64, 256, 256, 10], &mut Rng::seed(args.seed))?;
    let steps = (args.epochs * train.len().div_ceil(BATCH)) as u64;
    let task = Classification::new(digits.class_names().unwrap_or_default().iter().cloned());
    let config = TrainConfig {
        epochs: args.epochs,
        batch_size: BATCH,
        seed: args.seed,
        // The dashboard has the terminal.
        progress: Progress::Silent,
        ..Default::default()
    };
    let mut trainer = Trainer::new(config)
        .schedule(CosineWarmup::new(LR, LR / 100.0, steps / 20, steps)?)
        .callback(Dashboard::new()?);
    let fit = trainer.fit(&mut model, &mut AdamW::new(LR), &task, &train, Some(&valid))?;
    println!(
        "best epoch {} of {}, after {}",
        fit.best_epoch,
        fit.history.len(),
        format::duration(fit.seconds)
    );
    Ok(())
}

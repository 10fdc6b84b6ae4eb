//! A run that may be interrupted: press Ctrl-C, start it again, and it goes on from where it was.
//!
//! Trains a small Vision Transformer on handwritten digits and saves the run every 20 steps. However often it is stopped, by Ctrl-C, by
//! `kill -9` or by a power cut, the weights in the end are those of a run that was never stopped, to the bit: the hash that it
//! prints is always the same.
//!
//! ```sh
//! cargo run --release --example resume    # press Ctrl-C when you like, and run it again
//! ```

use clap::Parser;
use ironloom::data::{self, Dataset, Fractions, Standardizer, split_stratified};
use ironloom::nn::Unflatten;
use ironloom::optim::CosineWarmup;
use ironloom::prelude::*;
use ironloom::tensor;
use ironloom::train::{self, CheckpointConfig, Classification, Progress, TrainConfig, Trainer, format};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Trains on handwritten digits; may be interrupted and started again.
#[derive(Debug, Parser)]
struct Args {
    /// Passes over the training part.
    #[arg(long, default_value_t = 60)]
    epochs: usize,
    /// Steps between two checkpoints.
    #[arg(long, default_value_t = 20)]
    every: u64,
    /// Decides the split, the starting weights, the order of the images and what is dropped.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; the result does not depend on them. Default: all cores.
    #[arg(long)]
    threads: Option<usize>,
    /// Where the checkpoints and the weights go. Another folder begins another run.
    #[arg(long, default_value = "out/resume")]
    out: PathBuf,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

const LR: f64 = 2e-3;
const BATCH: usize = 64;

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
    if let Some(threads) = args.threads {
        tensor::set_threads(threads);
    }
    let digits = data::digits()?;
    let split = split_stratified(&digits.labels()?, Fractions::default(), args.seed)?;
    let standardizer = Standardizer::fit_shared(&digits.train_part(&split)?)?;
    let part = |rows: &[usize]| -> Result<Dataset> { Ok(standardizer.apply(&digits.select(rows)?)?) };
    let (train, valid, test) = (part(&split.train)?, part(&split.validation)?, part(&split.test)?);

    // Made as at first: the checkpoint brings the weights.
    let size = VitConfig { channels: 1, size: [8, 8], patch: [4, 4], classes: 10, ..Default::default() };
    let vit = VitConfig { layers: 3, heads: 4, d: 96, d_ff: 192, dropout: 0.3, ..size };
    let vit = Vit::new(&vit, &mut Rng::seed(args.seed))?;
    let mut model = Sequential::new().push(Unflatten::new([1, 8, 8])).push(vit);
    let steps = (args.epochs * train.len().div_ceil(BATCH)) as u64;
    let task = Classification::new(digits.class_names().unwrap_or_default().iter().cloned());
    let checkpoints =
        CheckpointConfig { every_steps: Some(args.every), ..CheckpointConfig::new(args.out.join("run")) };
    let config = TrainConfig {
        epochs: args.epochs,
        batch_size: BATCH,
        seed: args.seed,
        progress: Progress::Auto,
        checkpoints: Some(checkpoints),
        ..Default::default()
    };
    let mut trainer = Trainer::new(config).schedule(CosineWarmup::new(LR, LR / 100.0, steps / 20, steps)?);
    let fit = trainer.fit(&mut model, &mut AdamW::new(LR), &task, &train, Some(&valid))?;

    let values = trainer.evaluate(&model, &task, &test)?.values;
    let hash = format!("{:016x}", model.state_dict().fingerprint()?);
    println!(
        "best epoch {} of {}, {} right on images never seen, weights {hash}",
        fit.best_epoch,
        fit.history.len(),
        format::percent(values.get("accuracy")),
    );
    train::save_weights(args.out.join("weights.iron"), &model.state_dict())?;
    println!("the weights are in {}; remove the folder to begin anew", args.out.display());
    if args.json {
        let line = json!({
            "epochs": fit.history.len(),
            "steps": fit.steps,
            "test_accuracy": values.get("accuracy"),
            "weight_hash": hash,
        });
        println!("{line}");
    }
    Ok(())
}

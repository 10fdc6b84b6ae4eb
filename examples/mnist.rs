//! A convolutional network on MNIST, or on a set stored like it.
//!
//! Reads IDX files from a directory: the four files of the set, or one file of images and one of labels, which are then
//! split 8 : 1 : 1. Trains a LeNet and keeps its best epoch; tests it once. Writes curves, a confusion matrix, a picture
//! of the mistakes and the weights.
//!
//! ```sh
//! cargo run --release --example mnist -- --data path/to/mnist
//! ```

use clap::Parser;
use ironloom::data::{self, Augment, Augmented, Dataset, Fractions, split_stratified};
use ironloom::nn::Summary;
use ironloom::optim::CosineWarmup;
use ironloom::prelude::*;
use ironloom::tensor;
use ironloom::train::report::{ImageTile, contact_sheet};
use ironloom::train::{self, Classification, Direction, Progress, TrainConfig, Trainer, format, plot};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Trains a convolutional network on MNIST and tests it.
#[derive(Debug, Parser)]
struct Args {
    /// The directory of the IDX files, plain or compressed with gzip.
    #[arg(long)]
    data: PathBuf,
    /// Passes over the training part.
    #[arg(long, default_value_t = 12)]
    epochs: usize,
    /// Decides the split, the starting weights and the order of the images.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; the result does not depend on them. Default: all cores.
    #[arg(long)]
    threads: Option<usize>,
    /// Where plots and weights go.
    #[arg(long, default_value = "out/mnist")]
    out: PathBuf,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

const BATCH: usize = 64;
const LR: f64 = 1e-3;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The parts to train, validate and test on.
fn parts(dir: &Path, seed: u64) -> Result<[Dataset; 3]> {
    if let Some((images, labels)) = only_pair(dir)? {
        let all = data::mnist_files(images, labels)?;
        let fractions = Fractions { train: 0.8, validation: 0.1, test: 0.1 };
        let split = split_stratified(&all.labels()?, fractions, seed)?;
        return Ok([all.select(&split.train)?, all.select(&split.validation)?, all.select(&split.test)?]);
    }
    let set = data::mnist(dir)?;
    let train = set.train.into_inner();
    // A tenth of the training set decides which epoch is best.
    let fractions = Fractions { train: 0.9, validation: 0.1, test: 0.0 };
    let split = split_stratified(&train.labels()?, fractions, seed)?;
    Ok([train.select(&split.train)?, train.select(&split.validation)?, set.test])
}

/// The one file of images and the one of labels, if the directory has no more of either.
fn only_pair(dir: &Path) -> Result<Option<(PathBuf, PathBuf)>> {
    let cannot = |error| format!("[mnist] {} must be a directory that can be read: {error}", dir.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(cannot)? {
        files.push(entry.map_err(cannot)?.path());
    }
    let only = |kind: &str| {
        let named = |path: &&PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().contains(kind));
        let mut found = files.iter().filter(named);
        found.next().cloned().filter(|_| found.next().is_none())
    };
    Ok(only("images-idx3-ubyte").zip(only("labels-idx1-ubyte")))
}

fn run(args: &Args) -> Result<()> {
    if let Some(threads) = args.threads {
        tensor::set_threads(threads);
    }
    let [train, valid, test] = parts(&args.data, args.seed)?;
    println!("{} images to train, {} to validate, {} to test", train.len(), valid.len(), test.len());

    let mut rng = Rng::seed(args.seed);
    let &[_, c_in, height, width] = train.features().shape() else {
        return Err("[mnist] images have rows and columns".into());
    };
    let config = LeNetConfig { c_in, size: [height, width], ..LeNetConfig::default() };
    let mut model = LeNet::new(&config, &mut rng)?;
    println!("\n{}\n", Summary::of(&model, &train.features().narrow(0, 0, 1)?)?);
    let steps = (args.epochs * train.len().div_ceil(BATCH)) as u64;
    let task = Classification::new(train.class_names().unwrap_or_default().iter().cloned());
    let config = TrainConfig {
        epochs: args.epochs,
        batch_size: BATCH,
        seed: args.seed,
        progress: Progress::Auto,
        ..Default::default()
    };
    let mut trainer = Trainer::new(config).schedule(CosineWarmup::new(LR, LR / 100.0, steps / 20, steps)?);
    // Digits that are moved and turned a little are other digits of the same class.
    let steps = vec![Augment::RandomCrop { padding: 2 }, Augment::Rotate { degrees: 10.0 }];
    let moved = Augmented::new(&train, steps, args.seed)?;
    let fit = trainer.fit(&mut model, &mut AdamW::new(LR), &task, &moved, Some(&valid))?;

    let result = trainer.evaluate(&model, &task, &test)?;
    let accuracy = result.values.get("accuracy");
    println!(
        "test accuracy {}, best epoch {} of {}",
        format::percent(accuracy),
        fit.best_epoch,
        fit.history.len()
    );

    let out = &args.out;
    std::fs::create_dir_all(out).map_err(|e| format!("[mnist] {} must be a folder: {e}", out.display()))?;
    let measures = [("loss", Direction::Lower), ("accuracy", Direction::Higher)];
    plot::learning_curves(&fit.history, &measures)?.save(out.join("curves.png"))?;
    if let Some(confusion) = &result.confusion {
        println!("\n{confusion}");
        plot::confusion_plot(confusion).save(out.join("confusion.png"))?;
    }
    let tiles = mistakes(&trainer, &model, &test)?;
    if !tiles.is_empty() {
        println!("the surest mistakes, in the order of mistakes.png:");
        tiles.iter().for_each(|tile| println!("  {}", tile.caption()));
        std::fs::write(out.join("mistakes.png"), contact_sheet(&tiles, 8, 4)?)?;
    }
    train::save_weights(out.join("weights.iron"), &model.state_dict())?;
    println!("plots, mistakes and weights are in {}", out.display());
    if args.json {
        let hash = format!("{:016x}", model.state_dict().fingerprint()?);
        let line = json!({
            "model": "lenet",
            "seed": args.seed,
            "epochs": fit.history.len(),
            "test_accuracy": accuracy,
            "weight_hash": hash,
            "seconds": fit.seconds,
        });
        println!("{line}");
    }
    Ok(())
}

/// The test images that the model got wrong, those it was surest of first.
fn mistakes(trainer: &Trainer, model: &LeNet, test: &Dataset) -> Result<Vec<ImageTile>> {
    let probabilities = trainer.predict(model, test.features())?.softmax(1)?;
    let guesses = probabilities.argmax(1)?.to_vec::<i64>()?;
    let sure = probabilities.max(&[1])?.to_vec::<f32>()?;
    let labels = test.labels()?;
    let mut wrong: Vec<usize> = (0..labels.len()).filter(|&i| guesses[i] != labels[i]).collect();
    wrong.sort_by(|&a, &b| sure[b].total_cmp(&sure[a]).then(a.cmp(&b)));
    let tile = |i: usize| {
        let (image, _) = test.get(i)?;
        let (height, width) = (image.shape()[1], image.shape()[2]);
        let caption =
            format!("{} taken for {}, {} sure", labels[i], guesses[i], format::percent(Some(sure[i] as f64)));
        Ok(ImageTile::new(width, height, &image.to_vec::<f32>()?, caption)?)
    };
    wrong.into_iter().take(24).map(tile).collect()
}

//! Handwritten digits, from data to a tested model.
//!
//! Splits the 1,797 images into parts for training, validation and testing; standardises them by the training part;
//! trains a network and keeps its best epoch; tests it once. Writes curves, a confusion matrix, a report and the weights.
//!
//! ```sh
//! cargo run --release --example digits -- --seed 1 --epochs 40
//! ```

use clap::{Parser, ValueEnum};
use ironloom::data::{self, Dataset, Fractions, Standardizer, split_stratified};
use ironloom::nn::{BatchNorm2d, Conv2d, ConvConfig, Flatten, MaxPool, Summary, Unflatten};
use ironloom::optim::CosineWarmup;
use ironloom::prelude::*;
use ironloom::tensor;
use ironloom::train::report::ImageTile;
use ironloom::train::{
    self, Classification, Direction, EarlyStopping, Evaluation, Fit, Progress, Report, Table, TrainConfig,
    Trainer, format, plot,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Which network learns.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModelKind {
    /// Linear layers with rectifiers between them: 64 → 256 → 128 → 10.
    Mlp,
    /// Convolutions of 32, 64 and 64 channels on the 8×8 images, two poolings and a linear layer.
    Cnn,
    /// A GRU that reads the image row by row, from both ends; its outputs, averaged, go to a linear layer.
    Rnn,
}

impl ModelKind {
    fn name(self) -> &'static str {
        match self {
            ModelKind::Mlp => "mlp",
            ModelKind::Cnn => "cnn",
            ModelKind::Rnn => "rnn",
        }
    }

    fn build(self, rng: &mut Rng) -> Result<Box<dyn Layer>> {
        let dropout = MlpConfig { dropout: 0.3, ..Default::default() };
        Ok(match self {
            ModelKind::Mlp => Box::new(Mlp::with_config([64, 256, 128, 10], &dropout, rng)?),
            ModelKind::Cnn => Box::new(cnn(rng)?),
            ModelKind::Rnn => Box::new(RowReader::new(rng)?),
        })
    }
}

/// Convolutions, each normalised and rectified; the rows of 64 numbers become images first.
fn cnn(rng: &mut Rng) -> Result<Sequential> {
    let padded = ConvConfig { padding: 1.into(), bias: false, ..ConvConfig::default() };
    let mut block = |net: Sequential, c_in, c_out| -> Result<Sequential> {
        let conv = Conv2d::with_config(c_in, c_out, 3, &padded, rng)?;
        Ok(net.push(conv).push(BatchNorm2d::new(c_out)?).push(Activation::Relu))
    };
    let net = block(Sequential::new().push(Unflatten::new([1, 8, 8])), 1, 32)?;
    let net = block(net, 32, 64)?.push(MaxPool::new(2));
    let net = block(net, 64, 64)?.push(MaxPool::new(2));
    Ok(net.push(Flatten).push(Dropout::new(0.5)?).push(Linear::new(64 * 2 * 2, 10, rng)?))
}

/// A recurrent network over the rows of an image: a step is a row of 8 pixels.
#[derive(Module)]
struct RowReader {
    rnn: Gru,
    dropout: Dropout,
    head: Linear,
}

impl RowReader {
    fn new(rng: &mut Rng) -> Result<Self> {
        let config = RecurrentConfig { layers: 2, bidirectional: true, dropout: 0.3, ..Default::default() };
        let rnn = Gru::with_config(8, 64, &config, rng)?;
        Ok(Self { dropout: Dropout::new(0.3)?, head: Linear::new(rnn.d_out(), 10, rng)?, rnn })
    }
}

impl Layer for RowReader {
    fn forward(&self, x: &Var, cx: &mut Context) -> ironloom::nn::Result<Var> {
        let rows = x.reshape([x.shape()[0], 8, 8])?;
        let steps = cx.call("rnn", &self.rnn, &rows)?;
        let image = self.dropout.forward(&steps.mean(&[1])?, cx)?;
        cx.call("head", &self.head, &image)
    }
}

/// Trains a network on handwritten digits and tests it.
#[derive(Debug, Parser)]
struct Args {
    /// Which network.
    #[arg(long, value_enum, default_value_t = ModelKind::Mlp)]
    model: ModelKind,
    /// Passes over the training part.
    #[arg(long, default_value_t = 80)]
    epochs: usize,
    /// Decides the split, the starting weights and the order of the images.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; the result does not depend on them. Default: all cores.
    #[arg(long)]
    threads: Option<usize>,
    /// Where plots, report and weights go.
    #[arg(long, default_value = "out/digits")]
    out: PathBuf,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

const BATCH: usize = 64;
const LR: f64 = 2e-3;

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

    // Data: three parts with the classes in proportion; nothing of the other two enters the standardiser.
    let digits = data::digits()?;
    let split = split_stratified(&digits.labels()?, Fractions::default(), args.seed)?;
    let standardizer = Standardizer::fit_shared(&digits.train_part(&split)?)?;
    let part = |rows: &[usize]| -> Result<Dataset> { Ok(standardizer.apply(&digits.select(rows)?)?) };
    let (train, valid, test) = (part(&split.train)?, part(&split.validation)?, part(&split.test)?);
    println!(
        "{} images: {} to train, {} to validate, {} to test",
        digits.len(),
        train.len(),
        valid.len(),
        test.len()
    );

    // Model and training.
    let mut rng = Rng::seed(args.seed);
    let mut model = args.model.build(&mut rng)?;
    let summary = Summary::of(&model, &train.features().narrow(0, 0, 1)?)?;
    println!("\n{summary}\n");
    let steps = (args.epochs * train.len().div_ceil(BATCH)) as u64;
    let mut task = Classification::new(digits.class_names().unwrap_or_default().iter().cloned());
    task.loss.label_smoothing = 0.1;
    let config = TrainConfig {
        epochs: args.epochs,
        batch_size: BATCH,
        seed: args.seed,
        early_stopping: Some(EarlyStopping { patience: 30 }),
        progress: Progress::Auto,
        ..Default::default()
    };
    let mut trainer = Trainer::new(config).schedule(CosineWarmup::new(LR, LR / 100.0, steps / 20, steps)?);
    let fit = trainer.fit(&mut model, &mut AdamW::new(LR), &task, &train, Some(&valid))?;

    // The best epoch's weights are back in the model; the test part is looked at once.
    let results: Vec<(&str, Evaluation)> = [("train", &train), ("validation", &valid), ("test", &test)]
        .into_iter()
        .map(|(name, part)| Ok((name, trainer.evaluate(&model, &task, part)?)))
        .collect::<Result<_>>()?;
    let table = result_table(&results);
    println!("{table}");
    let hash = format!("{:016x}", model.state_dict().fingerprint()?);
    println!("best epoch {} of {}, weights {hash}", fit.best_epoch, fit.history.len());

    write_files(
        args,
        &digits,
        &split.test,
        &trainer,
        &model,
        &test,
        &fit,
        &results,
        &table,
        &summary,
        &hash,
    )?;
    println!("plots, report.html and weights are in {}", args.out.display());
    if args.json {
        let test = &results[2].1.values;
        let line = json!({
            "model": args.model.name(),
            "seed": args.seed,
            "epochs": fit.history.len(),
            "test_accuracy": test.get("accuracy"),
            "test_loss": test.get("loss"),
            "weight_hash": hash,
            "seconds": fit.seconds,
        });
        println!("{line}");
    }
    Ok(())
}

fn result_table(results: &[(&str, Evaluation)]) -> Table {
    let mut table = Table::new(["part", "images", "loss", "accuracy"]);
    for (name, evaluation) in results {
        let count = evaluation.confusion.as_ref().map_or(0, |confusion| confusion.count());
        table.row([
            name.to_string(),
            format::grouped(count),
            format::optional(evaluation.values.get("loss")),
            format::percent(evaluation.values.get("accuracy")),
        ]);
    }
    table
}

fn model_table(summary: &Summary) -> Table {
    let mut table = Table::new(["path", "layer", "output", "parameters"]);
    for row in &summary.rows {
        let output = format!("{:?}", row.output);
        table.row([row.path.clone(), row.layer.clone(), output, format::grouped(row.params as u64)]);
    }
    table.rule().row(["", "all", "", &format::grouped(summary.params as u64)]);
    table
}

/// Curves, confusion matrix, report, history and weights, each written whole or not at all.
#[allow(clippy::too_many_arguments)]
fn write_files(
    args: &Args,
    digits: &Dataset,
    test_rows: &[usize],
    trainer: &Trainer,
    model: &impl Layer,
    test: &Dataset,
    fit: &Fit,
    results: &[(&str, Evaluation)],
    table: &Table,
    summary: &Summary,
    hash: &str,
) -> Result<()> {
    let out: &Path = &args.out;
    std::fs::create_dir_all(out)
        .map_err(|error| format!("[digits] {} must be a folder: {error}", out.display()))?;
    let measures = [("loss", Direction::Lower), ("accuracy", Direction::Higher)];
    let curves = plot::learning_curves(&fit.history, &measures)?;
    let Some(confusion) = &results[2].1.confusion else {
        return Err("[digits] classes have a confusion matrix".into());
    };
    let matrix = plot::confusion_plot(confusion);
    for (name, figure) in [("curves", &curves), ("confusion", &matrix)] {
        figure.save(out.join(format!("{name}.svg")))?;
        figure.save(out.join(format!("{name}.png")))?;
    }
    fit.history.save_csv(out.join("history.csv"))?;
    train::save_weights(out.join("weights.iron"), &model.state_dict())?;

    let test_accuracy = results[2].1.values.get("accuracy");
    Report::new("Handwritten digits")
        .subtitle(match args.model {
            ModelKind::Mlp => "A multilayer perceptron on the 8×8 images of the UCI optical recognition set",
            ModelKind::Cnn => "A convolutional network on the 8×8 images of the UCI optical recognition set",
            ModelKind::Rnn => {
                "A recurrent network on the rows of the 8×8 images of the UCI optical recognition set"
            }
        })
        .highlight("test accuracy", format::percent(test_accuracy))
        .highlight("test loss", format::optional(results[2].1.values.get("loss")))
        .highlight("best epoch", format!("{} of {}", fit.best_epoch, fit.history.len()))
        .highlight("training time", format::duration(fit.seconds))
        .setting("model", args.model.name())
        .setting("seed", args.seed)
        .setting("batch size", BATCH)
        .setting("learning rate", LR)
        .setting("threads", tensor::threads())
        .setting("instruction set", format!("{:?}", tensor::simd_level()))
        .setting("weights", hash)
        .table("Results", table)
        .curves("Learning curves", &fit.history, &measures)?
        .confusion("Who was taken for whom, on the test part", confusion)?
        .images("Mistakes, the surest first", &mistakes(digits, test_rows, trainer, model, test)?)?
        .table("Model", &model_table(summary))
        .save(out.join("report.html"))?;
    Ok(())
}

/// The test images that the model got wrong, those it was surest of first.
fn mistakes(
    digits: &Dataset,
    rows: &[usize],
    trainer: &Trainer,
    model: &impl Layer,
    test: &Dataset,
) -> Result<Vec<ImageTile>> {
    let probabilities = trainer.predict(model, test.features())?.softmax(1)?;
    let guesses = probabilities.argmax(1)?.to_vec::<i64>()?;
    let sure = probabilities.max(&[1])?.to_vec::<f32>()?;
    let labels = test.labels()?;
    let mut wrong: Vec<usize> = (0..labels.len()).filter(|&i| guesses[i] != labels[i]).collect();
    wrong.sort_by(|&a, &b| sure[b].total_cmp(&sure[a]).then(a.cmp(&b)));
    wrong
        .into_iter()
        .take(24)
        .map(|i| {
            let pixels = digits.get(rows[i])?.0.to_vec::<f32>()?;
            let note = format!("{} sure", format::percent(Some(sure[i] as f64)));
            Ok(ImageTile::new(8, 8, &pixels, format!("{} taken for {}", labels[i], guesses[i]))?.note(note))
        })
        .collect()
}

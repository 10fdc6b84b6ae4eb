//! Handwritten digits, from data to a tested model.
//!
//! Splits the 1,797 images into parts for training, validation and testing; standardises them by the training part;
//! trains a network and keeps its best epoch; tests it once. Writes curves, a confusion matrix, a report and the weights.
//! With `--model all` it does so with four kinds of networks on the same parts, and compares them.
//!
//! ```sh
//! cargo run --release --example digits -- --seed 1 --epochs 40
//! cargo run --release --example digits -- --model all
//! ```

use clap::{Parser, ValueEnum};
use ironloom::data::{self, Dataset, Fractions, Standardizer, split_stratified};
use ironloom::nn::{BatchNorm2d, Conv2d, ConvConfig, Flatten, MaxPool, Summary, Unflatten};
use ironloom::optim::CosineWarmup;
use ironloom::prelude::*;
use ironloom::tensor;
use ironloom::train::metrics::Calibration;
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
    /// A small Vision Transformer: the image's four quarters, 4×4 pixels each, look at each other.
    Transformer,
    /// All four, one after the other, and a table that compares them.
    All,
}

impl ModelKind {
    fn name(self) -> &'static str {
        match self {
            ModelKind::Mlp => "mlp",
            ModelKind::Cnn => "cnn",
            ModelKind::Rnn => "rnn",
            ModelKind::Transformer => "transformer",
            ModelKind::All => "all",
        }
    }

    fn subtitle(self) -> &'static str {
        match self {
            ModelKind::Mlp => "A multilayer perceptron on the 8×8 images of the UCI optical recognition set",
            ModelKind::Cnn => "A convolutional network on the 8×8 images of the UCI optical recognition set",
            ModelKind::Rnn => {
                "A recurrent network on the rows of the 8×8 images of the UCI optical recognition set"
            }
            ModelKind::Transformer => {
                "A Transformer on the quarters of the 8×8 images of the UCI optical recognition set"
            }
            ModelKind::All => "Four kinds of networks on the 8×8 images of the UCI optical recognition set",
        }
    }

    fn build(self, rng: &mut Rng) -> Result<Box<dyn Layer>> {
        let dropout = MlpConfig { dropout: 0.3, ..Default::default() };
        Ok(match self {
            ModelKind::Mlp => Box::new(Mlp::with_config([64, 256, 128, 10], &dropout, rng)?),
            ModelKind::Cnn => Box::new(cnn(rng)?),
            ModelKind::Rnn => Box::new(RowReader::new(rng)?),
            ModelKind::Transformer => {
                let size =
                    VitConfig { channels: 1, size: [8, 8], patch: [4, 4], classes: 10, ..Default::default() };
                let vit = VitConfig { layers: 3, heads: 4, d: 96, d_ff: 192, dropout: 0.3, ..size };
                Box::new(Sequential::new().push(Unflatten::new([1, 8, 8])).push(Vit::new(&vit, rng)?))
            }
            ModelKind::All => return Err("[digits] one network is built at a time".into()),
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

/// The three parts, with the classes in proportion; nothing of the last two enters the standardiser.
struct Parts {
    digits: Dataset,
    test_rows: Vec<usize>,
    train: Dataset,
    valid: Dataset,
    test: Dataset,
}

impl Parts {
    fn new(seed: u64) -> Result<Self> {
        let digits = data::digits()?;
        let split = split_stratified(&digits.labels()?, Fractions::default(), seed)?;
        let standardizer = Standardizer::fit_shared(&digits.train_part(&split)?)?;
        let part = |rows: &[usize]| -> Result<Dataset> { Ok(standardizer.apply(&digits.select(rows)?)?) };
        let (train, valid, test) = (part(&split.train)?, part(&split.validation)?, part(&split.test)?);
        Ok(Self { digits, test_rows: split.test, train, valid, test })
    }
}

/// A trained network, and how it did.
struct Run<'a> {
    kind: ModelKind,
    model: Box<dyn Layer>,
    trainer: Trainer<'a>,
    fit: Fit,
    summary: Summary,
    /// Of the parts for training, validation and test.
    results: Vec<(&'static str, Evaluation)>,
    hash: String,
}

impl Run<'_> {
    fn test(&self, metric: &str) -> Option<f64> {
        self.results[2].1.values.get(metric)
    }
}

fn run(args: &Args) -> Result<()> {
    if let Some(threads) = args.threads {
        tensor::set_threads(threads);
    }
    let parts = Parts::new(args.seed)?;
    println!(
        "{} images: {} to train, {} to validate, {} to test",
        parts.digits.len(),
        parts.train.len(),
        parts.valid.len(),
        parts.test.len()
    );
    let kinds = match args.model {
        ModelKind::All => vec![ModelKind::Mlp, ModelKind::Cnn, ModelKind::Rnn, ModelKind::Transformer],
        kind => vec![kind],
    };
    let alone = kinds.len() == 1;
    let mut runs = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let run = train_one(args, kind, &parts)?;
        let out = if alone { args.out.clone() } else { args.out.join(kind.name()) };
        write_files(args, &out, &run, &parts)?;
        println!("plots, report.html and weights are in {}", out.display());
        runs.push(run);
    }
    if !alone {
        compare(args, &runs)?;
    }
    if args.json {
        for run in &runs {
            let line = json!({
                "model": run.kind.name(),
                "seed": args.seed,
                "epochs": run.fit.history.len(),
                "test_accuracy": run.test("accuracy"),
                "test_loss": run.test("loss"),
                "weight_hash": run.hash,
                "seconds": run.fit.seconds,
            });
            println!("{line}");
        }
    }
    Ok(())
}

/// Trains a network, puts its best epoch's weights back and looks at the test part once.
fn train_one(args: &Args, kind: ModelKind, parts: &Parts) -> Result<Run<'static>> {
    let mut rng = Rng::seed(args.seed);
    let mut model = kind.build(&mut rng)?;
    let summary = Summary::of(&model, &parts.train.features().narrow(0, 0, 1)?)?;
    println!("\n{summary}\n");
    let steps = (args.epochs * parts.train.len().div_ceil(BATCH)) as u64;
    let mut task = Classification::new(parts.digits.class_names().unwrap_or_default().iter().cloned());
    task.loss.label_smoothing = 0.1;
    let config = TrainConfig {
        epochs: args.epochs,
        batch_size: BATCH,
        seed: args.seed,
        early_stopping: Some(EarlyStopping { patience: 30 }),
        profile: true,
        progress: Progress::Auto,
        ..Default::default()
    };
    let mut trainer = Trainer::new(config).schedule(CosineWarmup::new(LR, LR / 100.0, steps / 20, steps)?);
    let mut optimizer = AdamW::new(LR);
    let plan = trainer.plan(&mut model, &mut optimizer, &task, &parts.train, Some(&parts.valid))?;
    println!("{plan}\n");
    let fit = trainer.fit(&mut model, &mut optimizer, &task, &parts.train, Some(&parts.valid))?;
    let results: Vec<(&str, Evaluation)> =
        [("train", &parts.train), ("validation", &parts.valid), ("test", &parts.test)]
            .into_iter()
            .map(|(name, part)| Ok((name, trainer.evaluate(&model, &task, part)?)))
            .collect::<Result<_>>()?;
    println!("{}", result_table(&results));
    let hash = format!("{:016x}", model.state_dict().fingerprint()?);
    println!("best epoch {} of {}, weights {hash}", fit.best_epoch, fit.history.len());
    Ok(Run { kind, model, trainer, fit, summary, results, hash })
}

/// One table of all networks, printed, drawn and put into a report beside the curves of their validation.
fn compare(args: &Args, runs: &[Run]) -> Result<()> {
    let mut table = Table::new(["model", "test accuracy", "test loss", "parameters", "epochs", "seconds"]);
    for run in runs {
        table.row([
            run.kind.name().to_string(),
            format::percent(run.test("accuracy")),
            format::optional(run.test("loss")),
            format::grouped(run.summary.params as u64),
            run.fit.history.len().to_string(),
            format!("{:.1}", run.fit.seconds),
        ]);
    }
    println!("\n{table}");
    let drawn = plot::table_plot("Handwritten digits, on images never seen", &table);
    let mut curves = plot::LineChart::new("Validation accuracy").x_label("epoch").integer_x();
    for run in runs {
        let points = run
            .fit
            .history
            .epochs()
            .iter()
            .filter_map(|record| Some((record.epoch as f64, record.valid.as_ref()?.get("accuracy")?)));
        curves = curves.series(run.kind.name(), points.collect::<Vec<_>>());
    }
    let curves = curves.figure();
    for (name, figure) in [("comparison", &drawn), ("validation", &curves)] {
        figure.save(args.out.join(format!("{name}.svg")))?;
        figure.save(args.out.join(format!("{name}.png")))?;
    }
    Report::new("Handwritten digits: four kinds of networks")
        .subtitle(ModelKind::All.subtitle())
        .setting("seed", args.seed)
        .setting("threads", tensor::threads())
        .setting("instruction set", format!("{:?}", tensor::simd_level()))
        .table("Comparison", &table)
        .figure("While they learnt", &curves)?
        .save(args.out.join("report.html"))?;
    println!("the comparison is in {}", args.out.display());
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
fn write_files(args: &Args, out: &Path, run: &Run, parts: &Parts) -> Result<()> {
    let Run { kind, model, trainer, fit, summary, results, hash } = run;
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

    let shares = trainer.predict(model, parts.test.features())?.softmax(1)?.to_vec::<f32>()?;
    let mut calibration = Calibration::new(10)?;
    calibration.update_classes(
        &shares,
        parts.digits.class_names().map_or(0, <[_]>::len),
        &parts.test.labels()?,
    )?;

    Report::new("Handwritten digits")
        .subtitle(kind.subtitle())
        .highlight("test accuracy", format::percent(run.test("accuracy")))
        .highlight("test loss", format::optional(run.test("loss")))
        .highlight("best epoch", format!("{} of {}", fit.best_epoch, fit.history.len()))
        .highlight("training time", format::duration(fit.seconds))
        .setting("model", kind.name())
        .setting("seed", args.seed)
        .setting("batch size", BATCH)
        .setting("learning rate", LR)
        .setting("threads", tensor::threads())
        .setting("instruction set", format!("{:?}", tensor::simd_level()))
        .setting("weights", hash)
        .table("Results", &result_table(results))
        .curves("Learning curves", &fit.history, &measures)?
        .confusion("Who was taken for whom, on the test part", confusion)?
        .calibration("How sure it is, and how often it is right then", &calibration)?
        .images("Mistakes, the surest first", &mistakes(parts, trainer, model)?)?
        .table("Model", &model_table(summary))
        .table(
            "Where the time went",
            &train::cost_table(fit.profile.as_ref().unwrap_or(&Default::default()), 2),
        )
        .save(out.join("report.html"))?;
    Ok(())
}

/// The test images that the model got wrong, those it was surest of first.
fn mistakes(parts: &Parts, trainer: &Trainer, model: &impl Layer) -> Result<Vec<ImageTile>> {
    let Parts { digits, test_rows: rows, test, .. } = parts;
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

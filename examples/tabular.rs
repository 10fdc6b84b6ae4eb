//! A table of your own, from first look to report: text columns and gaps, cross-validation, tuning, training, test.
//!
//! ```sh
//! cargo run --release --example tabular                                    # made-up customers: who leaves?
//! cargo run --release --example tabular -- houses.csv --target price      # a column of numbers: regression
//! ```
//!
//! The column to learn may be text, which makes it classification, or numbers. Everything that is fitted, gap fillers, scales and
//! categories too, is fitted on training rows alone, inside each fold again.

use clap::Parser;
use ironloom::data::{
    Fractions, Impute, ImputeText, NumberSteps, Preprocess, Preprocessor, Split, Table, TableColumn,
    TableOptions, TextSteps, Train, Unknown, k_folds, k_folds_stratified, read_table, split_random,
    split_stratified,
};
use ironloom::optim::CosineWarmup;
use ironloom::prelude::*;
use ironloom::tensor;
use ironloom::train::metrics::{BinaryScores, Calibration};
use ironloom::train::{
    self, Candidate, Classification, Direction, EarlyStopping, Halving, Params, Progress, Regression, Report,
    Search, Space, Task, TrainConfig, Trainer, cross_validate, format,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Learns one column of a table from the others.
#[derive(Debug, Parser)]
struct Args {
    /// The table: a first line of names, commas. Default: made-up customers.
    path: Option<PathBuf>,
    /// The column to learn: text for classes, or numbers.
    #[arg(long, default_value = "leaves")]
    target: String,
    /// A column to leave out, such as a name; may be given several times.
    #[arg(long)]
    ignore: Vec<String>,
    /// Settings that are tried in the first round of the search.
    #[arg(long, default_value_t = 12)]
    candidates: usize,
    /// Parts of the cross-validation.
    #[arg(long, default_value_t = 4)]
    folds: usize,
    /// Passes over the training part, at most.
    #[arg(long, default_value_t = 60)]
    epochs: usize,
    /// Decides the split, the folds, what is tried, the starting weights and the order of the rows.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where report, weights and preprocessing go.
    #[arg(long, default_value = "out/tabular")]
    out: PathBuf,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

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

/// What is learned from what.
struct Problem {
    table: Table,
    target: String,
    /// The classes, for a target of text.
    classes: Option<Vec<String>>,
    numbers: Vec<String>,
    text: Vec<String>,
}

impl Problem {
    /// Leaves rows without a target out.
    fn new(table: Table, args: &Args) -> Result<Self> {
        let known: Vec<usize> = match table.column(&args.target)? {
            TableColumn::Numbers(cells) => (0..cells.len()).filter(|&i| cells[i].is_some()).collect(),
            TableColumn::Text(cells) => (0..cells.len()).filter(|&i| cells[i].is_some()).collect(),
        };
        if known.len() < table.rows() {
            println!("{} rows have no {} and are left out", table.rows() - known.len(), args.target);
        }
        let table = table.select(&known)?;
        for name in &args.ignore {
            table.column(name)?;
        }
        let (mut numbers, mut text, mut classes) = (Vec::new(), Vec::new(), None);
        for name in table.names() {
            let is_text = matches!(table.column(name)?, TableColumn::Text(_));
            if *name == args.target {
                classes = if is_text { Some(table.distinct(name)?) } else { None };
            } else if !args.ignore.contains(name) {
                if is_text { text.push(name.clone()) } else { numbers.push(name.clone()) }
            }
        }
        Ok(Self { target: args.target.clone(), table, classes, numbers, text })
    }

    fn task(&self) -> Box<dyn Task> {
        match &self.classes {
            Some(classes) => Box::new(Classification::new(classes.iter().cloned())),
            None => Box::new(Regression),
        }
    }

    /// Gaps become medians, with a feature that says so, or a category of their own; a category that training rows lack is no category.
    fn fit(&self, train: &Train<Table>) -> Result<Preprocessor> {
        let numbers = NumberSteps { impute: Impute::Median, indicator: true, ..Default::default() };
        let text = TextSteps {
            impute: ImputeText::Constant("missing".into()),
            unknown: Unknown::Ignore,
            ..Default::default()
        };
        Ok(Preprocess::new()
            .numbers(self.numbers.clone(), numbers)
            .text(self.text.clone(), text)
            .fit(train)?)
    }

    /// Numbers are learnt with mean 0 and deviation 1; `scale` undoes it. Classes have none.
    fn scale(&self, rows: &[usize]) -> Result<(f64, f64)> {
        if self.classes.is_some() {
            return Ok((0.0, 1.0));
        }
        let y = self.table.select(rows)?.targets(&self.target)?.to_dtype(DType::F64)?;
        let std = y.var(&[], 0)?.item()?.sqrt();
        if std > 0.0 { Ok((y.mean(&[])?.item()?, std)) } else { Err("all targets are the same".into()) }
    }

    fn rows(&self, fitted: &Preprocessor, scale: (f64, f64), rows: &[usize]) -> Result<Dataset> {
        let table = self.table.select(rows)?;
        let x = fitted.transform(&table)?;
        Ok(match &self.classes {
            Some(classes) => {
                Dataset::classification(x, table.labels(&self.target, classes)?, classes.clone())?
            }
            None => {
                let y = table.targets(&self.target)?.add_scalar(-scale.0)?.mul_scalar(1.0 / scale.1)?;
                Dataset::regression(x, y)?
            }
        })
    }

    fn split(&self, seed: u64) -> Result<Split> {
        Ok(match &self.classes {
            Some(classes) => {
                let labels = self.table.labels(&self.target, classes)?.to_vec::<i64>()?;
                split_stratified(&labels, Fractions::default(), seed)?
            }
            None => split_random(self.table.rows(), Fractions::default(), seed)?,
        })
    }

    /// Folds of some of the rows.
    fn folds(&self, rows: &[usize], k: usize, seed: u64) -> Result<Vec<Split>> {
        let folds = match &self.classes {
            Some(classes) => {
                let labels = self.table.select(rows)?.labels(&self.target, classes)?.to_vec::<i64>()?;
                k_folds_stratified(&labels, k, seed)?
            }
            None => k_folds(rows.len(), k, seed)?,
        };
        let of_all = |part: &[usize]| part.iter().map(|&i| rows[i]).collect();
        Ok(folds
            .into_iter()
            .map(|fold| Split {
                train: of_all(&fold.train),
                validation: of_all(&fold.validation),
                test: Vec::new(),
            })
            .collect())
    }
}

/// What is searched.
fn space() -> Space {
    Space::new()
        .log_uniform("learning rate", 3e-4, 3e-2)
        .int("layers", 1, 3)
        .one_of("width", ["16", "32", "64"])
        .uniform("dropout", 0.0, 0.4)
        .log_uniform("weight decay", 1e-5, 1e-1)
}

/// A network of these settings, trained, and its trainer.
fn fit(
    problem: &Problem,
    params: &Params,
    (epochs, seed): (usize, u64),
    train: &Dataset,
    valid: Option<&Dataset>,
    progress: Progress,
) -> train::Result<(Mlp, Trainer<'static>, train::Fit)> {
    let width: usize = params.word("width")?.parse().unwrap_or(32);
    let outputs = problem.classes.as_ref().map_or(1, Vec::len);
    let mut sizes = vec![train.features().shape()[1]];
    sizes.extend((0..params.int("layers")?).map(|_| width));
    sizes.push(outputs);
    let config = MlpConfig { dropout: params.number("dropout")?, ..Default::default() };
    let mut model = Mlp::with_config(sizes, &config, &mut Rng::seed(seed))?;
    let config = TrainConfig {
        epochs,
        batch_size: BATCH,
        seed,
        restore_best: valid.is_some(),
        early_stopping: valid.map(|_| EarlyStopping { patience: 15 }),
        progress,
        ..Default::default()
    };
    let lr = params.number("learning rate")?;
    let steps = (epochs * train.len().div_ceil(BATCH)) as u64;
    let mut optimizer = AdamW::with_config(ironloom::optim::AdamConfig {
        lr,
        weight_decay: params.number("weight decay")?,
        ..Default::default()
    });
    let mut trainer =
        Trainer::new(config).schedule(CosineWarmup::new(lr, lr / 50.0, (steps / 20).max(1), steps.max(2))?);
    let fit = trainer.fit(&mut model, &mut optimizer, &*problem.task(), train, valid.map(|v| v as _))?;
    Ok((model, trainer, fit))
}

fn run(args: &Args) -> Result<()> {
    let table = match &args.path {
        Some(path) => read_table(path, &TableOptions::default())?,
        None => customers(1200)?,
    };

    // Explore.
    println!("{}", table.schema());
    let schema = table.schema().to_string();
    let problem = Problem::new(table, args)?;
    let split = problem.split(args.seed)?;
    let task = problem.task();
    let (metric, direction) = task.main_metric();
    println!(
        "{} from {} columns of numbers and {} of text; {} rows to train and tune, {} to test",
        args.target,
        problem.numbers.len(),
        problem.text.len(),
        split.train.len() + split.validation.len(),
        split.test.len()
    );

    // Tune: every candidate is cross-validated, the better ones with more epochs. The test part is not looked at.
    let mut known: Vec<usize> = split.train.iter().chain(&split.validation).copied().collect();
    known.sort_unstable();
    let folds = problem.folds(&known, args.folds, args.seed)?;
    let validate = |candidate: &Candidate, epochs: usize| -> train::Result<train::CrossValidation> {
        cross_validate(&folds, |_, fold| {
            let inner = || -> Result<_> {
                let fitted = problem.fit(&problem.table.train_part(fold)?)?;
                let scale = problem.scale(&fold.train)?;
                Ok((
                    problem.rows(&fitted, scale, &fold.train)?,
                    problem.rows(&fitted, scale, &fold.validation)?,
                ))
            };
            let (train, valid) = inner().map_err(other)?;
            let run = (epochs, candidate.seed);
            let (model, trainer, _) = fit(&problem, &candidate.params, run, &train, None, Progress::Silent)?;
            Ok(trainer.evaluate(&model, &*problem.task(), &valid)?.values)
        })
    };
    let most = (args.epochs / 2).max(1);
    let halving =
        Halving { candidates: args.candidates, min_budget: most.div_ceil(4), max_budget: most, factor: 2 };
    let found = Search::halving(space(), halving, args.seed, direction).run(|candidate| {
        let values = validate(candidate, candidate.budget)?;
        Ok(values.spread(metric).map_or(f64::NAN, |spread| spread.mean))
    })?;
    let tried = found.table(8);
    println!("\nTried, the best first ({metric} over {} folds):\n{tried}", args.folds);
    let best = &found.best().candidate;
    let validated = validate(best, most)?;
    let spread = validated.spread(metric).map_or("n/a".into(), |spread| spread.to_string());
    println!("{metric} of the best in cross-validation: {spread}");

    // Train on the training part, stop by the validation part, and look at the test part once.
    let fitted = problem.fit(&problem.table.train_part(&split)?)?;
    let scale = problem.scale(&split.train)?;
    let part = |rows: &[usize]| problem.rows(&fitted, scale, rows);
    let (train, valid, test) = (part(&split.train)?, part(&split.validation)?, part(&split.test)?);
    let (model, trainer, fitting) =
        fit(&problem, &best.params, (args.epochs, args.seed), &train, Some(&valid), Progress::Auto)?;
    let mut results = train::Table::new(["part", "rows", "loss", metric]);
    let mut tested = None;
    for (name, part) in [("train", &train), ("validation", &valid), ("test", &test)] {
        let evaluation = trainer.evaluate(&model, &*task, part)?;
        let value = |name: &str| format::optional(evaluation.values.get(name));
        results.row([name.to_string(), part.len().to_string(), value("loss"), value(metric)]);
        tested = Some(evaluation);
    }
    println!("\n{results}");
    let Some(tested) = tested else { return Err("there is no test part".into()) };
    if problem.classes.is_none() {
        println!(
            "in units of {}: {}",
            args.target,
            format::optional(tested.values.get(metric).map(|x| x * scale.1))
        );
    }

    let mut report = Report::new(format!("{} from a table", args.target))
        .subtitle(format!("{} rows, {} features", problem.table.rows(), fitted.feature_names().len()))
        .highlight(format!("test {metric}"), format::optional(tested.values.get(metric)))
        .highlight("cross-validation", &spread)
        .setting("settings", &best.params)
        .setting("seed", args.seed)
        .setting("instruction set", format!("{:?}", tensor::simd_level()))
        .text("The table", &schema.replace('\n', "\n\n"))
        .table("Tried", &tried)
        .table("Cross-validation of the best", &validated.table())
        .table("Results", &results)
        .curves("Curves", &fitting.history, &[("loss", Direction::Lower), (metric, direction)])?;
    if let Some(confusion) = &tested.confusion {
        report = report.confusion("Test part", confusion)?;
    }
    if let Some([_, _]) = problem.classes.as_deref() {
        // Where to draw the line between two classes, and whether a probability is one.
        let shares =
            trainer.predict(&model, test.features())?.softmax(1)?.narrow(1, 1, 1)?.to_vec::<f32>()?;
        let (mut scores, mut calibration) = (BinaryScores::new(), Calibration::new(10)?);
        scores.update(&shares, &test.labels()?)?;
        calibration.update(&shares, &test.labels()?)?;
        println!("area under the ROC curve on the test part: {}", format::optional(scores.roc_auc()));
        report = report.scores("Thresholds", &scores)?.calibration("Probabilities", &calibration)?;
    }
    std::fs::create_dir_all(&args.out)
        .map_err(|error| format!("[tabular] {} must be a folder: {error}", args.out.display()))?;
    report.save(args.out.join("report.html"))?;
    // Everything that is needed to answer for a new row: preprocessing, scale of the target, weights.
    let kept = json!({ "preprocessing": fitted, "classes": problem.classes, "scale": scale });
    train::write_atomic(args.out.join("preprocessing.json"), |out| {
        serde_json::to_writer(out, &kept).map_err(Into::into)
    })?;
    train::save_weights(args.out.join("weights.iron"), &model.state_dict())?;
    println!("report.html, weights and preprocessing are in {}", args.out.display());
    if args.json {
        let line = json!({
            "seed": args.seed,
            "metric": metric,
            "cross_validation": validated.spread(metric).map(|spread| spread.mean),
            "test": tested.values.get(metric),
            "weight_hash": format!("{:016x}", model.state_dict().fingerprint()?),
        });
        println!("{line}");
    }
    Ok(())
}

/// An error of this program among those of training.
fn other(error: Box<dyn std::error::Error>) -> train::Error {
    train::Error::InvalidArgument {
        op: "tabular",
        rule: "a fold must have rows to learn from",
        got: error.to_string(),
        repair: "use fewer folds, or look at the table",
    }
}

/// Made-up customers of a telephone company. Who leaves depends on the contract, on how long and how dearly they have been customers,
/// and on chance; a tenth of some cells is missing.
fn customers(rows: usize) -> Result<Table> {
    let mut rng = Rng::seed(2026);
    let mut share = || -> Result<f64> { Ok(rng.below(1 << 30)? as f64 / (1 << 30) as f64) };
    let mut numbers: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    let mut text: BTreeMap<&str, Vec<Option<String>>> = BTreeMap::new();
    for _ in 0..rows {
        let months = (share()? * share()? * 72.0).floor();
        let contract = ["monthly", "one year", "two years"][(share()? * 3.0) as usize];
        let region = ["north", "south", "east", "west"][(share()? * 4.0) as usize];
        let bill = 20.0 + 60.0 * share()?;
        let calls = (share()? * share()? * 8.0).floor();
        let held: f64 = match contract {
            "monthly" => 0.0,
            "one year" => 1.6,
            _ => 3.0,
        };
        let score = 0.8 - held - months / 18.0 + (bill - 45.0) / 14.0 + 0.7 * calls
            - if region == "west" { 0.8 } else { 0.0 };
        let leaves = share()? < 1.0 / (1.0 + (-1.5 * score).exp());
        let mut gap = |x: f64| -> Result<Option<f64>> { Ok(if share()? < 0.1 { None } else { Some(x) }) };
        numbers.entry("months").or_default().push(Some(months));
        numbers.entry("bill").or_default().push(gap((bill * 100.0).round() / 100.0)?);
        numbers.entry("calls").or_default().push(gap(calls)?);
        text.entry("contract").or_default().push(Some(contract.into()));
        text.entry("region").or_default().push(gap(0.0)?.map(|_| region.to_string()));
        text.entry("leaves").or_default().push(Some(if leaves { "yes" } else { "no" }.into()));
    }
    let numbers = numbers.into_iter().map(|(name, cells)| (name.to_string(), TableColumn::Numbers(cells)));
    let text = text.into_iter().map(|(name, cells)| (name.to_string(), TableColumn::Text(cells)));
    let table = Table::new(numbers.chain(text).collect())?;
    // Through a file, as a table of yours would come.
    let path = std::env::temp_dir().join(format!("ironloom-customers-{}.csv", std::process::id()));
    write_csv(&path, &table)?;
    let read = read_table(&path, &TableOptions::default());
    std::fs::remove_file(&path)?;
    Ok(read?)
}

fn write_csv(path: &Path, table: &Table) -> Result<()> {
    let mut text = table.names().join(",") + "\n";
    for row in 0..table.rows() {
        let cells = table.names().iter().map(|name| {
            Ok(match table.column(name)? {
                TableColumn::Numbers(cells) => cells[row].map_or(String::new(), |x| x.to_string()),
                TableColumn::Text(cells) => cells[row].clone().unwrap_or_default(),
            })
        });
        text += &(cells.collect::<Result<Vec<String>>>()?.join(",") + "\n");
    }
    Ok(std::fs::write(path, text)?)
}

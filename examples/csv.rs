//! Regression on a table of your own: read, split, standardise, train, test.
//!
//! ```sh
//! cargo run --release --example csv -- houses.csv --target price --ignore street
//! ```
//!
//! Without a path it writes a table of made-up houses, with a few bad rows, and learns their prices. Bad rows are named
//! by line and column and left out.

use clap::Parser;
use ironloom::data::{
    Column, CsvOptions, Dataset, Fractions, OnBadRow, Standardizer, read_csv, split_random,
};
use ironloom::prelude::*;
use ironloom::train::{EarlyStopping, Regression, Table, TrainConfig, Trainer};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Learns one column of a CSV file from the others.
#[derive(Debug, Parser)]
struct Args {
    /// The table: commas, a first line of names, numbers. Default: made-up houses.
    path: Option<PathBuf>,
    /// The column to learn.
    #[arg(long, default_value = "price")]
    target: String,
    /// A column to leave out, such as a name; may be given several times.
    #[arg(long)]
    ignore: Vec<String>,
    /// Passes over the training part, at most.
    #[arg(long, default_value_t = 100)]
    epochs: usize,
    /// Decides the split, the starting weights and the order of the rows.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

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
    // Read: rows that are no numbers are left out and named, up to 100 of them.
    let mut options = CsvOptions::regression([args.target.as_str()]);
    options.ignore = args.ignore.iter().map(|name| Column::Name(name.clone())).collect();
    options.on_bad_row = OnBadRow::Skip { at_most: 100 };
    let table = match &args.path {
        Some(path) => read_csv(path, &options)?,
        None => {
            let path = std::env::temp_dir().join(format!("ironloom-houses-{}.csv", std::process::id()));
            write_houses(&path)?;
            let table = read_csv(&path, &options);
            std::fs::remove_file(&path)?;
            table?
        }
    };
    for row in &table.skipped {
        println!("left out: {row}");
    }
    let all = table.dataset;

    // Split, and standardise features and target by what the training part says, and by nothing else.
    let split = split_random(all.len(), Fractions::default(), args.seed)?;
    let features = Standardizer::fit(&all.train_part(&split)?)?;
    let target = Scale::fit(all.select(&split.train)?.targets())?;
    let part = |rows: &[usize]| -> Result<Dataset> {
        let rows = all.select(rows)?;
        Ok(Dataset::regression(features.transform(rows.features())?, target.apply(rows.targets())?)?)
    };
    let (train, valid, test) = (part(&split.train)?, part(&split.validation)?, part(&split.test)?);
    println!(
        "{} rows: {} to train, {} to validate, {} to test; {} from {}\n",
        all.len(),
        train.len(),
        valid.len(),
        test.len(),
        args.target,
        all.feature_names().unwrap_or_default().join(", ")
    );

    // Train; the best epoch on the validation part is kept.
    let d_in = train.features().shape()[1];
    let mut model = Mlp::new([d_in, 32, 32, 1], &mut Rng::seed(args.seed))?;
    let mut trainer = Trainer::new(TrainConfig {
        epochs: args.epochs,
        seed: args.seed,
        early_stopping: Some(EarlyStopping { patience: 15 }),
        ..Default::default()
    });
    let fit = trainer.fit(&mut model, &mut Adam::new(1e-2), &Regression, &train, Some(&valid))?;

    // Test, in the units of the table. R² is 0 for always answering the mean and 1 for always being right.
    let mut results = Table::new(["part", "rows", "mean absolute error", "R²"]);
    for (name, part) in [("train", &train), ("validation", &valid), ("test", &test)] {
        let values = trainer.evaluate(&model, &Regression, part)?.values;
        let mae = values.get("mae").map_or("n/a".into(), |mae| format!("{:.2}", mae * target.std));
        let r2 = values.get("r2").map_or("n/a".into(), |r2| format!("{r2:.4}"));
        results.row([name.to_string(), part.len().to_string(), mae, r2]);
    }
    println!("{results}\nbest epoch {} of {}", fit.best_epoch, fit.history.len());
    Ok(())
}

/// Brings the target to mean 0 and standard deviation 1, so that one learning rate suits euros as well as metres.
struct Scale {
    mean: f64,
    std: f64,
}

impl Scale {
    fn fit(targets: &Tensor) -> Result<Self> {
        let targets = targets.to_dtype(DType::F64)?;
        let (mean, std) = (targets.mean(&[])?.item()?, targets.var(&[], 0)?.item()?.sqrt());
        if std > 0.0 {
            Ok(Self { mean, std })
        } else {
            Err("every target in the training part is the same".into())
        }
    }

    fn apply(&self, targets: &Tensor) -> Result<Tensor> {
        Ok(targets.add_scalar(-self.mean)?.mul_scalar(1.0 / self.std)?)
    }
}

/// Writes 600 made-up houses whose price is a curved function of their features with noise, and four bad rows.
fn write_houses(path: &Path) -> Result<()> {
    let mut rng = Rng::seed(2024);
    let x = rng.uniform([600, 4], 0.0, 1.0, DType::F64)?.to_vec::<f64>()?;
    let noise = rng.normal([600], 0.0, 8.0, DType::F64)?.to_vec::<f64>()?;
    let mut text = String::from("area,rooms,age,distance,price\n");
    for (i, (x, noise)) in x.chunks(4).zip(noise).enumerate() {
        let (area, rooms) = (40.0 + 160.0 * x[0], 1.0 + (6.0 * x[1]).floor());
        let (age, distance) = (90.0 * x[2], 25.0 * x[3]);
        let price =
            60.0 + 2.0 * area / (1.0 + distance / 10.0) + 12.0 * rooms - 0.02 * age * (90.0 - age) + noise;
        text += &match i {
            40 => format!("{area:.1},three,{age:.0},{distance:.1},{price:.1}\n"), // a word for a number
            170 => format!("{area:.1},{rooms},{age:.0},,{price:.1}\n"),           // nothing at all
            320 => format!("{area:.1},{rooms},{age:.0},{distance:.1}\n"),         // a field too few
            470 => format!("{area:.1},{rooms},{age:.0},{distance:.1},NaN\n"),
            _ => format!("{area:.1},{rooms},{age:.0},{distance:.1},{price:.1}\n"),
        };
    }
    Ok(std::fs::write(path, text)?)
}

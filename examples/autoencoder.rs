//! An autoencoder that squeezes handwritten digits into eight numbers and draws them again.
//!
//! Writes a picture: pairs of rows, images of the test part above what the model made of them.
//!
//! ```sh
//! cargo run --release --example autoencoder -- --epochs 60
//! ```

use clap::Parser;
use ironloom::data::{self, Fractions, split_stratified};
use ironloom::models::{Autoencoder, AutoencoderConfig};
use ironloom::prelude::*;
use ironloom::tensor;
use ironloom::train::report::{ImageTile, contact_sheet};
use ironloom::train::{self, Direction, Progress, Regression, TrainConfig, Trainer, plot};
use std::path::PathBuf;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Trains an autoencoder on handwritten digits and draws what it makes of them.
#[derive(Debug, Parser)]
struct Args {
    /// Passes over the training part.
    #[arg(long, default_value_t = 60)]
    epochs: usize,
    /// Numbers that an image becomes.
    #[arg(long, default_value_t = 8)]
    code: usize,
    /// Decides the split, the starting weights and the order of the images.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; the result does not depend on them. Default: all cores.
    #[arg(long)]
    threads: Option<usize>,
    /// Where the picture, the curve and the weights go.
    #[arg(long, default_value = "out/autoencoder")]
    out: PathBuf,
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
    if let Some(threads) = args.threads {
        tensor::set_threads(threads);
    }
    // Pixels from 0 to 1; an image is its own target.
    let digits = data::digits()?;
    let split = split_stratified(&digits.labels()?, Fractions::default(), args.seed)?;
    let part = |rows: &[usize]| -> Result<Dataset> {
        let pixels = digits.select(rows)?.features().mul_scalar(1.0 / 16.0)?.reshape([
            rows.len() as isize,
            1,
            8,
            8,
        ])?;
        Ok(Dataset::regression(pixels.clone(), pixels)?)
    };
    let (train, valid, test) = (part(&split.train)?, part(&split.validation)?, part(&split.test)?);

    let config = AutoencoderConfig { code: args.code, ..AutoencoderConfig::default() };
    let mut model = Autoencoder::new(&config, &mut Rng::seed(args.seed))?;
    println!(
        "{} images to train, {} parameters, {} numbers an image",
        train.len(),
        model.n_params(),
        args.code
    );
    let config = TrainConfig {
        epochs: args.epochs,
        batch_size: 64,
        seed: args.seed,
        progress: Progress::Auto,
        ..Default::default()
    };
    let mut trainer = Trainer::new(config);
    let task = Regression;
    let fit = trainer.fit(&mut model, &mut Adam::new(3e-3), &task, &train, Some(&valid))?;
    let loss = trainer.evaluate(&model, &task, &test)?.values.get("loss").unwrap_or(f64::NAN);
    let x = test.features();
    let variance = x.sub(&x.mean_keep(&[0])?)?.square()?.mean(&[])?.item()?;
    println!(
        "test: mean square error {loss:.4}, which leaves {:.1} % of the variance",
        100.0 * loss / variance
    );

    std::fs::create_dir_all(&args.out)
        .map_err(|error| format!("[autoencoder] {} must be a folder: {error}", args.out.display()))?;
    let made = trainer.predict(&model, x)?;
    let mut tiles = Vec::new();
    for row in 0..4.min(test.len() / 12) {
        for images in [x, &made] {
            for i in row * 12..(row + 1) * 12 {
                let pixels = images.narrow(0, i, 1)?.to_vec::<f32>()?;
                tiles.push(ImageTile::in_range(8, 8, &pixels, (0.0, 1.0), "")?);
            }
        }
    }
    std::fs::write(args.out.join("reconstructions.png"), contact_sheet(&tiles, 12, 6)?)?;
    plot::learning_curves(&fit.history, &[("loss", Direction::Lower)])?.save(args.out.join("curve.png"))?;
    train::save_weights(args.out.join("weights.iron"), &model.state_dict())?;
    println!("reconstructions.png, curve.png and weights are in {}", args.out.display());
    Ok(())
}

//! Writes on with a GPT that `gpt` has trained, character by character as they come.
//!
//! ```sh
//! cargo run --release --example gpt
//! cargo run --release --example generate -- --prompt "7 8 "
//! ```

use clap::Parser;
use ironloom::data::Vocab;
use ironloom::models::decode::{Generate, Sampler, generate};
use ironloom::prelude::*;
use ironloom::tensor;
use ironloom::train;
use serde::Deserialize;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Writes text with a trained GPT.
#[derive(Debug, Parser)]
struct Args {
    /// Where `gpt` left its weights.
    #[arg(long, default_value = "out/gpt")]
    model: PathBuf,
    /// What the text begins with; a new line if nothing is given.
    #[arg(long, default_value = "\n")]
    prompt: String,
    /// Characters to write.
    #[arg(long, default_value_t = 500)]
    length: usize,
    /// How freely characters are drawn: 0 always takes the most likely one.
    #[arg(long, default_value_t = 0.8)]
    temperature: f64,
    /// Draw from this many of the most likely characters.
    #[arg(long)]
    top_k: Option<usize>,
    /// Draw from the fewest characters that have this probability together.
    #[arg(long)]
    top_p: Option<f64>,
    /// Decides what is drawn.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; the text does not depend on them. Default: all cores.
    #[arg(long)]
    threads: Option<usize>,
}

/// What `gpt` says of its model.
#[derive(Deserialize)]
struct About {
    vocab: Vocab,
    context: usize,
    layers: usize,
    heads: usize,
    width: usize,
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
    let path = args.model.join("gpt.json");
    let about = std::fs::read_to_string(&path).map_err(|error| {
        format!("[generate] {} must be readable: {error}; run the example gpt first", path.display())
    })?;
    let about: About = serde_json::from_str(&about)
        .map_err(|error| format!("[generate] {} must be what gpt wrote: {error}", path.display()))?;
    let config = GptConfig {
        vocab: about.vocab.len(),
        context: about.context,
        layers: about.layers,
        heads: about.heads,
        d: about.width,
        ..GptConfig::default()
    };
    let mut gpt = Gpt::new(&config, &mut Rng::seed(0))?;
    gpt.load_state_dict(&train::load_weights(args.model.join("weights.iron"))?)?;

    let prompt = about.vocab.encode(&args.prompt)?;
    let sampler =
        Sampler { temperature: args.temperature, top_k: args.top_k, top_p: args.top_p, ..Sampler::default() };
    let how = Generate { max_tokens: args.length, sampler, ..Generate::default() };
    let mut out = std::io::stdout();
    write!(out, "{}", args.prompt)?;
    let (begin, mut written) = (Instant::now(), Ok(()));
    let texts = generate(&gpt, &[prompt], &how, &mut Rng::seed(args.seed), |_, token| {
        let character = about.vocab.decode(&[token]).unwrap_or_default();
        written = write!(out, "{character}").and_then(|()| out.flush());
        // Nobody reads on.
        if written.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    written?;
    let rate = texts[0].len() as f64 / begin.elapsed().as_secs_f64();
    writeln!(out)?;
    eprintln!("{} characters, {rate:.0} a second", texts[0].len());
    Ok(())
}

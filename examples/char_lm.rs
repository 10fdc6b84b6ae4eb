//! A recurrent network that learns to write, character by character.
//!
//! With `--text FILE` it learns from that text, keeps its last tenth to validate, and prints how it would go on as it trains.
//! Without, it learns to add: the text is sums that the example makes itself, such as `527+85=612`, and what it learnt is
//! checked on sums that it has never seen. It reads and writes numbers as one adds on paper, the last digit first: `725+58=216`.
//!
//! ```sh
//! cargo run --release --example char_lm
//! cargo run --release --example char_lm -- --text shakespeare.txt --steps 5000
//! ```

use clap::{Parser, ValueEnum};
use ironloom::data::{TextLanes, Vocab, read_text};
use ironloom::models::decode::{Sampler, greedy};
use ironloom::nn::RecurrentState;
use ironloom::optim::{CosineWarmup, Schedule, clip_grad_norm};
use ironloom::prelude::*;
use ironloom::tensor::{self, Cell};
use ironloom::train::{self, Direction, EpochRecord, History, MetricValues, format, plot, write_atomic};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Layers {
    /// Long short-term memory.
    Lstm,
    /// Gated recurrent units.
    Gru,
}

/// Trains a recurrent network to write text.
#[derive(Debug, Parser)]
struct Args {
    /// A text file to learn from; sums of two numbers below 1000 if none is given.
    #[arg(long)]
    text: Option<PathBuf>,
    /// What the two recurrent layers are made of.
    #[arg(long, value_enum, default_value_t = Layers::Lstm)]
    cell: Layers,
    /// Units of a layer.
    #[arg(long, default_value_t = 256)]
    hidden: usize,
    /// The share of outputs that is dropped between layers and before the last one. Default: 0.3 for a text, 0 for sums.
    #[arg(long)]
    dropout: Option<f64>,
    /// Steps of training. Default: 5000 for a text, 4000 for sums.
    #[arg(long)]
    steps: Option<usize>,
    /// Places of the text that are read side by side.
    #[arg(long, default_value_t = 32)]
    lanes: usize,
    /// Characters that a gradient goes back through; the state goes on.
    #[arg(long, default_value_t = 64)]
    time: usize,
    /// The highest learning rate. Default: 0.003 for a text, 0.005 for sums.
    #[arg(long)]
    lr: Option<f64>,
    /// How freely the samples are drawn: 0 always takes the most likely character.
    #[arg(long, default_value_t = 0.7)]
    temperature: f64,
    /// Decides the starting weights, the sums and the samples.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; the result does not depend on them. Default: all cores.
    #[arg(long)]
    threads: Option<usize>,
    /// Where the curve, the weights and the vocabulary go.
    #[arg(long, default_value = "out/char_lm")]
    out: PathBuf,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
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

/// Sums of the default text, and how many of them are for the test.
const LINES: usize = 300_000;
const TESTED: usize = 1_000;

/// What is learnt from, what it is validated on, and, for sums, the questions of the test with their answers.
struct Texts {
    train: String,
    valid: String,
    questions: Vec<(String, String)>,
}

impl Texts {
    /// The first nine tenths of a file, and the rest.
    fn of_file(path: &PathBuf) -> Result<Self> {
        let text = read_text(path)?;
        let cut = text.char_indices().nth(text.chars().count() / 10 * 9).map_or(0, |(at, _)| at);
        Ok(Self { train: text[..cut].to_string(), valid: text[cut..].to_string(), questions: Vec::new() })
    }

    /// Lines of sums of two numbers below 1000, no two of them with the same numbers in the same order.
    fn of_sums(seed: u64) -> Result<Self> {
        let pairs = Rng::seed(seed).permutation(1_000_000)?;
        let (unseen, seen) = pairs[..LINES].split_at(TESTED);
        let line =
            |pair: usize| turned(&format!("{}+{}={}\n", pair / 1000, pair % 1000, pair / 1000 + pair % 1000));
        let text =
            |pairs: &[usize]| format!("\n{}", pairs.iter().map(|&pair| line(pair)).collect::<String>());
        let question = |&pair: &usize| {
            let line = line(pair);
            let cut = line.find('=').map_or(0, |at| at + 1);
            (line[..cut].to_string(), line[cut..].trim_end().to_string())
        };
        Ok(Self { train: text(seen), valid: text(unseen), questions: unseen.iter().map(question).collect() })
    }
}

/// The text with each number the other way round.
fn turned(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut number = String::new();
    for c in text.chars() {
        match c.is_ascii_digit() {
            true => number.insert(0, c),
            false => {
                all.push_str(&std::mem::take(&mut number));
                all.push(c);
            }
        }
    }
    all + &number
}

fn run(args: &Args) -> Result<()> {
    if let Some(threads) = args.threads {
        tensor::set_threads(threads);
    }
    let texts = match &args.text {
        Some(path) => Texts::of_file(path)?,
        None => Texts::of_sums(args.seed)?,
    };
    let steps = args.steps.unwrap_or(if args.text.is_some() { 5000 } else { 4000 });
    let lr = args.lr.unwrap_or(if args.text.is_some() { 3e-3 } else { 5e-3 });
    let dropout = args.dropout.unwrap_or(if args.text.is_some() { 0.3 } else { 0.0 });
    let vocab = Vocab::chars(&format!("{}{}", texts.train, texts.valid))?;
    let lanes = TextLanes::new(&vocab.encode(&texts.train)?, args.lanes, args.time)?;
    // Few enough at a time that their beginnings, which nothing goes before, do not weigh.
    let valid = vocab.encode(&texts.valid)?;
    let side_by_side = (valid.len() / 1000).clamp(1, 64);
    let valid = TextLanes::new(&valid, side_by_side, args.time)?;

    let mut rng = Rng::seed(args.seed);
    let cell = match args.cell {
        Layers::Lstm => Cell::Lstm,
        Layers::Gru => Cell::Gru,
    };
    let config =
        CharRnnConfig { vocab: vocab.len(), cell, hidden: args.hidden, dropout, ..CharRnnConfig::default() };
    let mut model = CharRnn::new(&config, &mut rng)?;
    println!(
        "{} characters to learn from, {} different ones, {} parameters",
        format::grouped(texts.train.chars().count() as u64),
        vocab.len(),
        format::grouped(model.n_params() as u64),
    );

    let schedule = CosineWarmup::new(lr, lr / 20.0, steps as u64 / 50, steps as u64)?;
    let mut adam = Adam::new(lr);
    let mut history = History::new();
    let (mut state, mut sum, mut since) = (None::<RecurrentState>, 0.0, Instant::now());
    let started = Instant::now();
    let every = (steps / 10).max(1);
    for step in 0..steps {
        // The state goes on to the next part of the text, but no gradient goes back to the one before.
        let part = step % lanes.parts();
        if part == 0 {
            state = None;
        }
        let batch = lanes.part(part)?;
        let mut cx = Context::train(&mut rng);
        let (logits, after) = model.forward_with(&batch.features.into(), state.as_ref(), &mut cx)?;
        state = Some(after.detach());
        let loss = loss_of(&logits, &batch.targets)?;
        sum += loss.item()?;
        let mut grads = loss.backward()?;
        clip_grad_norm(&mut grads, 1.0)?;
        adam.set_lr(schedule.lr(step as u64))?;
        adam.step(&mut model, &grads)?;
        if (step + 1) % every == 0 || step + 1 == steps {
            let loss = evaluate(&model, &valid)?;
            let record = EpochRecord {
                epoch: history.len() + 1,
                step: step as u64 + 1,
                train: MetricValues::from([("loss", sum / ((step % every) + 1) as f64)]),
                valid: Some(MetricValues::from([("loss", loss)])),
                lr: schedule.lr(step as u64),
                seconds: since.elapsed().as_secs_f64(),
            };
            println!(
                "\nstep {} of {steps}: loss {} in training, {} on text never seen, in nats a character; {}",
                step + 1,
                format::optional(record.train.get("loss")),
                format::optional(Some(loss)),
                format::duration(started.elapsed().as_secs_f64())
            );
            let length = if args.text.is_some() { 240 } else { 50 };
            let written = write_on(&model, &vocab, args, length)?;
            println!("{}", if args.text.is_some() { written } else { turned(&written) }.trim());
            history.push(record)?;
            (sum, since) = (0.0, Instant::now());
        }
    }

    let valid_loss = history.last().and_then(|record| record.valid.as_ref()?.get("loss"));
    let exact = match texts.questions.is_empty() {
        true => None,
        false => Some(exact_answers(&model, &vocab, &texts)?),
    };
    if let Some(exact) = exact {
        println!(
            "\n{} of {} sums never seen are right to the last digit",
            format::percent(Some(exact)),
            texts.questions.len()
        );
    }
    std::fs::create_dir_all(&args.out)
        .map_err(|error| format!("[char_lm] {} must be a folder: {error}", args.out.display()))?;
    plot::learning_curves(&history, &[("loss", Direction::Lower)])?.save(args.out.join("curve.png"))?;
    train::save_weights(args.out.join("weights.iron"), &model.state_dict())?;
    let known = serde_json::to_string(&vocab)?;
    write_atomic(args.out.join("vocab.json"), |file| file.write_all(known.as_bytes()))?;
    println!("curve.png, weights and vocabulary are in {}", args.out.display());
    if args.json {
        let hash = format!("{:016x}", model.state_dict().fingerprint()?);
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{}",
            json!({ "steps": steps, "valid_loss": valid_loss, "exact": exact, "weight_hash": hash, "seconds": seconds })
        );
    }
    Ok(())
}

fn loss_of(logits: &Var, targets: &Tensor) -> Result<Var> {
    let rows = targets.len();
    Ok(cross_entropy(&logits.reshape([rows, logits.shape()[2]])?, targets.reshape([rows])?)?)
}

/// The mean loss of a character, in nats.
fn evaluate(model: &CharRnn, text: &TextLanes) -> Result<f64> {
    let (mut state, mut sum) = (None::<RecurrentState>, 0.0);
    for k in 0..text.parts() {
        let batch = text.part(k)?;
        let (logits, after) =
            model.forward_with(&batch.features.into(), state.as_ref(), &mut Context::eval())?;
        sum += loss_of(&logits, &batch.targets)?.item()?;
        state = Some(after);
    }
    Ok(sum / text.parts() as f64)
}

/// What the model writes after the start of a line.
fn write_on(model: &CharRnn, vocab: &Vocab, args: &Args, length: usize) -> Result<String> {
    let sampler = Sampler { temperature: args.temperature, ..Sampler::default() };
    let mut rng = Rng::seed(args.seed);
    let mut state = None::<RecurrentState>;
    let mut tokens = vocab.encode("\n")?;
    for _ in 0..length {
        let last = Tensor::from_slice(&[tokens[tokens.len() - 1] as i64], [1, 1])?;
        let (logits, after) = model.forward_with(&last.into(), state.as_ref(), &mut Context::eval())?;
        let logits = logits.value().to_dtype(DType::F64)?.to_vec()?;
        tokens.push(sampler.pick(&logits, &[], &mut rng)?);
        state = Some(after);
    }
    Ok(vocab.decode(&tokens)?)
}

/// The share of questions that are answered with exactly the right characters. Each follows the lines at the end of the text
/// that was learnt from; questions of one length go together.
fn exact_answers(model: &CharRnn, vocab: &Vocab, texts: &Texts) -> Result<f64> {
    let (end, questions) = (vocab.encode("\n")?[0], &texts.questions);
    let before: Vec<i64> = vocab
        .encode(&texts.train[texts.train.len() - 200..])?
        .into_iter()
        .map(|token| token as i64)
        .collect();
    let before = Tensor::from_vec(before, [1, 200])?;
    let (_, before) = model.forward_with(&before.into(), None, &mut Context::eval())?;
    let mut right = 0;
    for length in 0..=9 {
        let of_length: Vec<_> = questions.iter().filter(|(question, _)| question.len() == length).collect();
        if of_length.is_empty() {
            continue;
        }
        let n = of_length.len();
        let mut asked = Vec::with_capacity(n * length);
        for (question, _) in &of_length {
            asked.extend(vocab.encode(question)?.into_iter().map(|token| token as i64));
        }
        let mut tokens = Tensor::from_vec(asked, [n, length])?;
        let of_each = |state: &Var| state.expand(&[state.shape()[0], n, state.shape()[2]]);
        let state = RecurrentState { h: of_each(&before.h)?, c: before.c.as_ref().map(of_each).transpose()? };
        let (mut state, mut answers) = (Some(state), vec![Vec::new(); n]);
        // Four digits at most, and the end of the line.
        for _ in 0..5 {
            let (logits, after) = model.forward_with(&tokens.into(), state.as_ref(), &mut Context::eval())?;
            let last = logits
                .narrow(1, logits.shape()[1] - 1, 1)?
                .into_value()
                .to_dtype(DType::F64)?
                .to_vec::<f64>()?;
            let next: Vec<i64> =
                last.chunks(vocab.len()).map(|row| Ok(greedy(row)? as i64)).collect::<Result<_>>()?;
            for (answer, &token) in answers.iter_mut().zip(&next) {
                answer.push(token as usize);
            }
            (tokens, state) = (Tensor::from_vec(next, [n, 1])?, Some(after));
        }
        for ((_, wanted), answer) in of_length.iter().zip(&answers) {
            let answer: Vec<usize> = answer.iter().copied().take_while(|&token| token != end).collect();
            right += usize::from(vocab.decode(&answer)? == *wanted);
        }
    }
    Ok(right as f64 / questions.len() as f64)
}

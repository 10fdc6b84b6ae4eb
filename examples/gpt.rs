//! A GPT that learns to write, character by character.
//!
//! With `--text FILE` it learns from that text, keeps its last tenth to validate, and prints how it would go on as it trains.
//! Without, it learns to count: the text is what the example makes itself, lines such as `91 92 93 94 95`, and what it learnt is
//! checked on beginnings it has never seen. The default settings are those of a small network, which trains on a laptop.
//!
//! ```sh
//! cargo run --release --example gpt
//! cargo run --release --example gpt -- --text shakespeare.txt --steps 2000
//! cargo run --release --example generate -- --prompt "KING"
//! ```

use clap::Parser;
use ironloom::data::{Source, TextWindows, Vocab, read_text};
use ironloom::models::decode::{Generate, Sampler, generate};
use ironloom::optim::{AdamConfig, CosineWarmup, Groups, Schedule, clip_grad_norm};
use ironloom::prelude::*;
use ironloom::tensor;
use ironloom::train::{self, Direction, EpochRecord, History, MetricValues, format, plot, write_atomic};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Trains a GPT to write text.
#[derive(Debug, Parser)]
struct Args {
    /// A text file to learn from; numbers counted up if none is given.
    #[arg(long)]
    text: Option<PathBuf>,
    /// Layers.
    #[arg(long, default_value_t = 4)]
    layers: usize,
    /// Heads of attention.
    #[arg(long, default_value_t = 4)]
    heads: usize,
    /// Features of a character.
    #[arg(long, default_value_t = 128)]
    width: usize,
    /// Characters that it sees.
    #[arg(long, default_value_t = 64)]
    context: usize,
    /// Texts in a batch.
    #[arg(long, default_value_t = 12)]
    batch: usize,
    /// Steps of training. Default: 2000 for a text, 1000 for numbers.
    #[arg(long)]
    steps: Option<usize>,
    /// The highest learning rate.
    #[arg(long, default_value_t = 3e-3)]
    lr: f64,
    /// The share of features, and of weights inside attention, that is dropped.
    #[arg(long, default_value_t = 0.0)]
    dropout: f64,
    /// How freely the samples are drawn: 0 always takes the most likely character.
    #[arg(long, default_value_t = 0.8)]
    temperature: f64,
    /// Decides the starting weights, the batches and the samples.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; the result does not depend on them. Default: all cores.
    #[arg(long)]
    threads: Option<usize>,
    /// Where the curve, the weights, the vocabulary and the sizes go.
    #[arg(long, default_value = "out/gpt")]
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

/// Of all numbers below this a tenth begins no line that is learnt from.
const NUMBERS: usize = 1000;
/// Numbers in a line.
const COUNTED: usize = 5;

/// What is learnt from, what it is validated on, and, for numbers, beginnings of lines with what belongs behind them.
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

    /// Lines of five numbers, each one more than the one before.
    fn of_numbers(seed: u64) -> Result<Self> {
        let order = Rng::seed(seed).permutation(NUMBERS)?;
        let (unseen, seen) = order.split_at(NUMBERS / 10);
        let line =
            |first: usize| (first..first + COUNTED).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        let text = |firsts: &[usize]| firsts.iter().map(|&first| line(first) + "\n").collect::<String>();
        // In another order each time.
        let mut rng = Rng::seed(seed).stream(1);
        let mut train = String::from("\n");
        for _ in 0..20 {
            let again: Vec<usize> = rng.permutation(seen.len())?.into_iter().map(|i| seen[i]).collect();
            train += &text(&again);
        }
        let question =
            |&first: &usize| (format!("\n{first} "), line(first)[first.to_string().len() + 1..].to_string());
        Ok(Self {
            train,
            valid: "\n".to_string() + &text(unseen),
            questions: unseen.iter().map(question).collect(),
        })
    }
}

fn run(args: &Args) -> Result<()> {
    if let Some(threads) = args.threads {
        tensor::set_threads(threads);
    }
    let texts = match &args.text {
        Some(path) => Texts::of_file(path)?,
        None => Texts::of_numbers(args.seed)?,
    };
    let steps = args.steps.unwrap_or(if args.text.is_some() { 2000 } else { 1000 });
    let vocab = Vocab::chars(&format!("{}{}", texts.train, texts.valid))?;
    let train_tokens = vocab.encode(&texts.train)?;
    let train = TextWindows::with_stride(&train_tokens, args.context, 1)?;
    let valid = TextWindows::new(&vocab.encode(&texts.valid)?, args.context)?;

    let mut rng = Rng::seed(args.seed);
    let config = GptConfig {
        vocab: vocab.len(),
        context: args.context,
        layers: args.layers,
        heads: args.heads,
        d: args.width,
        dropout: args.dropout,
        ..GptConfig::default()
    };
    let mut model = Gpt::new(&config, &mut rng)?;
    println!(
        "{} characters to learn from, {} different ones, {} parameters",
        format::grouped(train_tokens.len() as u64),
        vocab.len(),
        format::grouped(model.n_params() as u64),
    );

    let schedule = CosineWarmup::new(args.lr, args.lr / 10.0, (steps as u64 / 20).max(1), steps as u64)?;
    let adam = AdamConfig { lr: args.lr, beta2: 0.99, weight_decay: 0.1, ..AdamConfig::default() };
    let mut adam = AdamW::with_config(adam).groups(Groups::default().no_decay_on_biases_and_norms());
    let mut history = History::new();
    let (mut sum, mut since, started) = (0.0, Instant::now(), Instant::now());
    let mut order = rng.split();
    let every = (steps / 10).max(1);
    for step in 0..steps {
        let rows = (0..args.batch).map(|_| Ok(order.below(train.len())?)).collect::<Result<Vec<usize>>>()?;
        let batch = train.batch(&rows)?;
        let cx = &mut Context::train(&mut rng);
        let loss = model.loss(&batch.features.into(), &batch.targets, &CrossEntropy::default(), cx)?;
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
            let how = Generate {
                max_tokens: if args.text.is_some() { 240 } else { 50 },
                sampler: Sampler { temperature: args.temperature, ..Sampler::default() },
                ..Generate::default()
            };
            let written =
                generate(&model, &[vocab.encode("\n")?], &how, &mut Rng::seed(args.seed), |_, _| {
                    ControlFlow::Continue(())
                })?;
            println!("{}", vocab.decode(&written[0])?.trim());
            history.push(record)?;
            (sum, since) = (0.0, Instant::now());
        }
    }

    let valid_loss = history.last().and_then(|record| record.valid.as_ref()?.get("loss"));
    let exact = match texts.questions.is_empty() {
        true => None,
        false => Some(exact_answers(&model, &vocab, &texts.questions)?),
    };
    if let Some(exact) = exact {
        println!(
            "\n{} of {} lines never seen are right to the last digit",
            format::percent(Some(exact)),
            texts.questions.len()
        );
    }
    // What writing faster costs: the same model with weights of half and a quarter of the bytes, and with inputs of bytes too.
    let ways: [fn(&mut Gpt) -> ironloom::nn::Result<usize>; 3] =
        [|gpt| gpt.quantize(DType::BF16), |gpt| gpt.quantize(DType::I8), |gpt| gpt.quantize_dynamic()];
    let mut kept = Vec::new();
    for narrow in ways {
        let mut gpt = model.clone();
        narrow(&mut gpt)?;
        kept.push(evaluate(&gpt, &valid)?);
    }
    println!(
        "\nloss on text never seen {:.5}; {:.5} from bf16 weights, {:.5} from i8, {:.5} from i8 with inputs of i8",
        valid_loss.unwrap_or(f64::NAN),
        kept[0],
        kept[1],
        kept[2]
    );
    std::fs::create_dir_all(&args.out)
        .map_err(|error| format!("[gpt] {} must be a folder: {error}", args.out.display()))?;
    plot::learning_curves(&history, &[("loss", Direction::Lower)])?.save(args.out.join("curve.png"))?;
    train::save_weights(args.out.join("weights.iron"), &model.state_dict())?;
    let about = json!({
        "vocab": vocab,
        "context": args.context,
        "layers": args.layers,
        "heads": args.heads,
        "width": args.width,
    });
    write_atomic(args.out.join("gpt.json"), |file| file.write_all(about.to_string().as_bytes()))?;
    println!("curve.png, weights and gpt.json are in {}", args.out.display());
    if args.json {
        let hash = format!("{:016x}", model.state_dict().fingerprint()?);
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{}",
            json!({
                "steps": steps, "valid_loss": valid_loss, "valid_loss_bf16": kept[0], "valid_loss_i8": kept[1],
                "valid_loss_i8_dynamic": kept[2], "exact": exact, "weight_hash": hash, "seconds": seconds
            })
        );
    }
    Ok(())
}

/// The mean loss of a character, in nats, over windows that lie side by side.
fn evaluate(model: &Gpt, text: &TextWindows) -> Result<f64> {
    let (mut sum, mut count) = (0.0, 0);
    let rows: Vec<usize> = (0..text.len()).collect();
    for rows in rows.chunks(64) {
        let batch = text.batch(rows)?;
        let cx = &mut Context::eval();
        let loss = model.loss(&batch.features.into(), &batch.targets, &CrossEntropy::default(), cx)?;
        sum += loss.item()? * batch.targets.len() as f64;
        count += batch.targets.len();
    }
    Ok(sum / count as f64)
}

/// The share of beginnings that are gone on with by exactly the right characters.
fn exact_answers(model: &Gpt, vocab: &Vocab, questions: &[(String, String)]) -> Result<f64> {
    let prompts =
        questions.iter().map(|(question, _)| Ok(vocab.encode(question)?)).collect::<Result<Vec<_>>>()?;
    let how = Generate { max_tokens: 24, sampler: Sampler::greedy(), stop: vocab.encode("\n")? };
    let found = generate(model, &prompts, &how, &mut Rng::seed(0), |_, _| ControlFlow::Continue(()))?;
    let mut right = 0;
    for ((_, wanted), found) in questions.iter().zip(&found) {
        right += usize::from(vocab.decode(found)?.trim_end() == wanted);
    }
    Ok(right as f64 / questions.len() as f64)
}

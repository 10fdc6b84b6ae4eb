//! The workloads that Ironloom and its peers are measured by: one line of JSON each.
//!
//! `workloads NAME [--threads N] [--seconds S]`. A training step is forward, loss, backward and update on one fixed batch
//! through the ordinary API; the first steps and a tenth of the time are warm-up. `mlp_seed` is a fixed job of 1,000
//! steps, of which the first 10 are left out.
#![forbid(unsafe_code)]

mod cnn;
mod gpt;
mod infer;
mod machine;
mod mlp;
mod ops;
mod recorder;
mod rnn;
mod text;

use clap::{Parser, ValueEnum};
use ironloom::tensor::Cell;
use std::process::ExitCode;

/// What went wrong, as one line.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Workload {
    /// 10 → 20 → 10, full batch of 1,000, mean squared error, Adam.
    MlpSeed,
    /// 784 → 512 → 512 → 10, batch of 128, cross-entropy, Adam.
    MlpMnist,
    /// Three convolutions and two linear layers, 64 images of 28×28, cross-entropy, SGD with momentum.
    CnnSmall,
    /// Epochs of the same on augmented images that `--workers` read: how long the loop waits for them.
    CnnAugmented,
    /// ResNet-20, 64 images of 32×32, cross-entropy, SGD with momentum.
    #[value(name = "resnet20")]
    ResNet20,
    /// A character model of two LSTM layers of 256, 32 sequences of 64, cross-entropy, Adam, clipped gradients.
    LstmChar,
    /// The same with sequences of 1 to 64 characters.
    LstmRagged,
    /// The same as `lstm_char` with GRU layers.
    GruChar,
    /// GPT of 4 layers of 128, 12 × 64 characters, cross-entropy, AdamW, clipped gradients.
    GptNano,
    /// GPT of 6 layers of 384, 8 × 256 characters, likewise.
    GptBaby,
    /// GPT-2 of 124 million parameters, one text of 256 tokens, cross-entropy, AdamW.
    #[value(name = "gpt2_train")]
    Gpt2Train,
    /// GPT-2 of 124 million parameters: 32 tokens behind 64, one by one; a step is a token.
    #[value(name = "gpt2_generate")]
    Gpt2Generate,
    /// An encoder of 6 layers of 384, 16 texts of 128 tokens.
    EncoderInfer,
    /// Single operations.
    Ops,
}

/// What matrices are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Weights {
    F32,
    Bf16,
    Int8,
    /// With inputs brought to bytes too.
    Int8Dynamic,
}

/// Runs a workload and prints one line of JSON.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Which workload.
    workload: Workload,
    /// Threads, and cores the process is pinned to.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Length of the timed part, in seconds.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// For `cnn_augmented`: threads that read.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// For `gpt2_generate` and `encoder_infer`: what the weights are kept in.
    #[arg(long, value_enum, default_value_t = Weights::F32)]
    weights: Weights,
    /// For `ops`: only operations whose name contains this.
    #[arg(long)]
    only: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    machine::pin(args.threads);
    ironloom::tensor::set_threads(args.threads);
    let line = match args.workload {
        Workload::MlpSeed => mlp::seed(&args),
        Workload::MlpMnist => mlp::mnist(&args),
        Workload::CnnSmall => cnn::small(&args),
        Workload::CnnAugmented => cnn::augmented(&args),
        Workload::ResNet20 => cnn::resnet20(&args),
        Workload::LstmChar => rnn::train(&args, Cell::Lstm),
        Workload::LstmRagged => rnn::train_ragged(&args),
        Workload::GruChar => rnn::train(&args, Cell::Gru),
        Workload::GptNano => gpt::train(&args, 4, 4, 128, [12, 64]),
        Workload::GptBaby => gpt::train(&args, 6, 6, 384, [8, 256]),
        Workload::Gpt2Train => gpt::train_large(&args),
        Workload::Gpt2Generate => infer::generate(&args),
        Workload::EncoderInfer => infer::encode(&args),
        Workload::Ops => ops::run(&args),
    };
    match line {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

//! What a run is told, and what it leaves.

use crate::checkpoint::CheckpointConfig;
use crate::history::{Direction, History, MetricValues};
use crate::metrics::ConfusionMatrix;
use crate::progress::Progress;
use autodiff::Profile;
use data::Workers;
use nn::StateDict;

/// When to stop before the last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlyStopping {
    /// Epochs without a better value before training stops.
    pub patience: usize,
}

/// What becomes of a step whose loss or gradient is NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnNotFinite {
    /// The run ends with an error that names the step; gradients are looked at where they are clipped.
    #[default]
    Refuse,
    /// The step is left out: weights, moments and averages stay as they are, the schedule goes on. The norm of every gradient is
    /// computed for it.
    Skip {
        /// Steps that may be left out in a row; one more ends the run with an error.
        in_a_row: u64,
    },
}

/// Weights that are averaged over the steps of a run, and measured and kept in place of the last ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Averaging {
    /// A moving average after each step, see [`optim::Ema`].
    Ema {
        /// How much of the average stays, in 0..1.
        decay: f64,
        /// Whether the decay rises to that value, so that the start is soon forgotten.
        warmup: bool,
    },
    /// The equal mean of the weights at the ends of epochs, see [`optim::Swa`]; none before the first of them. Running statistics, as
    /// those of batch norms, are of the last steps and not of the mean.
    Swa {
        /// The first epoch whose end counts, from 1.
        from_epoch: usize,
    },
}

/// How a model is trained.
#[derive(Debug, Clone)]
pub struct TrainConfig {
    /// Passes over the training part.
    pub epochs: usize,
    /// Rows in a training batch.
    pub batch_size: usize,
    /// Batches whose gradients make one step: the gradient of the mean over all their rows, at the memory of one batch. The last
    /// batches of an epoch make a step of their own where they are fewer.
    pub accumulate: usize,
    /// Rows in a batch of evaluation. Outputs do not depend on it; the loss, a mean over the rows of means over
    /// batches, does in its last digits, and with class weights or ignored labels in more.
    pub eval_batch_size: usize,
    /// Seed of the order of rows and of dropout. Starting weights have their own.
    pub seed: u64,
    /// Largest global gradient norm; longer gradients are scaled down.
    pub clip_norm: Option<f64>,
    /// What becomes of a step whose loss or gradient is not finite.
    pub not_finite: OnNotFinite,
    /// Averages of weights, which validation measures and the model has in the end.
    pub average: Option<Averaging>,
    /// The measure that decides which epoch is best, and which way is better.
    pub monitor: (String, Direction),
    /// Whether the best epoch's weights are put back at the end.
    pub restore_best: bool,
    /// When to stop early.
    pub early_stopping: Option<EarlyStopping>,
    /// Threads that read training batches ahead, of which there are none unless asked for: for sources that take time, such as
    /// augmented images and files. Neither batches nor results depend on them.
    pub workers: Workers,
    /// Whether what each operation of each module costs is noted, for [`Fit::profile`].
    pub profile: bool,
    /// What is shown while it runs.
    pub progress: Progress,
    /// Where the run is saved. If its folder has checkpoints of this run, `fit` goes on from the newest.
    pub checkpoints: Option<CheckpointConfig>,
}

impl Default for TrainConfig {
    /// 10 epochs of batches of 32, the best epoch by loss put back.
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 32,
            accumulate: 1,
            eval_batch_size: 256,
            seed: 0,
            clip_norm: None,
            not_finite: OnNotFinite::Refuse,
            average: None,
            monitor: ("loss".into(), Direction::Lower),
            restore_best: true,
            early_stopping: None,
            workers: Workers { threads: 0, prefetch: 2 },
            profile: false,
            progress: Progress::Auto,
            checkpoints: None,
        }
    }
}

/// What a finished run leaves.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Every epoch's measures.
    pub history: History,
    /// The best epoch, counted from 1.
    pub best_epoch: usize,
    /// The weights of the best epoch.
    pub best: StateDict,
    /// Whether early stopping or a callback ended the run before its last step.
    pub stopped_early: bool,
    /// Optimizer steps taken, with those that were left out.
    pub steps: u64,
    /// Steps that were left out because they were not finite.
    pub skipped: u64,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
    /// Of that, how long the loop waited for batches to be read: if it is much, `workers` help.
    pub waited: f64,
    /// Time, arithmetic and memory by module and operation, if [`TrainConfig::profile`] asked for it.
    pub profile: Option<Profile>,
}

/// Measures of a model on a part of the data.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Loss and measures by name.
    pub values: MetricValues,
    /// Who was taken for whom, for classes.
    pub confusion: Option<ConfusionMatrix>,
}

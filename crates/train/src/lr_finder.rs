//! A learning rate to begin with: losses over steps of which each is longer than the one before.

use crate::error::{Error, Result};
use crate::kept::tried;
use crate::plot::{Figure, LineChart};
use crate::task::Task;
use crate::trainer::{OneStep, TrainConfig};
use data::{BatchConfig, Loader, Source};
use nn::Layer;
use optim::Optimizer;
use tensor::Rng;

/// Between which learning rates is looked, and in how many steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrRange {
    /// The first learning rate.
    pub from: f64,
    /// The last learning rate; each is the same factor larger than the one before.
    pub to: f64,
    /// Steps, one batch each.
    pub steps: usize,
    /// How much of the running mean of losses stays.
    pub smoothing: f64,
    /// The search ends where the smoothed loss is this many times the lowest so far.
    pub diverges_at: f64,
}

impl Default for LrRange {
    /// 100 steps from 1e-7 to 10, losses smoothed by 0.9, to four times the lowest.
    fn default() -> Self {
        Self { from: 1e-7, to: 10.0, steps: 100, smoothing: 0.9, diverges_at: 4.0 }
    }
}

/// Losses by learning rate.
#[derive(Debug, Clone, PartialEq)]
pub struct LrCurve {
    /// The learning rate of each step that was made and the loss before it, smoothed.
    pub points: Vec<(f64, f64)>,
}

impl LrCurve {
    /// The learning rate at which the loss falls fastest over the logarithm of the learning rate: where the line through an eighth of
    /// the points, by least squares, is steepest. `None` if it never falls.
    pub fn suggestion(&self) -> Option<f64> {
        let width = (self.points.len() / 8).max(3);
        let steepest = self.points.windows(width).min_by(|a, b| slope(a).total_cmp(&slope(b)))?;
        (slope(steepest) < 0.0).then_some(steepest[width / 2].0)
    }

    /// The curve, with the suggestion marked.
    pub fn figure(&self) -> Figure {
        let chart = LineChart::new("Loss by learning rate").x_label("learning rate").log_x();
        let chart = chart.series("loss, smoothed", self.points.iter().copied());
        let marked = self.suggestion().and_then(|lr| self.points.iter().find(|p| p.0 == lr));
        match marked {
            Some(&(lr, loss)) => chart.mark(0, lr, loss, format!("falls fastest at {lr:.1e}")),
            None => chart,
        }
        .figure()
    }
}

/// Of the line through these losses over the logarithms of their learning rates.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(&|p| libm::log(p.0)), mean(&|p| p.1));
    let across =
        |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|p| of(libm::log(p.0) - x, p.1 - y)).sum::<f64>();
    across(&|dx, dy| dx * dy) / across(&|dx, _| dx * dx)
}

pub(crate) fn find_lr(
    config: &TrainConfig,
    model: &mut impl Layer,
    optimizer: &mut dyn Optimizer,
    task: &dyn Task,
    train: &dyn Source,
    range: &LrRange,
) -> Result<LrCurve> {
    let LrRange { from, to, steps, smoothing, diverges_at } = *range;
    let positive = from > 0.0 && to > from && to.is_finite() && diverges_at > 1.0;
    if !positive || steps < 3 || !(0.0..1.0).contains(&smoothing) {
        return Err(Error::InvalidArgument {
            op: "find_lr",
            rule: "a range must rise from a positive rate in three steps or more, smoothing lie in 0..1, divergence above 1",
            got: format!("{range:?}"),
            repair: "use LrRange::default() with other ends",
        });
    }
    let TrainConfig { batch_size, seed, .. } = *config;
    let loader = Loader::new(train, BatchConfig { batch_size, shuffle: Some(seed), drop_last: false })?;
    let passes = Rng::seed(seed);
    let growth = libm::log(to / from) / (steps - 1) as f64;
    tried(model, optimizer, |model, optimizer, _| {
        let (mut points, mut mean, mut lowest) = (Vec::new(), 0.0, f64::INFINITY);
        let mut batches = (0..).flat_map(|epoch| loader.epoch(epoch));
        for step in 0..steps {
            let Some(batch) = batches.next() else { break };
            let lr = from * libm::exp(growth * step as f64);
            optimizer.set_lr(lr)?;
            let mut one = OneStep::new(passes.stream(step as u64), 1);
            one.add(model, task, &batch?, &mut task.meter()?)?;
            let made = one.finish(true)?;
            // With the running mean's own weight, so that the first ones are not drawn to 0.
            mean = smoothing * mean + (1.0 - smoothing) * made.loss;
            let smooth = mean / (1.0 - libm::pow(smoothing, (step + 1) as f64));
            let Some(grads) = made.grads.filter(|_| smooth <= diverges_at * lowest) else { break };
            lowest = f64::min(lowest, smooth);
            points.push((lr, smooth));
            optimizer.step(model, &grads)?;
        }
        Ok(LrCurve { points })
    })
}

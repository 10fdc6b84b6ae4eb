//! Connectionist temporal classification, one sequence at a time, in double precision.
//!
//! With l' the target with blanks around each label, α_t(s) is the log of the probability of all paths through the first t
//! steps that end at l'_s, and β_t(s) that of all from there on, step t in both:
//!
//! `α_t(s) = y_t(l'_s) + ln Σ exp(α_{t−1}(s), α_{t−1}(s − 1), and α_{t−1}(s − 2) if l'_s is no blank and not l'_{s−2})`
//!
//! The loss is `−ln Σ exp(α_T(S), α_T(S − 1))`, and its gradient for y_t(c) `−Σ_{s: l'_s = c} exp(α + β − y + loss)`, the
//! probability of being at c. Source: Graves et al. 2006.

use crate::dtype::Float;
use crate::math::Math;
use crate::parallel::{Disjoint, for_chunks};
use crate::simd::simd_fn;

const NEVER: f64 = f64::NEG_INFINITY;

simd_fn! {
    /// `out[s] = y[s] + ln Σ exp(before[s + 2], before[s + 1], before[s] + skip[s])`.
    fn step(before: &[f64], skip: &[f64], y: &[f64], out: &mut [f64]) {
        let n = out.len();
        let (first, second, third, skip, y) = (&before[2..n + 2], &before[1..n + 1], &before[..n], &skip[..n], &y[..n]);
        for s in 0..n {
            let (a, b, c) = (first[s], second[s], third[s] + skip[s]);
            let most = if a > b { a } else { b };
            let most = if most > c { most } else { c };
            let from = if most == NEVER { 0.0 } else { most };
            let sum = Math::exp(a - from) + Math::exp(b - from) + Math::exp(c - from);
            out[s] = y[s] + (from + Math::ln(sum));
        }
    }
}

/// The labels of a target with blanks around each.
fn with_blanks(target: &[i64], blank: usize) -> Vec<usize> {
    let mut labels = vec![blank; 2 * target.len() + 1];
    for (label, &of) in labels.iter_mut().skip(1).step_by(2).zip(target) {
        *label = of as usize;
    }
    labels
}

/// The log probabilities of all paths: rows of `labels.len() + 2`, the first two of them no labels, for each of `steps`.
fn paths(labels: &[usize], steps: usize, y: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let (n, width) = (labels.len(), labels.len() + 2);
    let skip: Vec<f64> = (0..n)
        .map(|s| if s >= 2 && labels[s] != labels[s - 2] && labels[s] != labels[0] { 0.0 } else { NEVER })
        .collect();
    let mut all = vec![NEVER; steps * width];
    let mut here = vec![0.0; n];
    for t in 0..steps {
        for (here, &label) in here.iter_mut().zip(labels) {
            *here = y(t, label);
        }
        match t {
            0 => all[2..width.min(4)].copy_from_slice(&here[..n.min(2)]),
            _ => {
                let (before, row) = all[(t - 1) * width..(t + 1) * width].split_at_mut(width);
                step(before, &skip, &here, &mut row[2..]);
            }
        }
    }
    all
}

/// ln(eᵃ + eᵇ)
fn log_add(a: f64, b: f64) -> f64 {
    let most = if a > b { a } else { b };
    if most == NEVER { NEVER } else { most + Math::ln(Math::exp(a - most) + Math::exp(b - most)) }
}

/// Sizes of the log probabilities `(time, n, classes)`.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub n: usize,
    pub classes: usize,
}

/// The labels of sequence i, `labels[i·longest..][..lengths[i]]`, and its steps.
#[derive(Clone, Copy)]
pub(crate) struct Targets<'a> {
    pub labels: &'a [i64],
    pub longest: usize,
    pub label_lengths: &'a [usize],
    pub input_lengths: &'a [usize],
    pub blank: usize,
}

/// The loss of each sequence, of log probabilities y. `posteriors`, zeros of as many elements, or empty if not wanted, become
/// the probabilities of being at each class; where no path is possible they stay 0.
pub(crate) fn losses<T: Float>(
    y: &[T],
    sizes: Sizes,
    targets: &Targets,
    losses: &mut [f64],
    posteriors: &mut [T],
) {
    let Sizes { n, classes } = sizes;
    let wanted = !posteriors.is_empty();
    let posteriors = Disjoint::new(posteriors);
    for_chunks(losses, 1, |first, losses| {
        for (i, out) in (first..).zip(losses) {
            let target = &targets.labels[i * targets.longest..][..targets.label_lengths[i]];
            let steps = targets.input_lengths[i];
            let at = |t: usize, c: usize| y[(t * n + i) * classes + c].to_f64();
            *out = loss(at, steps, target, targets.blank, wanted, |t, c, p| {
                // SAFETY: each sequence is one thread's, and each slice is let go before the next.
                let row = unsafe { posteriors.slice((t * n + i) * classes..(t * n + i + 1) * classes) };
                row[c] = T::from_f64(row[c].to_f64() + p);
            });
        }
    });
}

/// The loss of one sequence, whose log probabilities are `y(step, class)`; `add(step, class, probability)` for each label of
/// each possible path's step, if they are wanted.
fn loss(
    y: impl Fn(usize, usize) -> f64,
    steps: usize,
    target: &[i64],
    blank: usize,
    wanted: bool,
    mut add: impl FnMut(usize, usize, f64),
) -> f64 {
    let labels = with_blanks(target, blank);
    let (n, width) = (labels.len(), labels.len() + 2);
    if steps == 0 {
        return if target.is_empty() { 0.0 } else { f64::INFINITY };
    }
    let forward = paths(&labels, steps, &y);
    let last = &forward[(steps - 1) * width..];
    let total = log_add(last[n + 1], last[n]);
    if !wanted || total == NEVER {
        return -total;
    }
    let turned: Vec<usize> = labels.iter().rev().copied().collect();
    let backward = paths(&turned, steps, |t, c| y(steps - 1 - t, c));
    for t in 0..steps {
        let (a, b) = (&forward[t * width + 2..][..n], &backward[(steps - 1 - t) * width + 2..][..n]);
        for (s, &label) in labels.iter().enumerate() {
            let (a, b) = (a[s], b[n - 1 - s]);
            if a > NEVER && b > NEVER {
                add(t, label, Math::exp(a + b - y(t, label) - total));
            }
        }
    }
    -total
}

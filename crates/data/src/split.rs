//! Dividing rows into parts: random, stratified, by groups, in time, k-fold. Each division is a function of the seed alone.

mod groups;
mod time;

pub use groups::{k_folds_groups, split_groups};
pub use time::{TimeFolds, k_folds_time};

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use tensor::Rng;

/// Addresses of the random streams, one for each kind of division.
const RANDOM: u64 = 1;
const STRATIFIED: u64 = 2;
const FOLDS: u64 = 3;
const STRATIFIED_FOLDS: u64 = 4;
/// Fractions that stand this close to a whole number of rows are one; 0.15 · 20 is 3, whatever the last bit says.
const SLACK: f64 = 1e-9;

/// The rows of each part, ascending, no row in two parts. A part that was not asked for is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// What a model is fitted to.
    pub train: Vec<usize>,
    /// What choices (epochs, sizes, rates) are made by.
    pub validation: Vec<usize>,
    /// What is looked at once, in the end.
    pub test: Vec<usize>,
}

/// How much of the rows each part gets; the fractions sum to 1. A part at 0 is not wanted; `train` always is.
///
/// ```
/// use data::Fractions;
/// let two_parts = Fractions { train: 0.8, validation: 0.0, test: 0.2 };
/// let split = data::split_random(10, two_parts, 42)?;
/// assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (8, 0, 2));
/// # Ok::<(), data::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fractions {
    /// The part a model is fitted to.
    pub train: f64,
    /// The part choices are made by.
    pub validation: f64,
    /// The part that is looked at once, in the end.
    pub test: f64,
}

/// 70 % train, 15 % validation, 15 % test.
impl Default for Fractions {
    fn default() -> Self {
        Self { train: 0.7, validation: 0.15, test: 0.15 }
    }
}

const PARTS: [&str; 3] = ["train", "validation", "test"];

impl Fractions {
    /// The fractions in the order of the parts, scaled to sum to 1 to the last bit that can be had.
    fn checked(self, op: &'static str) -> Result<[f64; 3]> {
        let all = [self.train, self.validation, self.test];
        let sum: f64 = all.iter().sum();
        let good =
            all.iter().all(|f| (0.0..=1.0).contains(f)) && self.train > 0.0 && (sum - 1.0).abs() < SLACK;
        if !good {
            return Err(Error::InvalidArgument {
                op,
                rule: "fractions must not be negative and must sum to 1, with some for train",
                got: format!("train {}, validation {}, test {}", self.train, self.validation, self.test),
                repair: "correct the fractions",
            });
        }
        Ok(all.map(|f| f / sum))
    }
}

/// Divides `0..n` at random into parts of `n · fraction` rows, rounded so that they sum to `n`.
///
/// # Errors
/// Fractions that do not sum to 1; a part that was asked for and would be empty, by name.
pub fn split_random(n: usize, fractions: Fractions, seed: u64) -> Result<Split> {
    let op = "split_random";
    let fractions = fractions.checked(op)?;
    let order = Rng::seed(seed).stream(RANDOM).permutation(n)?;
    let counts = share_out(n, fractions, fractions.map(|f| f * n as f64));
    let mut parts = Parts::default();
    parts.deal(&order, counts);
    parts.finish(op, n, fractions)
}

/// Divides the rows of `labels` so that every class is divided by the same fractions: of the rows of a class a part gets
/// `rows · fraction`, rounded up or down, and the training part at least one.
///
/// # Errors
/// Fractions that do not sum to 1; a part that was asked for and would be empty, by name.
pub fn split_stratified(labels: &[i64], fractions: Fractions, seed: u64) -> Result<Split> {
    let op = "split_stratified";
    let fractions = fractions.checked(op)?;
    let rng = Rng::seed(seed).stream(STRATIFIED);
    let mut parts = Parts::default();
    let mut due = [0.0; 3]; // what the parts should have after this class, less what they have
    for rows in shuffled_classes(labels, &rng) {
        for (due, f) in due.iter_mut().zip(fractions) {
            *due += f * rows.len() as f64;
        }
        let counts = share_out(rows.len(), fractions, due);
        for (due, count) in due.iter_mut().zip(counts) {
            *due -= count as f64;
        }
        parts.deal(&rows, counts);
    }
    parts.finish(op, labels.len(), fractions)
}

/// Divides `0..n` at random into `k` folds of equal size, give or take one row. Split `i` has fold `i` as validation part,
/// the other folds as training part and an empty test part.
///
/// # Errors
/// `k` must lie in `2..=n`.
pub fn k_folds(n: usize, k: usize, seed: u64) -> Result<Vec<Split>> {
    check_folds("k_folds", n, k)?;
    Ok(fold_up(&Rng::seed(seed).stream(FOLDS).permutation(n)?, k))
}

/// As [`k_folds`], with the rows of every class spread evenly: two folds differ by at most one row of a class, and by at
/// most one row in all.
///
/// # Errors
/// `k` must lie in `2..=n`.
pub fn k_folds_stratified(labels: &[i64], k: usize, seed: u64) -> Result<Vec<Split>> {
    check_folds("k_folds_stratified", labels.len(), k)?;
    let rng = Rng::seed(seed).stream(STRATIFIED_FOLDS);
    Ok(fold_up(&shuffled_classes(labels, &rng).concat(), k))
}

/// The rows of each class in random order, the classes in ascending order; class i is shuffled by stream i.
fn shuffled_classes(labels: &[i64], rng: &Rng) -> Vec<Vec<usize>> {
    let mut classes: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (row, &label) in labels.iter().enumerate() {
        classes.entry(label).or_default().push(row);
    }
    let mut classes: Vec<Vec<usize>> = classes.into_values().collect();
    for (i, rows) in classes.iter_mut().enumerate() {
        rng.stream(i as u64).shuffle(rows);
    }
    classes
}

/// How many of `n` rows each part gets: `n · fraction` rounded down, and the rows left over one each to the parts that it
/// was rounded down for, those with most due first; a training part that would get nothing comes before all.
fn share_out(n: usize, fractions: [f64; 3], due: [f64; 3]) -> [usize; 3] {
    let exact = fractions.map(|f| f * n as f64);
    let mut counts = exact.map(|x| (x + SLACK).floor() as usize);
    let left = n.saturating_sub(counts.iter().sum());
    let mut order: Vec<usize> = (0..3).filter(|&p| exact[p] - counts[p] as f64 > SLACK).collect();
    let urgency = |p: usize| if p == 0 && counts[0] == 0 { f64::INFINITY } else { due[p] - counts[p] as f64 };
    order.sort_by(|&a, &b| urgency(b).total_cmp(&urgency(a)));
    for &p in order.iter().take(left) {
        counts[p] += 1;
    }
    counts[0] = n.saturating_sub(counts[1] + counts[2]); // already so, but for the last bits of huge n
    counts
}

#[derive(Default)]
struct Parts([Vec<usize>; 3]);

impl Parts {
    fn deal(&mut self, rows: &[usize], counts: [usize; 3]) {
        let mut rest = rows;
        for (part, count) in self.0.iter_mut().zip(counts) {
            let (now, later) = rest.split_at(count);
            part.extend_from_slice(now);
            rest = later;
        }
    }

    fn finish(mut self, op: &'static str, rows: usize, fractions: [f64; 3]) -> Result<Split> {
        for (p, part) in self.0.iter_mut().enumerate() {
            if part.is_empty() && fractions[p] > 0.0 {
                let repair = "use more rows, a larger fraction, or a fraction of 0";
                return Err(Error::EmptyPart { op, part: PARTS[p].to_string(), rows, repair });
            }
            part.sort_unstable();
        }
        let [train, validation, test] = self.0;
        Ok(Split { train, validation, test })
    }
}

fn check_folds(op: &'static str, n: usize, k: usize) -> Result<()> {
    if k < 2 {
        return Err(Error::InvalidArgument {
            op,
            rule: "there must be at least 2 folds",
            got: k.to_string(),
            repair: "use k >= 2",
        });
    }
    if k > n {
        let repair = "use fewer folds or more rows";
        return Err(Error::EmptyPart { op, part: format!("fold {n}"), rows: n, repair });
    }
    Ok(())
}

/// Deals `order` to `k` folds like cards and makes each fold the validation part once.
fn fold_up(order: &[usize], k: usize) -> Vec<Split> {
    let n = order.len();
    let mut fold_of = vec![0; n];
    for (place, &row) in order.iter().enumerate() {
        fold_of[row] = place % k;
    }
    splits_of(&fold_of, k)
}

/// Each of `k` folds as the validation part of a split.
fn splits_of(fold_of: &[usize], k: usize) -> Vec<Split> {
    (0..k)
        .map(|fold| {
            let (validation, train) = (0..fold_of.len()).partition(|&row| fold_of[row] == fold);
            Split { train, validation, test: Vec::new() }
        })
        .collect()
}

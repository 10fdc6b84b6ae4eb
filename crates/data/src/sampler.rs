//! The order of rows in an epoch: a function of (seed, epoch, index), whoever asks and whenever.

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use tensor::{DType, Rng};

/// Addresses of the random streams, one for each kind of order.
const RANDOM: u64 = 5;
const WEIGHTED: u64 = 21;
const CLASSES: u64 = 22;

/// Which rows an epoch visits, in which order.
///
/// ```
/// use data::{Sampler, Uneven};
/// let all = Sampler::random(6, 7)?;
/// let (first, second) = (all.clone().shard(0, 2, Uneven::Drop)?, all.clone().shard(1, 2, Uneven::Drop)?);
/// assert_eq!(all.order(3)[0], first.order(3)[0]);
/// assert_eq!(all.order(3)[1], second.order(3)[0]);
/// # Ok::<(), data::Error>(())
/// ```
///
/// Differs from PyTorch's samplers in: an epoch is asked for by number (there is no `set_epoch` to forget), and
/// [`shard`](Self::shard) works on any order, not on the random one alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    kind: Kind,
    /// Rows of the data.
    rows: usize,
    seed: u64,
    shard: Option<Shard>,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Sequential,
    Random,
    /// Running sums of the weights; rows are drawn with replacement.
    Again {
        sums: Arc<[f64]>,
        draws: usize,
    },
    /// Weights; no row is drawn twice.
    Once {
        weights: Arc<[f64]>,
        draws: usize,
    },
    /// The rows of each class, and how many of each class an epoch visits; `None`: all.
    Classes {
        classes: Arc<[Vec<usize>]>,
        each: Option<usize>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shard {
    rank: usize,
    world: usize,
    uneven: Uneven,
}

/// What happens to the rows left over where an order is not divisible by the number of ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uneven {
    /// They are left out of this epoch.
    Drop,
    /// The order begins again, until every rank has the same number; some rows are visited twice.
    Repeat,
}

/// Whether a row can be drawn twice in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// Each draw is from all rows.
    With,
    /// Each draw is from the rows not drawn before.
    Without,
}

fn refuse<T>(rule: &'static str, got: String, repair: &'static str) -> Result<T> {
    Err(Error::InvalidArgument { op: "sampler", rule, got, repair })
}

impl Sampler {
    /// The rows `0..rows` as they are.
    ///
    /// # Errors
    /// No rows; more of them than an order fits in memory.
    pub fn sequential(rows: usize) -> Result<Self> {
        Self::new(Kind::Sequential, rows, 0)
    }

    /// Every row once, each order as likely as any other.
    ///
    /// # Errors
    /// As [`sequential`](Self::sequential).
    pub fn random(rows: usize, seed: u64) -> Result<Self> {
        Self::new(Kind::Random, rows, seed)
    }

    /// `draws` rows, row i with a chance in proportion to `weights[i]`; without replacement in proportion among those
    /// that are left, by the keys `−ln(u)/w` in ascending order. Source: Efraimidis & Spirakis 2006, "Weighted random
    /// sampling with a reservoir".
    ///
    /// # Errors
    /// No rows or no draws; a weight that is negative or not finite (its row is named), or all of them 0; without
    /// replacement, more draws than rows of weight above 0.
    pub fn weighted(weights: &[f64], draws: usize, replacement: Replacement, seed: u64) -> Result<Self> {
        if let Some(row) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            let got = format!("{} for row {row}", weights[row]);
            return refuse("a weight must be a finite number of 0 or more", got, "correct the weight");
        }
        let positive = weights.iter().filter(|w| **w > 0.0).count();
        let total: f64 = weights.iter().sum();
        if !(weights.is_empty() || positive > 0 && total.is_finite()) {
            let got = format!("{} weights of sum {total}", weights.len());
            return refuse("weights must have a finite sum above 0", got, "rescale the weights");
        }
        if draws == 0 {
            return refuse("an epoch must have rows", "0 draws".into(), "draw at least 1");
        }
        let kind = match replacement {
            Replacement::With => {
                let mut sum = 0.0;
                let sums = weights.iter().map(|w| {
                    sum += w;
                    sum
                });
                Kind::Again { sums: sums.collect(), draws }
            }
            Replacement::Without if draws > positive && !weights.is_empty() => {
                let got = format!("{draws} draws for {positive} rows of weight above 0");
                return refuse("a row can be drawn once", got, "draw fewer, or with replacement");
            }
            Replacement::Without => Kind::Once { weights: weights.into(), draws },
        };
        Rng::room_for(draws)?;
        Self::new(kind, weights.len(), seed)
    }

    /// Every row once, at random, the classes spread evenly: of m rows in a row, a class with share s of all rows has
    /// `s·m`, give or take one row more than there are classes.
    ///
    /// # Errors
    /// As [`sequential`](Self::sequential).
    pub fn stratified(labels: &[i64], seed: u64) -> Result<Self> {
        Self::new(Kind::Classes { classes: by_class(labels), each: None }, labels.len(), seed)
    }

    /// As many rows of each class as the largest has, spread evenly: the rows of smaller classes come again, all of them
    /// before any comes once more.
    ///
    /// # Errors
    /// As [`sequential`](Self::sequential).
    pub fn balanced(labels: &[i64], seed: u64) -> Result<Self> {
        let classes = by_class(labels);
        let each = classes.iter().map(Vec::len).max().unwrap_or(0);
        Rng::room_for(each.saturating_mul(classes.len()))?;
        Self::new(Kind::Classes { classes, each: Some(each) }, labels.len(), seed)
    }

    fn new(kind: Kind, rows: usize, seed: u64) -> Result<Self> {
        if rows == 0 {
            return refuse("there must be rows to visit", "0 rows".into(), "give at least one row");
        }
        Rng::room_for(rows)?;
        Ok(Self { kind, rows, seed, shard: None })
    }

    /// The part of this order that process `rank` of `world` visits: places rank, rank + world, …; all ranks visit the
    /// same number of rows, and together, up to `uneven`, all of them.
    ///
    /// # Errors
    /// `rank` must lie in `0..world`; an order that is a part already; with [`Uneven::Drop`], fewer rows than ranks.
    pub fn shard(self, rank: usize, world: usize, uneven: Uneven) -> Result<Self> {
        if rank >= world {
            let got = format!("rank {rank} of {world}");
            return refuse("a rank must lie in 0..world", got, "count ranks from 0");
        }
        if let Some(Shard { rank, world, .. }) = self.shard {
            let got = format!("part {rank} of {world}");
            return refuse("an order is divided once", got, "divide the whole order");
        }
        if uneven == Uneven::Drop && self.len() < world {
            let got = format!("{} rows for {world} ranks", self.len());
            return refuse("every rank must have a row", got, "use fewer ranks, or repeat rows");
        }
        Ok(Self { shard: Some(Shard { rank, world, uneven }), ..self })
    }

    /// Rows that an epoch visits; at least 1.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        let whole = self.whole();
        match self.shard {
            None => whole,
            Some(Shard { world, uneven: Uneven::Drop, .. }) => whole / world,
            Some(Shard { world, .. }) => whole.div_ceil(world),
        }
    }

    /// Rows of the data it was made for.
    pub fn rows(&self) -> usize {
        self.rows
    }

    fn whole(&self) -> usize {
        match &self.kind {
            Kind::Sequential | Kind::Random => self.rows,
            Kind::Again { draws, .. } | Kind::Once { draws, .. } => *draws,
            Kind::Classes { classes, each } => each.map_or(self.rows, |each| each * classes.len()),
        }
    }

    /// The rows of epoch `epoch`, in the order in which they are visited.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        const ROOM: &str = "invariant: memory has room for an order, as it had when the sampler was made";
        let rng = |address| Rng::seed(self.seed).stream(address).stream(epoch);
        let order = match &self.kind {
            Kind::Sequential => (0..self.rows).collect(),
            Kind::Random => rng(RANDOM).permutation(self.rows).expect(ROOM),
            Kind::Again { sums, draws } => {
                let total = sums[sums.len() - 1];
                let found = |u: f64| sums.partition_point(|&sum| sum <= u * total).min(last_of(sums));
                uniform(&mut rng(WEIGHTED), *draws).into_iter().map(found).collect()
            }
            Kind::Once { weights, draws } => {
                let u = uniform(&mut rng(WEIGHTED), self.rows);
                let mut keys: Vec<(f64, usize)> = (0..self.rows)
                    .filter(|&row| weights[row] > 0.0)
                    .map(|row| (-libm::log(1.0 - u[row]) / weights[row], row))
                    .collect();
                keys.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                keys.into_iter().take(*draws).map(|(_, row)| row).collect()
            }
            Kind::Classes { classes, each } => spread(classes, *each, &rng(CLASSES)),
        };
        match self.shard {
            None => order,
            Some(Shard { rank, world, .. }) => {
                (0..self.len()).map(|k| order[(k * world + rank) % order.len()]).collect()
            }
        }
    }
}

/// The last row that can be drawn, where rounding would reach beyond it.
fn last_of(sums: &[f64]) -> usize {
    sums.partition_point(|&sum| sum < sums[sums.len() - 1])
}

/// `n` numbers of `[0, 1)`.
fn uniform(rng: &mut Rng, n: usize) -> Vec<f64> {
    rng.uniform([n], 0.0, 1.0, DType::F64)
        .and_then(|u| u.to_vec())
        .expect("invariant: memory has room for a draw, as it had when the sampler was made")
}

/// The rows of each class, the classes in ascending order.
fn by_class(labels: &[i64]) -> Arc<[Vec<usize>]> {
    let mut classes: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (row, &label) in labels.iter().enumerate() {
        classes.entry(label).or_default().push(row);
    }
    classes.into_values().collect()
}

/// The classes dealt out evenly: the j-th of m rows of a class is put at a random place of `[j/m, (j + 1)/m)`.
fn spread(classes: &[Vec<usize>], each: Option<usize>, rng: &Rng) -> Vec<usize> {
    let mut places: Vec<(f64, usize, usize)> = Vec::new();
    for (c, rows) in classes.iter().enumerate() {
        let rng = rng.stream(c as u64);
        let m = each.unwrap_or(rows.len());
        let u = uniform(&mut rng.stream(u64::MAX), m);
        let mut turn = Vec::new();
        for j in 0..m {
            if j % rows.len() == 0 {
                turn.clone_from(rows);
                rng.stream((j / rows.len()) as u64).shuffle(&mut turn);
            }
            places.push(((j as f64 + u[j]) / m as f64, c, turn[j % rows.len()]));
        }
    }
    // Equal places, which are next to impossible, go by class.
    places.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    places.into_iter().map(|(_, _, row)| row).collect()
}

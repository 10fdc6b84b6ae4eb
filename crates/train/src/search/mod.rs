//! Searching settings: over a grid, at random, and by successive halving.

mod space;

pub use space::{Choices, Params, Space};

use crate::error::{Error, Result};
use crate::format;
use crate::history::Direction;
use crate::table::{Align, Table};
use tensor::Rng;

/// Address of the random streams of searches.
const DRAWS: u64 = 23;

/// Settings to be tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its number in the search, from 0: the same for the same settings in every round, so that it may name a folder in which a run
    /// goes on.
    pub number: usize,
    /// The settings.
    pub params: Params,
    /// What it may spend, in the unit of [`Halving`], such as epochs in all; 1 where nothing is rationed.
    pub budget: usize,
    /// A seed of its own, the same in every round.
    pub seed: u64,
}

/// A candidate and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The candidate, as it was last tried.
    pub candidate: Candidate,
    /// Its value; `None` where the run was not finite.
    pub value: Option<f64>,
}

/// How candidates are weeded out. Source: Jamieson & Talwalkar 2016, arXiv:1502.07943.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halving {
    /// Candidates of the first round.
    pub candidates: usize,
    /// Budget of the first round.
    pub min_budget: usize,
    /// Budget that no candidate goes beyond.
    pub max_budget: usize,
    /// Of so many one goes on to the next round, with so many times the budget; 2 or more.
    pub factor: usize,
}

impl Default for Halving {
    /// 27 candidates, 1 to 27 units, a third going on.
    fn default() -> Self {
        Self { candidates: 27, min_budget: 1, max_budget: 27, factor: 3 }
    }
}

#[derive(Debug, Clone)]
enum Plan {
    Grid(usize),
    Random(usize),
    Halving(Halving),
}

/// A search for the settings whose value is best.
///
/// ```
/// use train::{Direction, Search, Space};
/// let space = Space::new().log_uniform("lr", 1e-4, 1.0).one_of("activation", ["relu", "gelu"]);
/// let found = Search::random(space, 40, 0, Direction::Lower).run(|candidate| {
///     // Here a model would be trained.
///     let far = (candidate.params.number("lr")?.ln() - 1e-2_f64.ln()).abs();
///     Ok(far + if candidate.params.word("activation")? == "gelu" { 0.0 } else { 0.5 })
/// })?;
/// assert_eq!(found.best().candidate.params.word("activation")?, "gelu");
/// assert!(found.best().value.unwrap() < 1.0);
/// # Ok::<(), train::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Search {
    space: Space,
    plan: Plan,
    seed: u64,
    direction: Direction,
}

impl Search {
    /// Every combination, of `points` numbers from each range.
    pub fn grid(space: Space, points: usize, seed: u64, direction: Direction) -> Self {
        Self { space, plan: Plan::Grid(points), seed, direction }
    }

    /// So many combinations at random, which is better than a grid where few settings matter. Source: Bergstra & Bengio 2012.
    pub fn random(space: Space, candidates: usize, seed: u64, direction: Direction) -> Self {
        Self { space, plan: Plan::Random(candidates), seed, direction }
    }

    /// Many combinations at random with a small budget, and the better ones on with a larger one.
    pub fn halving(space: Space, halving: Halving, seed: u64, direction: Direction) -> Self {
        Self { space, plan: Plan::Halving(halving), seed, direction }
    }

    /// Tries all candidates. Which there are depends on the seed alone.
    ///
    /// A run that is not finite ([`Error::NotFinite`], [`Error::GradientNotFinite`], or a value that is NaN) has no value, and is behind
    /// all that have one; any other error of `objective` ends the search.
    ///
    /// Errors: a space with nothing to choose, no candidates; those of `objective`.
    pub fn run(&self, mut objective: impl FnMut(&Candidate) -> Result<f64>) -> Result<SearchResult> {
        self.space.check()?;
        let streams = Rng::seed(self.seed).stream(DRAWS);
        let drawn = |count: usize| -> Result<Vec<Params>> {
            (0..count).map(|i| self.space.draw(&mut streams.stream(i as u64))).collect()
        };
        let (points, halving) = match self.plan {
            Plan::Grid(points) => (self.space.grid(points), None),
            Plan::Random(count) => (drawn(count)?, None),
            Plan::Halving(halving) => (drawn(halving.candidates)?, Some(halving)),
        };
        let fine = halving.is_none_or(|h| h.factor >= 2 && h.min_budget >= 1 && h.max_budget >= h.min_budget);
        if points.is_empty() || !fine {
            return Err(Error::InvalidArgument {
                op: "search",
                rule: "there must be a candidate, a budget of 1 or more, and a factor of 2 or more",
                got: format!("{:?}", self.plan),
                repair: "correct the numbers",
            });
        }
        let mut budget = halving.map_or(1, |halving| halving.min_budget);
        let mut alive: Vec<Candidate> = points
            .into_iter()
            .enumerate()
            .map(|(number, params)| {
                let seed = self.seed.wrapping_add(number as u64);
                Candidate { number, params, budget, seed }
            })
            .collect();
        // Those that were weeded out last stand first.
        let mut out: Vec<Finished> = Vec::new();
        loop {
            let mut round = Vec::with_capacity(alive.len());
            for candidate in alive {
                let value = match objective(&candidate) {
                    Ok(value) => Some(value).filter(|value| !value.is_nan()),
                    Err(Error::NotFinite { .. } | Error::GradientNotFinite { .. }) => None,
                    Err(error) => return Err(error),
                };
                round.push(Finished { candidate, value });
            }
            // Stable: of equals the first one goes on.
            round.sort_by(|a, b| self.compare(a.value, b.value));
            let more = halving.filter(|h| budget < h.max_budget && round.len() > 1);
            let Some(Halving { factor, max_budget, .. }) = more else {
                out.splice(0..0, round);
                return Ok(SearchResult { all: out, names: self.space.choices.keys().cloned().collect() });
            };
            let kept = round.len().div_ceil(factor);
            out.splice(0..0, round.split_off(kept));
            budget = budget.saturating_mul(factor).min(max_budget);
            alive = round.into_iter().map(|one| Candidate { budget, ..one.candidate }).collect();
        }
    }

    /// The better first.
    fn compare(&self, a: Option<f64>, b: Option<f64>) -> std::cmp::Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.direction == Direction::Lower => a.total_cmp(&b),
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}

/// All candidates, the best first; with halving, those of the last round first.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResult {
    all: Vec<Finished>,
    names: Vec<String>,
}

impl SearchResult {
    /// The best.
    pub fn best(&self) -> &Finished {
        &self.all[0]
    }

    /// All of them, the best first.
    pub fn all(&self) -> &[Finished] {
        &self.all
    }

    /// A row for each of the first `rows`, or of all.
    pub fn table(&self, rows: usize) -> Table {
        let budgets = self.all.iter().any(|one| one.candidate.budget > 1);
        let last = if budgets { vec!["budget", "value"] } else { vec!["value"] };
        let mut table =
            Table::new(["no."].into_iter().chain(self.names.iter().map(String::as_str)).chain(last));
        for Finished { candidate, value } in self.all.iter().take(rows) {
            let mut cells = vec![candidate.number.to_string()];
            cells.extend(candidate.params.values.values().map(ToString::to_string));
            if budgets {
                cells.push(candidate.budget.to_string());
            }
            cells.push(value.map_or_else(|| "not finite".into(), format::metric));
            table.row(cells);
        }
        (0..table.columns()).for_each(|column| {
            table.align(column, Align::Right);
        });
        table
    }
}

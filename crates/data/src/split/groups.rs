//! Dividing rows of groups, such as the pictures of one patient, so that no group is on two sides.

use super::{Fractions, Parts, Split, check_folds, share_out};
use crate::error::{Error, Result};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use tensor::Rng;

/// Addresses of the random streams.
const GROUPS: u64 = 25;
const GROUP_FOLDS: u64 = 26;

/// Divides the groups of `groups`, which names the group of each row, at random into parts of `groups · fraction`
/// groups: as [`split_random`](super::split_random), with groups in place of rows. Parts have as many rows as their
/// groups do.
///
/// ```
/// let patients = ["ann", "bob", "ann", "eve", "bob"];
/// let fractions = data::Fractions { train: 0.7, validation: 0.0, test: 0.3 };
/// let split = data::split_groups(&patients, fractions, 1)?;
/// assert!(split.test.iter().all(|&i| split.train.iter().all(|&j| patients[i] != patients[j])));
/// # Ok::<(), data::Error>(())
/// ```
///
/// # Errors
/// Fractions that do not sum to 1; a part that was asked for and would be empty, by name.
///
/// scikit-learn's `GroupShuffleSplit`, one split of it.
pub fn split_groups<G: Ord>(groups: &[G], fractions: Fractions, seed: u64) -> Result<Split> {
    let op = "split_groups";
    let fractions = fractions.checked(op)?;
    let groups = rows_of(groups);
    let order = Rng::seed(seed).stream(GROUPS).permutation(groups.len())?;
    let counts = share_out(groups.len(), fractions, fractions.map(|f| f * groups.len() as f64));
    let mut parts = Parts::default();
    let mut begin = 0;
    for (p, count) in counts.into_iter().enumerate() {
        for &group in &order[begin..begin + count] {
            parts.0[p].extend_from_slice(&groups[group]);
        }
        begin += count;
    }
    parts.finish(op, groups.iter().map(Vec::len).sum(), fractions)
}

/// Divides the rows into `k` folds, every group in one of them: the groups, the largest first, each go to the fold that
/// has the fewest rows. Split `i` has fold `i` as validation part. The seed decides among groups of equal size.
///
/// # Errors
/// `k` must lie in `2..=` the number of groups.
///
/// scikit-learn's `GroupKFold`, but for the order of groups of equal size.
pub fn k_folds_groups<G: Ord>(groups: &[G], k: usize, seed: u64) -> Result<Vec<Split>> {
    let op = "k_folds_groups";
    let n = groups.len();
    let groups = rows_of(groups);
    if k > groups.len() {
        let repair = "use fewer folds or more groups";
        return Err(Error::EmptyPart { op, part: format!("fold {}", groups.len()), rows: n, repair });
    }
    check_folds(op, n, k)?;
    let mut order = Rng::seed(seed).stream(GROUP_FOLDS).permutation(groups.len())?;
    order.sort_by_key(|&group| Reverse(groups[group].len()));
    let mut fold_of = vec![0; n];
    let mut sizes = vec![0; k];
    for group in order {
        let lightest = (0..k).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
        sizes[lightest] += groups[group].len();
        groups[group].iter().for_each(|&row| fold_of[row] = lightest);
    }
    Ok(super::splits_of(&fold_of, k))
}

/// The rows of each group, the groups in ascending order.
fn rows_of<G: Ord>(groups: &[G]) -> Vec<Vec<usize>> {
    let mut rows: BTreeMap<&G, Vec<usize>> = BTreeMap::new();
    for (row, group) in groups.iter().enumerate() {
        rows.entry(group).or_default().push(row);
    }
    rows.into_values().collect()
}

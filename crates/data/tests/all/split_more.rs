use crate::{goldens, message};
use data::{Fractions, Split, TimeFolds, k_folds_groups, k_folds_time, split_groups};
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeSet;

fn of_rows(groups: &[i64], rows: &[usize]) -> BTreeSet<i64> {
    rows.iter().map(|&row| groups[row]).collect()
}

/// Every row of `0..n` in exactly one part, each part ascending.
fn divides(split: &Split, n: usize) -> bool {
    let parts = [&split.train, &split.validation, &split.test];
    let mut all: Vec<usize> = parts.iter().flat_map(|part| part.iter().copied()).collect();
    all.sort_unstable();
    parts.iter().all(|part| part.is_sorted()) && all == (0..n).collect::<Vec<_>>()
}

#[test]
fn folds_in_time_are_those_of_scikit_learn() {
    #[derive(Deserialize)]
    struct Case {
        n: usize,
        folds: usize,
        validation: Option<usize>,
        gap: usize,
        max_train: Option<usize>,
        parts: Vec<[[usize; 2]; 2]>,
    }
    for case in goldens::<Vec<Case>>("time_folds") {
        let Case { n, folds, validation, gap, max_train, parts } = case;
        let found = k_folds_time(n, TimeFolds { folds, validation, gap, max_train }).unwrap();
        let span = |rows: &[usize]| {
            assert_eq!(rows, (rows[0]..rows[0] + rows.len()).collect::<Vec<_>>());
            [rows[0], rows[0] + rows.len()]
        };
        let found: Vec<_> = found.iter().map(|split| [span(&split.train), span(&split.validation)]).collect();
        assert_eq!(found, parts);
    }
}

#[test]
fn folds_of_groups_are_those_of_scikit_learn_where_sizes_decide() {
    #[derive(Deserialize)]
    struct Case {
        groups: Vec<i64>,
        k: usize,
        validation: Vec<Vec<usize>>,
    }
    for Case { groups, k, validation } in goldens::<Vec<Case>>("group_folds") {
        let found = k_folds_groups(&groups, k, 5).unwrap();
        assert_eq!(found.into_iter().map(|split| split.validation).collect::<Vec<_>>(), validation);
    }
}

#[test]
fn divisions_of_groups_are_pinned() {
    let groups = [0, 1, 2, 3, 4, 5, 6, 7, 0, 1];
    let split = split_groups(&groups, Fractions { train: 0.5, validation: 0.25, test: 0.25 }, 1).unwrap();
    assert_eq!((split.validation, split.test), (vec![2, 6], vec![1, 5, 9]));
    let folds = k_folds_groups(&groups, 3, 1).unwrap();
    assert_eq!(
        folds.into_iter().map(|split| split.validation).collect::<Vec<_>>(),
        [vec![1, 2, 5, 9], vec![0, 4, 8], vec![3, 6, 7]]
    );
}

#[test]
fn what_cannot_be_divided_is_refused() {
    assert_eq!(
        message(k_folds_groups(&["a", "b", "a"], 3, 0)),
        "[k_folds_groups] the fold 2 part must not be empty; got 0 of 3 rows; use fewer folds or more groups"
    );
    assert_eq!(
        message(k_folds_groups(&["a", "b", "a"], 1, 0)),
        "[k_folds_groups] there must be at least 2 folds; got 1; use k >= 2"
    );
    assert_eq!(
        message(split_groups(&["a", "a"], Fractions::default(), 0)),
        "[split_groups] the validation part must not be empty; got 0 of 2 rows; \
         use more rows, a larger fraction, or a fraction of 0"
    );
    assert_eq!(
        message(k_folds_time(10, TimeFolds { folds: 3, validation: Some(3), gap: 1, max_train: None })),
        "[k_folds_time] there must be rows for all validation parts, the gap, and training before them; \
         got 10 rows for 3 parts of 3 and a gap of 1; use fewer folds, smaller parts or a smaller gap"
    );
    assert_eq!(
        message(k_folds_time(10, TimeFolds { folds: 0, ..Default::default() })),
        "[k_folds_time] there must be folds, and rows in their parts; \
         got TimeFolds { folds: 0, validation: None, gap: 0, max_train: None }; use at least 1 for each"
    );
    assert!(k_folds_time(3, TimeFolds { folds: usize::MAX, ..Default::default() }).is_err());
    assert!(k_folds_time(0, TimeFolds::default()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_group_is_on_two_sides(
        groups in prop::collection::vec(0i64..20, 1..120), k in 2usize..6, seed: u64,
        (a, b, c) in (1u32..9, 0u32..9, 0u32..9),
    ) {
        let n = groups.len();
        let distinct = of_rows(&groups, &(0..n).collect::<Vec<_>>()).len();
        let sum = f64::from(a + b + c);
        let fractions = Fractions { train: f64::from(a) / sum, validation: f64::from(b) / sum, test: f64::from(c) / sum };
        let folds = k_folds_groups(&groups, k, seed);
        prop_assert_eq!(folds.is_ok(), k <= distinct);
        let folds = folds.unwrap_or_default();
        if !folds.is_empty() {
            let mut held_out: Vec<usize> = folds.iter().flat_map(|fold| fold.validation.clone()).collect();
            held_out.sort_unstable();
            prop_assert_eq!(held_out, (0..n).collect::<Vec<_>>());
            // Greedy from the largest: two folds differ by a group at most.
            let largest = (0..20).map(|g| groups.iter().filter(|&&it| it == g).count()).max().unwrap();
            let sizes = || folds.iter().map(|fold| fold.validation.len());
            prop_assert!(sizes().max().unwrap() - sizes().min().unwrap() <= largest);
        }
        for split in folds.iter().chain(&split_groups(&groups, fractions, seed).ok()) {
            prop_assert!(divides(split, n));
            let sides = [&split.train, &split.validation, &split.test].map(|part| of_rows(&groups, part));
            prop_assert!(sides[0].is_disjoint(&sides[1]) && sides[0].is_disjoint(&sides[2]));
            prop_assert!(sides[1].is_disjoint(&sides[2]));
        }
        if let Ok(split) = split_groups(&groups, fractions, seed) {
            let share = of_rows(&groups, &split.train).len() as f64 - fractions.train * distinct as f64;
            prop_assert!(share.abs() < 1.0 + 1e-6);
            prop_assert_eq!(split_groups(&groups, fractions, seed).unwrap(), split);
        }
    }

    #[test]
    fn nothing_is_trained_on_what_comes_later(
        n in 0usize..100, folds in 1usize..8, validation in prop::option::of(1usize..10), gap in 0usize..10,
        max_train in prop::option::of(1usize..30),
    ) {
        let config = TimeFolds { folds, validation, gap, max_train };
        let size = validation.unwrap_or(n / (folds + 1));
        let Ok(splits) = k_folds_time(n, config) else {
            prop_assert!(size == 0 || n <= folds * size + gap);
            return Ok(());
        };
        prop_assert_eq!(splits.len(), folds);
        for split in &splits {
            prop_assert_eq!(split.validation.len(), size);
            prop_assert!(split.train[split.train.len() - 1] + gap < split.validation[0]);
            prop_assert_eq!(split.train[split.train.len() - 1] + gap + 1, split.validation[0]);
            prop_assert!(split.train.len() <= max_train.unwrap_or(n));
        }
        let held_out: Vec<usize> = splits.iter().flat_map(|split| split.validation.clone()).collect();
        prop_assert_eq!(held_out, (n - folds * size..n).collect::<Vec<_>>());
    }
}

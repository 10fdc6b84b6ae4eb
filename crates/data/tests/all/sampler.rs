use crate::message;
use data::{BatchPlan, BucketConfig, LengthBuckets, Replacement, Sampler, Uneven};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn sorted(mut rows: Vec<usize>) -> Vec<usize> {
    rows.sort_unstable();
    rows
}

#[test]
fn orders_are_pinned() {
    // A change would break every run that is to be resumed.
    let labels = [0, 0, 0, 0, 1, 1];
    let weights = [1.0, 0.0, 2.0, 3.0];
    assert_eq!(Sampler::sequential(4).unwrap().order(9), [0, 1, 2, 3]);
    assert_eq!(Sampler::random(8, 1).unwrap().order(2), [7, 0, 2, 6, 3, 5, 1, 4]);
    let weighted = |draws, how| Sampler::weighted(&weights, draws, how, 4).unwrap().order(1);
    let found = [
        weighted(8, Replacement::With),
        weighted(3, Replacement::Without),
        Sampler::stratified(&labels, 2).unwrap().order(1),
        Sampler::balanced(&labels, 2).unwrap().order(1),
    ];
    assert_eq!(
        found,
        [vec![3, 3, 3, 2, 0, 3, 3, 3], vec![3, 2, 0], vec![5, 0, 3, 4, 1, 2], vec![5, 0, 4, 3, 5, 1, 2, 4]]
    );
}

#[test]
fn rows_are_drawn_as_often_as_they_weigh() {
    let weights = [1.0, 0.0, 2.0, 5.0];
    let n = 80_000;
    let order = Sampler::weighted(&weights, n, Replacement::With, 3).unwrap().order(0);
    for (row, w) in weights.iter().enumerate() {
        let p = w / 8.0;
        let found = order.iter().filter(|&&it| it == row).count() as f64;
        // Five deviations of a binomial count.
        assert!((found - n as f64 * p).abs() <= 5.0 * (n as f64 * p * (1.0 - p)).sqrt(), "{row}: {found}");
    }
}

#[test]
fn the_first_row_drawn_without_replacement_is_drawn_as_often_as_it_weighs() {
    let weights = [1.0, 0.0, 2.0, 5.0];
    let sampler = Sampler::weighted(&weights, 2, Replacement::Without, 3).unwrap();
    let n = 8_000;
    let firsts: Vec<usize> = (0..n).map(|epoch| sampler.order(epoch)[0]).collect();
    for (row, w) in weights.iter().enumerate() {
        let p = w / 8.0;
        let found = firsts.iter().filter(|&&it| it == row).count() as f64;
        assert!((found - n as f64 * p).abs() <= 5.0 * (n as f64 * p * (1.0 - p)).sqrt(), "{row}: {found}");
    }
}

#[test]
fn a_plan_of_buckets_has_their_batches() {
    let buckets =
        LengthBuckets::new(&[3, 9, 3, 8, 4, 9, 1], BucketConfig { batch_size: 2, pool: 2, shuffle: Some(1) })
            .unwrap();
    let plan = BatchPlan::buckets(buckets.clone());
    let batches: Vec<Vec<usize>> = plan.epoch(3).iter().map(<[usize]>::to_vec).collect();
    assert_eq!(batches, buckets.epoch(3).batches);
    assert_eq!((plan.batches(), plan.len()), (4, 7));
}

#[test]
fn what_cannot_be_sampled_is_refused() {
    let weighted = |w: &[f64], draws, how| Sampler::weighted(w, draws, how, 0);
    assert_eq!(
        message(Sampler::random(0, 0)),
        "[sampler] there must be rows to visit; got 0 rows; give at least one row"
    );
    assert_eq!(
        message(weighted(&[1.0, -1.0], 1, Replacement::With)),
        "[sampler] a weight must be a finite number of 0 or more; got -1 for row 1; correct the weight"
    );
    assert_eq!(
        message(weighted(&[0.0, 0.0], 1, Replacement::With)),
        "[sampler] weights must have a finite sum above 0; got 2 weights of sum 0; rescale the weights"
    );
    assert_eq!(
        message(weighted(&[1.0, 0.0], 2, Replacement::Without)),
        "[sampler] a row can be drawn once; got 2 draws for 1 rows of weight above 0; \
         draw fewer, or with replacement"
    );
    assert_eq!(
        message(weighted(&[1.0], 0, Replacement::With)),
        "[sampler] an epoch must have rows; got 0 draws; draw at least 1"
    );
    assert!(message(weighted(&[], 3, Replacement::Without)).contains("there must be rows to visit"));
    let rows = || Sampler::sequential(3).unwrap();
    assert_eq!(
        message(rows().shard(2, 2, Uneven::Drop)),
        "[sampler] a rank must lie in 0..world; got rank 2 of 2; count ranks from 0"
    );
    assert_eq!(
        message(rows().shard(0, 4, Uneven::Drop)),
        "[sampler] every rank must have a row; got 3 rows for 4 ranks; use fewer ranks, or repeat rows"
    );
    assert_eq!(
        message(rows().shard(0, 2, Uneven::Drop).unwrap().shard(0, 1, Uneven::Drop)),
        "[sampler] an order is divided once; got part 0 of 2; divide the whole order"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() })]

    #[test]
    fn ranks_visit_all_rows_and_the_same_number(n in 1usize..60, world in 1usize..9, seed: u64, epoch: u64) {
        let whole = Sampler::random(n, seed).unwrap();
        let shards = |uneven| -> Vec<Vec<usize>> {
            let shard = |rank| whole.clone().shard(rank, world, uneven).map(|s| (s.len(), s.order(epoch)));
            (0..world).filter_map(|rank| shard(rank).ok()).map(|(len, order)| {
                assert_eq!(len, order.len());
                order
            }).collect()
        };
        let repeated = shards(Uneven::Repeat);
        prop_assert!(repeated.iter().all(|order| order.len() == n.div_ceil(world)));
        let all: BTreeSet<usize> = repeated.concat().into_iter().collect();
        prop_assert_eq!(all.len(), n);
        let dropped = shards(Uneven::Drop);
        prop_assert_eq!(dropped.is_empty(), n < world);
        prop_assert!(dropped.iter().all(|order| order.len() == n / world));
        let distinct: BTreeSet<usize> = dropped.concat().into_iter().collect();
        prop_assert_eq!(distinct.len(), dropped.len() * (n / world));
    }

    #[test]
    fn a_stratified_order_is_a_permutation_whose_stretches_have_the_shares_of_the_whole(
        labels in prop::collection::vec(0i64..4, 1..200), seed: u64, begin: prop::sample::Index, end: prop::sample::Index,
    ) {
        let n = labels.len();
        let order = Sampler::stratified(&labels, seed).unwrap().order(3);
        prop_assert_eq!(sorted(order.clone()), (0..n).collect::<Vec<_>>());
        let (begin, end) = (begin.index(n + 1), end.index(n + 1));
        let stretch = &order[begin.min(end)..begin.max(end)];
        for class in 0..4 {
            let share = labels.iter().filter(|&&l| l == class).count() as f64 / n as f64;
            let found = stretch.iter().filter(|&&row| labels[row] == class).count() as f64;
            prop_assert!((found - share * stretch.len() as f64).abs() <= 5.0, "{} of {}", found, stretch.len());
        }
    }

    #[test]
    fn a_balanced_order_has_every_row_and_as_many_of_each_class(
        labels in prop::collection::vec(0i64..4, 1..100), seed: u64,
    ) {
        let sampler = Sampler::balanced(&labels, seed).unwrap();
        let order = sampler.order(0);
        prop_assert_eq!(order.len(), sampler.len());
        prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), labels.len());
        let count = |of: &mut dyn Iterator<Item = i64>, class| of.filter(|&l| l == class).count();
        let largest = (0..4).map(|class| count(&mut labels.iter().copied(), class)).max().unwrap();
        for class in 0..4 {
            let found = count(&mut order.iter().map(|&row| labels[row]), class);
            prop_assert_eq!(found, if labels.contains(&class) { largest } else { 0 });
        }
    }

    #[test]
    fn no_row_of_weight_0_is_drawn_and_none_twice_without_replacement(
        weights in prop::collection::vec(prop_oneof![Just(0.0), 1e-9f64..1e9], 1..40), seed: u64, draws in 1usize..40,
    ) {
        for how in [Replacement::With, Replacement::Without] {
            let Ok(sampler) = Sampler::weighted(&weights, draws, how, seed) else { continue };
            let order = sampler.order(1);
            prop_assert_eq!(order.len(), draws);
            prop_assert!(order.iter().all(|&row| weights[row] > 0.0));
            if how == Replacement::Without {
                prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), draws);
            }
        }
    }
}

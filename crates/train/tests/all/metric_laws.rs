//! What holds of metrics whatever the samples are.

use proptest::prelude::*;
use train::metrics::*;

/// Relative to the largest value: sums of at most 40 terms, each of a few roundings, taken in two orders.
const ALLOWED: f64 = 400.0 * f64::EPSILON;

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= ALLOWED * a.abs().max(b.abs()).max(1.0),
        (a, b) => a == b,
    }
}

/// Scores on a grid, so that many are equal, with labels of two classes.
fn binary() -> impl Strategy<Value = Vec<(f64, i64)>> {
    prop::collection::vec(((0..12_i32).prop_map(|s| f64::from(s) / 11.0), 0..2_i64), 0..40)
}

fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let number = || (-60..60_i32).prop_map(|x| f64::from(x) / 7.0);
    prop::collection::vec((number(), number()), 0..40)
}

fn scores(samples: &[(f64, i64)]) -> BinaryScores {
    let (s, y): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
    let mut scores = BinaryScores::new();
    scores.update(&s, &y).unwrap();
    scores
}

/// Some metrics can be added always, others only if they were made alike.
trait Merged {
    fn done(self);
}

impl Merged for () {
    fn done(self) {}
}

impl Merged for train::Result<()> {
    fn done(self) {
        self.unwrap();
    }
}

macro_rules! built {
    ($new:expr, $samples:expr) => {{
        let (a, b): (Vec<_>, Vec<_>) = $samples.iter().copied().unzip();
        let mut metric = $new;
        metric.update(&a, &b).unwrap();
        metric
    }};
}

/// All at once, in two parts that are merged, and from the last to the first: three accumulators of one kind.
macro_rules! three_ways {
    ($samples:expr, $cut:expr, $new:expr) => {{
        let samples = $samples;
        let (head, tail) = samples.split_at($cut.min(samples.len()));
        let mut merged = built!($new, head);
        merged.merge(&built!($new, tail)).done();
        let reversed: Vec<_> = samples.iter().rev().copied().collect();
        (built!($new, samples), merged, built!($new, reversed))
    }};
}

macro_rules! same_three_ways {
    ($samples:expr, $cut:expr, $new:expr) => {{
        let (whole, merged, reversed) = three_ways!($samples, $cut, $new);
        prop_assert!(close(whole.value(), merged.value()), "merged: {} for {}", merged, whole);
        prop_assert!(close(whole.value(), reversed.value()), "reversed: {} for {}", reversed, whole);
        prop_assert_eq!(whole.value().is_none(), whole.undefined().is_some());
        prop_assert_eq!(whole.value().is_none(), whole.to_string().starts_with("n/a ("));
        prop_assert!(whole.value().is_none_or(|x| !x.is_nan()));
        whole.value()
    }};
}

proptest! {
    #[test]
    fn curves_do_not_know_how_the_samples_came(samples in binary(), cut in 0..40_usize) {
        let (whole, merged, reversed) = three_ways!(&samples, cut, BinaryScores::new());
        for other in [merged, reversed] {
            prop_assert_eq!(whole.roc_curve(), other.roc_curve());
            prop_assert_eq!(whole.precision_recall_curve(), other.precision_recall_curve());
            for criterion in [Criterion::F1, Criterion::YoudenJ] {
                prop_assert_eq!(whole.best_threshold(criterion), other.best_threshold(criterion));
            }
        }
        prop_assert_eq!(whole.roc_auc().is_none(), whole.undefined().is_some());
    }

    #[test]
    fn areas_keep_under_rising_maps_and_turn_round_under_falling_ones(samples in binary()) {
        let s = scores(&samples);
        let mapped = |f: fn(f64) -> f64| scores(&samples.iter().map(|&(x, y)| (f(x), y)).collect::<Vec<_>>());
        for rising in [mapped(|x| 3.0 * x - 100.0), mapped(|x| x * x * x), mapped(|x| x / (2.0 - x))] {
            prop_assert_eq!(rising.roc_auc(), s.roc_auc());
            prop_assert_eq!(rising.average_precision(), s.average_precision());
        }
        prop_assert!(close(mapped(|x| -x).roc_auc(), s.roc_auc().map(|a| 1.0 - a)));
    }

    #[test]
    fn curves_rise_from_corner_to_corner_and_areas_lie_between_none_and_all(samples in binary()) {
        let s = scores(&samples);
        if let Some(curve) = s.roc_curve() {
            let at = |p: &RocPoint| (p.false_positive_rate, p.true_positive_rate);
            prop_assert_eq!(curve.points().first().map(at), Some((0.0, 0.0)));
            prop_assert_eq!(curve.points().last().map(at), Some((1.0, 1.0)));
            for w in curve.points().windows(2) {
                prop_assert!(w[0].threshold > w[1].threshold);
                prop_assert!(at(&w[0]).0 <= at(&w[1]).0 && at(&w[0]).1 <= at(&w[1]).1);
            }
            // Over the corners alone, the trapezoids have the same area.
            let area: f64 = curve.points().windows(2).map(|w| {
                (at(&w[1]).0 - at(&w[0]).0) * (at(&w[0]).1 + at(&w[1]).1) / 2.0
            }).sum();
            prop_assert!(close(Some(area), s.roc_auc()));
            prop_assert!((0.0..=1.0).contains(&curve.auc()));
        }
        if let Some(curve) = s.precision_recall_curve() {
            prop_assert!(curve.average_precision() > 0.0 && curve.average_precision() <= 1.0 + ALLOWED);
            prop_assert!(curve.points().is_sorted_by(|a, b| a.recall <= b.recall));
        }
    }

    #[test]
    fn no_threshold_is_better_than_the_best(samples in binary()) {
        let s = scores(&samples);
        let judge = |threshold: f64| {
            let mut cm = ConfusionMatrix::with_classes(2).unwrap();
            for &(x, y) in &samples {
                cm.update_labels(&[i64::from(x >= threshold)], &[y]).unwrap();
            }
            (cm.f1(1), cm.recall(1).zip(cm.recall(0)).map(|(a, b)| a + b - 1.0))
        };
        for (criterion, pick) in [(Criterion::F1, 0), (Criterion::YoudenJ, 1)] {
            let value = |t| if pick == 0 { judge(t).0 } else { judge(t).1 };
            if let Some(best) = s.best_threshold(criterion) {
                prop_assert!(close(value(best.threshold), Some(best.value)));
                for &(x, _) in &samples {
                    prop_assert!(value(x).unwrap() <= best.value + ALLOWED);
                }
            }
        }
    }

    #[test]
    fn probabilities_are_judged_alike_in_any_parts(samples in binary(), cut in 0..40_usize) {
        for (value, most) in [
            (same_three_ways!(&samples, cut, Brier::new()), 1.0),
            (same_three_ways!(&samples, cut, LogLoss::new()), 37.0),
            (same_three_ways!(&samples, cut, Calibration::default()), 1.0),
        ] {
            prop_assert!(value.is_none_or(|x| (0.0..=most).contains(&x)), "{:?}", value);
        }
    }

    #[test]
    fn numbers_are_judged_alike_in_any_parts(samples in pairs(), cut in 0..40_usize) {
        let positive = |v: Option<f64>| v.is_none_or(|x| x >= 0.0);
        prop_assert!(positive(same_three_ways!(&samples, cut, Mape::new())));
        let max = same_three_ways!(&samples, cut, MaxError::new());
        let median = same_three_ways!(&samples, cut, MedianAbsoluteError::new());
        prop_assert!(positive(median) && median <= max);
        prop_assert!(positive(same_three_ways!(&samples, cut, Pinball::new(0.3).unwrap())));
        prop_assert!(same_three_ways!(&samples, cut, ExplainedVariance::new()).is_none_or(|x| x <= 1.0));
        for r in [
            same_three_ways!(&samples, cut, Pearson::new()),
            same_three_ways!(&samples, cut, Spearman::new()),
        ] {
            prop_assert!(r.is_none_or(|x| (-1.0..=1.0).contains(&x)));
        }
    }

    #[test]
    fn explained_variance_is_never_below_r2(samples in pairs()) {
        let (y, t): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
        let (mut explained, mut r2) = (ExplainedVariance::new(), R2::new());
        explained.update(&y, &t).unwrap();
        r2.update(&y, &t).unwrap();
        if let (Some(explained), Some(r2)) = (explained.value(), r2.value()) {
            prop_assert!(explained >= r2 - ALLOWED * r2.abs().max(1.0), "{} {}", explained, r2);
        }
    }

    #[test]
    fn ranks_do_not_change_under_rising_maps(samples in pairs()) {
        let (y, t): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
        let cubes: Vec<f64> = y.iter().map(|x| x * x * x).collect();
        let (mut a, mut b) = (Spearman::new(), Spearman::new());
        a.update(&y, &t).unwrap();
        b.update(&cubes, &t).unwrap();
        prop_assert_eq!(a.value(), b.value());
    }

    #[test]
    fn a_ranking_does_not_know_how_its_candidates_came(
        query in prop::collection::vec(((0..5_i32).prop_map(f64::from), 0..4_i32), 0..12),
        k in 1..14_usize,
    ) {
        let (s, r): (Vec<f64>, Vec<i32>) = query.iter().copied().unzip();
        let (s2, r2): (Vec<f64>, Vec<i32>) = query.iter().rev().copied().unzip();
        let any = r.iter().any(|&r| r > 0);
        macro_rules! judged {
            ($new:expr) => {{
                let (mut a, mut b) = ($new, $new);
                a.update(&s, &r).unwrap();
                b.update(&s2, &r2).unwrap();
                prop_assert_eq!(a, b);
                let value = a.value();
                prop_assert!(value.is_none_or(|x| (0.0..=1.0 + ALLOWED).contains(&x)), "{:?}", value);
                value
            }};
        }
        for value in [
            judged!(Ndcg::at(k).unwrap()),
            judged!(Ndcg::new().with_gain(Gain::Exponential)),
            judged!(ReciprocalRank::new()),
            judged!(MeanAveragePrecision::new()),
            judged!(RecallAt::new(k).unwrap()),
        ] {
            prop_assert_eq!(value.is_some(), any);
        }
        prop_assert!(judged!(PrecisionAt::new(k).unwrap()).is_some());
    }

    #[test]
    fn rankings_do_not_know_how_their_queries_came(
        queries in prop::collection::vec(
            prop::collection::vec(((0..5_i32).prop_map(f64::from), 0..3_i32), 0..8), 0..8),
        cut in 0..8_usize,
    ) {
        macro_rules! judged {
            ($new:expr) => {{
                let build = |part: &[Vec<(f64, i32)>], reversed: bool| {
                    let mut metric = $new;
                    for i in 0..part.len() {
                        let query = &part[if reversed { part.len() - 1 - i } else { i }];
                        let (s, r): (Vec<f64>, Vec<i32>) = query.iter().copied().unzip();
                        metric.update(&s, &r).unwrap();
                    }
                    metric
                };
                let (head, tail) = queries.split_at(cut.min(queries.len()));
                let (whole, mut merged) = (build(&queries, false), build(head, false));
                merged.merge(&build(tail, false)).unwrap();
                for other in [merged, build(&queries, true)] {
                    prop_assert!(close(whole.value(), other.value()), "{} for {}", other, whole);
                    prop_assert_eq!(whole.undefined(), other.undefined());
                }
            }};
        }
        judged!(Ndcg::at(3).unwrap());
        judged!(ReciprocalRank::new());
        judged!(MeanAveragePrecision::new());
        judged!(PrecisionAt::new(2).unwrap());
        judged!(RecallAt::new(2).unwrap());
    }

    #[test]
    fn areas_of_classes_do_not_know_how_samples_came_nor_what_classes_are_called(
        samples in prop::collection::vec((prop::array::uniform3((0..6_i32).prop_map(f64::from)), 0..3_i64), 0..24),
        cut in 0..24_usize,
    ) {
        let build = |part: &[([f64; 3], i64)], turn: usize| {
            let mut scores = ClassScores::new(3).unwrap();
            for (row, label) in part {
                let turned: [f64; 3] = std::array::from_fn(|c| row[(c + turn) % 3]);
                scores.update(&turned, &[(label + 3 - turn as i64) % 3]).unwrap();
            }
            scores
        };
        let (head, tail) = samples.split_at(cut.min(samples.len()));
        let (whole, mut merged) = (build(&samples, 0), build(head, 0));
        merged.merge(&build(tail, 0)).unwrap();
        prop_assert_eq!(&whole, &merged);
        let reversed: Vec<_> = samples.iter().rev().copied().collect();
        for other in [build(&reversed, 0), build(&samples, 1), build(&samples, 2)] {
            prop_assert_eq!(whole.undefined(), other.undefined());
            prop_assert!(close(whole.roc_auc_one_vs_one(), other.roc_auc_one_vs_one()));
            for average in [Average::Macro, Average::Micro, Average::Weighted] {
                let (a, b) = (whole.roc_auc_one_vs_rest(average), other.roc_auc_one_vs_rest(average));
                prop_assert!(close(a, b), "{:?} {:?}", a, b);
                prop_assert!(a.is_none_or(|x| (0.0..=1.0).contains(&x)));
                prop_assert_eq!(a.is_none(), whole.undefined().is_some());
                prop_assert!(close(whole.average_precision(average), other.average_precision(average)));
            }
        }
    }

    #[test]
    fn perplexity_and_coverage_are_judged_alike_in_any_parts(
        samples in prop::collection::vec((0..40_i32, 0..30_u64), 0..12),
        cut in 0..12_usize,
    ) {
        let judge = |part: &[(i32, u64)]| {
            let (mut p, mut b, mut c) = (Perplexity::new(), BitsPerCharacter::new(), Coverage::new());
            for &(n, tokens) in part {
                let nats = f64::from(n) / 8.0;
                p.update(nats, tokens).unwrap();
                b.update(nats, tokens, 2 * tokens).unwrap();
                c.update(&[nats - 1.0], &[nats + 1.0], &[2.5]).unwrap();
            }
            (p, b, c)
        };
        let (head, tail) = samples.split_at(cut.min(samples.len()));
        let (whole, mut parts, tail) = (judge(&samples), judge(head), judge(tail));
        parts.0.merge(&tail.0);
        parts.1.merge(&tail.1);
        parts.2.merge(&tail.2);
        // Eighths and their sums are exact.
        prop_assert_eq!(whole, parts);
        prop_assert!(whole.0.value().is_none_or(|x| x >= 1.0));
        // Two characters for each token: half the bits of a token.
        let half = whole.0.nats().map(|n| n / std::f64::consts::LN_2 / 2.0);
        prop_assert!(close(whole.1.value(), half));
        prop_assert!(whole.2.value().is_none_or(|x| (0.0..=1.0).contains(&x)));
    }

    #[test]
    fn edits_are_a_distance(
        a in prop::collection::vec(0..3_u8, 0..12),
        b in prop::collection::vec(0..3_u8, 0..12),
        c in prop::collection::vec(0..3_u8, 0..12),
    ) {
        let d = edit_distance(&a, &b);
        prop_assert_eq!(d == 0, a == b);
        prop_assert_eq!(d, edit_distance(&b, &a));
        prop_assert!(d <= edit_distance(&a, &c) + edit_distance(&c, &b));
        prop_assert!(a.len().abs_diff(b.len()) <= d && d <= a.len().max(b.len()));
    }

    #[test]
    fn text_is_judged_alike_in_any_parts(
        sentences in prop::collection::vec(
            (prop::collection::vec(0..4_u8, 0..9), prop::collection::vec(0..4_u8, 0..9)), 0..8),
        cut in 0..8_usize,
    ) {
        let judge = |part: &[(Vec<u8>, Vec<u8>)]| {
            let (mut bleu, mut rate) = (Bleu::default(), ErrorRate::words());
            for (found, reference) in part {
                bleu.update(found, &[reference]).unwrap();
                rate.update_tokens(found, reference);
            }
            (bleu, rate)
        };
        let (head, tail) = sentences.split_at(cut.min(sentences.len()));
        let (whole, mut parts, tail) = (judge(&sentences), judge(head), judge(tail));
        parts.0.merge(&tail.0).unwrap();
        parts.1.merge(&tail.1).unwrap();
        prop_assert_eq!(whole, parts);
        prop_assert!(whole.0.value().is_none_or(|x| (0.0..=100.0 * (1.0 + ALLOWED)).contains(&x)));
    }

    #[test]
    fn agreement_lies_between_its_bounds(
        samples in prop::collection::vec((0..4_i64, 0..4_i64), 0..40)
    ) {
        let mut cm = ConfusionMatrix::with_classes(4).unwrap();
        let (p, t): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
        cm.update_labels(&p, &t).unwrap();
        let (kappa, matthews) = (cm.cohen_kappa(), cm.matthews());
        prop_assert!(kappa.is_none_or(|x| (-1.0..=1.0).contains(&x)), "{:?}", kappa);
        prop_assert!(matthews.is_none_or(|x| (-1.0..=1.0).contains(&x)), "{:?}", matthews);
        // Chance and order of the classes do not matter: both are symmetric in labels and predictions.
        let mut turned = ConfusionMatrix::with_classes(4).unwrap();
        turned.update_labels(&t, &p).unwrap();
        prop_assert_eq!(turned.cohen_kappa(), kappa);
        prop_assert!(close(turned.matthews(), matthews));
    }
}

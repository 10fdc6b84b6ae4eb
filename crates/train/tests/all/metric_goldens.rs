//! Metrics against scikit-learn, SciPy, sacrebleu and jiwer; `goldens/make_metrics.py` says how they were made,
//! `goldens/metrics.json` by which versions and from which seed.

use serde_json::Value;
use train::metrics::*;

/// Relative. Sums of some hundred terms, each a few roundings from its exact value: 1000 ε is 2e-13.
const ALLOWED: f64 = 1e-12;

fn file() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/metrics.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn cases(kind: &str, count: usize) -> Vec<Value> {
    let cases = file()[kind].as_array().unwrap().clone();
    assert_eq!(cases.len(), count);
    cases
}

/// Numbers; the infinity that JSON lacks is `null`.
fn numbers(json: &Value) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap_or(f64::INFINITY)).collect()
}

fn labels(json: &Value) -> Vec<i64> {
    json.as_array().unwrap().iter().map(|x| x.as_i64().unwrap()).collect()
}

fn lines(json: &Value) -> Vec<Vec<&str>> {
    json.as_array().unwrap().iter().map(|x| x.as_str().unwrap().split(' ').collect()).collect()
}

#[track_caller]
fn same(what: &str, found: f64, golden: f64) {
    let close = found == golden || (found - golden).abs() <= ALLOWED * golden.abs();
    assert!(close, "{what}: {found} for {golden}");
}

#[track_caller]
fn check(case: &Value, key: &str, found: Option<f64>) {
    let golden = case[key].as_f64().unwrap_or_else(|| panic!("{key} is not in the file"));
    same(&format!("{} {key}", case["name"]), found.unwrap(), golden);
}

#[track_caller]
fn check_all(what: &str, found: Vec<f64>, golden: &Value) {
    let golden = numbers(golden);
    assert_eq!(found.len(), golden.len(), "{what}");
    found.iter().zip(golden).for_each(|(&a, b)| same(what, a, b));
}

#[test]
fn confusion_matrices_have_the_figures_of_scikit_learn() {
    for case in cases("matrices", 3) {
        let mut cm = ConfusionMatrix::with_classes(case["classes"].as_u64().unwrap() as usize).unwrap();
        cm.update_labels(&labels(&case["predictions"]), &labels(&case["labels"])).unwrap();
        check(&case, "accuracy", cm.accuracy());
        check(&case, "balanced", cm.balanced_accuracy());
        check(&case, "kappa", cm.cohen_kappa());
        check(&case, "matthews", cm.matthews());
        for (name, average) in
            [("macro", Average::Macro), ("micro", Average::Micro), ("weighted", Average::Weighted)]
        {
            check(&case, &format!("{name}_precision"), cm.mean_precision(average));
            check(&case, &format!("{name}_recall"), cm.mean_recall(average));
            check(&case, &format!("{name}_f1"), cm.mean_f1(average));
        }
    }
}

#[test]
fn curves_have_the_points_and_areas_of_scikit_learn() {
    for case in cases("binary", 3) {
        let mut scores = BinaryScores::new();
        scores.update(&numbers(&case["scores"]), &labels(&case["labels"])).unwrap();
        check(&case, "roc_auc", scores.roc_auc());
        check(&case, "average_precision", scores.average_precision());

        let roc = scores.roc_curve().unwrap();
        assert_eq!(Some(roc.auc()), scores.roc_auc());
        let of = |f: fn(&RocPoint) -> f64| roc.points().iter().map(f).collect();
        check_all("fpr", of(|p| p.false_positive_rate), &case["fpr"]);
        check_all("tpr", of(|p| p.true_positive_rate), &case["tpr"]);
        check_all("thresholds", of(|p| p.threshold), &case["roc_thresholds"]);

        let pr = scores.precision_recall_curve().unwrap();
        assert_eq!(Some(pr.average_precision()), scores.average_precision());
        let of = |f: fn(&PrecisionRecallPoint) -> f64| pr.points().iter().rev().map(f).collect::<Vec<_>>();
        check_all("precision", of(|p| p.precision), &case["precision"]);
        check_all("recall", of(|p| p.recall), &case["recall"]);
        let mut thresholds = of(|p| p.threshold);
        assert_eq!(thresholds.pop(), Some(f64::INFINITY));
        check_all("thresholds", thresholds, &case["pr_thresholds"]);

        let (f1, j) = (scores.best_threshold(Criterion::F1), scores.best_threshold(Criterion::YoudenJ));
        check(&case, "best_f1", f1.map(|t| t.value));
        check(&case, "f1_threshold", f1.map(|t| t.threshold));
        check(&case, "best_j", j.map(|t| t.value));
        check(&case, "j_threshold", j.map(|t| t.threshold));
    }
}

fn check_calibration(found: &Calibration, golden: &Value) {
    check(golden, "ece", found.value());
    check(golden, "max", found.max_error());
    let bins = found.bins();
    check_all("counts", bins.iter().map(|b| b.count as f64).collect(), &golden["counts"]);
    check_all("accuracy", bins.iter().filter_map(|b| b.accuracy).collect(), &golden["accuracy"]);
    check_all("confidence", bins.iter().filter_map(|b| b.confidence).collect(), &golden["confidence"]);
}

#[test]
fn probabilities_are_judged_as_by_scikit_learn() {
    for case in cases("binary", 3) {
        let (p, y) = (numbers(&case["scores"]), labels(&case["labels"]));
        let (mut brier, mut loss) = (Brier::new(), LogLoss::new());
        brier.update(&p, &y).unwrap();
        loss.update(&p, &y).unwrap();
        check(&case, "brier", brier.value());
        check(&case, "log_loss", loss.value());
        for golden in case["calibration"].as_array().unwrap() {
            let mut calibration = Calibration::new(golden["bins"].as_u64().unwrap() as usize).unwrap();
            calibration.update(&p, &y).unwrap();
            check_calibration(&calibration, golden);
        }
    }
}

#[test]
fn several_classes_have_the_areas_and_losses_of_scikit_learn() {
    for case in cases("classes", 2) {
        let k = case["classes"].as_u64().unwrap() as usize;
        let (p, y) = (numbers(&case["probabilities"]), labels(&case["labels"]));
        let mut scores = ClassScores::new(k).unwrap();
        scores.update(&p, &y).unwrap();
        for (name, average) in
            [("macro", Average::Macro), ("micro", Average::Micro), ("weighted", Average::Weighted)]
        {
            check(&case, &format!("ovr_{name}"), scores.roc_auc_one_vs_rest(average));
            check(&case, &format!("ap_{name}"), scores.average_precision(average));
        }
        check(&case, "ovo_macro", scores.roc_auc_one_vs_one());

        let (mut brier, mut loss, mut calibration) = (Brier::new(), LogLoss::new(), Calibration::default());
        brier.update_classes(&p, k, &y).unwrap();
        loss.update_classes(&p, k, &y).unwrap();
        calibration.update_classes(&p, k, &y).unwrap();
        check(&case, "brier", brier.value());
        check(&case, "log_loss", loss.value());
        check_calibration(&calibration, &case["calibration"]);

        let top = (1..k).map(|i| {
            let mut accuracy = Accuracy::top_k(i).unwrap();
            accuracy.update(&p, k, &y).unwrap();
            accuracy.value().unwrap()
        });
        check_all("top-k", top.collect(), &case["top"]);
    }
}

#[test]
fn numbers_are_judged_as_by_scikit_learn_and_scipy() {
    macro_rules! value {
        ($metric:expr, $($list:expr),+) => {{
            let mut metric = $metric;
            metric.update($($list),+).unwrap();
            metric
        }};
    }
    for case in cases("regression", 2) {
        let (y, t) = (numbers(&case["predictions"]), numbers(&case["targets"]));
        check(&case, "mae", value!(Mae::new(), &y, &t).value());
        check(&case, "rmse", value!(Mse::new(), &y, &t).rmse());
        check(&case, "r2", value!(R2::new(), &y, &t).value());
        check(&case, "mape", value!(Mape::new(), &y, &t).value());
        check(&case, "median", value!(MedianAbsoluteError::new(), &y, &t).value());
        check(&case, "max", value!(MaxError::new(), &y, &t).value());
        check(&case, "explained", value!(ExplainedVariance::new(), &y, &t).value());
        check(&case, "pearson", value!(Pearson::new(), &y, &t).value());
        check(&case, "spearman", value!(Spearman::new(), &y, &t).value());
        for golden in case["pinball"].as_array().unwrap() {
            let golden = numbers(golden);
            let found = value!(Pinball::new(golden[0]).unwrap(), &y, &t).value();
            same("pinball", found.unwrap(), golden[1]);
        }
        let coverage = value!(Coverage::new(), &numbers(&case["lower"]), &numbers(&case["upper"]), &t);
        check(&case, "coverage", coverage.value());
        check(&case, "width", coverage.mean_width());
    }
}

#[test]
fn rankings_are_judged_as_by_scikit_learn_and_scipy() {
    let golden = &file()["ranking"];
    let queries: Vec<(Vec<f64>, Vec<f64>)> = golden["queries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|q| (numbers(&q["scores"]), numbers(&q["relevance"])))
        .collect();
    assert_eq!(queries.len(), 12);
    macro_rules! value {
        ($metric:expr) => {{
            let mut metric = $metric;
            queries.iter().for_each(|(s, r)| metric.update(s, r).unwrap());
            metric.value()
        }};
    }
    check(golden, "ndcg", value!(Ndcg::new()));
    check(golden, "ndcg_exponential", value!(Ndcg::new().with_gain(Gain::Exponential)));
    check(golden, "map", value!(MeanAveragePrecision::new()));
    check(golden, "mrr", value!(ReciprocalRank::new()));
    let pairs = |key: &str| -> Vec<(usize, f64)> {
        let pairs = golden[key].as_array().unwrap().iter().map(numbers);
        pairs.map(|pair| (pair[0] as usize, pair[1])).collect()
    };
    for (k, golden) in pairs("ndcg_at") {
        same("ndcg_at", value!(Ndcg::at(k).unwrap()).unwrap(), golden);
    }
    for (k, golden) in pairs("precision_at") {
        same("precision_at", value!(PrecisionAt::new(k).unwrap()).unwrap(), golden);
    }
    for (k, golden) in pairs("recall_at") {
        same("recall_at", value!(RecallAt::new(k).unwrap()).unwrap(), golden);
    }
}

#[test]
fn text_is_judged_as_by_sacrebleu_and_jiwer() {
    for case in cases("language", 4) {
        let (found, first, second) =
            (lines(&case["hypotheses"]), lines(&case["references"]), lines(&case["second"]));
        let mut none = Bleu::new(Smoothing::None);
        let (mut exp, mut two) = (Bleu::new(Smoothing::Exponential), Bleu::new(Smoothing::Exponential));
        let (mut wer, mut cer) = (ErrorRate::words(), ErrorRate::characters());
        for ((h, a), b) in found.iter().zip(&first).zip(&second) {
            none.update(h, &[a]).unwrap();
            exp.update(h, &[a]).unwrap();
            two.update(h, &[a, b]).unwrap();
            wer.update(&h.join(" "), &a.join(" "));
            cer.update(&h.join(" "), &a.join(" "));
        }
        check(&case, "bleu_none", none.value());
        check(&case, "bleu_exp", exp.value());
        check(&case, "bleu_two", two.value());
        check(&case, "wer", wer.value());
        check(&case, "cer", cer.value());
    }
}

"""Writes metrics.json: what scikit-learn, SciPy, sacrebleu and jiwer say of drawn predictions.

Usage: python make_metrics.py        (needs scikit-learn, scipy, sacrebleu, jiwer; writes beside itself)

Scores are drawn on a coarse grid where ties matter. Numbers are printed with as many digits as it takes to read them
back exactly.
"""

import importlib.metadata
import json
import pathlib
import platform
import warnings

import jiwer
import numpy as np
import sacrebleu
import scipy
import scipy.stats
import sklearn
import sklearn.metrics as m
from sklearn.calibration import calibration_curve

SEED = 20240613


def plain(x):
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, np.ndarray):
        return plain(x.tolist())
    if isinstance(x, (np.floating, float)):
        # The first threshold of a ROC curve is infinite, which JSON does not have.
        return float(x) if np.isfinite(x) else None
    return x.item() if isinstance(x, np.generic) else x


def matrices(rng):
    cases = []
    for name, classes, samples, right in [("good", 4, 200, 0.7), ("poor", 3, 50, 0.1), ("missing", 5, 40, 0.5)]:
        labels = rng.integers(0, classes, samples)
        if name == "missing":
            # Class 3 never occurs and class 4 is never predicted; class 2 is neither.
            labels[(labels == 3) | (labels == 2)] = 0
        guesses = np.where(rng.random(samples) < right, labels, rng.integers(0, classes, samples))
        if name == "missing":
            guesses[(guesses == 4) | (guesses == 2)] = 1
        scores = {}
        for average in ["macro", "micro", "weighted"]:
            for figure, f in [("precision", m.precision_score), ("recall", m.recall_score), ("f1", m.f1_score)]:
                every = list(range(classes))
                # Micro over all labels is the accuracy; scikit-learn says so too.
                scores[f"{average}_{figure}"] = f(labels, guesses, labels=every, average=average, zero_division=np.nan)
        cases.append({
            "name": name,
            "classes": classes,
            "labels": labels,
            "predictions": guesses,
            "accuracy": m.accuracy_score(labels, guesses),
            "balanced": m.balanced_accuracy_score(labels, guesses),
            "kappa": m.cohen_kappa_score(labels, guesses),
            "matthews": m.matthews_corrcoef(labels, guesses),
            **scores,
        })
    return cases


def binary(rng):
    cases = []
    for name, samples, share, grid in [("ties", 120, 0.4, 10), ("fine", 90, 0.5, 10**9), ("rare", 150, 0.04, 40)]:
        labels = (rng.random(samples) < share).astype(int)
        labels[0], labels[1] = 0, 1
        scores = np.clip(np.round((rng.random(samples) + 0.5 * labels) / 1.5 * grid) / grid, 0, 1)
        fpr, tpr, roc_thresholds = m.roc_curve(labels, scores)
        precision, recall, pr_thresholds = m.precision_recall_curve(labels, scores)
        full_fpr, full_tpr, thresholds = m.roc_curve(labels, scores, drop_intermediate=False)
        j = full_tpr[1:] - full_fpr[1:]
        f1 = np.array([m.f1_score(labels, scores >= t) for t in thresholds[1:]])
        cases.append({
            "name": name,
            "labels": labels,
            "scores": scores,
            "roc_auc": m.roc_auc_score(labels, scores),
            "fpr": fpr,
            "tpr": tpr,
            "roc_thresholds": roc_thresholds,
            "average_precision": m.average_precision_score(labels, scores),
            "precision": precision,
            "recall": recall,
            "pr_thresholds": pr_thresholds,
            "best_f1": f1.max(),
            "best_j": j.max(),
            # Of thresholds that are equal up to rounding, the highest.
            "f1_threshold": thresholds[1:][np.flatnonzero(f1 > f1.max() - 1e-12)[0]],
            "j_threshold": thresholds[1:][np.flatnonzero(j > j.max() - 1e-12)[0]],
            "brier": m.brier_score_loss(labels, scores),
            "log_loss": m.log_loss(labels, scores),
            "calibration": [bins(labels, scores, n) for n in [5, 8, 10]],
        })
    return cases


def bins(labels, scores, n):
    true, predicted = calibration_curve(labels, scores, n_bins=n)
    edges = np.linspace(0, 1, n + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], scores), minlength=n)
    gaps = np.abs(true - predicted)
    return {
        "bins": n,
        "counts": counts,
        "accuracy": true,
        "confidence": predicted,
        "ece": np.average(gaps, weights=counts[counts > 0]),
        "max": gaps.max(),
    }


def classes(rng):
    cases = []
    for name, k, samples in [("three", 3, 60), ("six", 6, 150)]:
        labels = rng.integers(0, k, samples)
        p = rng.dirichlet(np.ones(k), samples)
        p[np.arange(samples), labels] += 0.3
        p /= p.sum(1, keepdims=True)
        top = p.max(1)
        right = (p.argmax(1) == labels).astype(int)
        cases.append({
            "name": name,
            "classes": k,
            "labels": labels,
            "probabilities": p.ravel(),
            "ovr_macro": m.roc_auc_score(labels, p, multi_class="ovr", average="macro"),
            "ovr_weighted": m.roc_auc_score(labels, p, multi_class="ovr", average="weighted"),
            "ovr_micro": m.roc_auc_score(labels, p, multi_class="ovr", average="micro"),
            "ovo_macro": m.roc_auc_score(labels, p, multi_class="ovo", average="macro"),
            "ap_macro": m.average_precision_score(labels, p, average="macro"),
            "ap_weighted": m.average_precision_score(labels, p, average="weighted"),
            "ap_micro": m.average_precision_score(labels, p, average="micro"),
            "top": [m.top_k_accuracy_score(labels, p, k=i) for i in range(1, k)],
            "brier": m.brier_score_loss(labels, p),
            "log_loss": m.log_loss(labels, p),
            "calibration": bins(right, top, 10),
        })
    return cases


def regression(rng):
    cases = []
    for name, samples, digits in [("fine", 101, 15), ("ties", 80, 0)]:
        targets = np.round(5 * rng.standard_normal(samples) + 20, digits)
        guesses = np.round(targets + 2 * rng.standard_normal(samples) + 0.5, digits)
        lower, upper = guesses - 2, guesses + 3 * rng.random(samples)
        inside = (lower <= targets) & (targets <= upper)
        cases.append({
            "name": name,
            "targets": targets,
            "predictions": guesses,
            "lower": lower,
            "upper": upper,
            "mae": m.mean_absolute_error(targets, guesses),
            "rmse": m.root_mean_squared_error(targets, guesses),
            "r2": m.r2_score(targets, guesses),
            "mape": m.mean_absolute_percentage_error(targets, guesses),
            "median": m.median_absolute_error(targets, guesses),
            "max": m.max_error(targets, guesses),
            "explained": m.explained_variance_score(targets, guesses),
            "pinball": [[q, m.mean_pinball_loss(targets, guesses, alpha=q)] for q in [0.1, 0.5, 0.95]],
            "pearson": scipy.stats.pearsonr(guesses, targets).statistic,
            "spearman": scipy.stats.spearmanr(guesses, targets).statistic,
            "coverage": inside.mean(),
            "width": (upper - lower).mean(),
        })
    return cases


def ranking(rng):
    queries, grades = 12, []
    for _ in range(queries):
        n = int(rng.integers(2, 15))
        relevance = rng.integers(0, 4, n) * (rng.random(n) < 0.5)
        relevance[0] = 2
        grades.append((np.round(rng.random(n) + 0.1 * relevance, 1), relevance))
    ks = [1, 3, 5, 20]

    def mean(f):
        return np.mean([f(s, r) for s, r in grades])

    def reciprocal(s, r):
        # The last place of a tie.
        return 1 / scipy.stats.rankdata(-s, method="max")[r > 0].min()

    def hits(s, r, k):
        # The gain of a cut is linear, so the mean over the orders of a tie is that of each member's chance to be in.
        first, last = scipy.stats.rankdata(-s, method="min"), scipy.stats.rankdata(-s, method="max")
        chance = np.clip((k - first + 1) / (last - first + 1), 0, 1)
        return chance[r > 0].sum()

    return {
        "queries": [{"scores": s, "relevance": r} for s, r in grades],
        "ndcg": mean(lambda s, r: m.ndcg_score([r], [s])),
        "ndcg_exponential": mean(lambda s, r: m.ndcg_score([2.0**r - 1], [s])),
        "ndcg_at": [[k, mean(lambda s, r: m.ndcg_score([r], [s], k=k))] for k in ks],
        "map": mean(lambda s, r: m.average_precision_score(r > 0, s)),
        "mrr": mean(reciprocal),
        "precision_at": [[k, mean(lambda s, r: hits(s, r, k) / k)] for k in ks],
        "recall_at": [[k, mean(lambda s, r: hits(s, r, k) / (r > 0).sum())] for k in ks],
    }


def language(rng):
    words = "the a cat dog sat ran on under mat tree and then naïve Zoë 猫".split()

    def change(sentence):
        kept = []
        for word in sentence:
            action = rng.random()
            if action < 0.75:
                kept.append(word)
            elif action < 0.9:
                kept.append(str(rng.choice(words)))
        return kept or [words[0]]

    cases = []
    for name, sentences, longest in [("long", 25, 14), ("short", 8, 6), ("tiny", 3, 4), ("turned", 6, 9)]:
        first = [[str(w) for w in rng.choice(words, int(rng.integers(2, longest)))] for _ in range(sentences)]
        second, found = [change(s) for s in first], [change(s) for s in first]
        if name == "tiny":
            # No 4-gram is right, so that smoothing has something to do.
            found = [[w for w in s for _ in range(2)] for s in first]
        if name == "turned":
            # No word comes twice, so nothing longer than a word is right and smoothing halves three times.
            first = [[str(w) for w in rng.permutation(words)[: len(s) + 2]] for s in first]
            found = [s[::-1] for s in first]
        lines = [[" ".join(s) for s in x] for x in (found, first, second)]

        def bleu(smooth, refs):
            scorer = sacrebleu.BLEU(tokenize="none", smooth_method=smooth, force=True)
            return scorer.corpus_score(lines[0], refs).score

        cases.append({
            "name": name,
            "hypotheses": lines[0],
            "references": lines[1],
            "second": lines[2],
            "bleu_none": bleu("none", [lines[1]]),
            "bleu_exp": bleu("exp", [lines[1]]),
            "bleu_two": bleu("exp", [lines[1], lines[2]]),
            "wer": jiwer.wer(lines[1], lines[0]),
            "cer": jiwer.cer(lines[1], lines[0]),
        })
    return cases


def main():
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(SEED)
    out = {
        "tools": {
            "scikit-learn": sklearn.__version__,
            "scipy": scipy.__version__,
            "numpy": np.__version__,
            "sacrebleu": sacrebleu.__version__,
            "jiwer": importlib.metadata.version("jiwer"),
            "python": platform.python_version(),
        },
        "seed": SEED,
        "script": "make_metrics.py",
        "matrices": matrices(rng),
        "binary": binary(rng),
        "classes": classes(rng),
        "regression": regression(rng),
        "ranking": ranking(rng),
        "language": language(rng),
    }
    path = pathlib.Path(__file__).parent / "metrics.json"
    text = json.dumps(plain(out), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    path.write_text(text.replace('{"name"', '\n{"name"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

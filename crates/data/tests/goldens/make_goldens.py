"""Writes goldens.json: what scikit-learn makes of the same rows.

    python crates/data/tests/goldens/make_goldens.py

Seeds stand below, versions in the file.
"""

import json
import platform
from pathlib import Path

import numpy as np
import sklearn
from sklearn.model_selection import GroupKFold, TimeSeriesSplit

rng = np.random.default_rng(0)


def span(rows):
    """Neighbouring rows as their first and the one after the last."""
    assert list(rows) == list(range(rows[0], rows[-1] + 1))
    return [int(rows[0]), int(rows[-1]) + 1]


def time_folds():
    cases = []
    for n, folds, size, gap, most in [
        (6, 5, None, 0, None),
        (12, 3, None, 0, None),
        (12, 3, 2, 2, None),
        (23, 4, 3, 1, 5),
        (100, 7, None, 10, 4),
        (10, 2, 4, 1, 100),
    ]:
        split = TimeSeriesSplit(n_splits=folds, test_size=size, gap=gap, max_train_size=most)
        parts = [[span(a), span(b)] for a, b in split.split(np.zeros(n))]
        cases.append({"n": n, "folds": folds, "validation": size, "gap": gap, "max_train": most, "parts": parts})
    return cases


def group_folds():
    """Groups whose sizes differ, so that their order is decided."""
    cases = []
    for sizes, k in [([1, 2, 3, 4, 5, 6, 7], 3), ([9, 1, 4, 2], 2), ([3, 8, 5, 13, 1, 21, 2], 4)]:
        groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
        split = GroupKFold(n_splits=k).split(np.zeros(len(groups)), groups=groups)
        held_out = [test.tolist() for _, test in split]
        cases.append({"groups": groups.tolist(), "k": k, "validation": held_out})
    return cases


found = {
    "made_with": f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}, Python {platform.python_version()}",
    "time_folds": time_folds(),
    "group_folds": group_folds(),
}
Path(__file__).with_name("goldens.json").write_text(json.dumps(found) + "\n")

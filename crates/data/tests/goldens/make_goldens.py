"""Writes goldens.json: what scikit-learn makes of the same rows.

    python crates/data/tests/goldens/make_goldens.py

Seeds stand below, versions in the file.
"""

import io
import json
import platform
from pathlib import Path

import numpy as np
import sklearn
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupKFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler

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


def numbers():
    """Gaps filled, then scaled: fitted to the first rows, applied to all."""
    x = rng.normal(3.0, 10.0, size=40).round(1)
    x[[0, 7, 8, 30]] = np.nan
    x[5] = 1e4
    cases = []
    for impute, constant in [("mean", None), ("median", None), ("most_frequent", None), ("constant", -2.5)]:
        for name, scaler in [("Standard", StandardScaler), ("MinMax", MinMaxScaler), ("Robust", RobustScaler)]:
            pipeline = make_pipeline(SimpleImputer(strategy=impute, fill_value=constant), scaler())
            pipeline.fit(x[:25, None])
            cases.append({"impute": impute, "scale": name, "z": pipeline.transform(x[:, None])[:, 0].tolist()})
    return {"x": [None if np.isnan(x) else x for x in x.tolist()], "train": 25, "cases": cases}


def categories():
    x = rng.choice(["Oslo", "Bergen", "Å", "a b"], size=20).tolist()
    known = np.array(x[:15], dtype=object)[:, None]
    rows = np.array(x[15:] + ["Rome"], dtype=object)[:, None]
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(known).transform(rows)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(known).transform(rows)
    return {
        "train": x[:15],
        "rows": rows[:, 0].tolist(),
        "one_hot": one_hot.ravel().tolist(),
        "ordinal": ordinal.ravel().tolist(),
    }


def arrays():
    """Files of NumPy's, as hexadecimal digits, and what is in them, row by row."""
    x = np.arange(6).reshape(2, 3)
    cases = []
    for descr in ["|b1", "|i1", "|u1", "<i2", ">u2", "<i4", ">i4", "<u4", "<i8", ">u8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]:
        for order in "CF" if descr in ["<f4", ">i4"] else "C":
            cases.append(np.asarray(x % 2 if descr == "|b1" else x - 2 * ("u" not in descr), dtype=descr, order=order))
    cases += [np.float64(2.5), np.zeros((0,), "<f4"), np.zeros((0, 3), "<i8"), np.array([7], "<i4")]
    files = []
    for version, array in [((1, 0), a) for a in cases] + [((2, 0), cases[-1]), ((3, 0), cases[-1])]:
        file = io.BytesIO()
        np.lib.format.write_array(file, np.asarray(array), version=version)
        array = np.asarray(array)
        files.append({
            "file": file.getvalue().hex(),
            "shape": array.shape,
            "numbers": array.astype("f8").ravel().tolist(),
        })
    return files


def archives():
    files = []
    for save in [np.savez, np.savez_compressed]:
        file = io.BytesIO()
        save(file, weight=np.arange(6, dtype="f4").reshape(2, 3), labels=np.array([1, 0], dtype="i8"))
        files.append(file.getvalue().hex())
    return files


found = {
    "made_with": f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}, Python {platform.python_version()}",
    "time_folds": time_folds(),
    "group_folds": group_folds(),
    "numbers": numbers(),
    "categories": categories(),
    "arrays": arrays(),
    "archives": archives(),
}
Path(__file__).with_name("goldens.json").write_text(json.dumps(found) + "\n")

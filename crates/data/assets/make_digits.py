#!/usr/bin/env python3
"""Makes digits.gz from scikit-learn's copy of the UCI handwritten digits.

    python make_digits.py            # needs scikit-learn; digits.gz here was made with 1.9.1

Uncompressed layout: 1,797 images of 64 bytes (8 rows of 8 pixels, 0..16), then 1,797 bytes of labels (0..9).
"""

import gzip
import hashlib
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"

digits = load_digits()
assert digits.data.shape == (1797, 64) and digits.target.shape == (1797,)
pixels = digits.data.astype(np.uint8)
labels = digits.target.astype(np.uint8)
assert np.array_equal(pixels, digits.data) and pixels.max() == 16
assert np.array_equal(labels, digits.target) and labels.max() == 9

raw = pixels.tobytes() + labels.tobytes()
assert hashlib.sha256(raw).hexdigest() == SHA256, "the source is not the one digits.gz was made from"
out = Path(__file__).with_name("digits.gz")
out.write_bytes(gzip.compress(raw, compresslevel=9, mtime=0))
print(f"{out}: {out.stat().st_size} bytes of {len(raw)}; sha256 of the content {SHA256}")

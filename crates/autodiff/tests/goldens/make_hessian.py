"""Writes hessian.json: the Hessian of a two-layer network's loss by torch.func, in double precision.

Usage: python make_hessian.py        (needs torch; writes beside itself)
"""

import json
import pathlib

import torch

SEED = 20240608
torch.manual_seed(SEED)
shapes = {"x": (5, 3), "y": (5, 2), "w1": (3, 4), "b1": (4,), "w2": (4, 2), "b2": (2,)}
values = {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}
params = ["w1", "b1", "w2", "b2"]


def loss(*p):
    w1, b1, w2, b2 = p
    out = torch.tanh(values["x"] @ w1 + b1) @ w2 + b2
    return ((out - values["y"]) ** 2).mean()


def tensor(x):
    return {"shape": list(x.shape), "values": x.reshape(-1).tolist()}


hessian = torch.func.hessian(loss, argnums=(0, 1, 2, 3))(*[values[p] for p in params])
pathlib.Path(__file__).with_name("hessian.json").write_text(
    json.dumps(
        {
            "torch": torch.__version__,
            "seed": SEED,
            "values": {name: tensor(v) for name, v in values.items()},
            "hessian": [[tensor(block) for block in row] for row in hessian],
        }
    )
    + "\n"
)

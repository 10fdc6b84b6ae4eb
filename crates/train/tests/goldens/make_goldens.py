"""Writes goldens.json: the losses of ten full-batch steps of small perceptrons in PyTorch, in single and double precision.

Usage: python make_goldens.py        (needs torch; writes beside itself)
Metrics have a script of their own, make_metrics.py, which does without torch.

Weights and data are drawn in single precision, so that both precisions start from the same numbers. Numbers are printed
with as many digits as it takes to read them back exactly.
"""

import json
import pathlib
import platform

import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 20240612
STEPS = 10
ROWS = 20


def numbers(x):
    return {"shape": list(x.shape), "values": x.detach().reshape(-1).tolist()}


def losses(model, x, y, loss, make_optimizer, dtype):
    for param, start in zip(model.parameters(), model.start):
        param.data = start.to(dtype).clone()
    x, y = x.to(dtype), y.to(dtype) if y.is_floating_point() else y
    optimizer = make_optimizer(model.parameters())
    curve = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = loss(model(x), y)
        curve.append(value.item())
        value.backward()
        optimizer.step()
    return curve


def case(name, sizes, activation, loss, optimizer, make_optimizer, y):
    layers = []
    for d_in, d_out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(d_in, d_out), activation()]
    model = nn.Sequential(*layers[:-1])
    model.start = [p.data.clone() for p in model.parameters()]
    x = torch.randn(ROWS, sizes[0])
    return {
        "name": name,
        "sizes": sizes,
        "activation": activation.__name__,
        "loss": loss.__name__,
        "optimizer": optimizer,
        "weights": [numbers(p) for p in model.start],
        "x": numbers(x),
        "y": numbers(y),
        "f32": losses(model, x, y, loss, make_optimizer, torch.float32),
        "f64": losses(model, x, y, loss, make_optimizer, torch.float64),
    }


def main():
    torch.manual_seed(SEED)
    cases = [
        case(
            "classes",
            [6, 16, 12, 4],
            nn.ReLU,
            F.cross_entropy,
            {"kind": "AdamW", "lr": 0.01, "weight_decay": 0.1},
            lambda params: torch.optim.AdamW(params, lr=0.01, weight_decay=0.1),
            torch.randint(0, 4, (ROWS,)),
        ),
        case(
            "numbers",
            [5, 11, 2],
            nn.Tanh,
            F.mse_loss,
            {"kind": "SGD", "lr": 0.05, "momentum": 0.9},
            lambda params: torch.optim.SGD(params, lr=0.05, momentum=0.9),
            torch.randn(ROWS, 2),
        ),
    ]
    out = {
        "tool": "PyTorch",
        "version": torch.__version__,
        "python": platform.python_version(),
        "seed": SEED,
        "script": "make_goldens.py",
        "cases": cases,
    }
    path = pathlib.Path(__file__).parent / "goldens.json"
    path.write_text(json.dumps(out, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()

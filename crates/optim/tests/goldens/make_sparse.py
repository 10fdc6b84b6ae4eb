"""Writes sparse.json: a table after 1, 2, 3, 10 and 20 steps of PyTorch's optimizers that take sparse gradients, in double
precision, and what its embedding gives in each of those steps.

Usage: python make_sparse.py        (needs torch; writes beside itself)

Each step looks some tokens up by `torch.nn.functional.embedding(sparse=True)`, some of them twice, and in one step none; the loss
is the sum of vectors times given weights, so that a gradient is a sum of these weights. Doubles are printed with as many digits as
it takes to read them back exactly.
"""

import json
import pathlib
import platform

import torch

SEED = 20240617
STEPS = 20
KEPT = [1, 2, 3, 10, 20]
VOCAB, D = 9, 3
WITHOUT_TOKENS = 4
CASES = [
    ("SparseAdam", {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8}),
    # A large epsilon, whose place in the formula shows.
    ("SparseAdam", {"lr": 0.03, "betas": (0.7, 0.95), "eps": 1e-2}),
    ("SGD", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "eps": 1e-10}),
]


def run(name, config, start, tokens, weights):
    table = start.clone().requires_grad_()
    optimizer = getattr(torch.optim, name)([table], **config)
    after = {}
    for step in range(STEPS):
        optimizer.zero_grad()
        y = torch.nn.functional.embedding(tokens[step], table, sparse=True)
        (y * weights[step]).sum().backward()
        assert table.grad.is_sparse
        optimizer.step()
        if step + 1 in KEPT:
            after[str(step + 1)] = table.detach().reshape(-1).tolist()
    kept = {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}
    return {"optimizer": name, "config": kept, "after": after}


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(SEED)
    start = torch.randn(VOCAB, D)
    # The last token is never seen.
    counts = [0 if step == WITHOUT_TOKENS else 5 for step in range(STEPS)]
    tokens = [torch.randint(0, VOCAB - 1, (count,)) for count in counts]
    weights = [torch.randn(count, D) for count in counts]
    made = {
        "tool": "PyTorch",
        "version": torch.__version__,
        "python": platform.python_version(),
        "seed": SEED,
        "script": "make_sparse.py",
        "shape": [VOCAB, D],
        "start": start.reshape(-1).tolist(),
        "tokens": [x.tolist() for x in tokens],
        "weights": [x.reshape(-1).tolist() for x in weights],
        "cases": [run(name, config, start, tokens, weights) for name, config in CASES],
    }
    path = pathlib.Path(__file__).with_name("sparse.json")
    path.write_text(json.dumps(made, separators=(",", ":")).replace('{"optimizer"', '\n{"optimizer"') + "\n")


if __name__ == "__main__":
    main()

"""Writes recurrent.json: random recurrent layers and their gradients, as PyTorch computes them in f64.

Usage: python make_recurrent.py        (needs torch; writes beside itself)

A case holds the layer's sizes, the lengths of its sequences if they differ, a seed, and of the outputs, the last states and
the gradients of sum(c * y) over all of them for the input, the first states and the parameters in order: the sum of squares,
and the elements at 6 places spread over it. Operands are made from the seed on either side, by generator.py:
multiples of 1/64 in [-1, 1), those of parameters halved. What PyTorch pads is left out of the sum on both sides.
"""

import json
import pathlib
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from generator import operand, samples

SEED = 20251128
CELLS = {
    "tanh": lambda *a, **k: nn.RNN(*a, nonlinearity="tanh", **k),
    "relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}


def case(rng, i):
    cell = list(CELLS)[i % 4]
    layers, both, bias = rng.choice([1, 1, 2, 3]), rng.random() < 0.5, rng.random() < 0.75
    batch_first, first = rng.random() < 0.5, rng.random() < 0.5
    n, time, d_in, hidden = rng.choice([1, 2, 4]), rng.choice([1, 3, 6]), rng.choice([1, 3, 5]), rng.choice([1, 4, 7])
    lengths = [rng.randint(1, time) for _ in range(n)] if rng.random() < 0.6 else None
    if lengths:
        lengths[rng.randrange(n)] = time
    proj = rng.randrange(1, hidden) if i >= 120 and hidden > 1 else 0
    if i >= 120:
        cell = "lstm"
    state = [rng.randrange(2**63)]
    record = dict(cell=cell, proj=proj, layers=layers, bidirectional=both, bias=bias, batch_first=batch_first, first=first,
                  n=n, time=time, d_in=d_in, hidden=hidden, lengths=lengths, seed=str(state[0]))
    layer = CELLS[cell](d_in, hidden, num_layers=layers, bidirectional=both, bias=bias, batch_first=batch_first,
                        **({"proj_size": proj} if proj else {})).double()
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(operand(state, p.shape, 0.5))
    x = operand(state, [n, time, d_in] if batch_first else [time, n, d_in]).requires_grad_()
    parts = layers * (2 if both else 1)
    widths = [proj or hidden, hidden][: 2 if cell == "lstm" else 1]
    states = [operand(state, [parts, n, width]).requires_grad_() for width in widths]
    given = (tuple(states) if cell == "lstm" else states[0]) if first else None
    if lengths:
        packed = pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False)
        y, last = layer(packed, given)
        y, _ = pad_packed_sequence(y, batch_first=batch_first, total_length=time)
    else:
        y, last = layer(x, given)
    results = [y, *(last if cell == "lstm" else [last])]
    total = sum((operand(state, r.shape) * r).sum() for r in results)
    grads = torch.autograd.grad(total, [x, *(states if first else []), *layer.parameters()])
    return {**record, "results": [samples(t) for t in (*results, *grads)]}


if __name__ == "__main__":
    rng = random.Random(SEED)
    file = {"tool": "PyTorch " + torch.__version__, "seed": SEED, "cases": [case(rng, i) for i in range(140)]}
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in file.pop("cases"))
    text = json.dumps(file)[:-1] + ', "cases": [\n' + lines + "\n]}\n"
    pathlib.Path(__file__).with_name("recurrent.json").write_text(text)

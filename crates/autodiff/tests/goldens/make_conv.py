"""Writes conv.json: 200 random convolutions and their gradients, as PyTorch computes them in f64.

Usage: python make_conv.py        (needs torch; writes beside itself)

A case holds the geometry, a seed, and of the result and of the gradients of sum(c * y) for the image, the weight and the
bias: the sum of squares, and the elements at 6 places spread over it. Operands are made from the seed on either side, by
the generator below: multiples of 1/64 in [-1, 1).
"""

import json
import pathlib
import random

import torch
import torch.nn.functional as F

SEED = 20241127
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def operand(state, shape):
    """Knuth's multiplier, 64 bits: the upper 7 of each state."""
    values = []
    for _ in range(torch.Size(shape).numel()):
        state[0] = (state[0] * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((state[0] >> 57) / 64 - 1)
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def samples(x):
    flat = x.detach().reshape(-1)
    places = [i * (flat.numel() - 1) // 5 for i in range(6)]
    return {"shape": list(x.shape), "squares": float((flat * flat).sum()), "at": [float(flat[i]) for i in places]}


def case(rng, i):
    rank = rng.choice([1, 2, 2, 2, 3])
    each = lambda choices: [rng.choice(choices) for _ in range(rank)]
    groups = rng.choice([1, 1, 1, 2, 3])
    ins, outs = rng.choice([1, 2, 3, 5]), rng.choice([1, 2, 4, 7])
    if i % 4 == 0:
        groups, ins, outs = rng.choice([2, 5, 17]), 1, rng.choice([1, 1, 2])
    kernel, dilation, stride = each([1, 2, 3, 3, 5]), each([1, 1, 2]), each([1, 1, 2, 3])
    padding, size = each([0, 1, 2]), each([4, 5, 7, 10] if rank < 3 else [3, 4, 5])
    if i % 5 == 0:  # what goes by tiles
        rank, groups, ins, outs = 2, 1, rng.choice([16, 19]), rng.choice([16, 18])
        kernel, dilation, stride = [3, 3], [1, 1], [1, 1]
        padding, size = [rng.choice([0, 1])] * 2, [rng.choice([5, 8, 11]), rng.choice([6, 9])]
    if any((k - 1) * d + 1 > n + 2 * p for k, d, n, p in zip(kernel, dilation, size, padding)):
        return case(rng, i)
    state = [rng.randrange(2**63)]
    record = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "seed": str(state[0])}
    x = operand(state, [rng.choice([1, 2]), ins * groups, *size]).requires_grad_()
    w = operand(state, [outs * groups, ins, *kernel]).requires_grad_()
    b = operand(state, [outs * groups]).requires_grad_()
    y = CONV[rank](x, w, b, stride, padding, dilation, groups)
    grads = torch.autograd.grad((operand(state, y.shape) * y).sum(), [x, w, b])
    return {**record, "operands": [list(t.shape) for t in (x, w, b)], "results": [samples(t) for t in (y, *grads)]}


if __name__ == "__main__":
    rng = random.Random(SEED)
    file = {"tool": "PyTorch " + torch.__version__, "seed": SEED, "cases": [case(rng, i) for i in range(200)]}
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in file.pop("cases"))
    text = json.dumps(file)[:-1] + ', "cases": [\n' + lines + "\n]}\n"
    pathlib.Path(__file__).with_name("conv.json").write_text(text)

"""Operands that the scripts here and the tests make alike, and what is held of a result."""

import torch


def operand(state, shape, scale=1.0):
    """Knuth's multiplier, 64 bits: the upper 7 of each state."""
    values = []
    for _ in range(torch.Size(shape).numel()):
        state[0] = (state[0] * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append(((state[0] >> 57) / 64 - 1) * scale)
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def samples(x):
    flat = x.detach().reshape(-1)
    places = [i * (flat.numel() - 1) // 5 for i in range(6)]
    return {"shape": list(x.shape), "squares": float((flat * flat).sum()), "at": [float(flat[i]) for i in places]}

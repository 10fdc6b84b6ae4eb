"""Writes norms.json: instance and group normalisation, weight and spectral norm, as PyTorch computes them in f64.

Usage: python make_norms.py        (needs torch; writes beside itself)

A case holds the layer and a seed, and of a pass in training, of its gradients of sum(c * y) for the input and for the
parameters in the order of their names, of the buffers after it in the same order, and of a pass in inference: the sum of
squares, and the elements at 6 places spread over it. Operands are made from the seed on either side, by generator.py:
multiples of 1/64 in [-1, 1), those of parameters halved; vectors of power iteration are brought to length 1.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn.utils import parametrizations

from generator import operand, samples

SEED = 20261128

INSTANCE = {"affine": True, "track_running_stats": True, "momentum": 0.25, "eps": 0.125}
CASES = [
    ("instance_norm1d", lambda: nn.InstanceNorm1d(3), (4, 3, 7)),
    ("instance_norm2d", lambda: nn.InstanceNorm2d(2), (3, 2, 4, 5)),
    ("instance_norm3d", lambda: nn.InstanceNorm3d(2), (2, 2, 2, 1, 3)),
    ("tracked_instance_norm1d", lambda: nn.InstanceNorm1d(2, **INSTANCE), (3, 2, 6)),
    ("tracked_instance_norm2d", lambda: nn.InstanceNorm2d(3, **INSTANCE), (2, 3, 3, 2)),
    ("tracked_instance_norm3d", lambda: nn.InstanceNorm3d(1, **INSTANCE), (4, 1, 2, 2, 2)),
    ("group_norm", lambda: nn.GroupNorm(2, 6), (3, 6, 4, 3)),
    ("group_norm_of_all", lambda: nn.GroupNorm(1, 3, eps=0.25), (2, 3, 5)),
    ("weight_norm_linear", lambda: parametrizations.weight_norm(nn.Linear(5, 4)), (3, 5)),
    ("weight_norm_conv2d", lambda: parametrizations.weight_norm(nn.Conv2d(4, 6, 2, groups=2)), (2, 4, 4, 3)),
    ("weight_norm_conv_transpose1d", lambda: parametrizations.weight_norm(nn.ConvTranspose1d(3, 2, 2)), (2, 3, 4)),
    ("spectral_norm_linear", lambda: parametrizations.spectral_norm(nn.Linear(5, 4)), (3, 5)),
    ("spectral_norm_conv2d",
     lambda: parametrizations.spectral_norm(nn.Conv2d(4, 6, 2, groups=2), n_power_iterations=3), (2, 4, 4, 3)),
    ("spectral_norm_conv_transpose1d", lambda: parametrizations.spectral_norm(nn.ConvTranspose1d(3, 2, 2)), (2, 3, 4)),
]


def case(name, make, shape, seed):
    state = [seed]
    layer = make().double()
    params = [p for _, p in sorted(layer.named_parameters())]
    with torch.no_grad():
        for p in params:
            p.copy_(operand(state, p.shape, 0.5))
        for path, buffer in sorted(layer.named_buffers()):
            if path.endswith(("._u", "._v")):
                value = operand(state, buffer.shape)
                buffer.copy_(value / value.norm())
    x = operand(state, shape).requires_grad_()
    y = layer(x)
    grads = torch.autograd.grad((operand(state, y.shape) * y).sum(), [x, *params])
    buffers = [b.double() for _, b in sorted(layer.named_buffers())]
    inferred = layer.eval()(x)
    return dict(layer=name, seed=str(seed), results=[samples(v) for v in (y, *grads, *buffers, inferred)])


if __name__ == "__main__":
    cases = [case(*how, SEED + i) for i, how in enumerate(CASES)]
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    text = json.dumps({"tool": "PyTorch " + torch.__version__, "seed": SEED})[:-1] + ', "cases": [\n' + lines + "\n]}\n"
    pathlib.Path(__file__).with_name("norms.json").write_text(text)
    print(len(cases), "cases")

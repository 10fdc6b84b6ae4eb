"""Writes goldens.json: inputs, results and input gradients of operations as PyTorch computes them in double precision.

Usage: python make_goldens.py        (needs torch; writes beside itself)

Each case names an operation and its options as tests/goldens.rs knows them. Gradients are those of sum(c * y) with a
random cotangent c. Doubles are printed with as many digits as it takes to read them back exactly.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

SEED = 20240607
CASES = []


def rand(*shape, lo=-2.0, hi=2.0):
    return torch.rand(shape, dtype=torch.float64) * (hi - lo) + lo


def tensor(x):
    return {"shape": list(x.shape), "values": x.detach().reshape(-1).tolist()}


def case(op, f, inputs, **options):
    """f of the inputs; those of floating point get gradients. Options go into the file, tensors among them too."""
    leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    y = f(*leaves)
    c = rand(*y.shape, lo=-1.0, hi=1.0)
    grads = torch.autograd.grad((c * y).sum(), [x for x in leaves if x.requires_grad])
    grads = iter(grads)
    CASES.append(
        {
            "op": op,
            "options": {k: tensor(v) if torch.is_tensor(v) else v for k, v in options.items()},
            "inputs": [dict(tensor(x), dtype="f64" if x.is_floating_point() else "i64") for x in inputs],
            "output": tensor(y),
            "cotangent": tensor(c),
            "grads": [tensor(next(grads)) if x.requires_grad else None for x in leaves],
        }
    )


def pointwise():
    # Both sides of 0 and the origin's neighbourhood; within +-8 softplus has not switched to its linear branch.
    x = torch.cat([rand(3, 5, lo=-8.0, hi=8.0), rand(1, 5, lo=-1e-3, hi=1e-3)])
    for op, f in {
        "relu": F.relu,
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "silu": F.silu,
        "softplus": F.softplus,
        "sigmoid": torch.sigmoid,
        "log_sigmoid": F.logsigmoid,
        "tanh": torch.tanh,
        "erf": torch.erf,
        "exp": torch.exp,
    }.items():
        case(op, f, [x])
    case("ln", torch.log, [rand(3, 5, lo=0.01, hi=9.0)])
    case("elu", lambda x: F.elu(x, alpha=1.0), [x], alpha=1.0)
    case("elu", lambda x: F.elu(x, alpha=0.3), [x], alpha=0.3)
    case("leaky_relu", lambda x: F.leaky_relu(x, 0.01), [x], slope=0.01)


def reductions():
    x = rand(3, 4, 5)
    for axis in (-1, 1):
        case("softmax", lambda x: x.softmax(axis), [x], axis=axis)
        case("log_softmax", lambda x: x.log_softmax(axis), [x], axis=axis)
        case("logsumexp", lambda x: x.logsumexp(axis), [x], axis=axis)
    for axes, correction in (([1], 1), ([0, 2], 0), ([0, 1, 2], 1)):
        case("var", lambda x: x.var(axes, correction=correction), [x], axes=axes, correction=correction)
    for axes in ([1], [0, 2]):
        case("mean", lambda x: x.mean(axes), [x], axes=axes)
        case("max", lambda x: x.amax(axes), [x], axes=axes)
        case("min", lambda x: x.amin(axes), [x], axes=axes)
    # Ties share the gradient.
    ties = torch.tensor([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]], dtype=torch.float64)
    case("max", lambda x: x.amax([1]), [ties], axes=[1])


def products():
    case("matmul", torch.matmul, [rand(4, 7), rand(7, 3)])
    case("matmul", torch.matmul, [rand(2, 1, 4, 3), rand(5, 3, 2)])
    case("matmul", torch.matmul, [rand(5, 3), rand(3)])
    case("linear", F.linear, [rand(2, 4, 6), rand(3, 6), rand(3)])
    case("linear", F.linear, [rand(4, 6), rand(3, 6)])


def indexing():
    x, rows = rand(5, 3), torch.tensor([4, 0, 4, 2])
    case("index_select", lambda x, i: x.index_select(0, i), [x, rows], axis=0)
    columns = torch.tensor([[2, 2], [0, 1], [1, 0]])
    case("gather", lambda x, i: x.gather(1, i), [x, columns], axis=1)
    case("index_add", lambda x, i, s: x.index_add(0, i, s), [x, rows, rand(4, 3)], axis=0)
    case("scatter_add", lambda x, i, s: x.scatter_add(1, i, s), [x, columns, rand(3, 2)], axis=1)


def losses():
    x, y = rand(4, 3), rand(4, 3)
    t, p = rand(4, 3, lo=0.0, hi=1.0), rand(3, lo=0.2, hi=3.0)
    far = torch.tensor([[0.0, 30.0, -30.0], [1e-9, 700.0, -700.0]], dtype=torch.float64)
    for reduction in ("mean", "sum", "none"):
        how = {"reduction": reduction}
        case("mse_loss", lambda x, y: F.mse_loss(x, y, **how), [x, y], **how)
        case("l1_loss", lambda x, y: F.l1_loss(x, y, **how), [x, y], **how)
        for delta in (0.5, 1.0):
            case("huber_loss", lambda x, y: F.huber_loss(x, y, delta=delta, **how), [x, y], delta=delta, **how)
        bce = F.binary_cross_entropy_with_logits
        case("bce_with_logits", lambda x, t: bce(x, t, **how), [x, t], **how)
        case("bce_with_logits", lambda x, t: bce(x, t, pos_weight=p, **how), [x, t], pos_weight=p, **how)
        case("bce_with_logits", lambda x, t: bce(x, t, **how), [far, t[:2]], **how)


def cross_entropies():
    logits, w = rand(6, 4, lo=-4.0, hi=4.0), rand(4, lo=0.2, hi=3.0)
    labels = torch.tensor([3, 0, 1, 1, 2, 3])
    some = torch.tensor([3, -100, 1, 1, -100, 3])
    soft = rand(6, 4).softmax(-1)
    for reduction in ("mean", "sum", "none"):
        for smoothing in (0.0, 0.1):
            for weight in (None, w):
                how = {"reduction": reduction, "label_smoothing": smoothing, "weight": weight}
                for target in (labels, some, soft):
                    options = dict(how, ignore_index=-100 if target is some else None)
                    case("cross_entropy", lambda x, t: F.cross_entropy(x, t, **how), [logits, target], **options)
    # Classes are the last axis here, the second there.
    many = rand(2, 3, 4)
    how = {"reduction": "none", "label_smoothing": 0.2, "weight": w}
    case(
        "cross_entropy",
        lambda x, t: F.cross_entropy(x.movedim(-1, 1), t, **how),
        [many, torch.tensor([[0, 1, 2], [3, 3, 0]])],
        ignore_index=None,
        **how,
    )


def main():
    torch.manual_seed(SEED)
    for group in (pointwise, reductions, products, indexing, losses, cross_entropies):
        group()
    header = {"tool": "PyTorch", "version": torch.__version__, "seed": SEED, "script": "make_goldens.py"}
    lines = ",\n".join(json.dumps(c) for c in CASES)
    path = pathlib.Path(__file__).with_name("goldens.json")
    path.write_text("{\n" + json.dumps(header)[1:-1] + ',\n"cases": [\n' + lines + "\n]\n}\n")
    print(f"{len(CASES)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()

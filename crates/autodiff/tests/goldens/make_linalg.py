"""Writes linalg.json: results and input gradients of linear algebra as PyTorch computes them in double precision.

Usage: python make_linalg.py        (needs torch; writes beside itself)

Beside make_goldens.py, whose small and well-conditioned cases hold second derivatives and f32 too: batches, tall and wide
matrices, and eigenvectors.

Where a factorization leaves signs, phases or an order open, the case is a function of it that does not depend on them.
tests/goldens_linalg.rs writes the same functions. Gradients are those of sum(c * y) with a random cotangent c.
"""

import json
import pathlib

import torch

L = torch.linalg
SEED = 20261125
CASES = []


def rand(*shape):
    return torch.rand(shape, dtype=torch.float64) * 2 - 1


def tensor(x):
    return {"shape": list(x.shape), "values": x.detach().reshape(-1).tolist()}


def case(op, f, *inputs):
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = f(*leaves)
    c = rand(*y.shape)
    grads = torch.autograd.grad((c * y).sum(), leaves)
    CASES.append(
        {
            "op": op,
            "inputs": [tensor(x) for x in inputs],
            "output": tensor(y),
            "cotangent": tensor(c),
            "grads": [tensor(g) for g in grads],
        }
    )


def definite(x):
    return x @ x.mT + torch.eye(x.shape[-1], dtype=x.dtype)


def symmetric(x):
    return (x + x.mT) / 2


def qr(x):
    q, r = L.qr(x)
    return q.square() @ r.square()


def svd(x):
    u, s, vt = L.svd(x, full_matrices=False)
    return (u.square() * s.unsqueeze(-2)) @ vt.square()


def eigh(x):
    s, v = L.eigh(symmetric(x))
    return v.square() * s.unsqueeze(-2)


def eig(x):
    s, v = L.eig(x)
    sizes = v.real.square() + v.imag.square()
    return (sizes * (s.real.exp() + s.imag.square()).unsqueeze(-2)).sum(-1)


def eigvals(x):
    s = L.eigvals(x)
    return torch.stack([(s * s).real.sum(-1), s.imag.square().sum(-1), (s.real**3).sum(-1)])


def lu(x):
    _, l, u = L.lu(x)
    return l + u.square()


def main():
    torch.manual_seed(SEED)
    for n in (2, 5):
        eye = torch.eye(n, dtype=torch.float64)
        a, b, v = rand(2, n, n) + 3 * eye, rand(2, n, 3), rand(n)
        tall, wide = rand(n + 2, n), rand(2, n, n + 1)
        case("solve", L.solve, a, b)
        case("solve_vector", L.solve, a[0], v)
        case("inv", L.inv, a)
        case("det", L.det, a)
        case("slogdet", lambda x: L.slogdet(x)[1], a)
        case("cholesky", lambda x: L.cholesky(definite(x)), rand(2, n, n))
        case("cholesky_solve", lambda x, b: torch.cholesky_solve(b, L.cholesky(definite(x))), rand(2, n, n), b)
        case("cholesky_inverse", lambda x: torch.cholesky_inverse(L.cholesky(definite(x))), rand(2, n, n))
        case("triangular_solve", lambda x, b: L.solve_triangular(x, b, upper=True), a, b)
        case("lu", lu, rand(2, n, n))
        for x in (rand(2, n, n), tall):
            case("qr", qr, x)
        for x in (rand(2, n, n), tall, wide):
            case("svd", svd, x)
            case("pinv", L.pinv, x)
            case("lstsq", lambda x, b: L.pinv(x) @ b, x, rand(x.shape[-2], 2))
            case("norm_nuclear", lambda x: L.matrix_norm(x, "nuc"), x)
            case("norm_frobenius", lambda x: L.matrix_norm(x), x)
            case("norm_1", lambda x: L.matrix_norm(x, 1), x)
            case("norm_infinity", lambda x: L.matrix_norm(x, float("inf")), x)
            case("norm_2", lambda x: L.matrix_norm(x, 2), x)
            case("norm_min_2", lambda x: L.matrix_norm(x, -2), x)
        case("cond", L.cond, a)
        case("eigh", eigh, rand(2, n, n))
        case("eigvalsh", lambda x: L.eigvalsh(symmetric(x)), rand(2, n, n))
        case("eig", eig, rand(2, n, n))
        case("eigvals", eigvals, rand(2, n, n))
        case("matrix_exp", torch.matrix_exp, torch.stack([rand(n, n), 6 * rand(n, n)]))
        case("power_3", lambda x: L.matrix_power(x, 3), a)
        case("power_minus_2", lambda x: L.matrix_power(x, -2), a)
    header = {"tool": "PyTorch", "version": torch.__version__, "seed": SEED, "script": "make_linalg.py"}
    lines = ",\n".join(json.dumps(c) for c in CASES)
    path = pathlib.Path(__file__).with_name("linalg.json")
    path.write_text("{\n" + json.dumps(header)[1:-1] + ',\n"cases": [\n' + lines + "\n]\n}\n")
    print(f"{len(CASES)} cases, {path.stat().st_size} bytes")


main()

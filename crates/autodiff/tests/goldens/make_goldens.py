"""Writes goldens.json: results, gradients and second derivatives of operations, as PyTorch computes them in f64.

Usage: python make_goldens.py        (needs torch and mpmath; writes beside itself)

One file, as it is one table. A case is one line: the operation's name, what PyTorch calls it, the inputs, the options.
The same name stands on one line of tests/goldens/table.rs. f gets inputs and options; the options go into the file, tensors among them too.

For outputs y of inputs x the file holds y, random cotangents c, the gradients g of sum(c * y), and for the first case
of each operation random directions d and the gradients of sum(d * g) by x and by c. The latter is J * d, so forward
mode is held to it as well.

Inputs, cotangents and directions are multiples of 1/128: f32 holds them exactly, so the cases serve both types.
Doubles are printed with as many digits as it takes to read them back exactly. PyTorch's functions of the gamma family are
right to some 11 digits only; there mpmath computes, and PyTorch strings its values together.
"""

import json
import pathlib
import zlib

import mpmath
import torch
import torch.nn.functional as F

SEED = 20240607
TOOLS = {"PyTorch": torch.__version__, "mpmath": mpmath.__version__}

# Operations of gradients alone: the second derivatives of the other exercise them.
GRADIENT_OF = {
    "clamp_grad": "clamp",
    "conv_input_grad": "conv",
    "conv_weight_grad": "conv",
    "cross_entropy_grad": "cross_entropy",
    "elu_grad": "elu",
    "gather_grad": "gather",
    "gelu_grad": "gelu",
    "geglu_grad": "geglu",
    "geglu_tanh_grad": "geglu_tanh",
    "gelu_tanh_grad": "gelu_tanh",
    "glu_grad": "glu",
    "index_select_grad": "index_select",
    "layer_norm_grad": "layer_norm",
    "leaky_relu_grad": "leaky_relu",
    "log_sigmoid_grad": "log_sigmoid",
    "log_softmax_grad": "log_softmax",
    "mse_loss_grad": "mse_loss",
    "pad_adjoint": "pad",
    "reglu_grad": "reglu",
    "relu_grad": "relu",
    "rms_norm_grad": "rms_norm",
    "sigmoid_grad": "sigmoid",
    "scaled_dot_product_attention_grad": "scaled_dot_product_attention",
    "silu_grad": "silu",
    "softmax_grad": "softmax",
    "softplus_grad": "softplus",
    "swiglu_grad": "swiglu",
    "tanh_grad": "tanh",
    "unfold_adjoint": "unfold",
    "unslice": "slice",
}

# Operations that have no case, and why.
WITHOUT = {"on_grad": "a hook: the identity, with nothing to compare"}

CASES = []
FAMILY = None


def u(lo, hi, *shape):
    """Uniform in lo..hi, on the grid."""
    return torch.round((torch.rand(shape, dtype=torch.float64) * (hi - lo) + lo) * 128) / 128


def distinct(*shape):
    """All different, none of them 0."""
    n = torch.Size(shape).numel()
    return ((torch.randperm(n) - n // 2).double() / 8 + 1 / 16).reshape(shape)


def of(*values):
    return torch.tensor(values, dtype=torch.float64)


def ints(*values):
    return torch.tensor(values, dtype=torch.int64)


def tensor(x):
    if x is None:
        return None
    x = x.detach()
    x = torch.zeros(x.shape) if x._is_zerotensor() else x  # its zeros stand nowhere
    dtype = {torch.int64: "i64", torch.bool: "bool"}.get(x.dtype)
    values = [int(v) if dtype or v == int(v) else v for v in x.reshape(-1).tolist()]
    return {"shape": list(x.shape), **({"dtype": dtype} if dtype else {}), "values": values}


def zeros_for_none(grads, inputs):
    return [torch.zeros_like(x) if g is None else g for g, x in zip(grads, inputs)]


def case(op, f, *inputs, only_value=False, tool="PyTorch", **options):
    """Adds a case. only_value is for operations without derivative; tool names who computed."""
    leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    out = f(*leaves, **options)
    out = list(out) if isinstance(out, (tuple, list)) else [out]
    record = {
        "op": op,
        "family": FAMILY,
        **({} if tool == "PyTorch" else {"tool": tool}),
        "options": {k: tensor(v) if torch.is_tensor(v) else v for k, v in options.items()},
        "inputs": [tensor(x) for x in inputs],
        "outputs": [tensor(y) for y in out],
    }
    first = all(c["op"] != op for c in CASES)
    CASES.append(record)
    if only_value:
        return
    x = [leaf for leaf in leaves if leaf.requires_grad]
    spread = lambda values: iter(values)
    smooth = [y.is_floating_point() and y.requires_grad for y in out]
    c = [u(-1, 1, *y.shape).requires_grad_() if s else None for y, s in zip(out, smooth)]
    total = sum((a * y).sum() for a, y in zip(c, out) if a is not None)
    g = zeros_for_none(torch.autograd.grad(total, x, create_graph=first, allow_unused=True), x)
    taken = spread(g)
    record["cotangents"] = [tensor(a) for a in c]
    record["grads"] = [tensor(next(taken)) if leaf.requires_grad else None for leaf in leaves]
    if first:
        d = [u(-1, 1, *a.shape) for a in g]
        by = x + [a for a in c if a is not None]
        second = sum((a * b).sum() for a, b in zip(d, g) if b.requires_grad)
        if torch.is_tensor(second):
            second = torch.autograd.grad(second, by, allow_unused=True)
        else:
            second = [None] * len(by)
        second = zeros_for_none(second, by)
        taken, directions = spread(second[: len(x)]), spread(d)
        record["directions"] = [tensor(next(directions)) if leaf.requires_grad else None for leaf in leaves]
        record["second"] = [tensor(next(taken)) if leaf.requires_grad else None for leaf in leaves]
        taken = spread(second[len(x) :])
        record["pushed"] = [tensor(next(taken)) if s else None for s in smooth]


class Gamma(torch.autograd.Function):
    """The logarithm of the gamma function for n = -1, and its derivative of order n + 1 beyond."""

    @staticmethod
    def forward(ctx, x, n):
        ctx.save_for_backward(x)
        ctx.n = n
        f = (lambda v: mpmath.log(abs(mpmath.gamma(v)))) if n < 0 else (lambda v: mpmath.psi(n, v))
        with mpmath.workdps(40):
            return of(*(float(f(mpmath.mpf(v))) for v in x.reshape(-1).tolist())).reshape(x.shape)

    @staticmethod
    def backward(ctx, g):
        return g * Gamma.apply(ctx.saved_tensors[0], ctx.n + 1), None


def pointwise():
    wide, near = u(-8, 8, 3, 4), u(-2, 2, 3, 4)
    unit, positive = u(-0.9, 0.9, 3, 4), u(0.1, 6, 3, 4)
    case("neg", torch.neg, wide)
    case("abs", torch.abs, distinct(3, 4))
    case("sign", torch.sign, distinct(3, 4))
    case("recip", torch.reciprocal, distinct(3, 4))
    case("square", torch.square, wide)
    case("sqrt", torch.sqrt, positive)
    case("rsqrt", torch.rsqrt, positive)
    case("mul_scalar", lambda x, by: x * by, wide, by=0.75)
    case("add_scalar", lambda x, by: x + by, wide, by=0.75)
    for p in (3.0, 2.7, -2.0, 0.5):
        case("pow_scalar", lambda x, p: x**p, positive, p=p)
    case("pow_scalar", lambda x, p: x**p, distinct(6), p=-3.0)
    case("clamp", lambda x, lo, hi: x.clamp(lo, hi), distinct(3, 4), lo=-0.5, hi=0.4)
    case("to_dtype", lambda x: x.to(torch.float32).to(torch.float64), wide)
    for op, f in {
        "exp": torch.exp,
        "exp_m1": torch.expm1,
        "exp2": torch.exp2,
        "sin": torch.sin,
        "cos": torch.cos,
        "tanh": torch.tanh,
        "erf": torch.erf,
        "erfc": torch.erfc,
        "relu": F.relu,
        "gelu": F.gelu,
        "silu": F.silu,
        "sigmoid": torch.sigmoid,
        "softplus": F.softplus,  # within +-8 it has not switched to its linear branch
        "log_sigmoid": F.logsigmoid,
        "atan": torch.atan,
        "sinh": torch.sinh,
        "cosh": torch.cosh,
        "asinh": torch.asinh,
    }.items():
        case(op, f, wide)
        case(op, f, u(-0.1, 0.1, 5) + 1 / 1024)
    for op, f in {"ln": torch.log, "log2": torch.log2, "log10": torch.log10}.items():
        case(op, f, positive)
    for op, f in {"ln_1p": torch.log1p, "asin": torch.asin, "acos": torch.acos, "atanh": torch.atanh}.items():
        case(op, f, unit)
    # Further out PyTorch's second derivative is what its cancellation leaves.
    case("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), u(-3, 3, 3, 4))
    case("tan", torch.tan, u(-1.4, 1.4, 3, 4))
    case("acosh", torch.acosh, u(1.1, 9, 3, 4))
    for x in (positive, distinct(6)):
        case("lgamma", lambda x: Gamma.apply(x, -1), x, tool="mpmath")
        case("digamma", lambda x: Gamma.apply(x, 0), x, tool="mpmath")
    for n in (1, 2):
        case("polygamma", lambda x, n: Gamma.apply(x, n), positive, n=n, tool="mpmath")
    for op, f in {"floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "trunc": torch.trunc}.items():
        case(op, f, distinct(3, 4) * 2)
    for alpha in (1.0, 0.3):
        case("elu", lambda x, alpha: F.elu(x, alpha=alpha), wide, alpha=alpha)
    case("leaky_relu", lambda x, slope: F.leaky_relu(x, slope), wide, slope=0.125)
    case("frac", torch.frac, distinct(3, 4) * 2)
    case("softsign", F.softsign, wide)
    case("deg2rad", torch.deg2rad, wide)
    case("rad2deg", torch.rad2deg, wide)
    case("cbrt", lambda x: x.sign() * x.abs() ** (1 / 3), distinct(3, 4))
    case("erfinv", torch.erfinv, unit)
    case("logit", torch.logit, u(0.1, 0.9, 3, 4))
    case("sinc", torch.sinc, distinct(3, 4) * 4)  # nearer to 0 the second derivative of PyTorch cancels
    case("nan_to_num", torch.nan_to_num, wide)
    case("is_nan", torch.isnan, wide, only_value=True)
    case("is_inf", torch.isinf, wide, only_value=True)
    case("is_finite", torch.isfinite, wide, only_value=True)
    case("is_close", lambda x, y: torch.isclose(x, y, 0.25, 0.5), of(1, 2, 3, 4), of(1.5, 3.5, 4.5, 4), only_value=True)


def binary():
    for op, f in {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        "maximum": torch.maximum,
        "minimum": torch.minimum,
        "atan2": torch.atan2,
        "hypot": torch.hypot,
        "logaddexp": torch.logaddexp,
    }.items():
        # Halves of a grid that have no value in common.
        case(op, f, distinct(3, 4), distinct(4) * 1.5)
        case(op, f, distinct(3, 1), distinct(1, 4) * 1.5)
    # Powers of 2, for which PyTorch's second derivative is 0 without rounding.
    case("copysign", torch.copysign, of([1, -2, 0.5, 4], [-8, 16, -0.25, -1]), of(1, -2, -3, 4))
    case("pow", torch.pow, u(0.1, 4, 3, 4), u(-2, 2, 4))
    case("xlogy", torch.special.xlogy, u(-2, 2, 3, 4), u(0.1, 4, 4))
    mask = torch.tensor([[True, False, False, True], [False, False, True, True], [True, True, False, False]])
    case("where", torch.where, mask, u(-2, 2, 3, 4), u(-2, 2, 4))
    case("masked_fill", lambda x, m, value: x.masked_fill(m, value), u(-2, 2, 3, 4), mask, value=1.5)
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        case(op, getattr(torch, op), of(1, 2, 3, -4), of(2, 2, -3, 4), only_value=True)
    case("fmod", torch.fmod, distinct(3, 4) * 3, distinct(4))
    case("remainder", torch.remainder, distinct(3, 4) * 3, distinct(4))
    case("floor_divide", lambda x, y: torch.floor(x / y), distinct(3, 4) * 3, distinct(4))
    case("heaviside", lambda x, y: torch.where(x > 0, 1 + 0 * x, 0 * y), distinct(3, 4), distinct(4))
    case("lerp", torch.lerp, u(-2, 2, 3, 4), u(-2, 2, 4), u(0, 1, 3, 1))
    case("bitwise_and", torch.bitwise_and, ints(12, -7, 5, 0), ints(18, 3, -1, 4), only_value=True)
    case("bitwise_or", torch.bitwise_or, ints(12, -7, 5, 0), ints(18, 3, -1, 4), only_value=True)
    case("bitwise_xor", torch.bitwise_xor, ints(12, -7, 5, 0), ints(18, 3, -1, 4), only_value=True)
    case("gcd", torch.gcd, ints(12, -7, 5, 0), ints(18, 3, -1, 4), only_value=True)
    case("lcm", torch.lcm, ints(12, -7, 5, 0), ints(18, 3, -1, 4), only_value=True)
    case("bitwise_left_shift", torch.bitwise_left_shift, ints(12, -7, 5, 0), ints(2, 3, 0, 4), only_value=True)
    case("bitwise_right_shift", torch.bitwise_right_shift, ints(12, -7, 5, 0), ints(2, 3, 0, 4), only_value=True)
    case("logical_and", torch.logical_and, torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False]), only_value=True)
    case("logical_or", torch.logical_or, torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False]), only_value=True)
    case("logical_xor", torch.logical_xor, torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False]), only_value=True)
    case("logical_not", torch.logical_not, torch.tensor([True, False]), only_value=True)
    case("bitwise_not", torch.bitwise_not, ints(12, -7, 0), only_value=True)
    case("glu", lambda x, gate: F.glu(torch.cat([x, gate]), 0), u(-2, 2, 3, 4), u(-8, 8, 3, 4))
    case("reglu", lambda x, gate: x * F.relu(gate), u(-2, 2, 3, 4), distinct(3, 4))
    case("geglu", lambda x, gate: x * F.gelu(gate), u(-2, 2, 3, 4), u(-8, 8, 3, 4))
    # As for gelu_tanh alone.
    case("geglu_tanh", lambda x, gate: x * F.gelu(gate, approximate="tanh"), u(-2, 2, 3, 4), u(-3, 3, 3, 4))
    case("swiglu", lambda x, gate: x * F.silu(gate), u(-2, 2, 3, 4), u(-8, 8, 3, 4))
    case("dropped", lambda mask, x, scale: x * mask * scale, mask, u(-2, 2, 3, 4), scale=1.25)
    case("add_dropped", lambda mask, x, y, scale: x + y * mask * scale, mask, u(-2, 2, 3, 4), u(-2, 2, 3, 4), scale=1.25)


def reduce():
    x = u(-2, 2, 2, 3, 4)
    case("sum", lambda x, axes: x.sum(axes), x, axes=[0, 2])
    case("sum", lambda x, axes: x.sum(), x, axes=[])
    case("sum_keep", lambda x, axes: x.sum(axes, keepdim=True), x, axes=[1])
    case("sum_to", lambda x, shape: x.sum_to_size(shape), x, shape=[3, 1])
    case("mean", lambda x, axes: x.mean(axes), x, axes=[0, 2])
    case("mean_keep", lambda x, axes: x.mean(axes, keepdim=True), x, axes=[1])
    for axes in ([0, 2], [1]):
        case("max", lambda x, axes: x.amax(axes), distinct(2, 3, 4), axes=axes)
        case("min", lambda x, axes: x.amin(axes), distinct(2, 3, 4), axes=axes)
    # Ties share the gradient here and there.
    case("max", lambda x, axes: x.amax(axes), of([1, 3, 3, 0], [2, 2, 2, 2]), axes=[1])
    for axes, correction in (([1], 1), ([0, 2], 0), ([0, 1, 2], 1)):
        case("var", lambda x, axes, correction: x.var(axes, correction=correction), x, axes=axes, correction=correction)
        case("std", lambda x, axes, correction: x.std(axes, correction=correction), x, axes=axes, correction=correction)
    case("logsumexp", lambda x, axis: x.logsumexp(axis), x, axis=-1)
    case("logsumexp", lambda x, axis: x.logsumexp(axis), x, axis=1)
    case("prod", lambda x, axes: x.prod(axes[1]).prod(axes[0]), x, axes=[0, 2])
    case("prod", lambda x, axes: x.prod(axes[0]), of([2, 0, -3], [0, 0, 4]), axes=[1])
    case("argmax", lambda x, axis: x.argmax(axis), distinct(3, 4), axis=1, only_value=True)
    case("argmin", lambda x, axis: x.argmin(axis), distinct(3, 4), axis=0, only_value=True)
    for p in (3.0, 1.0, 2.0, 0.5):
        case("norm", lambda x, p, axes: torch.linalg.vector_norm(x, p, axes), distinct(2, 3, 4), p=p, axes=[0, 2])
    for q in (0.3, 0.5):
        case("quantile", lambda x, q, axis: torch.quantile(x, q, axis), distinct(3, 5), q=q, axis=1)
    case("median", lambda x, axis: x.quantile(0.5, axis), distinct(3, 4), axis=1)
    case("nansum", lambda x, axes: x.nansum(axes), x, axes=[0, 2])
    case("nanmean", lambda x, axes: x.nanmean(axes), x, axes=[0, 2])


def recurrence(a, b, axis):
    a, b = a.movedim(axis, 0), b.movedim(axis, 0)
    h = [b[0]]
    for i in range(1, len(b)):
        h.append(a[i] * h[-1] + b[i])
    return torch.stack(h).movedim(0, axis)


def scan():
    for axis in (0, -1):
        case("cumsum", lambda x, axis: x.cumsum(axis), u(-2, 2, 3, 4), axis=axis)
        case("cumprod", lambda x, axis: x.cumprod(axis), distinct(3, 4), axis=axis)
        case("linear_recurrence", recurrence, u(-1, 1, 3, 4), u(-2, 2, 3, 4), axis=axis)
    case("cumprod", lambda x, axis: x.cumprod(axis), of(2, 0, -3, 0, 4), axis=0)
    case("cummax", lambda x, axis: tuple(x.cummax(axis)), distinct(3, 4), axis=1)
    case("cummin", lambda x, axis: tuple(x.cummin(axis)), distinct(3, 4), axis=1)
    case("diff", lambda x, n, axis: torch.diff(x, n=n, dim=axis), u(-2, 2, 3, 5), n=2, axis=1)
    case("logcumsumexp", lambda x, axis: x.logcumsumexp(axis), u(-2, 2, 3, 4), axis=1)


def sort():
    for descending in (False, True):
        how = {"axis": -1, "descending": descending}
        case("sort", lambda x, axis, descending: x.sort(axis, descending), distinct(3, 4), **how)
        topk = lambda x, axis, descending, k: x.topk(k, axis, descending)
        case("topk", topk, distinct(3, 5), k=2, **how)
        argsort = lambda x, axis, descending: x.argsort(axis, descending)
        case("argsort", argsort, distinct(4, 3), axis=0, descending=descending, only_value=True)
    case("kthvalue", lambda x, k, axis: tuple(x.kthvalue(k, axis)), distinct(3, 5), k=2, axis=1)


def as_complex(f):
    return lambda x, **how: torch.view_as_real(f(torch.view_as_complex(x), **how))


def product():
    case("matmul", torch.matmul, u(-2, 2, 3, 5), u(-2, 2, 5, 2))
    case("matmul", torch.matmul, u(-2, 2, 2, 1, 3, 3), u(-2, 2, 2, 3, 2))
    case("matmul", torch.matmul, u(-2, 2, 5, 3), u(-2, 2, 3))
    case("matmul", torch.matmul, u(-2, 2, 3), u(-2, 2, 2, 3, 2))
    case("linear", F.linear, u(-2, 2, 2, 2, 4), u(-2, 2, 3, 4), u(-2, 2, 3))
    case("linear", F.linear, u(-2, 2, 4, 6), u(-2, 2, 3, 6))
    case("linear_relu", lambda x, w, b: F.linear(x, w, b).relu(), u(-2, 2, 3, 4), u(-2, 2, 3, 4), u(-2, 2, 3))
    einsum = lambda *x, subscripts: torch.einsum(subscripts, *x)
    case("einsum", einsum, u(-2, 2, 2, 3, 4), u(-2, 2, 2, 5, 4), subscripts="bid,bjd->bij")
    case("einsum", einsum, u(-2, 2, 3, 4), u(-2, 2, 4), u(-2, 2, 4, 2), subscripts="ij,j,jk->ki")
    case("einsum", einsum, u(-2, 2, 3, 3, 2), subscripts="iij->j")
    case("einsum", einsum, u(-2, 2, 2, 3, 4), u(-2, 2, 4, 2), subscripts="...j,jk->...k")
    case("joined_axes", lambda x: torch.einsum("iji->ij", x), u(-2, 2, 3, 2, 3))
    case("split_axes", lambda x: torch.diag_embed(x, dim1=1, dim2=2), u(-2, 2, 2, 3))
    case("dot", torch.dot, u(-2, 2, 5), u(-2, 2, 5))
    case("inner", torch.inner, u(-2, 2, 2, 4), u(-2, 2, 3, 4))
    case("outer", torch.outer, u(-2, 2, 3), u(-2, 2, 4))
    case("tensordot", lambda a, b: torch.tensordot(a, b, ([2, 0], [0, 1])), u(-2, 2, 2, 3, 4), u(-2, 2, 4, 2, 2))
    case("kron", torch.kron, u(-2, 2, 2, 3), u(-2, 2, 3, 2))
    case("multi_dot", lambda *x: torch.linalg.multi_dot(x), u(-2, 2, 2, 5), u(-2, 2, 5, 3), u(-2, 2, 3, 4))
    case("cross", lambda a, b, axis: torch.linalg.cross(a, b, dim=axis), u(-2, 2, 2, 3), u(-2, 2, 2, 3), axis=-1)
    for norm in ("backward", "ortho", "forward"):
        how = {"n": None, "axis": -1, "norm": norm}
        for op, f, x in (
            ("fft", as_complex(lambda x, n, axis, norm: torch.fft.fft(x, n, axis, norm)), u(-2, 2, 2, 5, 2)),
            ("ifft", as_complex(lambda x, n, axis, norm: torch.fft.ifft(x, n, axis, norm)), u(-2, 2, 2, 5, 2)),
            ("rfft", lambda x, n, axis, norm: torch.view_as_real(torch.fft.rfft(x, n, axis, norm)), u(-2, 2, 2, 6)),
        ):
            case(op, f, x, **how)
        irfft = lambda x, n, axis, norm: torch.fft.irfft(torch.view_as_complex(x), n, axis, norm)
        case("irfft", irfft, u(-2, 2, 2, 4, 2), **dict(how, n=7))
    case("fft", as_complex(lambda x, n, axis, norm: torch.fft.fft(x, n, axis, norm)), u(-2, 2, 5, 2, 2), n=3, axis=0, norm="backward")
    case("fftn", as_complex(lambda x, axes: torch.fft.fftn(x, dim=axes)), u(-2, 2, 3, 4, 2), axes=[0, 1])
    case("ifftn", as_complex(lambda x, axes: torch.fft.ifftn(x, dim=axes)), u(-2, 2, 3, 4, 2), axes=[0, 1])
    case("rfftn", lambda x, axes: torch.view_as_real(torch.fft.rfftn(x, dim=axes)), u(-2, 2, 3, 4), axes=[0, 1])
    case("irfftn", lambda x, axes: torch.fft.irfftn(torch.view_as_complex(x), dim=axes), u(-2, 2, 3, 3, 2), axes=[0, 1])
    case("fftshift", lambda x, axes: torch.fft.fftshift(x, axes), u(-2, 2, 3, 4), axes=[0, 1])
    case("ifftshift", lambda x, axes: torch.fft.ifftshift(x, axes), u(-2, 2, 3, 4), axes=[0, 1])


def well(*shape):
    """A matrix far from singular."""
    return u(-1, 1, *shape) + 3 * torch.eye(shape[-1], dtype=torch.float64)


def positive_definite(x):
    return x @ x.mT + torch.eye(x.shape[-1], dtype=x.dtype)


def qr(x):
    """With a positive diagonal of R."""
    q, r = torch.linalg.qr(x)
    s = torch.diagonal(r, dim1=-2, dim2=-1).sign()
    return q * s.unsqueeze(-2), r * s.unsqueeze(-1)


def svd(x):
    """What does not depend on the signs of the vectors."""
    u_, s, vt = torch.linalg.svd(x, full_matrices=False)
    return s, u_**2, vt**2, u_[..., :1] @ vt[..., :1, :]


def eigh(x):
    """Of a symmetric matrix, and what does not depend on the signs of the vectors."""
    values, v = torch.linalg.eigh(x + x.mT)
    return values, v**2, v[..., :1] @ v[..., :1].mT


def linalg():
    a, b = well(3, 3), u(-2, 2, 3, 2)
    case("solve", torch.linalg.solve, a, b)
    case("solve", torch.linalg.solve, well(2, 3, 3), u(-2, 2, 2, 3, 2))
    case("solve", torch.linalg.solve, a, u(-2, 2, 3))
    case("inv", torch.linalg.inv, a)
    case("inv", torch.linalg.inv, well(2, 2, 2))
    for n in (3, -2):
        case("matrix_power", lambda x, n: torch.linalg.matrix_power(x, n), a, n=n)
    case("slogdet", lambda x: tuple(torch.linalg.slogdet(x)), a)
    case("slogdet", lambda x: tuple(torch.linalg.slogdet(x)), -well(2, 3, 3))
    case("det", torch.linalg.det, a)
    case("trace", torch.trace, u(-2, 2, 3, 4))
    case("cholesky", lambda x: torch.linalg.cholesky(positive_definite(x)), u(-2, 2, 3, 3))
    case("cholesky_solve", lambda l, b: torch.cholesky_solve(b, l.tril()), well(3, 3), b)
    for upper in (False, True):
        for transposed in (False, True):
            for unit in (False, True):
                def solve(t, b, upper, transposed, unit):
                    if transposed:
                        t, upper = t.mT, not upper
                    return torch.linalg.solve_triangular(t, b, upper=upper, unitriangular=unit)
                case("triangular_solve", solve, a, b, upper=upper, transposed=transposed, unit=unit)
    case("qr", qr, u(-2, 2, 4, 3))
    case("qr", qr, well(2, 2, 2))
    case("eigh", eigh, torch.diag(of(-2, 0, 1, 3)) + u(-0.25, 0.25, 4, 4))
    case("eigvalsh", lambda x: torch.linalg.eigvalsh(x + x.mT), torch.diag(of(-2, 0, 3)) + u(-0.25, 0.25, 3, 3))
    case("svd", svd, torch.diag(of(4, 2, 1)) + u(-0.25, 0.25, 3, 3))
    case("svd", svd, (torch.diag(of(4, 2, 1)) + u(-0.25, 0.25, 3, 3))[:, :2])
    case("svdvals", torch.linalg.svdvals, torch.diag(of(4, 2, 1)) + u(-0.25, 0.25, 3, 3))
    case("pinv", torch.linalg.pinv, u(-2, 2, 4, 2))
    case("pinv", torch.linalg.pinv, u(-2, 2, 2, 3))
    case("lstsq", lambda a, b: torch.linalg.lstsq(a, b).solution, u(-2, 2, 4, 2), u(-2, 2, 4, 2))
    for norm in ("fro", "nuc", "1", "-1", "2", "-2", "inf", "-inf"):
        f = lambda x, norm: torch.linalg.matrix_norm(x, norm if norm in ("fro", "nuc") else float(norm))
        case("matrix_norm", f, torch.diag(of(4, 2, 1)) + u(-0.5, 0.5, 3, 3), norm=norm)
    case("cond", torch.linalg.cond, torch.diag(of(4, 2, 1)) + u(-0.25, 0.25, 3, 3))
    case("lu", torch.linalg.lu, u(-2, 2, 3, 3))
    case("matrix_exp", torch.linalg.matrix_exp, u(-2, 2, 3, 3))
    case("matrix_exp", torch.linalg.matrix_exp, u(-0.1, 0.1, 2, 2, 2))
    real = lambda x: torch.linalg.eigvals(x).real.sort()[0]
    case("eigvals", real, torch.diag(of(-2, 0, 3)) + u(-0.25, 0.25, 3, 3), only_value=True)
    case("eig", lambda x: torch.linalg.eigvals(x).real.sort()[0], torch.diag(of(-2, 0, 3)) + u(-0.25, 0.25, 3, 3))
    case("cholesky_inverse", lambda l: torch.cholesky_inverse(l.tril()), well(3, 3))


def norm():
    x = u(-3, 3, 2, 3, 4)
    for axis in (-1, 1):
        case("softmax", lambda x, axis: x.softmax(axis), x, axis=axis)
        case("log_softmax", lambda x, axis: x.log_softmax(axis), x, axis=axis)
    layer = lambda x, w=None, b=None, *, sizes, eps: F.layer_norm(x, sizes, w, b, eps)
    rms = lambda x, w=None, *, sizes, eps: F.rms_norm(x, sizes, w, eps)
    case("layer_norm", layer, u(-2, 2, 3, 5), u(-2, 2, 5), u(-2, 2, 5), sizes=[5], eps=1e-5)
    case("layer_norm", layer, u(-2, 2, 2, 3, 2), sizes=[3, 2], eps=0.25)
    case("rms_norm", rms, u(-2, 2, 3, 5), u(-2, 2, 5), sizes=[5], eps=1e-5)
    case("rms_norm", rms, u(-2, 2, 2, 3, 2), sizes=[3, 2], eps=0.25)

    def attend(q, k, v, *, causal):
        # The only one of PyTorch's that has second derivatives.
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            return F.scaled_dot_product_attention(q, k, v, is_causal=bool(causal), enable_gqa=True)

    for causal in (1, 0):
        operands = u(-2, 2, 2, 3, 2), u(-2, 2, 1, 3, 2), u(-2, 2, 1, 3, 4)
        case("scaled_dot_product_attention", attend, *operands, causal=causal)

    def masked(q, k, v, *, causal, mask=None, offset=0, window=None, slopes=None, scale=None):
        """All kinds of masks as one that is added."""
        n, m = q.shape[-2], k.shape[-2]
        ahead = torch.arange(n)[:, None] + offset - torch.arange(m)
        bias = torch.zeros(q.shape[-3], n, m, dtype=q.dtype)
        if mask is not None:
            bias = bias.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else bias + mask
        hidden = (ahead < 0) & bool(causal) | (ahead.abs() >= (window or 1000))
        if slopes is not None:
            bias = bias - slopes[:, None, None] * ahead.abs()
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            bias = bias.masked_fill(hidden, -torch.inf)
            return F.scaled_dot_product_attention(q, k, v, bias, scale=scale, enable_gqa=True)

    sees = torch.tensor([[True, False, True, True], [True, True, False, True], [False, False, True, False]])
    for how in (
        {"causal": 0, "mask": sees},
        {"causal": 0, "mask": u(-1, 1, 2, 3, 4)},
        {"causal": 1, "offset": 1},
        {"causal": 1, "offset": 1, "window": 2},
        {"causal": 0, "window": 2},
        {"causal": 1, "offset": 1, "slopes": of(0.5, 0.125)},
        {"causal": 1, "offset": 1, "window": 3, "slopes": of(0.25, 0.5), "mask": u(-1, 1, 4), "scale": 0.75},
    ):
        case("scaled_dot_product_attention", masked, u(-2, 2, 2, 3, 2), u(-2, 2, 1, 4, 2), u(-2, 2, 1, 4, 3), **how)

    def rotary(x, *, cos, sin, pairs):
        """As complex numbers, which a turn multiplies."""
        split = x.chunk(2, -1) if pairs == "halves" else (x[..., ::2], x[..., 1::2])
        turned = torch.view_as_real(torch.complex(*split) * torch.complex(cos, sin))
        return torch.cat((turned[..., 0], turned[..., 1]), -1) if pairs == "halves" else turned.flatten(-2)

    for pairs in ("halves", "neighbours"):
        case("rotary", rotary, u(-2, 2, 2, 3, 4), cos=u(-1, 1, 3, 2), sin=u(-1, 1, 3, 2), pairs=pairs)


def window():
    conv = lambda x, w, b=None, **o: F.conv2d(x, w, b, **o)
    plain = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1}
    operands = lambda: (u(-1, 1, 2, 4, 5, 4), u(-1, 1, 6, 2, 3, 2), u(-1, 1, 6))
    options = {"stride": [2, 1], "padding": [1, 1], "dilation": [1, 2], "groups": 2}
    case("conv", conv, *operands(), **options)
    case("conv", conv, u(-1, 1, 1, 16, 5, 6), u(-1, 1, 16, 16, 3, 3), **plain)
    case("conv_relu", lambda *x, **o: conv(*x, **o).relu(), *operands(), **options)
    up = lambda x, w, b, more, **o: F.conv_transpose2d(x, w, b, output_padding=more, **o)
    for more in (0, 1):
        stride = {**options, "stride": [2, 2]}
        case("conv_transpose", up, u(-1, 1, 1, 4, 3, 2), u(-1, 1, 4, 3, 2, 3), u(-1, 1, 6), more=more, **stride)
    pool = {"kernel": [3, 2], "stride": [2, 1], "padding": [1, 0]}
    largest = lambda x, kernel, stride, padding, dilation, ceil_mode: F.max_pool2d(
        x, kernel, stride, padding, dilation, bool(ceil_mode)
    )
    for dilation, ceil_mode in (([1, 1], 0), ([2, 1], 1)):
        case("max_pool", largest, distinct(2, 2, 6, 5), dilation=dilation, ceil_mode=ceil_mode, **pool)
    mean = lambda x, kernel, stride, padding, ceil_mode, include_pad: F.avg_pool2d(
        x, kernel, stride, padding, bool(ceil_mode), bool(include_pad)
    )
    for ceil_mode, include_pad in ((0, 1), (1, 1), (1, 0)):
        case("avg_pool", mean, u(-1, 1, 2, 2, 6, 5), ceil_mode=ceil_mode, include_pad=include_pad, **pool)
    case("adaptive_max_pool", lambda x, sizes: F.adaptive_max_pool2d(x, sizes), distinct(2, 2, 5, 4), sizes=[3, 2])
    case("adaptive_avg_pool", lambda x, sizes: F.adaptive_avg_pool2d(x, sizes), u(-1, 1, 2, 2, 5, 4), sizes=[3, 2])

    def interpolate(x, sizes, mode, corners):
        return F.interpolate(x, sizes, mode=mode, align_corners=None if mode == "nearest" else bool(corners))

    for sizes in ([7, 9], [2, 3]):
        for mode, corners in (("nearest", 0), ("bilinear", 0), ("bilinear", 1), ("bicubic", 0), ("bicubic", 1)):
            case("interpolate", interpolate, u(-1, 1, 1, 2, 4, 5), sizes=sizes, mode=mode, corners=corners)
    batch = lambda x, w, b, r, relu: (lambda y: y.relu() if relu else y)(
        F.batch_norm(x, None, None, w, b, training=True, eps=1e-3) + r
    )
    for relu in (0, 1):
        sides = u(-2, 2, 3, 2, 2, 3), u(-2, 2, 2), u(-2, 2, 2), u(-2, 2, 3, 2, 2, 3)
        case("batch_norm", batch, *sides, relu=relu)
    unfold = lambda x, kernel, stride, padding, dilation, groups: F.unfold(x, kernel, dilation, padding, stride)
    fold = lambda x, sizes, kernel, stride, padding, dilation, groups: F.fold(x, sizes, kernel, dilation, padding, stride)
    for o in (plain, {"stride": [2, 1], "padding": [1, 2], "dilation": [1, 2], "groups": 1}):
        columns = F.unfold(torch.zeros(2, 3, 4, 5), [3, 2], o["dilation"], o["padding"], o["stride"])
        case("im2col", unfold, u(-1, 1, 2, 3, 4, 5), kernel=[3, 2], **o)
        case("col2im", fold, u(-1, 1, *columns.shape), sizes=[4, 5], kernel=[3, 2], **o)
    divided = lambda x, kernel, stride, padding, ceil_mode, divisor: F.avg_pool2d(
        x, kernel, stride, padding, bool(ceil_mode), True, divisor
    )
    for ceil_mode in (0, 1):
        case("avg_pool_by", divided, u(-1, 1, 2, 2, 6, 5), ceil_mode=ceil_mode, divisor=5, **pool)
        bare = {**pool, "padding": [0, 0]}
        lengths = lambda x, p, kernel, stride, padding, ceil_mode: F.lp_pool2d(x, p, kernel, stride, bool(ceil_mode))
        for p in (2.0, 3.0):
            case("lp_pool", lengths, u(0.1, 2, 2, 2, 6, 5), p=p, ceil_mode=ceil_mode, **bare)
    places = F.max_pool2d(distinct(2, 2, 4, 6), 2, return_indices=True)[1]
    case("max_unpool", lambda x, i, sizes: F.max_unpool2d(x, i, 2, output_size=sizes), u(-1, 1, 2, 2, 2, 3), places, sizes=[4, 6])

    def interpolate_by(x, factor, mode, corners):
        corners = None if mode == "nearest" else bool(corners)
        return F.interpolate(x, scale_factor=factor, mode=mode, align_corners=corners)

    for factor in (1.7, 0.6):
        for mode, corners in (("nearest", 0), ("bilinear", 0), ("bilinear", 1), ("bicubic", 0)):
            case("interpolate_by", interpolate_by, u(-1, 1, 1, 2, 4, 5), factor=factor, mode=mode, corners=corners)


def loss():
    x, y = distinct(4, 3), distinct(4, 3) * 1.5
    t, p = u(0, 1, 4, 3), u(0.2, 3, 3)
    far = of([0, 30, -30], [2**-30, 700, -700])
    for reduction in ("mean", "sum", "none"):
        how = {"reduction": reduction}
        case("mse_loss", F.mse_loss, x, y, **how)
        case("l1_loss", F.l1_loss, x, y, **how)
        for delta in (0.5, 1.0):
            case("huber_loss", F.huber_loss, x, y, delta=delta, **how)
        case("bce_with_logits", F.binary_cross_entropy_with_logits, x, t, **how)
        case("bce_with_logits", F.binary_cross_entropy_with_logits, x, t, pos_weight=p, **how)
        case("bce_with_logits", F.binary_cross_entropy_with_logits, far, t[:2], **how)
    cross_entropies()


def cross_entropies():
    def ce(x, t, ignore_index=None, **how):
        return F.cross_entropy(x.movedim(-1, 1), t, ignore_index=-100 if ignore_index is None else ignore_index, **how)

    logits, w = u(-4, 4, 5, 4), u(0.2, 3, 4)
    labels = ints(3, 0, 1, 1, 2)
    some = ints(3, -100, 1, -100, 3)
    soft = of([4, 2, 1, 1], [0, 8, 0, 0], [1, 1, 2, 4], [3, 3, 1, 1], [2, 2, 2, 2]) / 8
    for reduction in ("mean", "sum", "none"):
        for smoothing in (0.0, 0.125):
            for weight in (None, w):
                how = {"reduction": reduction, "label_smoothing": smoothing, "weight": weight}
                for target in (labels, some, soft):
                    case("cross_entropy", ce, logits, target, **how, **({"ignore_index": -100} if target is some else {}))
    # Classes are the last axis here, the second there.
    how = {"reduction": "none", "label_smoothing": 0.25, "weight": w}
    case("cross_entropy", ce, u(-2, 2, 2, 3, 4), ints([0, 1, 2], [3, 3, 0]), **how)

    def linear_ce(x, of_logits, t, bias, ignore_index, **how):
        return ce(F.linear(x, of_logits, bias), t, ignore_index, **how)

    for reduction in ("mean", "sum", "none"):
        for smoothing, weight in ((0.0, None), (0.125, w)):
            how = {"reduction": reduction, "label_smoothing": smoothing, "weight": weight, "ignore_index": -100}
            case("linear_cross_entropy", linear_ce, u(-2, 2, 5, 3), u(-1, 1, 4, 3), some, u(-1, 1, 4), **how)


def shape():
    x = u(-2, 2, 2, 3, 4)
    case("reshape", lambda x, shape: x.reshape(shape), x, shape=[4, -1])
    case("flatten", lambda x: x.flatten(1, 2), x)
    case("permute", lambda x, axes: x.permute(axes), x, axes=[2, 0, 1])
    case("transpose", lambda x: x.transpose(0, 2), x)
    case("expand", lambda x, shape: x.expand(shape), u(-2, 2, 3, 1), shape=[2, 3, 2])
    case("squeeze", lambda x, axis: x.squeeze(axis), u(-2, 2, 3, 1, 2), axis=1)
    case("unsqueeze", lambda x, axis: x.unsqueeze(axis), u(-2, 2, 3, 2), axis=-2)
    case("narrow", lambda x: x.narrow(1, 1, 2), x)
    case("split", lambda x, axis, sizes: x.split(sizes, axis), u(-2, 2, 2, 5), axis=1, sizes=[1, 3, 1])
    case("chunk", lambda x, axis, n: x.chunk(n, axis), u(-2, 2, 2, 5), axis=1, n=2)
    case("select", lambda x: x.select(1, -2), x)
    case("slice", lambda x: x[1:, :, ::2], x)
    case("flip", lambda x, axis: x.flip(axis), u(-2, 2, 3, 4), axis=0)
    case("cat", lambda *x: torch.cat(x, 1), u(-2, 2, 2, 3), u(-2, 2, 2, 1), u(-2, 2, 2, 2))
    case("stack", lambda *x: torch.stack(x, 1), u(-2, 2, 2, 3), u(-2, 2, 2, 3))
    picture = u(-2, 2, 1, 2, 3, 4)
    case("pad", lambda x, mode: F.pad(x, (2, 1, 0, 2), mode, 1.5), picture, mode="constant")
    for mode in ("reflect", "replicate", "circular"):
        case("pad", lambda x, mode: F.pad(x, (2, 1, 0, 2), mode), picture, mode=mode)
    case("roll", lambda x, shift, axis: x.roll(shift, axis), u(-2, 2, 3, 4), shift=-3, axis=1)
    case("repeat", lambda x, times: x.repeat(times), u(-2, 2, 3, 2), times=[2, 1, 3])
    case("repeat_interleave", lambda x, n, axis: x.repeat_interleave(n, axis), u(-2, 2, 3, 2), n=2, axis=0)
    for d in (0, -1, 2):
        case("tril", lambda x, d: x.tril(d), u(-2, 2, 3, 4), d=d)
        case("triu", lambda x, d: x.triu(d), u(-2, 2, 3, 4), d=d)
    case("unfold", lambda x: x.unfold(1, 3, 2), u(-2, 2, 2, 7))
    case("unfold", lambda x: x.unfold(1, 3, 2), u(-2, 2, 2, 6, 2))
    case("diagonal", lambda x: x.diagonal(dim1=-2, dim2=-1), u(-2, 2, 2, 3, 4))
    case("diag", torch.diag_embed, u(-2, 2, 2, 3))


def index():
    x, rows = u(-2, 2, 5, 3), ints(4, 0, 4, 2)
    columns, once = ints([2, 2], [0, 1], [1, 0]), ints([2, 0], [0, 1], [1, 2])
    case("index_select", lambda x, i, axis: x.index_select(axis, i), x, rows, axis=0)
    case("gather", lambda x, i, axis: x.gather(axis, i), x, columns, axis=1)
    case("index_add", lambda x, i, s, axis: x.index_add(axis, i, s), x, rows, u(-2, 2, 4, 3), axis=0)
    case("scatter_add", lambda x, i, s, axis: x.scatter_add(axis, i, s), x, columns, u(-2, 2, 3, 2), axis=1)
    case("scatter", lambda x, i, s, axis: x.scatter(axis, i, s), x, once, u(-2, 2, 3, 2), axis=1)
    case("index_fill", lambda x, i, axis, value: x.index_fill(axis, i, value), x, rows, axis=0, value=0.5)
    case("masked_select", lambda x, m: x.masked_select(m), u(-2, 2, 2, 3), torch.tensor([[True, False, True], [True, True, False]]))
    case("take", lambda x, i: x.take(i), x, ints([14, 0], [7, 7]))
    case("take_along_axis", lambda x, i, axis: x.take_along_dim(i, axis), x, ints([2, 0]), axis=1)
    pairs = ints([4, 1], [0, 0], [4, 1])
    case("gather_nd", lambda x, i: x[i[:, 0], i[:, 1]], u(-2, 2, 5, 3, 2), pairs)
    add = lambda x, i, s: x.index_put((i[:, 0], i[:, 1]), s, accumulate=True)
    case("scatter_nd_add", add, u(-2, 2, 5, 3, 2), pairs, u(-2, 2, 3, 2))
    case("one_hot", lambda i, classes: F.one_hot(i, classes).double(), rows, classes=5, only_value=True)
    write = lambda x, i, s: x.index_put((i[:, 0], i[:, 1]), s)
    case("scatter_nd", write, u(-2, 2, 5, 3, 2), ints([4, 1], [0, 0], [3, 2]), u(-2, 2, 3, 2))


def sequence():
    layers = {"lstm": torch._VF.lstm, "gru": torch._VF.gru, "tanh": torch._VF.rnn_tanh, "relu": torch._VF.rnn_relu}
    gates = {"lstm": 4, "gru": 3}
    time, n, h = 4, 2, 3
    for cell, layer in layers.items():
        wide, parts = gates.get(cell, 1) * h, 2 if cell == "lstm" else 1

        def run(x, w, states, b, cell, sizes):
            # The input's share of the gates is the input, through the identity.
            first = states.reshape(parts, 1, n, h).unbind()
            weights = [torch.eye(wide, dtype=x.dtype), w, torch.zeros(wide, dtype=x.dtype), b]
            y, *last = layer(x.reshape(time, n, wide), first if parts == 2 else first[0], weights, True, 1, 0.0, False, False, False)
            return torch.cat([y.reshape(time * n, h), *(state[0] for state in last)])

        how = {"cell": cell, "sizes": [n] * time}
        case("recurrent", run, u(-1, 1, time * n, wide), u(-1, 1, wide, h), u(-1, 1, parts * n, h), u(-1, 1, wide), **how)

    def ctc(x, labels, label_lengths, input_lengths, reduction):
        """The sum over ways as PyTorch's operations make it: its own loss has no second derivative."""
        y, losses = x.log_softmax(-1), []
        for i, (labels_of, steps) in enumerate(zip(label_lengths, input_lengths)):
            spelt = [0] * (2 * labels_of + 1)
            spelt[1::2] = labels[i, :labels_of].tolist()
            a = [y[0, i, c] if s < 2 else None for s, c in enumerate(spelt)]
            for t in range(1, steps):
                ways = lambda s: a[max(s - 1, 0) : s + 1] + ([a[s - 2]] if s > 1 and spelt[s] not in (0, spelt[s - 2]) else [])
                some = lambda s: [w for w in ways(s) if w is not None]
                a = [y[t, i, c] + torch.stack(some(s)).logsumexp(0) if some(s) else None for s, c in enumerate(spelt)]
            losses.append(-torch.stack([w for w in a[-2:] if w is not None]).logsumexp(0))
        losses = torch.stack(losses)
        lengths = torch.tensor(label_lengths)
        own = F.ctc_loss(y, labels, torch.tensor(input_lengths), lengths, reduction="none")
        assert torch.allclose(losses, own, atol=1e-12, rtol=0)
        return {"none": losses, "sum": losses.sum(), "mean": (losses / lengths.clamp(min=1)).mean()}[reduction]

    labels = ints([1, 2, 2], [3, 1, 1])
    for reduction in ("none", "sum", "mean"):
        how = {"label_lengths": [3, 1], "input_lengths": [6, 4], "reduction": reduction}
        case("ctc_loss", ctc, u(-2, 2, 6, 2, 4), labels, **how)


def main():
    global FAMILY
    for group in (pointwise, binary, reduce, scan, sort, product, linalg, norm, window, loss, shape, index, sequence):
        FAMILY = group.__name__
        # By group, so that a line added at its end changes no other case.
        torch.manual_seed(SEED + zlib.crc32(FAMILY.encode()))
        group()
    named = {"tools": TOOLS, "seed": SEED, "script": "make_goldens.py", "gradient_of": GRADIENT_OF, "without": WITHOUT}
    head = json.dumps(named, indent=0, separators=(",", ":"))[1:-2].strip()
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES)
    path = pathlib.Path(__file__).with_name("goldens.json")
    path.write_text("{\n" + head + ',\n"cases":[\n' + lines + "\n]\n}\n")
    print(f"{len(CASES)} cases of {len({c['op'] for c in CASES})} operations, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()

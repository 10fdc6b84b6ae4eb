"""Writes goldens.json: parameters after 1, 2, 3, 10 and 20 steps of other people's optimizers, in double precision: PyTorch's,
`schedulefree`'s and `timm`'s (LAMB); only Lion is written here, from the paper.

Usage: python make_goldens.py        (needs torch, schedulefree and timm; writes beside itself)

All cases of a model start from the same parameters and are given the same gradients, so that nothing but the update is
compared. A case with `frozen` leaves those parameters without gradients for the first 5 steps. Doubles are printed with as
many digits as it takes to read them back exactly.

PyTorch's Muon iterates in BF16; here that one function is exchanged for the same formula in double precision, by an
eigendecomposition: a polynomial of a matrix is the polynomial of its singular values.

The cases of L-BFGS have a loss instead of gradients, which the test computes again: `lbfgs_loss`.
"""

import fnmatch
import importlib.metadata
import json
import pathlib
import platform

import schedulefree
import timm
import torch
from timm.optim import lamb as timm_lamb
from torch.optim import _muon

SEED = 20240611
STEPS = 20
KEPT = [1, 2, 3, 10, 20]
FROZEN_STEPS = 5
SHAPES = {
    "body.weight": (3, 2),
    "body.bias": (3,),
    "scale": (3,),
    "head.weight": (2, 3),
    "head.bias": (2,),
}
# For optimizers that see shapes: tall, wide, square, three axes, none.
MIXED = {
    "tall": (5, 2),
    "wide": (2, 4),
    "square": (3, 3),
    "cube": (2, 3, 2),
    "vector": (4,),
    "number": (),
}
MODELS = {"net": SHAPES, "mixed": MIXED}


def flat(tensors):
    return {path: x.detach().reshape(-1).tolist() for path, x in tensors.items()}


def matching(pattern, shapes):
    """`body.**` as fnmatch reads it, whose `*` crosses dots."""
    return {path for path in shapes if fnmatch.fnmatchcase(path, pattern.replace("**", "*"))}


class Lion(torch.optim.Optimizer):
    """The paper's algorithm 2."""

    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                update = torch.sign(beta1 * m + (1 - beta1) * p.grad)
                p -= lr * (update + decay * p)
                m.copy_(beta2 * m + (1 - beta2) * p.grad)


def newton_schulz(grad, coefficients, steps, eps):
    """Singular values through the polynomial, again and again; the singular vectors stay."""
    a, b, c = coefficients
    u, s, vt = torch.linalg.svd(grad, full_matrices=False)
    s = s / s.square().sum().sqrt().clamp(min=eps)
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return u @ torch.diag(s) @ vt


_muon._zeropower_via_newtonschulz = newton_schulz


class MuonAndAdamW:
    """Two optimizers, as PyTorch's page has it: matrices by Muon, the others and the `also` by AdamW."""

    def __init__(self, options, shapes, adamw, also, **config):
        paths = list(shapes)
        by_muon = [len(shapes[path]) == 2 and path not in also for path in paths]
        groups = [options[i] for i, is_muon in enumerate(by_muon) if is_muon]
        self.parts = [torch.optim.Muon(groups, **config)]
        groups = [dict(options[i]) for i, is_muon in enumerate(by_muon) if not is_muon]
        for group in groups:
            if "lr" in group:  # a scale, made for the other learning rate
                group["lr"] *= adamw["lr"] / config["lr"]
        if groups:
            betas = (adamw["beta1"], adamw["beta2"])
            kept = {name: adamw[name] for name in ("lr", "eps", "weight_decay")}
            self.parts.append(torch.optim.AdamW(groups, betas=betas, **kept))

    def step(self):
        for part in self.parts:
            part.step()


class Apart:
    """One optimizer for each parameter, so that each counts its own updates where theirs count those of a group."""

    def __init__(self, options, **config):
        self.parts = [self.make([group], **config) for group in options]

    def step(self):
        for part in self.parts:
            if part.param_groups[0]["params"][0].grad is not None:
                part.step()


class Lamb(Apart):
    @staticmethod
    def make(params, **config):
        return timm_lamb.Lamb(params, max_grad_norm=None, always_adapt=True, **config)


class ScheduleFree(Apart):
    @staticmethod
    def make(params, **config):
        update = schedulefree.AdamWScheduleFree(params, **config)
        update.train()
        return update

    def averages(self, params):
        for part in self.parts:
            part.eval()
        found = flat(params)
        for part in self.parts:
            part.train()
        return found


def run(start, grads, shapes, optimizer, config, groups, frozen):
    params = {path: x.clone().requires_grad_() for path, x in start.items()}
    options = {path: {"params": [x]} for path, x in params.items()}
    for rule, pattern, value in groups:
        for path in shapes:
            if rule == "no_decay" and len(shapes[path]) < 2:
                options[path]["weight_decay"] = 0.0
            if rule == "lr_scale" and path in matching(pattern, shapes):
                options[path]["lr"] = config["lr"] * value
            if rule == "weight_decay" and path in matching(pattern, shapes):
                options[path]["weight_decay"] = value
    arguments = dict(config)
    if "beta1" in arguments:
        arguments["betas"] = (arguments.pop("beta1"), arguments.pop("beta2"))
    if optimizer == "Adafactor":
        arguments["eps"] = (arguments.pop("eps1"), arguments.pop("eps2"))
    if optimizer == "Muon":
        arguments |= {"shapes": shapes}
    own = {"Lion": Lion, "Lamb": Lamb, "Muon": MuonAndAdamW, "ScheduleFreeAdamW": ScheduleFree}
    update = own.get(optimizer) or getattr(torch.optim, optimizer)
    update = update(list(options.values()), **arguments)
    found = {"after": {}} | ({"averages": {}} if optimizer == "ScheduleFreeAdamW" else {})
    for step in range(STEPS):
        for path, x in params.items():
            asleep = frozen and step < FROZEN_STEPS and path in matching(frozen, shapes)
            x.grad = None if asleep else grads[step][path].clone()
        update.step()
        if step + 1 in KEPT:
            found["after"][str(step + 1)] = flat(params)
            if "averages" in found:
                found["averages"][str(step + 1)] = update.averages(params)
    return found


def mean_of_steps(start, grads):
    """PyTorch's `AveragedModel` over plain descent."""
    params = torch.nn.ParameterDict({path.replace(".", "_"): x.clone() for path, x in start.items()})
    names = {path.replace(".", "_"): path for path in start}
    averaged, after = torch.optim.swa_utils.AveragedModel(params), {}
    for step in range(STEPS):
        with torch.no_grad():
            for name, x in params.items():
                x -= 0.1 * grads[step][names[name]]
        averaged.update_parameters(params)
        if step + 1 in KEPT:
            after[str(step + 1)] = flat({names[name]: x for name, x in averaged.module.items()})
    return after


def lbfgs_loss(params):
    """Rosenbrock's valley from each element to the next, over all elements one after the other, and a bowl: no convex function."""
    x = torch.cat([x.reshape(-1) for x in params.values()])
    valley = (x[1:] - x[:-1] ** 2).square() + 0.5 * (1 - x[:-1]).square()
    return valley.sum() + 0.05 * x.square().sum()


def run_lbfgs(start, config):
    params = {path: x.clone().requires_grad_() for path, x in start.items()}
    update = torch.optim.LBFGS(list(params.values()), **config)

    def closure():
        update.zero_grad()
        loss = lbfgs_loss(params)
        loss.backward()
        return loss

    after, losses = {}, []
    for step in range(STEPS):
        losses.append(update.step(closure).item())
        if step + 1 in KEPT:
            after[str(step + 1)] = flat(params)
    state = update.state[next(iter(params.values()))]
    return {"after": after, "losses": losses, "evaluations": state["func_evals"], "iterations": state["n_iter"]}


def main():
    torch.manual_seed(SEED)
    torch.set_default_dtype(torch.float64)
    start = {path: torch.randn(shape) for path, shape in SHAPES.items()}
    # Scales from 1e-3 to 10, so that eps and decay matter in some places and not in others.
    spread = {path: 10 ** (torch.rand(shape) * 4 - 3) for path, shape in SHAPES.items()}
    grads = [{path: torch.randn(shape) * spread[path] for path, shape in SHAPES.items()} for _ in range(STEPS)]
    # Drawn behind the others, which stay as they were.
    mixed_start = {path: torch.randn(shape) for path, shape in MIXED.items()}
    mixed_spread = {path: 10 ** (torch.rand(shape) * 4 - 3) for path, shape in MIXED.items()}
    mixed_grads = [{path: torch.randn(shape) * mixed_spread[path] for path, shape in MIXED.items()} for _ in range(STEPS)]
    data = {"net": (start, grads, SHAPES), "mixed": (mixed_start, mixed_grads, MIXED)}
    sgd = {"lr": 0.05, "momentum": 0.0, "dampening": 0.0, "nesterov": False, "weight_decay": 0.0}
    adam = {"lr": 0.02, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
    rms = {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "centered": False, "weight_decay": 0.0}
    cases = [
        ("sgd", "SGD", sgd, [], None),
        ("sgd, decay", "SGD", sgd | {"weight_decay": 0.1}, [], None),
        ("sgd, momentum", "SGD", sgd | {"momentum": 0.9}, [], None),
        ("sgd, dampening", "SGD", sgd | {"momentum": 0.9, "dampening": 0.4, "weight_decay": 0.1}, [], None),
        ("sgd, nesterov", "SGD", sgd | {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}, [], None),
        ("sgd, groups", "SGD", sgd | {"momentum": 0.9, "weight_decay": 0.1}, [("lr_scale", "body.**", 0.1), ("no_decay", "", 0)], None),
        ("sgd, unfrozen later", "SGD", sgd | {"momentum": 0.9, "dampening": 0.4}, [], "body.**"),
        ("adam", "Adam", adam, [], None),
        ("adam, decay", "Adam", adam | {"weight_decay": 0.1}, [], None),
        ("adam, other settings", "Adam", adam | {"beta1": 0.5, "beta2": 0.9, "eps": 1e-2}, [], None),
        ("adamw", "AdamW", adam | {"weight_decay": 0.01}, [], None),
        ("adamw, much decay", "AdamW", adam | {"weight_decay": 0.5}, [], None),
        ("adamw, learning rates", "AdamW", adam | {"weight_decay": 0.1}, [("lr_scale", "body.**", 0.1), ("lr_scale", "head.bias", 3.0)], None),
        ("adamw, decays", "AdamW", adam | {"weight_decay": 0.1}, [("weight_decay", "head.*", 0.9)], None),
        ("adamw, no decay of vectors", "AdamW", adam | {"weight_decay": 0.3}, [("no_decay", "", 0)], None),
        ("adamw, the last rule", "AdamW", adam | {"weight_decay": 0.3}, [("no_decay", "", 0), ("weight_decay", "scale", 0.7)], None),
        ("adamw, unfrozen later", "AdamW", adam | {"weight_decay": 0.1}, [], "body.**"),
        ("rmsprop", "RMSprop", rms, [], None),
        ("rmsprop, centered", "RMSprop", rms | {"centered": True, "weight_decay": 0.1}, [], None),
        ("rmsprop, momentum", "RMSprop", rms | {"momentum": 0.8, "alpha": 0.9}, [], "body.**"),
        ("rmsprop, both", "RMSprop", rms | {"momentum": 0.8, "centered": True}, [("lr_scale", "body.**", 0.1)], None),
        ("adagrad", "Adagrad", {"lr": 0.05, "lr_decay": 0.0, "eps": 1e-10, "weight_decay": 0.0}, [], None),
        ("adagrad, decay", "Adagrad", {"lr": 0.05, "lr_decay": 0.1, "eps": 1e-3, "weight_decay": 0.1}, [], "body.**"),
        ("adadelta", "Adadelta", {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0}, [], None),
        ("adadelta, decay", "Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1}, [], "body.**"),
        ("adamax", "Adamax", adam, [], None),
        ("adamax, decay", "Adamax", adam | {"beta2": 0.9, "weight_decay": 0.1}, [], "body.**"),
        ("nadam", "NAdam", adam | {"momentum_decay": 4e-3}, [], None),
        ("nadam, decay", "NAdam", adam | {"momentum_decay": 0.1, "weight_decay": 0.1}, [], "body.**"),
        ("radam", "RAdam", adam, [], None),
        ("radam, decay", "RAdam", adam | {"beta2": 0.9, "weight_decay": 0.1}, [], "body.**"),
        ("lion", "Lion", {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}, [], None),
        ("lion, decay", "Lion", {"lr": 0.01, "beta1": 0.8, "beta2": 0.9, "weight_decay": 0.3}, [("no_decay", "", 0)], "body.**"),
    ]
    lamb = adam | {"eps": 1e-6, "weight_decay": 0.01}
    factor = {"lr": 0.01, "beta2_decay": -0.8, "eps1": None, "eps2": 1e-3, "d": 1.0, "weight_decay": 0.0}
    muon = {"lr": 0.02, "weight_decay": 0.1, "momentum": 0.95, "nesterov": True, "adjust_lr_fn": "original"}
    muon |= {"adamw": {"lr": 0.003, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.2}, "also": []}
    free = {"lr": 0.02, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
    free |= {"warmup_steps": 0, "r": 0.0, "weight_lr_power": 2.0}
    scales = [("lr_scale", "tall", 0.1), ("no_decay", "", 0), ("weight_decay", "cube", 0.4)]
    # With the model, as they look at shapes.
    of_shapes = [
        ("lamb", "Lamb", lamb, [], None),
        ("lamb, no decay", "Lamb", lamb | {"weight_decay": 0.0, "beta1": 0.8, "beta2": 0.95, "eps": 1e-3}, [], "tall"),
        ("lamb, groups", "Lamb", lamb | {"weight_decay": 0.3}, scales, None),
        ("adafactor", "Adafactor", factor, [], None),
        ("adafactor, decay", "Adafactor", factor | {"lr": 0.4, "weight_decay": 0.1, "beta2_decay": -0.5}, [], "c*"),
        ("adafactor, floors", "Adafactor", factor | {"lr": 0.1, "eps1": 1e-2, "eps2": 0.5, "d": 2.0}, [], None),
        ("adafactor, groups", "Adafactor", factor | {"lr": 0.3, "weight_decay": 0.2}, scales, None),
        ("muon", "Muon", muon, [], None),
        ("muon, as adamw", "Muon", muon | {"adjust_lr_fn": "match_rms_adamw", "nesterov": False}, [], None),
        ("muon, unfrozen later", "Muon", muon | {"momentum": 0.5, "weight_decay": 0.0, "also": ["wide"]}, [], "tall"),
        ("muon, other iteration", "Muon", muon | {"ns_coefficients": [2.0, -1.5, 0.5], "ns_steps": 3, "eps": 3.0}, [], None),
        ("muon, groups", "Muon", muon, scales, None),
        ("schedule-free", "ScheduleFreeAdamW", free, [], None),
        ("schedule-free, warm-up", "ScheduleFreeAdamW", free | {"warmup_steps": 7, "weight_decay": 0.1, "beta1": 0.95}, [], None),
        ("schedule-free, weights", "ScheduleFreeAdamW", free | {"r": 1.5, "weight_lr_power": 1.0, "warmup_steps": 4, "beta2": 0.9}, [], "c*"),
        ("schedule-free, groups", "ScheduleFreeAdamW", free | {"weight_decay": 0.2, "warmup_steps": 3}, scales, None),
    ]
    cases = [("net", *case) for case in cases] + [("mixed", *case) for case in of_shapes]
    searched = {"lr": 1.0, "max_iter": 2, "tolerance_grad": 1e-7, "tolerance_change": 1e-9, "history_size": 5}
    searched |= {"line_search_fn": "strong_wolfe"}
    fixed = searched | {"lr": 0.05, "line_search_fn": None}
    valleys = [
        ("strong wolfe", searched),
        ("long first steps", searched | {"lr": 8.0, "max_iter": 1, "max_eval": 20}),
        ("short first steps", searched | {"lr": 0.01, "max_iter": 1, "max_eval": 25}),
        ("few evaluations", searched | {"max_iter": 3, "max_eval": 4}),
        ("history of one", searched | {"history_size": 1, "max_iter": 1, "max_eval": 9}),
        ("fixed", fixed),
        ("fixed, one iteration", fixed | {"max_iter": 1, "lr": 0.2}),
    ]
    out = {
        "tool": "PyTorch",
        "version": torch.__version__,
        "schedulefree": importlib.metadata.version("schedulefree"),
        "timm": timm.__version__,
        "python": platform.python_version(),
        "seed": SEED,
        "script": "make_goldens.py",
        "frozen_steps": FROZEN_STEPS,
        "models": {
            name: {"shapes": shapes, "start": flat(start), "grads": [flat(g) for g in grads]}
            for name, (start, grads, shapes) in data.items()
        },
        "cases": [
            {"name": name, "optimizer": optimizer, "model": model, "config": config, "groups": groups, "frozen": frozen}
            | run(*data[model], optimizer, config, groups, frozen)
            for model, name, optimizer, config, groups, frozen in cases
        ],
        "swa": mean_of_steps(start, grads),
        "lbfgs": [{"name": name, "config": config} | run_lbfgs(mixed_start, config) for name, config in valleys],
    }
    path = pathlib.Path(__file__).parent / "goldens.json"
    path.write_text(json.dumps(out, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()

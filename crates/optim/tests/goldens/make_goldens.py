"""Writes goldens.json: parameters after 1, 2, 3, 10 and 20 steps of PyTorch's optimizers, in double precision.

Usage: python make_goldens.py        (needs torch; writes beside itself)

All cases start from the same parameters and are given the same gradients, so that nothing but the update is compared.
A case with `frozen` leaves those parameters without gradients for the first 5 steps. Doubles are printed with as many
digits as it takes to read them back exactly.
"""

import fnmatch
import json
import pathlib
import platform

import torch

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


def flat(tensors):
    return {path: x.detach().reshape(-1).tolist() for path, x in tensors.items()}


def matching(pattern):
    """`body.**` as fnmatch reads it, whose `*` crosses dots."""
    return {path for path in SHAPES if fnmatch.fnmatchcase(path, pattern.replace("**", "*"))}


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


def run(start, grads, optimizer, config, groups, frozen):
    params = {path: x.clone().requires_grad_() for path, x in start.items()}
    options = {path: {"params": [x]} for path, x in params.items()}
    for rule, pattern, value in groups:
        for path in SHAPES:
            if rule == "no_decay" and len(SHAPES[path]) < 2:
                options[path]["weight_decay"] = 0.0
            if rule == "lr_scale" and path in matching(pattern):
                options[path]["lr"] = config["lr"] * value
            if rule == "weight_decay" and path in matching(pattern):
                options[path]["weight_decay"] = value
    arguments = dict(config)
    if "beta1" in arguments:
        arguments["betas"] = (arguments.pop("beta1"), arguments.pop("beta2"))
    update = {"Lion": Lion}.get(optimizer) or getattr(torch.optim, optimizer)
    update = update(list(options.values()), **arguments)
    after = {}
    for step in range(STEPS):
        for path, x in params.items():
            asleep = frozen and step < FROZEN_STEPS and path in matching(frozen)
            x.grad = None if asleep else grads[step][path].clone()
        update.step()
        if step + 1 in KEPT:
            after[str(step + 1)] = flat(params)
    return after


def main():
    torch.manual_seed(SEED)
    torch.set_default_dtype(torch.float64)
    start = {path: torch.randn(shape) for path, shape in SHAPES.items()}
    # Scales from 1e-3 to 10, so that eps and decay matter in some places and not in others.
    spread = {path: 10 ** (torch.rand(shape) * 4 - 3) for path, shape in SHAPES.items()}
    grads = [{path: torch.randn(shape) * spread[path] for path, shape in SHAPES.items()} for _ in range(STEPS)]
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
    out = {
        "tool": "PyTorch",
        "version": torch.__version__,
        "python": platform.python_version(),
        "seed": SEED,
        "script": "make_goldens.py",
        "frozen_steps": FROZEN_STEPS,
        "shapes": SHAPES,
        "start": flat(start),
        "grads": [flat(g) for g in grads],
        "cases": [
            {
                "name": name,
                "optimizer": optimizer,
                "config": config,
                "groups": groups,
                "frozen": frozen,
                "after": run(start, grads, optimizer, config, groups, frozen),
            }
            for name, optimizer, config, groups, frozen in cases
        ],
    }
    path = pathlib.Path(__file__).parent / "goldens.json"
    path.write_text(json.dumps(out, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()

"""Writes schedules.json: learning rates of PyTorch's schedules at 60 steps, in double precision.

Usage: python make_schedules.py        (needs torch; writes beside itself)
"""

import json
import math
import pathlib

import torch
from torch.optim import lr_scheduler as s
from torch.optim.swa_utils import SWALR

STEPS, LR = 60, 0.5


def rates(make):
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], LR)
    schedule, found = make(opt), []
    for _ in range(STEPS):
        found.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step()
    return found


def plateau(**how):
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], LR)
    schedule, found, measures = s.ReduceLROnPlateau(opt, **how), [], []
    for i in range(STEPS):
        measure = round(math.exp(-i / 8) + 0.3 * math.sin(i * 1.7) ** 2, 3)
        schedule.step(measure)
        measures.append(measure)
        found.append(opt.param_groups[0]["lr"])
    return {"measures": measures, "rates": found}


if __name__ == "__main__":
    warm = lambda opt: s.LinearLR(opt, 0.25, 1.0, 10)
    all = {
        "step_decay": rates(lambda opt: s.StepLR(opt, 7, 0.6)),
        "multi_step": rates(lambda opt: s.MultiStepLR(opt, [5, 20, 21, 50], 0.3)),
        "exponential": rates(lambda opt: s.ExponentialLR(opt, 0.93)),
        "polynomial": rates(lambda opt: s.PolynomialLR(opt, 40, 1.5)),
        "linear_warmup": rates(lambda opt: s.LinearLR(opt, 0.2, 0.9, 13)),
        "cosine": rates(lambda opt: s.CosineAnnealingLR(opt, 60, 0.01)),
        "cosine_restarts": rates(lambda opt: s.CosineAnnealingWarmRestarts(opt, 8, 2, 0.02)),
        "cosine_restarts_1": rates(lambda opt: s.CosineAnnealingWarmRestarts(opt, 9, 1, 0.0)),
        "one_cycle": rates(lambda opt: s.OneCycleLR(opt, 0.8, STEPS + 1)),
        "triangular": rates(lambda opt: s.CyclicLR(opt, 0.1, 0.9, 6, 9, cycle_momentum=False)),
        "triangular2": rates(lambda opt: s.CyclicLR(opt, 0.1, 0.9, 6, 6, "triangular2", cycle_momentum=False)),
        "exp_range": rates(lambda opt: s.CyclicLR(opt, 0.1, 0.9, 6, 4, "exp_range", 0.97, cycle_momentum=False)),
        "in_sequence": rates(lambda opt: s.SequentialLR(opt, [warm(opt), s.ExponentialLR(opt, 0.9)], [12])),
        "chained": rates(lambda opt: s.ChainedScheduler([warm(opt), s.ExponentialLR(opt, 0.9)])),
        "swa_cosine": rates(lambda opt: SWALR(opt, 0.9, 25, "cos")),
        "swa_linear": rates(lambda opt: SWALR(opt, 0.05, 13, "linear")),
        "swa_at_once": rates(lambda opt: SWALR(opt, 0.05, 0, "cos")),
        "plateau": plateau(factor=0.5, patience=3, cooldown=2, min_lr=0.05),
        "plateau_high": plateau(mode="max", factor=0.7, patience=1, threshold=0.05),
    }
    file = {"tool": "PyTorch " + torch.__version__, "lr": LR} | all
    pathlib.Path(__file__).with_name("schedules.json").write_text(json.dumps(file) + "\n")

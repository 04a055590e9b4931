"""Learning-rate schedules over a known number of optimiser steps."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    SequentialLR,
)


def constant(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """The optimiser's own learning rate throughout."""
    return ConstantLR(optimizer, factor=1, total_iters=total_steps)


def cosine(optimizer: Optimizer, total_steps: int, warmup: float = 0.05) -> LRScheduler:
    """Rise linearly over the first ``warmup`` share of the steps, then fall along half a cosine to zero.

    Source: Loshchilov and Hutter 2017 (SGDR), without restarts.
    """
    rising = max(1, round(warmup * total_steps))
    rise = LinearLR(optimizer, start_factor=1 / rising, total_iters=rising)
    fall = CosineAnnealingLR(optimizer, T_max=max(1, total_steps - rising))
    return SequentialLR(optimizer, [rise, fall], milestones=[rising])


def one_cycle(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """Rise to the optimiser's learning rate and fall far below it. Source: Smith and Topin 2018 (super-convergence)."""
    return OneCycleLR(optimizer, max_lr=[group["lr"] for group in optimizer.param_groups], total_steps=total_steps)

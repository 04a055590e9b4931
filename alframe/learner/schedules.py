"""Learning-rate schedules over a known number of optimiser steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor
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


class Cycles(LRScheduler):
    """One schedule anew in every cycle: each begins from the optimiser's own settings.

    Args:
        optimizer: whose learning rate changes.
        make: builds the schedule of a cycle, given the optimiser and the cycle's number of steps.
        ends: how many steps are done when each cycle ends.
    """

    def __init__(
        self, optimizer: Optimizer, make: Callable[[Optimizer, int], LRScheduler], ends: Sequence[int]
    ) -> None:
        # The base class's constructor would take a first step: each cycle's schedule takes its own.
        self.optimizer = optimizer
        self._make = make
        self._lengths = {start: end - start for start, end in pairwise((0, *ends))}
        self._settings = [
            {name: setting for name, setting in group.items() if name != "params"} for group in optimizer.param_groups
        ]
        self.last_epoch = 0
        self._running = make(optimizer, self._lengths[0])

    def step(self, epoch: int | None = None) -> None:  # noqa: ARG002 (torch's signature)
        """Go on by one step."""
        self.last_epoch += 1
        if self.last_epoch not in self._lengths:
            self._running.step()
            return
        for group, settings in zip(self.optimizer.param_groups, self._settings, strict=True):
            parameters = group["params"]
            group.clear()
            group.update(settings, params=parameters)
        self._running = self._make(self.optimizer, self._lengths[self.last_epoch])

    def get_last_lr(self) -> list[float | Tensor]:
        """The learning rate of each group of parameters."""
        return [group["lr"] for group in self.optimizer.param_groups]

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from alframe.learner import schedules

Settings = list[tuple[float, float]]


def optimizer() -> Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.1)]
    return torch.optim.SGD(groups, momentum=0.9)


def settings(of: Optimizer, schedule: LRScheduler, steps: int) -> Iterator[Settings]:
    """Learning rate and momentum of each group at each of so many steps."""
    for _ in range(steps):
        yield [(group["lr"], group["momentum"]) for group in of.param_groups]
        of.step()
        schedule.step()


@pytest.mark.parametrize("make", [schedules.constant, schedules.cosine, schedules.one_cycle])
def test_each_cycle_is_the_schedule_from_its_beginning(make: Callable[[Optimizer, int], LRScheduler]) -> None:
    """Rates and momenta over cycles of 5, 6 and 4 steps are those of three schedules on three new optimisers."""
    one = optimizer()
    cycles = schedules.Cycles(one, make, [5, 11, 15])
    found = list(settings(one, cycles, 15))
    expected: list[Settings] = []
    for steps in (5, 6, 4):
        new = optimizer()
        expected.extend(settings(new, make(new, steps), steps))
    assert found == expected
    assert cycles.get_last_lr() == [group["lr"] for group in one.param_groups]


def test_cycles_leave_the_optimisers_memory_alone() -> None:
    """A new cycle changes settings, not parameters, nor the momentum that they have gathered."""
    weight = torch.nn.Parameter(torch.ones(1))
    one: Any = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    cycles = schedules.Cycles(one, schedules.constant, [1, 2])
    weight.grad = torch.ones(1)
    one.step()
    cycles.step()
    assert one.param_groups[0]["params"][0] is weight
    assert one.state[weight]["momentum_buffer"].item() == 1

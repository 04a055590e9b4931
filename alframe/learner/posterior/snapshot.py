"""Several networks from one training run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from alframe.errors import ConfigurationError
from alframe.learner.network import Network
from alframe.learner.posterior.ensemble import Ensemble
from alframe.learner.schedules import Cycles


class SnapshotEnsemble(Ensemble):
    """The weights of one network at the end of each of T cycles of its learning rate (Huang et al. 2017), a draw each.

    In each cycle the learning rate falls from the optimiser's own along half a cosine, as in the paper and whatever the
    learner's schedule is, so that each ends near a minimum and the next leaves it again. Training costs what one
    network costs, memory and prediction what an ensemble of T does. The first network is trained; the others take its
    weights and buffers at the ends of the cycles before the last, whose end is the first network itself.

    Args:
        members: T, also the number of cycles.
        stacked: as for ``Ensemble``.
    """

    whole_course = True

    def __init__(self, members: int = 5, stacked: bool | None = None) -> None:
        super().__init__(members, stacked)

    def trained(self, networks: Sequence[Network]) -> Sequence[Network]:
        """The first network."""
        return networks[:1]

    def schedule(
        self,
        make: Callable[[Optimizer, int], LRScheduler],  # noqa: ARG002 (the cycles have their own)
        optimizer: Optimizer,
        steps: int,
    ) -> LRScheduler:
        """Half a cosine per cycle, instead of the learner's schedule.

        Raises:
            ConfigurationError: fewer steps than members.
        """
        if steps < self.members:
            raise ConfigurationError(
                f"{self.members} snapshots need as many optimiser steps and this training has {steps}: raise "
                "training.epochs, or lower learner.posterior.members"
            )
        return Cycles(optimizer, CosineAnnealingLR, self._ends(steps))

    def after_step(self, networks: Sequence[Network], step: int, steps: int) -> None:
        """Copy the trained network at the end of each cycle before the last."""
        *ends, _ = self._ends(steps)
        if step in ends:
            networks[1 + ends.index(step)].load_state_dict(networks[0].state_dict())

    def _ends(self, steps: int) -> list[int]:
        """How many steps are done when each cycle ends; their lengths differ by one at most."""
        return [steps * (cycle + 1) // self.members for cycle in range(self.members)]

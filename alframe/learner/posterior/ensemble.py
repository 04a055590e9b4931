"""Several networks, one draw each."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from alframe.errors import ConfigurationError
from alframe.learner.network import Network
from alframe.learner.posterior.base import Draws, LastLayerDraws, Posterior, SingleDraw

log = logging.getLogger(__name__)


class Ensemble(Posterior):
    """Networks trained from different initial weights (Lakshminarayanan et al. 2017), one draw each.

    They are trained side by side on the same batches; Fort et al. 2019 find that the initial weights, not the order
    of the data, make the members differ.

    Args:
        members: T.
        stacked: whether draws run the members' backbones as one, their weights stacked, where torch can; it launches
            fewer kernels and needs T times the memory. ``None`` does so on a GPU: on a CPU it takes twice as long.
    """

    def __init__(self, members: int = 5, stacked: bool | None = None) -> None:
        if members < 2:
            raise ConfigurationError(f"an ensemble needs at least 2 members, got learner.posterior.members={members}")
        self.members = members
        self._stacked = stacked

    def draws(self, networks: Sequence[Network], generator: torch.Generator) -> Draws:
        """Each network as it is."""
        on_gpu = next(networks[0].parameters()).is_cuda
        if on_gpu if self._stacked is None else self._stacked:
            return StackedDraws(networks)
        return super().draws(networks, generator)


class StackedDraws(LastLayerDraws):
    """One draw for each network, their backbones run as one; one after the other where torch cannot.

    Args:
        networks: of one architecture.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        super().__init__(networks, [SingleDraw(network.head) for network in networks])
        self._backbone = networks[0].backbone
        states = [network.backbone.state_dict() for network in networks]
        self._stack = {name: torch.stack([state[name] for state in states]) for name in states[0]}
        self._stackable: bool | None = None

    def _features(self, images: Tensor) -> Sequence[Tensor]:
        if self._stackable is None:
            self._stackable = self._try_out(images[:1])
        return self._run_as_one(images).unbind() if self._stackable else super()._features(images)

    def _run_as_one(self, images: Tensor) -> Tensor:
        """Features of every network, (T, B, width)."""
        features: Tensor = vmap(lambda state: functional_call(self._backbone, state, (images,)))(self._stack)
        return features

    def _try_out(self, images: Tensor) -> bool:
        with warnings.catch_warnings():
            # What vmap has no rule for it runs in a loop of its own, which is slower than ours, and warns.
            warnings.filterwarnings("error", "There is a performance drop")
            try:
                self._run_as_one(images)
            except (RuntimeError, UserWarning) as error:
                log.info("the ensemble's networks cannot be stacked and run one by one", extra={"why": str(error)})
                return False
        return True

"""MC dropout: the same network under fixed dropout masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alframe.errors import ConfigurationError
from alframe.learner.head import Head
from alframe.learner.network import Network
from alframe.learner.posterior.base import Draws, HeadDraws, Posterior


class MCDropout(Posterior):
    """Dropout kept on in the head (Gal and Ghahramani 2016), with the same masks for every sample.

    Args:
        draws: T.
    """

    def __init__(self, draws: int = 20) -> None:
        if draws < 2:
            raise ConfigurationError(f"MC dropout needs at least 2 draws, got learner.posterior.draws={draws}")
        self._draws = draws

    def draws(self, networks: Sequence[Network], generator: torch.Generator) -> Draws:
        """Each head under T fixed dropout masks."""
        if any(network.head.dropout == 0 for network in networks):
            raise ConfigurationError("MC dropout has nothing to draw: set learner.dropout above 0")
        return HeadDraws(networks, [ThinnedHead(network.head, self._draws, generator) for network in networks])


class ThinnedHead(nn.Module):
    """``head`` under ``draws`` dropout masks, the same for every sample: so many thinned networks at once.

    Dropping an input of a linear layer is dropping a column of its weight. The masks are therefore folded into T
    copies of the weights, and a whole batch goes through all draws in one matrix product per layer.

    Args:
        head: the trained head.
        draws: T.
        generator: a CPU generator, so that masks do not depend on the device.
    """

    def __init__(self, head: Head, draws: int, generator: torch.Generator) -> None:
        super().__init__()
        keep = 1 - head.dropout
        self.weights: list[Tensor] = []
        self.biases: list[Tensor] = []
        for layer in cast("Iterable[nn.Linear]", head.layers):
            masks = torch.bernoulli(torch.full((draws, 1, layer.in_features), keep), generator=generator) / keep
            self.weights.append(layer.weight.detach() * masks.to(layer.weight))
            self.biases.append(layer.bias.detach())

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, T, C) for features (B, width)."""
        values = features.expand(len(self.weights[0]), *features.shape)
        for depth, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = torch.baddbmm(bias, values if depth == 0 else F.relu(values), weight.transpose(1, 2))
        return values.transpose(0, 1)

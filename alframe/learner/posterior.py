"""Where posterior draws come from: a single network, MC dropout, or an ensemble."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from alframe.errors import ConfigurationError
from alframe.learner.head import Head, ThinnedHead


class Posterior:
    """How the heads of a learner's networks are turned into draws: by default each network is one.

    Attributes:
        members: how many networks are trained side by side.
        offers_samples: whether there is more than one draw, so that disagreement between draws means something.
    """

    members: int = 1
    offers_samples: bool = True

    def draws(self, heads: Sequence[Head], generator: torch.Generator) -> list[nn.Module]:  # noqa: ARG002 (nothing is random)
        """For each head a module from features (B, width) to the logits of its draws (B, t, C)."""
        return [_SingleDraw(head) for head in heads]


class PointEstimate(Posterior):
    """One network, no draws: the cheapest, for strategies that read probabilities and embeddings only."""

    offers_samples = False


class MCDropout(Posterior):
    """Dropout kept on in the head (Gal and Ghahramani 2016), with the same masks for every sample.

    Args:
        draws: T.
    """

    def __init__(self, draws: int = 20) -> None:
        if draws < 2:
            raise ConfigurationError(f"MC dropout needs at least 2 draws, got learner.posterior.draws={draws}")
        self._draws = draws

    def draws(self, heads: Sequence[Head], generator: torch.Generator) -> list[nn.Module]:
        """Each head under T fixed dropout masks."""
        if any(head.dropout == 0 for head in heads):
            raise ConfigurationError("MC dropout has nothing to draw: set learner.dropout above 0")
        return [ThinnedHead(head, self._draws, generator) for head in heads]


class Ensemble(Posterior):
    """Networks trained from different initial weights (Lakshminarayanan et al. 2017), one draw each.

    They are trained side by side on the same batches; Fort et al. 2019 find that the initial weights, not the order
    of the data, make the members differ.

    Args:
        members: T.
    """

    def __init__(self, members: int = 5) -> None:
        if members < 2:
            raise ConfigurationError(f"an ensemble needs at least 2 members, got learner.posterior.members={members}")
        self.members = members


class _SingleDraw(nn.Module):
    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.head(features)
        return logits.unsqueeze(1)

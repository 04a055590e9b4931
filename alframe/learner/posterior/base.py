"""What a posterior is: T draws of a network's predictions, at the price of one pass through what the draws share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from alframe.learner.classes import ClassRows
from alframe.learner.head import Head
from alframe.learner.network import Network

AT_ONCE = 2**22
"""So many values of a batch (16 MiB in single precision) are folded with draws into one pass of a network."""


class Draws(ABC):
    """T draws, each the same model for every image: a deterministic trunk under T versions of what follows it.

    Args:
        networks: of the learner.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = networks

    @abstractmethod
    def trunk(self, images: Tensor) -> Sequence[Tensor]:
        """What all draws of each network share, computed once for a batch of images (B, channels, S, S)."""

    @abstractmethod
    def features(self, trunk: Sequence[Tensor]) -> Sequence[Tensor]:
        """Each network's features (B, width), without randomness."""

    def embeddings(self, trunk: Sequence[Tensor]) -> Sequence[Tensor]:
        """Each network's penultimate features (B, D), without randomness."""
        each = zip(self.networks, self.features(trunk), strict=True)
        return [network.head.embed(features) for network, features in each]

    @abstractmethod
    def logits(self, trunk: Sequence[Tensor]) -> Tensor:
        """Logits of every draw, (B, T, C)."""


class HeadDraws(Draws):
    """Draws that differ in the head alone: the trunk is the whole backbone.

    Args:
        networks: whose backbones run.
        heads: for each network, a module from features (B, width) to the logits of its draws (B, t, C).
    """

    def __init__(self, networks: Sequence[Network], heads: Sequence[nn.Module]) -> None:
        super().__init__(networks)
        self._heads = heads

    def trunk(self, images: Tensor) -> Sequence[Tensor]:
        """Each network's features (B, width)."""
        return [network.backbone(images) for network in self.networks]

    def features(self, trunk: Sequence[Tensor]) -> Sequence[Tensor]:
        """The trunk itself."""
        return trunk

    def logits(self, trunk: Sequence[Tensor]) -> Tensor:
        """The draws of every head, one network's after another's."""
        return torch.cat([head(features) for head, features in zip(self._heads, trunk, strict=True)], dim=1)


class LastLayerDraws(HeadDraws):
    """Draws that differ in the last layer alone: the trunk is all that comes before it.

    Args:
        networks: whose backbones run.
        heads: for each network, a module from embeddings (B, D) to the logits of its draws (B, t, C).
    """

    def trunk(self, images: Tensor) -> Sequence[Tensor]:
        """Each network's features (B, width), then each one's embeddings (B, D)."""
        features = self._features(images)
        return [*features, *super().embeddings(features)]

    def features(self, trunk: Sequence[Tensor]) -> Sequence[Tensor]:
        """The first half of the trunk."""
        return trunk[: len(self.networks)]

    def embeddings(self, trunk: Sequence[Tensor]) -> Sequence[Tensor]:
        """The second half of the trunk."""
        return trunk[len(self.networks) :]

    def logits(self, trunk: Sequence[Tensor]) -> Tensor:
        """The draws of every last layer, one network's after another's."""
        return super().logits(self.embeddings(trunk))

    def _features(self, images: Tensor) -> Sequence[Tensor]:
        return super().trunk(images)


def some_at_once(draws: int, values: Tensor) -> Iterator[slice]:
    """``range(draws)`` in slices, so that ``values`` times a slice come to at most ``AT_ONCE``: the bound on memory.

    A slice has at least one draw, so that a pass costs never more than an ordinary one over the same batch does.

    >>> list(some_at_once(5, torch.empty(2, 2**20)))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = max(1, AT_ONCE // max(1, values.numel()))
    for start in range(0, draws, size):
        yield slice(start, min(start + size, draws))


class Posterior:
    """How a learner's networks are turned into draws: by default each network is one.

    Attributes:
        members: how many networks a learner has.
        offers_samples: whether there is more than one draw, so that disagreement between draws means something.
        reads_training_set: whether ``fit`` is to be called when the networks are trained.
        whole_course: whether training must go its whole course and keep its last weights, because networks are
            gathered on the way.
    """

    members: int = 1
    offers_samples: bool = True
    reads_training_set: bool = False
    whole_course: bool = False

    def prepare(self, network: Network) -> None:
        """Give a new network what the posterior needs it to have; by default nothing."""

    def class_rows(self, network: Network, classes: int) -> Mapping[str, ClassRows]:  # noqa: ARG002 (nothing is added)
        """What ``prepare`` gave a network that has rows for classes, by name, and for which, if there were so many."""
        return {}

    def trained(self, networks: Sequence[Network]) -> Sequence[Network]:
        """Those of the networks that the optimiser trains; by default all."""
        return networks

    def loss(
        self,
        logits: Tensor,
        labels: Tensor,
        *,
        weights: Tensor | None,
        label_smoothing: float,
        progress: float,  # noqa: ARG002 (for losses that change on the way)
    ) -> Tensor:
        """Mean loss of logits (B, C) for labels (B,): by default the cross entropy, in nats.

        Args:
            logits: of one network.
            labels: class indices.
            weights: (C,) of the classes, or ``None``.
            label_smoothing: share of the target spread over all classes.
            progress: from 0 at the first step to 1 at the last.
        """
        return cross_entropy(logits, labels, weights, label_smoothing=label_smoothing)

    def schedule(self, make: Callable[[Optimizer, int], LRScheduler], optimizer: Optimizer, steps: int) -> LRScheduler:
        """The learning-rate schedule of a fit of so many optimiser steps: by default the learner's own, once."""
        return make(optimizer, steps)

    def after_step(self, networks: Sequence[Network], step: int, steps: int) -> None:
        """Called when ``step`` of ``steps`` optimiser steps are done; by default nothing follows."""

    def predictive(self, logits: Tensor) -> Tensor:
        """Logits (..., C) whose softmax is the mean prediction of a network that gives ``logits``: by default those."""
        return logits

    def fit(self, networks: Sequence[Network], embeddings: Tensor, labels: Tensor, weights: Tensor | None) -> None:
        """Learn from the training set what training did not; by default nothing.

        Args:
            networks: trained; what is learned is kept in their buffers, and so with their weights.
            embeddings: (n, D) of each training sample once, without random transforms, all networks' side by side.
            labels: (n,) class indices.
            weights: (C,) of the classes in the loss, or ``None``.
        """

    def draws(self, networks: Sequence[Network], generator: torch.Generator) -> Draws:  # noqa: ARG002 (nothing is random)
        """T draws for the weights as they are; what is random comes from ``generator``, on the CPU."""
        return LastLayerDraws(networks, [SingleDraw(network.head) for network in networks])


class SingleDraw(nn.Module):
    """The last layer of a head as its own only draw."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self._head = head

    def forward(self, embeddings: Tensor) -> Tensor:
        """Logits (B, 1, C) for embeddings (B, D)."""
        return self._head.classify(embeddings).unsqueeze(1)


class PointEstimate(Posterior):
    """One network, no draws: the cheapest, for strategies that read probabilities and embeddings only."""

    offers_samples = False

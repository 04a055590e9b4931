"""MC dropout: the same network under fixed dropout masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alframe.errors import ConfigurationError
from alframe.learner.channel_dropout import ChannelDropout
from alframe.learner.head import Head
from alframe.learner.network import Network
from alframe.learner.posterior.base import Draws, HeadDraws, LastLayerDraws, Posterior, some_at_once

HEAD = "head"
LAST_LAYER = "last_layer"


class MCDropout(Posterior):
    """Dropout kept on (Gal and Ghahramani 2016), with the same masks for every sample.

    What lies before the first dropout runs once per image, the rest once per draw. With dropout before the last layer
    alone the draws cost next to nothing; before every layer of the head, as in training, they cost what these layers
    do. From a stage of the backbone on, whole channels are dropped too, before that stage and every later one, in
    training as in the draws.

    Args:
        draws: T.
        from_stage: where dropout begins: ``last_layer``; ``head``, before each of the head's layers, of which a linear
            head has the last alone; or the name of the backbone's first stage whose input loses channels.
        rate: probability of dropping a channel; ``None`` for the learner's ``dropout``.
    """

    def __init__(self, draws: int = 20, from_stage: str = LAST_LAYER, rate: float | None = None) -> None:
        if draws < 2:
            raise ConfigurationError(f"MC dropout needs at least 2 draws, got learner.posterior.draws={draws}")
        self._thins_backbone = from_stage not in (HEAD, LAST_LAYER)
        if rate is not None and not self._thins_backbone:
            raise ConfigurationError(
                f"learner.posterior.rate={rate} is of channels, and only the head drops: set learner.posterior."
                "from_stage to a stage of the backbone, or leave the rate out and set learner.dropout"
            )
        if rate is not None and not 0 < rate < 1:
            raise ConfigurationError(f"learner.posterior.rate must lie in (0, 1), got {rate}")
        self._draws = draws
        self._from_stage = from_stage
        self._rate = rate

    def prepare(self, network: Network) -> None:
        """Put channel dropout into the backbone, if it is to have it."""
        if self._thins_backbone:
            rate = network.head.dropout if self._rate is None else self._rate
            network.backbone = ChannelDropout(network.backbone, self._from_stage, rate)

    def draws(self, networks: Sequence[Network], generator: torch.Generator) -> Draws:
        """Each network under T fixed dropout masks."""
        if self._rate is None and any(network.head.dropout == 0 for network in networks):
            raise ConfigurationError("MC dropout has nothing to draw: set learner.dropout above 0")
        if self._from_stage == LAST_LAYER:
            last = [ThinnedHead(network.head, self._draws, generator, layers=1) for network in networks]
            return LastLayerDraws(networks, last)
        heads = [ThinnedHead(network.head, self._draws, generator) for network in networks]
        if self._from_stage == HEAD:
            return HeadDraws(networks, heads)
        backbones = [
            ThinnedBackbone(cast("ChannelDropout", network.backbone), self._draws, generator) for network in networks
        ]
        return StageDraws(networks, backbones, heads)


class ThinnedHead(nn.Module):
    """``head`` under ``draws`` dropout masks, the same for every sample: so many thinned networks at once.

    Dropping an input of a linear layer is dropping a column of its weight. The masks are therefore folded into T
    copies of the weights, and a whole batch goes through all draws in one matrix product per layer. The first layer of
    several, which is the widest and whose input all draws share, is not even given what a draw drops.

    Args:
        head: the trained head.
        draws: T.
        generator: a CPU generator, so that masks do not depend on the device.
        layers: only so many of the head's last layers, whose input is given then; ``None`` for all.
    """

    def __init__(self, head: Head, draws: int, generator: torch.Generator, *, layers: int | None = None) -> None:
        super().__init__()
        keep = 1 - head.dropout
        first = 0 if layers is None else len(head.layers) - layers
        self.weights: list[Tensor] = []
        self.biases: list[Tensor] = []
        for layer in cast("Iterable[nn.Linear]", head.layers[first:]):
            masks = torch.bernoulli(torch.full((draws, 1, layer.in_features), keep), generator=generator) / keep
            self.weights.append(layer.weight.detach() * masks.to(layer.weight))
            self.biases.append(layer.bias.detach())
        self._kept = [(column != 0).any(dim=0).nonzero().squeeze(1) for column in self.weights[0]]
        self._first = [
            weight[:, kept].t().contiguous() for weight, kept in zip(self.weights[0], self._kept, strict=True)
        ]

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, T, C) for features (B, width) that the draws share, or (B, T, width) that each has of its own."""
        if len(self.weights) == 1 and features.ndim == 2:
            (weight,), (bias,) = self.weights, self.biases
            return F.linear(features, weight.flatten(0, 1)).view(-1, *weight.shape[:2]) + bias
        values = self._shared(features) if features.ndim == 2 else self._linear(0, features.transpose(0, 1))
        for depth in range(1, len(self.weights)):
            values = self._linear(depth, F.relu(values))
        return values.transpose(0, 1)

    def _shared(self, features: Tensor) -> Tensor:
        columns = features.t().contiguous()  # so that what is kept is copied row by row
        each = zip(self._kept, self._first, strict=True)
        return torch.stack([torch.addmm(self.biases[0], columns[kept].t(), weight) for kept, weight in each])

    def _linear(self, depth: int, values: Tensor) -> Tensor:
        return torch.baddbmm(self.biases[depth], values, self.weights[depth].transpose(1, 2))


class ThinnedBackbone:
    """``backbone`` under ``draws`` masks over channels, the same for every sample.

    The draws are folded into the batch, as many at once as ``AT_ONCE`` allows, each under its own masks.

    Args:
        backbone: trained with channel dropout.
        draws: T.
        generator: a CPU generator. The masks are made when the first batch shows how many channels there are.
    """

    def __init__(self, backbone: ChannelDropout, draws: int, generator: torch.Generator) -> None:
        self.backbone = backbone
        self.masks: dict[str, Tensor] = {}
        self._draws = draws
        self._generator = torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))

    def features(self, trunk: Tensor) -> Tensor:
        """Features (B, T, width) of every draw, for what the backbone's trunk gives."""
        found = []
        for some in some_at_once(self._draws, trunk):
            count = some.stop - some.start
            folded = self.backbone.rest(trunk.repeat_interleave(count, dim=0), partial(self._thin, some))
            found.append(folded.reshape(len(trunk), count, folded.shape[1]))
        return torch.cat(found, dim=1)

    def _thin(self, some: slice, stage: str, folded: Tensor) -> Tensor:
        if stage not in self.masks:
            keep = 1 - self.backbone.rate
            shape = self.backbone.masks_shape(self._draws, folded)
            self.masks[stage] = torch.bernoulli(torch.full(shape, keep), generator=self._generator).to(folded) / keep
        masks = self.masks[stage][some]
        return (folded.reshape(len(folded) // len(masks), len(masks), *folded.shape[1:]) * masks).flatten(0, 1)


class StageDraws(Draws):
    """Draws that differ from a stage of the backbone on: the trunk is what lies before it.

    Args:
        networks: of the learner.
        backbones: for each network.
        heads: for each network.
    """

    def __init__(
        self, networks: Sequence[Network], backbones: Sequence[ThinnedBackbone], heads: Sequence[ThinnedHead]
    ) -> None:
        super().__init__(networks)
        self._backbones = backbones
        self._heads = heads

    def trunk(self, images: Tensor) -> Sequence[Tensor]:
        """For each network, what goes into the first stage that loses channels."""
        return [thinned.backbone.trunk(images) for thinned in self._backbones]

    def features(self, trunk: Sequence[Tensor]) -> Sequence[Tensor]:
        """One pass through the rest of each backbone, with all its channels."""
        return [thinned.backbone.rest(values) for thinned, values in zip(self._backbones, trunk, strict=True)]

    def logits(self, trunk: Sequence[Tensor]) -> Tensor:
        """Every draw's thinned backbone under its thinned head, one network's after another's."""
        each = zip(self._heads, self._backbones, trunk, strict=True)
        return torch.cat([head(thinned.features(values)) for head, thinned, values in each], dim=1)

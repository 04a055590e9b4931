"""The head of a classifier, and the same head under fixed dropout masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Head(nn.Module):
    """Dropout before each of a row of linear layers, ReLU between them.

    Args:
        width: of the features.
        hidden: widths of the layers before the last; the last of these is the embedding, or the features if none.
        num_classes: C.
        dropout: probability of dropping a unit.
    """

    def __init__(self, width: int, hidden: Sequence[int], num_classes: int, dropout: float) -> None:
        super().__init__()
        widths = (width, *hidden)
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise((*widths, num_classes)))
        self.embedding_width = widths[-1]
        self.dropout = dropout

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, C) for features (B, width)."""
        return self.classify(self.embed(features))

    def embed(self, features: Tensor) -> Tensor:
        """Penultimate features (B, D)."""
        for layer in self.layers[:-1]:
            features = F.relu(layer(self._drop(features)))
        return features

    def classify(self, embeddings: Tensor) -> Tensor:
        """Logits (B, C) for embeddings (B, D)."""
        logits: Tensor = self.layers[-1](self._drop(embeddings))
        return logits

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self.dropout, self.training)


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

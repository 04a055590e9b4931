"""The head of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

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
        self.num_classes = num_classes
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

"""A head that learns what the loss of a sample will be, without its label."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LossHead(nn.Module):
    """Predicts the loss from features of several layers: each through a layer of its own, then together to a number.

    Args:
        widths: of the features, layer by layer.
        hidden: width of what each layer's features are reduced to; 128 in the paper.

    Source: Yoo & Kweon, "Learning loss for active learning", CVPR 2019. Theirs shapes the backbone too, until late in
    training; here the features are taken as they are, so that asking for a predicted loss does not change the model,
    unless gradients are clipped: the head's count in their norm.
    """

    def __init__(self, widths: Sequence[int], hidden: int = 128) -> None:
        super().__init__()
        self.reductions = nn.ModuleList(nn.Linear(width, hidden) for width in widths)
        self.last = nn.Linear(hidden * len(widths), 1)

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """Predicted loss (B,) for features (B, width) of each layer; only its order means something."""
        pairs = zip(self.reductions, layers, strict=True)
        reduced = [F.relu(reduction(features.detach())) for reduction, features in pairs]
        predicted: Tensor = self.last(torch.cat(reduced, dim=1)).squeeze(1)
        return predicted


def ranking_loss(predicted: Tensor, losses: Tensor, margin: float = 1.0) -> Tensor:
    """Mean shortfall of the order of the predicted losses, (B,), (B,) -> (): zero for a batch without a pair.

    The batch is cut into pairs; of each pair, the sample with the higher loss should be predicted higher by ``margin``.
    """
    half = len(losses) // 2
    if half == 0:
        return predicted.sum() * 0
    order = torch.sign(losses[:half] - losses[half : 2 * half]).detach()
    return F.relu(margin - order * (predicted[:half] - predicted[half : 2 * half])).mean()

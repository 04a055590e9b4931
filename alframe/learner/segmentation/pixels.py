"""What is said of pixels: the mean over draws, and its summary at the cells into which an image is divided."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor


def mean_of(draws: Iterable[Tensor], *, with_entropy: bool) -> tuple[Tensor, Tensor | None]:
    """Mean probabilities (B, classes, S, S) of draws, and the mean of their entropies (nats), (B, S, S), if asked for.

    Args:
        draws: logits (B, classes, S, S) of each in turn; one at a time is held.
        with_entropy: whether entropies are wanted.
    """
    total, disorder, count = torch.zeros(()), torch.zeros(()), 0
    for logits in draws:
        log_probs = logits.float().log_softmax(dim=1)
        probs = log_probs.exp()
        total = total + probs
        if with_entropy:
            disorder = disorder - (probs * log_probs).sum(dim=1)
        count += 1
    return total / count, disorder / count if with_entropy else None


def entropy_of(probs: Tensor) -> Tensor:
    """Entropy (nats) of each pixel's classes, (B, classes, S, S) -> (B, S, S)."""
    return -torch.xlogy(probs, probs).sum(dim=1)


def margin_of(probs: Tensor) -> Tensor:
    """One less the lead of each pixel's most probable class over the second, (B, classes, S, S) -> (B, S, S)."""
    first, second = probs.topk(2, dim=1).values.unbind(dim=1)
    return 1 - (first - second)


def cell_means(values: Tensor, cells: int) -> Tensor:
    """Mean of each cell, (B, S, S) -> (B, h, w), where h and w are ``cells`` or, if that is less, S."""
    return F.adaptive_avg_pool2d(values.unsqueeze(1), _grid(values, cells)).squeeze(1)


def cell_centres(values: Tensor, cells: int) -> Tensor:
    """What lies under the centre of each cell, (B, S, S) -> (B, h, w), where h and w are ``cells`` or, if less, S."""
    rows, columns = (
        (2 * torch.arange(few, device=values.device) + 1) * many // (2 * few)
        for few, many in zip(_grid(values, cells), values.shape[1:], strict=True)
    )
    return values[:, rows[:, None], columns]


def _grid(values: Tensor, cells: int) -> tuple[int, int]:
    _, height, width = values.shape
    return min(cells, height), min(cells, width)

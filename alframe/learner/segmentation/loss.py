"""What a segmenter is trained on: cross entropy for every pixel, and overlap for every class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from alframe.functional.regions import IGNORED


def segmentation_loss(logits: Tensor, classes: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean cross entropy (nats) of the pixels plus one less the mean soft Dice coefficient of the classes.

    The Dice coefficient (Milletari et al. 2016, V-Net) is taken over the whole batch, of each class that occurs in it,
    background among them: a rare defect counts as much as what surrounds it. Zero where every pixel is to be ignored.

    Args:
        logits: (B, classes, S, S).
        classes: (B, S, S) uint8 class map; ``IGNORED`` pixels count nowhere.
        weights: (classes,) of the classes in the cross entropy, or ``None``.
    """
    counted = classes != IGNORED
    if not counted.any():
        return logits.sum() * 0
    rows, truth = logits.movedim(1, -1).flatten(0, -2), classes.flatten().long()
    distance = F.cross_entropy(rows, truth, weights, ignore_index=IGNORED)
    return distance + 1 - _dice(rows.softmax(dim=-1), truth, counted.flatten())


def balanced_weights(pixels: Tensor) -> Tensor:
    """Weights of classes that have so many pixels, (classes,) -> inverse frequencies, zero for a class without any."""
    present = pixels > 0
    shares = pixels.sum() / (present.sum() * pixels.clamp(min=1))
    return torch.where(present, shares, 0).float()


def _dice(probs: Tensor, truth: Tensor, counted: Tensor) -> Tensor:
    """Mean soft Dice coefficient of the classes that occur, (n, classes), (n,), (n,) -> ()."""
    true = F.one_hot(truth.where(counted, 0), probs.shape[1]) * counted[:, None]
    probs = probs * counted[:, None]
    overlap, sizes = (probs * true).sum(dim=0), (probs + true).sum(dim=0)
    present = true.any(dim=0)
    return (2 * overlap / sizes.clamp(min=1e-6) * present).sum() / present.sum()

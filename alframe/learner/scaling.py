"""What calibration adds to a classifier: a factor and an offset for the logits of each class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn


class Scaling(nn.Module):
    """Logits times ``factor`` plus ``offset``, (..., C) -> (..., C); as it is made, it changes nothing.

    What is added to all logits of an image means nothing to a softmax. Where factors differ they are therefore those of
    the logits less their mean over the classes.

    Both are kept with the weights and never trained with them: they are fitted afterwards, on held-out samples.
    """

    factor: Tensor
    offset: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("factor", torch.ones(num_classes))
        self.register_buffer("offset", torch.zeros(num_classes))

    def set(self, factor: ArrayLike, offset: ArrayLike) -> None:
        """Scale by ``factor`` (C,) and ``offset`` (C,) from now on; one number stands for all classes."""
        for name, values in (("factor", factor), ("offset", offset)):
            buffer = self.get_buffer(name)
            setattr(self, name, torch.as_tensor(values).to(buffer).expand(len(buffer)).clone())

    def reset(self) -> None:
        """Change nothing from now on, as at first."""
        self.set(1.0, 0.0)

    @property
    def changes_nothing(self) -> bool:
        """Whether it is as it was made."""
        return bool((self.factor == 1).all() and (self.offset == 0).all())

    @contextmanager
    def left_out(self) -> Iterator[None]:
        """Inside the block it changes nothing."""
        before = self.factor, self.offset
        self.reset()
        try:
            yield
        finally:
            self.factor, self.offset = before

    def forward(self, logits: Tensor) -> Tensor:
        """Scaled logits, but for what is added to all of an image."""
        return logits * self.factor + self.offset - logits.mean(dim=-1, keepdim=True) * self._differences

    def of_linear(self, head: Tensor) -> Tensor:
        """The linear layer (C, D + 1), bias last, that gives scaled logits where ``head`` gives them unscaled."""
        scaled = head * self.factor[:, None] - head.mean(dim=0) * self._differences[:, None]
        scaled[:, -1] += self.offset
        return scaled

    @property
    def _differences(self) -> Tensor:
        return self.factor - self.factor.mean()

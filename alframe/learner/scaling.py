"""What calibration adds to a classifier: a factor and an offset for the logits of each class."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Scaling(nn.Module):
    """Logits times ``factor`` plus ``offset``, (..., C) -> (..., C); as it is made, it changes nothing.

    Both are kept with the weights and never trained with them: they are fitted afterwards, on held-out samples.
    """

    factor: Tensor
    offset: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("factor", torch.ones(num_classes))
        self.register_buffer("offset", torch.zeros(num_classes))

    def forward(self, logits: Tensor) -> Tensor:
        """Scaled logits."""
        return logits * self.factor + self.offset

    def of_linear(self, head: Tensor) -> Tensor:
        """The linear layer (C, D + 1), bias last, that gives scaled logits where ``head`` gives them unscaled."""
        scaled = head * self.factor[:, None]
        scaled[:, -1] += self.offset
        return scaled

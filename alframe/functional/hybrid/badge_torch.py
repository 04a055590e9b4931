"""BADGE's plain loop in torch: on an accelerator a pass over the pool is cheaper than avoiding one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alframe.types import Positions

if TYPE_CHECKING:
    import torch


def badge_torch(probs: torch.Tensor, embeddings: torch.Tensor, budget: int, rng: np.random.Generator) -> Positions:
    """As ``badge``, in the precision and on the device of its arguments.

    >>> import torch
    >>> probs = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]])
    >>> badge_torch(probs, torch.ones(3, 4), 2, np.random.default_rng(0)).tolist()
    [1, 2]
    """
    import torch

    with torch.inference_mode():
        residuals = probs.clone()
        residuals.scatter_add_(1, probs.argmax(dim=1, keepdim=True), probs.new_full((len(probs), 1), -1.0))
        squares = torch.linalg.vecdot(residuals, residuals) * torch.linalg.vecdot(embeddings, embeddings)
        # A difference below the rounding of its terms is no distance.
        rounding = torch.finfo(squares.dtype).eps * (probs.shape[1] + embeddings.shape[1])
        chosen = [squares.argmax(dim=0, keepdim=True)]
        nearest, left = torch.full_like(squares, torch.inf), torch.ones_like(squares)
        for uniform in rng.random(budget - 1):
            latest = chosen[-1]
            inner = (residuals @ residuals[latest].squeeze(0)) * (embeddings @ embeddings[latest].squeeze(0))
            sums = squares + squares[latest]
            distances = sums - 2 * inner
            nearest = torch.minimum(nearest, torch.where(distances < rounding * sums, 0, distances))
            nearest.index_fill_(0, latest, 0)
            left.index_fill_(0, latest, 0)
            # Where all that are left coincide with gradients drawn before, their chances are equal.
            cumulative = torch.where(nearest.any(), nearest, left).cumsum(dim=0, dtype=torch.float64)
            drawn = torch.searchsorted(cumulative, uniform * cumulative[-1:], right=True)
            chosen.append(drawn.clamp_(max=len(cumulative) - 1))
        return np.asarray(torch.cat(chosen).cpu().numpy(), dtype=np.int64)

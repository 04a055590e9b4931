"""The plain farthest-first loop in torch: on an accelerator a pass over the pool is cheaper than avoiding one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alframe.functional.blocks import blocks
from alframe.functional.coverage.farthest_first import CHOSEN
from alframe.types import Positions

if TYPE_CHECKING:
    import torch

CENTERS = 16
"""How many centres are measured at a time: their distances to all points are held at once."""


def farthest_first_torch(points: torch.Tensor, centers: torch.Tensor | None, budget: int) -> Positions:
    """As ``k_center_greedy``, in the precision and on the device of ``points``.

    Distances are measured by direct subtraction, so that equal points are exactly zero apart.

    >>> import torch
    >>> farthest_first_torch(torch.tensor([[0.0], [1.0], [5.0]]), None, 2).tolist()
    [2, 0]
    """
    import torch

    def farther(nearest: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
        distances = torch.cdist(points, centers, compute_mode="donot_use_mm_for_euclid_dist")
        return torch.minimum(nearest, distances.amin(dim=1))

    with torch.inference_mode():
        unbounded = nearest = points.new_full((len(points),), torch.inf)
        if centers is not None:
            for block in blocks(len(centers), CENTERS):
                nearest = farther(nearest, centers[block])
        start = farther(nearest, points.mean(dim=0, keepdim=True)) if nearest is unbounded else nearest
        chosen = [start.argmax(dim=0, keepdim=True)]
        while len(chosen) < budget:
            nearest = farther(nearest, points.index_select(0, chosen[-1]))
            nearest.index_fill_(0, chosen[-1], CHOSEN)
            chosen.append(nearest.argmax(dim=0, keepdim=True))
        return np.asarray(torch.cat(chosen).cpu().numpy(), dtype=np.int64)

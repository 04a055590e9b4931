"""Embeddings that need no labels and no training: principal components of the pixels."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch.nn.functional import adaptive_avg_pool2d

from alframe.data import ImageData
from alframe.functional.randomness import derive_seed
from alframe.progress import bar
from alframe.types import Positions, Predictions

SIDE = 16
"""Images are averaged down to at most SIDE x SIDE pixels first."""


def pixel_embeddings(data: ImageData, positions: Positions, *, width: int = 32, seed: int) -> Predictions:
    """Embeddings (N, at most ``width``) for a first selection, before there is a learner to ask.

    A sample that turns out to be unreadable is left out, and noted in ``data.unreadable``.
    """
    data.predict_on(positions)
    loader = data.predict_dataloader()
    pixels, read = [], []
    with bar("embed", total=len(loader)) as advance:
        for batch in loader:
            data.on_before_batch_transfer(batch, 0)
            side = min(SIDE, batch.images.shape[-1])
            pixels.append(adaptive_avg_pool2d(batch.images, side).flatten(1))
            read.append(batch.positions)
            advance(1)
    flat, kept = torch.cat(pixels).numpy(), torch.cat(read).numpy()
    pca = PCA(min(width, *flat.shape), svd_solver="randomized", random_state=derive_seed(seed, "pixels"))
    return Predictions(ids=data.source.table.ids[kept], embeddings=pca.fit_transform(flat).astype(np.float32))

"""Embeddings that need no labels and no training: principal components of the pixels."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

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
    average = averages(data.image_shape)
    pixels, read = [], []
    with bar("embed", total=len(loader)) as advance:
        for batch in loader:
            data.on_before_batch_transfer(batch, 0)
            pixels.append(average(batch.images))
            read.append(batch.positions)
            advance(1)
    flat, kept = torch.cat(pixels).numpy(), torch.cat(read).numpy()
    pca = components(flat.shape, width, seed)
    return Predictions(ids=data.source.table.ids[kept], embeddings=pca.fit_transform(flat).astype(np.float32))


def averages(image_shape: tuple[int, int, int]) -> nn.Module:
    """Averages images (B, channels, S, S) down to at most ``SIDE`` x ``SIDE`` pixels, in one row each."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(min(SIDE, image_shape[-1])), nn.Flatten())


def components(shape: tuple[int, ...], width: int, seed: int) -> PCA:
    """Principal components, at most ``width``, to be fitted to rows of this shape."""
    return PCA(min(width, *shape), svd_solver="randomized", random_state=derive_seed(seed, "pixels"))

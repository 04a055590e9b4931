"""Principal components of the pixels: embeddings that need no weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.embeddings.base import Embedded, FrozenEmbeddings
from alframe.embeddings.features import features
from alframe.embeddings.files import BLOCK_ENTRIES, unnamed
from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional.blocks import row_blocks
from alframe.functional.randomness import generator
from alframe.learner import quiet_trainer
from alframe.learner.pixels import averages, components
from alframe.types import Positions

FITTED = 1 << 16
"""The most images that the components are fitted to, drawn at random where there are more."""


class PixelComponents(FrozenEmbeddings):
    """Principal components of the images averaged down to 16 x 16 pixels: nothing to download and nothing to train.

    The averaged images are kept; the components are those of the samples asked for, fitted in each call. Of other
    samples they are others, and their points are not to be compared.

    Args:
        width: the most components; there are fewer where there are fewer pixels or samples.
        seed: of the samples that the components are fitted to, and of the solver.

    Raises:
        ConfigurationError: a width under 1.
    """

    def __init__(self, *, width: int = 32, seed: int = 0) -> None:
        if width < 1:
            raise ConfigurationError(f"embeddings.width must be at least 1, got {width}")
        self._width = width
        self._seed = seed

    def embed(
        self,
        data: ImageData,
        positions: Positions,
        folder: Path,
        make_trainer: Callable[..., Trainer] = quiet_trainer,
    ) -> Embedded:
        """See ``FrozenEmbeddings.embed``.

        Raises:
            InvalidInput: fewer than 2 of the samples can be read.
        """
        pixels = features(averages(data.image_shape), data, positions, folder, make_trainer, name="PixelComponents")
        count, values = pixels.points.shape
        if count < 2:
            raise InvalidInput(f"principal components need at least 2 images; {count} of {len(positions)} can be read")
        rng = generator(self._seed, "fitted")
        fitted = np.sort(rng.choice(count, min(FITTED, count), replace=False, shuffle=False))
        pca = components((len(fitted), values), self._width, self._seed).fit(pixels.points[fitted])
        points = unnamed(folder, (count, pca.n_components_))
        for block in row_blocks(count, values, BLOCK_ENTRIES):
            points[block] = pca.transform(pixels.points[block])
        points.flags.writeable = False
        return Embedded(pixels.positions, points)

"""Features of a network that was trained elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.embeddings.base import Embedded, FrozenEmbeddings
from alframe.embeddings.features import features
from alframe.errors import ConfigurationError
from alframe.learner import TorchvisionBackbone, quiet_trainer, torch_seed
from alframe.types import Positions

log = logging.getLogger(__name__)


class PretrainedBackbone(FrozenEmbeddings):
    """Features of a torchvision backbone with weights from ImageNet, as they are.

    These networks expect images of about 224 pixels, normalised with ImageNet's mean and standard deviation:
    ``transforms`` should give them such.

    Args:
        name: torchvision's name of the network, see ``TorchvisionBackbone``.
        weights: torchvision's name of its weights, downloaded on first use; ``None`` for random weights, whose features
            are a baseline.
        small_stem: see ``TorchvisionBackbone``; a stem whose shape changes has random weights.
        seed: of what weights are random.
    """

    def __init__(
        self,
        *,
        name: str = "resnet18",
        weights: str | None = "DEFAULT",
        small_stem: bool | None = False,
        seed: int = 0,
    ) -> None:
        self._name = name
        self._weights = weights
        self._small_stem = small_stem
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
            ConfigurationError: torchvision has no such network or weights, or they cannot be downloaded.
        """
        if self._weights is None:
            log.warning("embeddings from %s with random weights: nothing that was learnt is in them", self._name)
        try:
            with torch_seed(self._seed):
                backbone = TorchvisionBackbone(data.image_shape, self._name, self._weights, self._small_stem)
        except OSError as error:
            raise ConfigurationError(
                f"the weights {self._weights!r} of {self._name} cannot be downloaded: {error}; "
                "download them where there is a network, or choose embeddings=pixels"
            ) from error
        return features(backbone, data, positions, folder, make_trainer, name=f"PretrainedBackbone-{self._name}")

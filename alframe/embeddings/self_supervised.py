"""Features of a network that has learnt on the pool itself, without labels."""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256
from importlib.util import find_spec
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from alframe.data import Batch, ImageData
from alframe.embeddings.base import Embedded, FrozenEmbeddings
from alframe.embeddings.features import content_hashes, features, identity
from alframe.embeddings.files import claim
from alframe.embeddings.views import Views
from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional.randomness import derive_seed
from alframe.learner import Advance, Backbone, interruptible, load_weights, quiet_trainer, save_weights, torch_seed
from alframe.learner.schedules import cosine
from alframe.progress import bar
from alframe.storage import whole_file
from alframe.types import Objects, Positions, label_array

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

log = logging.getLogger(__name__)

WEIGHTS = "weights.safetensors"
TRAINED_ON = "trained_on.txt"


class SelfSupervised(FrozenEmbeddings):
    """Features of a backbone trained to tell two random views of one image from views of others (SimCLR).

    It learns on all samples of the source that are not held out, whichever are asked for, and its weights are kept as
    long as these samples are there: a pool that has grown keeps its points. Another seed, or an empty cache, trains
    anew. Views are made of what the training transforms give.

    Args:
        backbone: builds a backbone for an image shape.
        epochs: how long to train.
        learning_rate: of AdamW at its highest; it falls along half a cosine.
        temperature: of the loss.
        projection: width of the space in which views are compared.
        crop: the smallest share of an image's area that a view shows.
        flip: whether views may be mirrored.
        jitter: how far brightness, contrast and saturation vary from view to view.
        seed: of the weights, the order of the samples and the views.

    Raises:
        ConfigurationError: a number outside its range; the extra ``selfsupervised`` is not installed.

    Source: Chen, Kornblith, Norouzi & Hinton, "A simple framework for contrastive learning of visual representations",
    ICML 2020; without blur, and with AdamW for LARS. The loss and the projection are those of the library lightly.
    """

    def __init__(
        self,
        *,
        backbone: Callable[[tuple[int, int, int]], Backbone],
        epochs: int = 100,
        learning_rate: float = 1e-3,
        temperature: float = 0.5,
        projection: int = 128,
        crop: float = 0.2,
        flip: bool = True,
        jitter: float = 0.4,
        seed: int = 0,
    ) -> None:
        for name, value, valid, wanted in (
            ("epochs", epochs, epochs >= 1, "at least 1"),
            ("learning_rate", learning_rate, learning_rate > 0, "above 0"),
            ("temperature", temperature, temperature > 0, "above 0"),
            ("projection", projection, projection >= 1, "at least 1"),
            ("crop", crop, 0 < crop <= 1, "above 0 and at most 1"),
            ("jitter", jitter, 0 <= jitter < 1, "at least 0 and below 1"),
        ):
            if not valid:
                raise ConfigurationError(f"embeddings.{name} must be {wanted}, got {value}")
        if find_spec("lightly") is None:
            raise ConfigurationError("embeddings=self_supervised needs lightly: pip install 'alframe[selfsupervised]'")
        self._backbone = backbone
        self._epochs = epochs
        self._learning_rate = learning_rate
        self._temperature = temperature
        self._projection = projection
        self._views = Views(crop, flip, jitter)
        self._seed = seed

    def embed(
        self,
        data: ImageData,
        positions: Positions,
        folder: Path,
        make_trainer: Callable[..., Trainer] = quiet_trainer,
    ) -> Embedded:
        """See ``FrozenEmbeddings.embed``; trains first, where that has not been done.

        Raises:
            InvalidInput: fewer than 2 images to train on.
        """
        with torch_seed(derive_seed(self._seed, "weights")):
            backbone = self._backbone(data.image_shape)
        self._prepare(backbone, data, folder, make_trainer)
        return features(backbone, data, positions, folder, make_trainer, name="SelfSupervised")

    def _prepare(self, backbone: Backbone, data: ImageData, folder: Path, make_trainer: Callable[..., Trainer]) -> None:
        """Give ``backbone`` the weights of a training on samples that are all still there, or train it now."""
        pool = np.flatnonzero(~data.source.table.held_out)
        contents = np.unique(content_hashes(data, pool))
        there = set(contents[contents != b""].astype(str).tolist())
        arguments = (self._epochs, self._learning_rate, self._temperature, self._projection, self._views, self._seed)
        home = folder / f"SelfSupervised-training-{identity(backbone, data, data.transforms.for_training(), arguments)}"
        with claim(home):
            for listed in sorted(home.glob(f"*/{TRAINED_ON}")):
                if there.issuperset(listed.read_text().split()):
                    load_weights(backbone, listed.with_name(WEIGHTS))
                    return
            self._train(backbone, data, pool, make_trainer)
            names = "\n".join(sorted(there))
            training = home / sha256(names.encode()).hexdigest()[:16]
            with whole_file(training / WEIGHTS) as unfinished:
                save_weights(backbone, unfinished)
            with whole_file(training / TRAINED_ON) as unfinished:  # last: it says that the weights are there
                unfinished.write_text(names)

    def _train(
        self, backbone: Backbone, data: ImageData, pool: Positions, make_trainer: Callable[..., Trainer]
    ) -> None:
        if len(pool) < 2:
            raise InvalidInput(f"views are told apart among at least 2 images, got {len(pool)}; grow the pool")
        # Views are told from each other, whatever there is to see on them.
        nothing = [Objects() if data.source.table.has_objects else 0] * len(pool)
        data.fit_on(pool, label_array(nothing), seed=derive_seed(self._seed, "order"))
        with torch_seed(derive_seed(self._seed, "training")), bar("pretrain", total=self._epochs) as advance:
            views = torch.Generator().manual_seed(derive_seed(self._seed, "views"))
            learner = _SimClr(backbone, self._views, views, self._projection, self._temperature, self._learning_rate)
            trainer = make_trainer(max_epochs=self._epochs, callbacks=[Advance(advance)])
            with interruptible():
                trainer.fit(learner, datamodule=data)
        loss = float(trainer.callback_metrics.get("train_loss", nan))
        log.info("self-supervised training done", extra={"samples": len(pool), "loss": loss})
        if not isfinite(loss):
            raise InvalidInput(
                f"self-supervised training on {len(pool)} images ended with a loss of {loss}: "
                "lower embeddings.learning_rate, if the images can be read"
            )


class _SimClr(LightningModule):
    def __init__(
        self,
        backbone: Backbone,
        views: Views,
        generator: torch.Generator,
        projection: int,
        temperature: float,
        learning_rate: float,
    ) -> None:
        # Lightly takes seconds to import and is an extra.
        from lightly.loss import NTXentLoss
        from lightly.models.modules.heads import SimCLRProjectionHead

        super().__init__()
        self.backbone = backbone
        self.head = SimCLRProjectionHead(backbone.width, backbone.width, projection)
        self.loss = NTXentLoss(temperature)
        self._views = views
        self._generator = generator
        self._learning_rate = learning_rate

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:  # noqa: ARG002 (Lightning's signature)
        if len(batch.images) < 2:
            return None  # one image has nobody to be told from
        views = torch.cat([self._views(batch.images, self._generator) for _ in range(2)])
        loss: Tensor = self.loss(*self.head(self.backbone(views)).chunk(2))
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.images))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Nothing is validated; Lightning wants one beside a data module that could give it validation samples."""

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = torch.optim.AdamW(self.parameters(), self._learning_rate)
        schedule = cosine(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

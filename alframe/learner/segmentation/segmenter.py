"""The segmenter: one or more networks that are trained together and give the class of every pixel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alframe.data import Batch
from alframe.errors import ConfigurationError, DataError
from alframe.functional.regions import IGNORED
from alframe.learner.base import Learner, OptimizerFactory, ScheduleFactory
from alframe.learner.classes import ClassRows, in_networks
from alframe.learner.distributed import alone
from alframe.learner.layer_groups import LayerGroups, merged
from alframe.learner.segmentation.draws import Draws
from alframe.learner.segmentation.loss import balanced_weights, segmentation_loss
from alframe.learner.segmentation.network import SegmentationNetwork
from alframe.learner.segmentation.pixels import cell_centres, cell_means, entropy_of, margin_of, mean_of
from alframe.learner.segmentation.posterior import Posterior
from alframe.types import Labels, Need

BOXES_ONLY = "a segmenter learns from the masks of objects, and these labels have boxes only: use learner=detector"


class Segmenter(Learner):
    """Networks of one architecture with a posterior over the class of each pixel: background, or one of C.

    Args:
        image_shape: (channels, height, width).
        num_classes: C, 254 at most.
        architecture: builds a network for an image shape and C + 1 classes, background first.
        posterior: where draws come from; says how many networks there are.
        optimizer: builds the optimiser over the parameters.
        schedule: builds the learning-rate schedule over an optimiser and the number of its steps.
        dropout: probability of dropping a channel before and in the last block, in training and under MC dropout.
        class_weights: weights of the classes in the cross entropy: ``balanced`` (inverse frequency among the pixels
            seen so far in training), one number above 0 for background and each class, or ``None`` for all alike.
        cells: strategies see an image as at most so many cells along each side.
    """

    task = "segmentation"
    usual = frozenset[Need]({"pixel_classes", "pixel_entropy", "pixel_margin", "embeddings"})
    shows = frozenset[Need]({"class_map"})
    distils = True

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int,
        *,
        architecture: Callable[[tuple[int, int, int], int], SegmentationNetwork],
        posterior: Posterior,
        optimizer: OptimizerFactory,
        schedule: ScheduleFactory,
        dropout: float = 0.1,
        class_weights: Literal["balanced"] | Sequence[float] | None = None,
        cells: int = 64,
    ) -> None:
        super().__init__(optimizer=optimizer, schedule=schedule)
        if not 0 <= dropout < 1:
            raise ConfigurationError(f"learner.dropout must lie in [0, 1), got {dropout}")
        if cells < 1:
            raise ConfigurationError(f"learner.cells must be at least 1, got {cells}")
        if num_classes >= IGNORED:
            raise ConfigurationError(f"a class map has room for {IGNORED - 1} classes, and there are {num_classes}")
        posterior.check(dropout)
        self.posterior = posterior
        self.num_classes = num_classes
        self.networks = nn.ModuleList(architecture(image_shape, num_classes + 1) for _ in range(posterior.members))
        self._dropout = dropout
        self._cells = cells
        self._balanced = class_weights == "balanced"
        self._pixels: Tensor
        self.register_buffer("_pixels", torch.zeros(num_classes + 1, dtype=torch.int64), persistent=False)
        self._loss_weights: Tensor | None
        self.register_buffer("_loss_weights", _given(class_weights, num_classes), persistent=False)

    @property
    def gives(self) -> frozenset[Need]:
        """What the networks and their posterior can say."""
        always: set[Need] = {"class_map", "pixel_classes", "pixel_entropy", "pixel_margin", "embeddings"}
        return frozenset(always | {"pixel_bald"}) if self.posterior.offers_samples else frozenset(always)

    def prepare(self, labels: Labels) -> None:
        """Refuse labels (n,) that are no ``Objects`` or whose objects have no masks; forget the pixels seen before.

        Raises:
            DataError: such labels.
        """
        if labels.dtype != object:
            raise DataError("a segmenter learns from the masks of objects, and these labels are classes of images")
        if any(each.mask is None for objects in labels for each in objects):
            raise DataError(BOXES_ONLY)
        self._pixels.zero_()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:  # noqa: ARG002 (Lightning's signature)
        """Sum of the networks' losses, so that each has the gradient of its own."""
        if len(batch.labels) == 0:
            return self.loss_without_images(batch)
        classes = _class_maps(batch)
        if self._balanced:
            self._pixels += classes.flatten().bincount(minlength=IGNORED + 1)[: len(self._pixels)]
            self._loss_weights = balanced_weights(self._pixels)
        losses = []
        for number, network in enumerate(self._each_network()):
            logits = network.logits(network.trunk(batch.images), batch.images, self._drop)
            loss = segmentation_loss(logits, classes, self._loss_weights)
            losses.append(self.penalised(loss, batch, number, logits))
        loss = torch.stack(losses).sum()
        self.log_loss("train_loss", loss / len(losses), batch)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Log the mean loss of the networks as ``val_loss``; every class counts alike."""
        if len(batch.labels):
            classes = _class_maps(batch)
            losses = [segmentation_loss(network(batch.images), classes) for network in self._each_network()]
            self.log_loss("val_loss", torch.stack(losses).mean(), batch)
        elif not alone():
            self.log_loss("val_loss", torch.zeros((), device=self.device), batch)

    def logits_of(self, network: int, images: Tensor) -> Tensor:
        """Logits (B, C + 1, S, S) of one network, background first."""
        logits: Tensor = self.networks[network](images)
        return logits

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """Those of each network."""
        return in_networks(network.class_rows(classes) for network in self._each_network())

    def layer_groups(self) -> LayerGroups:
        """The layers of the networks' trunks, and their last blocks."""
        return merged(network.layer_groups() for network in self._each_network())

    def draws(self, generator: torch.Generator) -> Draws:
        """The posterior's draws for the weights as they are: for ``outputs``."""
        return self.posterior.draws(list(self._each_network()), self._dropout, generator)

    def outputs(self, images: Tensor, draws: Draws, needs: Collection[Need]) -> dict[Need, Tensor]:
        """What is needed of a batch of images (B, channels, S, S), with B rows each; from the mean of the draws."""
        trunks = draws.trunks(images)
        found: dict[Need, Tensor] = {"embeddings": torch.cat([trunk.embeddings for trunk in trunks], dim=1).float()}
        if set(needs) - {"embeddings"}:
            probs, expected = mean_of(draws.logits(images, trunks), with_entropy="pixel_bald" in needs)
            found |= self._said_of_pixels(probs, expected, needs)
        return {need: found[need] for need in needs}

    def _said_of_pixels(self, probs: Tensor, expected: Tensor | None, needs: Collection[Need]) -> dict[Need, Tensor]:
        """What is needed, for mean probabilities (B, C + 1, S, S) and the mean entropy of the draws (B, S, S)."""
        class_map = probs.argmax(dim=1).to(torch.uint8)
        found: dict[Need, Tensor] = {"class_map": class_map, "pixel_classes": cell_centres(class_map, self._cells)}
        if {"pixel_entropy", "pixel_bald"} & set(needs):
            entropy = entropy_of(probs)
            found["pixel_entropy"] = cell_means(entropy, self._cells)
            if expected is not None:
                found["pixel_bald"] = cell_means((entropy - expected).clamp(min=0), self._cells)
        if "pixel_margin" in needs:
            found["pixel_margin"] = cell_means(margin_of(probs), self._cells)
        return found

    def _drop(self, _place: str, values: Tensor) -> Tensor:
        return F.dropout2d(values, self._dropout, self.training)

    def _each_network(self) -> Iterator[SegmentationNetwork]:
        return cast("Iterator[SegmentationNetwork]", iter(self.networks))


def _given(class_weights: Literal["balanced"] | Sequence[float] | None, num_classes: int) -> Tensor | None:
    """The weights that were given as numbers."""
    if class_weights is None or class_weights == "balanced":
        return None
    if len(class_weights) != num_classes + 1:
        raise ConfigurationError(
            f"learner.class_weights has {len(class_weights)} numbers for background and {num_classes} classes"
        )
    weights = torch.tensor(class_weights, dtype=torch.float32)
    if not (weights.isfinite() & (weights > 0)).all():
        raise ConfigurationError(f"learner.class_weights must be finite and above 0, got {list(class_weights)}")
    return weights


def _class_maps(batch: Batch) -> Tensor:
    """The class of every pixel, (B, S, S)."""
    if any(target.classes.numel() == 0 for target in batch.labels):
        raise DataError(BOXES_ONLY)
    return torch.stack([target.classes for target in batch.labels])

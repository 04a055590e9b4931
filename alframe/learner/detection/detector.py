"""The detector: one or more networks that are trained together and give boxes, class distributions and draws."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from alframe.data import Batch
from alframe.data.transforms import Target
from alframe.errors import ConfigurationError
from alframe.learner.base import Learner, OptimizerFactory, ScheduleFactory
from alframe.learner.classes import ClassRows, in_networks
from alframe.learner.detection.network import DetectionNetwork, Suppression
from alframe.learner.detection.posterior import DetectionDraws, DetectionPosterior, Found
from alframe.learner.distributed import alone
from alframe.learner.layer_groups import LayerGroups, merged
from alframe.types import Need

Architecture = Callable[[tuple[int, int, int], int, float], DetectionNetwork]
"""Builds a network for an image shape, a number of classes and a rate of dropout."""


class Detector(Learner):
    """Networks of one architecture with a posterior over their detections.

    Each candidate, a proposal or an anchor, is one detection at most: of its most probable class, with that class's box
    and its whole class distribution. In training, objects that are to be ignored are no examples, and neither is what
    lies in them.

    Args:
        image_shape: (channels, height, width).
        num_classes: C.
        architecture: builds a network.
        posterior: where draws come from; says how many networks there are.
        optimizer: builds the optimiser over the parameters.
        schedule: builds the learning-rate schedule over an optimiser and the number of its steps.
        dropout: probability of dropping a unit or channel in the head, in training and under MC dropout.
        max_detections: K, at most so many of an image.
        score_threshold: least score of a detection; low, because evaluation and strategies look at unsure ones too.
        nms_threshold: of two detections of one class that overlap by more than this, the surer one stays.

    Raises:
        ConfigurationError: a number outside its range.
    """

    task = "detection"
    shows = frozenset[Need]({"boxes", "box_probs"})
    usual = shows | {"embeddings"}

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int,
        *,
        architecture: Architecture,
        posterior: DetectionPosterior,
        optimizer: OptimizerFactory,
        schedule: ScheduleFactory,
        dropout: float = 0.2,
        max_detections: int = 50,
        score_threshold: float = 0.05,
        nms_threshold: float = 0.5,
    ) -> None:
        super().__init__(optimizer=optimizer, schedule=schedule)
        if not 0 <= dropout < 1:
            raise ConfigurationError(f"learner.dropout must lie in [0, 1), got {dropout}")
        for name, share in (("score_threshold", score_threshold), ("nms_threshold", nms_threshold)):
            if not 0 <= share <= 1:
                raise ConfigurationError(f"learner.{name} must lie in [0, 1], got {share}")
        if max_detections < 1:
            raise ConfigurationError(f"learner.max_detections must be at least 1, got {max_detections}")
        posterior.check(dropout)
        self.posterior = posterior
        self.num_classes = num_classes
        self.networks = nn.ModuleList(architecture(image_shape, num_classes, dropout) for _ in range(posterior.members))
        self._suppression = Suppression(score_threshold, nms_threshold, max_detections)

    @property
    def gives(self) -> frozenset[Need]:
        """What the networks and their posterior can say."""
        needs: set[Need] = {"boxes", "box_probs", "box_embeddings", "embeddings"}
        if self.posterior.offers_samples:
            needs.update(("box_samples", "box_draws"))
        if self.posterior.may_miss:
            needs.add("missed")
        return frozenset(needs)

    def loss(self, images: Tensor, targets: Sequence[Target]) -> Tensor:
        """Sum of the networks' losses, so that each has the gradient of its own."""
        return torch.stack([network.loss(images, targets) for network in self._each_network()]).sum()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:  # noqa: ARG002 (Lightning's signature)
        """The loss; its mean over the networks is logged as ``train_loss``."""
        if len(batch.images) == 0:
            return self.loss_without_images(batch)
        loss = self.loss(batch.images, batch.labels)
        self.log_loss("train_loss", loss / len(self.networks), batch)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log the loss without dropout, mean over the networks, as ``val_loss``; the same samples of it every time."""
        if len(batch.images):
            with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
                torch.manual_seed(batch_idx)
                loss = self.loss(batch.images, batch.labels)
            self.log_loss("val_loss", loss / len(self.networks), batch)
        elif not alone():
            self.log_loss("val_loss", torch.zeros((), device=self.device), batch)

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """Those of each network."""
        return in_networks(network.class_rows(classes) for network in self._each_network())

    def layer_groups(self) -> LayerGroups:
        """The layers of the networks' backbones, and their heads."""
        return merged(network.layer_groups() for network in self._each_network())

    def draws(self, generator: torch.Generator) -> DetectionDraws:
        """The posterior's draws for the weights as they are: for ``outputs``."""
        return self.posterior.draws(self._each_network(), generator)

    def outputs(self, images: Tensor, draws: DetectionDraws, needs: Collection[Need]) -> dict[Need, Tensor]:
        """What is needed of a batch, from one pass through each backbone.

        Args:
            images: (B, channels, S, S).
            draws: from ``draws``.
            needs: which of ``boxes`` (B, K, 4), ``box_probs`` (B, K, C + 1), ``box_samples`` (B, K, T, C + 1),
                ``box_draws`` (B, K, T, 4), ``box_embeddings`` (B, K, D), ``missed`` (B,), and ``embeddings`` (B, D);
                features are without dropout, of all networks side by side.
        """
        networks = self._each_network()
        maps = [network.maps(images) for network in networks]
        arrays: dict[Need, Tensor] = {}
        if "embeddings" in needs:
            arrays["embeddings"] = torch.cat([DetectionNetwork.embeddings(own) for own in maps], dim=1)
        if set(needs) - {"embeddings"}:
            found = draws.find(images, maps, self._suppression)
            arrays["missed"] = found.missed
            each: dict[Need, Tensor] = {
                "boxes": found.boxes,
                "box_probs": found.probs,
                "box_samples": found.samples,
                "box_draws": found.draws,
            }
            if "box_embeddings" in needs:
                where = [found.boxes[found.rows == row] for row in range(len(images))]
                regions = [network.regions(images, own, where) for network, own in zip(networks, maps, strict=True)]
                each["box_embeddings"] = torch.cat(regions, dim=1)
            order, place = _surest_first(found)
            for name, values in each.items():
                if name in needs:
                    arrays[name] = self._padded(values[order], found.rows[order], place, len(images))
        return {need: arrays[need].float() for need in needs}

    def _padded(self, values: Tensor, rows: Tensor, place: Tensor, images: int) -> Tensor:
        """Values (n, ...) at their places among the K of their images, (images, K, ...), NaN where there are none."""
        padded = values.new_full((images, self._suppression.most, *values.shape[1:]), torch.nan)
        fits = place < self._suppression.most
        padded[rows[fits], place[fits]] = values[fits]
        return padded

    def _each_network(self) -> list[DetectionNetwork]:
        return [cast("DetectionNetwork", network) for network in self.networks]


def _surest_first(found: Found) -> tuple[Tensor, Tensor]:
    """An order of detections, image by image and by score, and the place of each in it among those of its image."""
    order = found.probs[:, :-1].amax(dim=1).argsort(descending=True, stable=True)
    order = order[found.rows[order].argsort(stable=True)]
    rows = found.rows[order]
    return order, torch.arange(len(rows)).to(rows) - torch.searchsorted(rows, rows)

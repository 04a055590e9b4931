"""Draws at the candidates of one network: none of them, or dropout in the head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import clip_boxes_to_image

from alframe.errors import ConfigurationError
from alframe.learner.detection.network import DetectionNetwork, Maps, Suppression, Thinned, of_class
from alframe.learner.detection.posterior.base import DetectionDraws, DetectionPosterior, Found


class PointEstimate(DetectionPosterior):
    """One network, no draws: the cheapest, for strategies that read boxes, probabilities and embeddings only."""

    offers_samples = False
    may_miss = False

    def draws(
        self,
        networks: Sequence[DetectionNetwork],
        generator: torch.Generator,  # noqa: ARG002 (nothing is random)
    ) -> DetectionDraws:
        """The network as it is."""
        return CandidateDraws(networks[0], lambda _maps, kept: (kept.probs.unsqueeze(1), kept.boxes.unsqueeze(1)))


class MCDropout(DetectionPosterior):
    """MC dropout (Gal and Ghahramani 2016) in the head alone, with the same masks for every image.

    What is a detection is decided without dropout; the draws are made at these candidates, and so are aligned with no
    matching. Under a two-stage detector they are the box head's on the same proposals, at the price of one pass; under
    a one-stage detector the head runs once more for each draw, at the same anchors, on maps that lose channels.

    Args:
        draws: T.
    """

    may_miss = False

    def __init__(self, draws: int = 20) -> None:
        if draws < 2:
            raise ConfigurationError(f"MC dropout needs at least 2 draws, got learner.posterior.draws={draws}")
        self._draws = draws

    def check(self, dropout: float) -> None:
        """Nothing can be drawn without dropout."""
        if dropout == 0:
            raise ConfigurationError(
                "MC dropout has nothing to draw: set learner.dropout above 0, or choose learner/detector/posterior=none"
            )

    def draws(self, networks: Sequence[DetectionNetwork], generator: torch.Generator) -> DetectionDraws:
        """The network under T fixed dropout masks."""
        (network,) = networks
        return CandidateDraws(network, network.thinned(self._draws, generator))


class CandidateDraws(DetectionDraws):
    """Draws that share a network's candidates: each sees every detection, and none is missed.

    Args:
        network: which decides what is a detection.
        thinned: what the draws make of these.
    """

    def __init__(self, network: DetectionNetwork, thinned: Thinned) -> None:
        self._network = network
        self._thinned = thinned

    def find(self, images: Tensor, maps: Sequence[Maps], suppression: Suppression) -> Found:
        """The network's detections; their class is that of the mean over the draws, and all boxes are of that class."""
        kept = self._network.detect(images, maps[0], suppression)
        samples, boxes = self._thinned(maps[0], kept)
        probs = samples.mean(dim=1)
        labels = probs[:, :-1].argmax(dim=1)
        height, width = images.shape[2:]
        return Found(
            rows=kept.rows,
            boxes=of_class(kept.boxes, labels),
            probs=probs,
            samples=samples,
            draws=clip_boxes_to_image(of_class(boxes, labels), (height, width)),
            missed=images.new_zeros(len(images)),
        )

"""Several detectors, one draw each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from alframe.errors import ConfigurationError
from alframe.functional import group_boxes
from alframe.learner.detection.network import DetectionNetwork, Maps, Suppression
from alframe.learner.detection.posterior.alignment import OVERLAP, Seen, aligned, own_boxes
from alframe.learner.detection.posterior.base import DetectionDraws, DetectionPosterior, Found


class Ensemble(DetectionPosterior):
    """Detectors trained from different initial weights (Lakshminarayanan et al. 2017), one draw each.

    Their detections are put together by object, as weighted boxes fusion does (Solovyev et al. 2021), with at most one
    of each member in a group. What more than half of the members see is a detection, whose box is their mean, weighted
    by score; what fewer see counts as missed.

    Args:
        members: T.
    """

    def __init__(self, members: int = 5) -> None:
        if members < 2:
            raise ConfigurationError(f"an ensemble needs at least 2 members, got learner.posterior.members={members}")
        self.members = members

    def draws(
        self,
        networks: Sequence[DetectionNetwork],
        generator: torch.Generator,  # noqa: ARG002 (nothing is random)
    ) -> DetectionDraws:
        """Each network as it is."""
        return MemberDraws(networks)


class MemberDraws(DetectionDraws):
    """One draw for each network, and a detection for what more than half of them see."""

    def __init__(self, networks: Sequence[DetectionNetwork]) -> None:
        self._networks = networks

    def find(self, images: Tensor, maps: Sequence[Maps], suppression: Suppression) -> Found:
        """What the networks agree on."""
        each = [network.detect(images, own, suppression) for network, own in zip(self._networks, maps, strict=True)]
        seen = Seen.of([(kept, own_boxes(kept)) for kept in each])
        founder = np.full(len(seen.rows), -1, dtype=np.int64)
        for image in seen.by_image():
            groups = group_boxes(image.boxes, image.scores, image.labels, image.draws, OVERLAP)
            agreed = 2 * np.bincount(groups, minlength=len(groups))[groups] > len(each)
            founder[image.positions[agreed]] = image.positions[groups[agreed]]
        found = aligned(seen, founder, len(images), len(each))
        scores = found.samples[..., :-1].amax(dim=2, keepdim=True)
        return replace(found, boxes=(scores * found.draws).sum(dim=1) / scores.sum(dim=1))

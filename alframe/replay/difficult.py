"""Buffers of what the champion finds hard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional import (
    box_entropy,
    box_loss,
    entropy,
    highest,
    image_scores,
    k_center_greedy,
    label_loss,
    map_mean,
    pixel_loss,
)
from alframe.functional.checks import check_points
from alframe.replay.base import Replay, array_of
from alframe.types import Floats, Need, Predictions, Task


class Measure(NamedTuple):
    """A number for each sample, and what of a learner it is computed from."""

    needs: frozenset[Need]
    of: Callable[[Predictions], Floats]


LOSS: Mapping[Task, Measure] = {
    "classification": Measure(
        frozenset({"probs"}), lambda old: label_loss(array_of(old, "probs"), array_of(old, "labels"))
    ),
    "detection": Measure(
        frozenset({"boxes", "box_probs"}),
        lambda old: box_loss(array_of(old, "objects").tolist(), array_of(old, "boxes"), array_of(old, "box_probs")),
    ),
    "segmentation": Measure(
        frozenset({"pixel_classes"}),
        lambda old: pixel_loss(
            array_of(old, "objects").tolist(), array_of(old, "sizes"), array_of(old, "pixel_classes")
        ),
    ),
}
"""How wrong the champion is about a sample, by its task."""

UNCERTAINTY: Mapping[Task, Measure] = {
    "classification": Measure(frozenset({"probs"}), lambda old: entropy(array_of(old, "probs"))),
    "detection": Measure(frozenset({"box_probs"}), lambda old: image_scores(box_entropy(array_of(old, "box_probs")))),
    "segmentation": Measure(frozenset({"pixel_entropy"}), lambda old: map_mean(array_of(old, "pixel_entropy"))),
}
"""How unsure it is, in nats: of the class, of the least sure detection's, of a pixel's in the mean."""


class HardestByLoss(Replay):
    """The samples on which the champion's loss is highest: what it knows well needs no repetition.

    The loss is the cross-entropy of the label, of the objects and of detections of none (``box_loss``), or one less the
    mean IoU (``pixel_loss``). Wrong labels are hard too, and are kept.
    """

    def needs(self, task: Task) -> frozenset[Need]:
        """What the loss is computed from."""
        return LOSS[task].needs

    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:  # noqa: ARG002 (nothing is random)
        """Those of the highest loss, highest first."""
        losses = _measured(old, LOSS)
        return {row: f"loss {losses[row]:.3g}" for row in highest(losses, capacity).tolist()}


class UncertaintyDiverse(Replay):
    """Samples that the champion is unsure of, spread over its embedding.

    The samples it is surest of go first; among the others, always the one farthest from those chosen stays.

    Args:
        capacity: the most old samples to keep; ``None`` for no limit.
        new_weight: share of the draws that go to new samples, in (0, 1]; ``None`` to draw every sample equally often.
        balanced: whether classes are drawn equally often instead.
        diversity: of the samples that have to go, the share that go because they resemble others, in [0, 1]: at 0 only
            uncertainty counts, at 1 only the embedding.

    Raises:
        ConfigurationError: a diversity outside [0, 1].
    """

    def __init__(
        self,
        *,
        capacity: int | None = None,
        new_weight: float | None = None,
        balanced: bool = False,
        diversity: float = 0.5,
    ) -> None:
        super().__init__(capacity=capacity, new_weight=new_weight, balanced=balanced)
        if not 0 <= diversity <= 1:
            raise ConfigurationError(f"replay.diversity must lie in [0, 1], got {diversity}")
        self._diversity = diversity

    def needs(self, task: Task) -> frozenset[Need]:
        """What the uncertainty is computed from, and embeddings."""
        return UNCERTAINTY[task].needs | {"embeddings"}

    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:  # noqa: ARG002 (nothing is random)
        """The least alike of the least sure."""
        unsure, embeddings = _measured(old, UNCERTAINTY), check_points(array_of(old, "embeddings"), "embeddings")
        shortlist = highest(unsure, capacity + round(self._diversity * (len(old) - capacity)))
        spread = k_center_greedy(embeddings[shortlist], capacity)
        return {row: f"entropy {unsure[row]:.3g}, unlike the others kept" for row in shortlist[spread].tolist()}


def _measured(old: Predictions, measures: Mapping[Task, Measure]) -> Floats:
    """The measure of the task whose arrays were predicted, (M,).

    Raises:
        InvalidInput: those of none were.
    """
    for measure in measures.values():
        if all(getattr(old, need) is not None for need in measure.needs):
            return measure.of(old)
    wanted = " or ".join(" with ".join(sorted(measure.needs)) for measure in measures.values())
    raise InvalidInput(f"the buffer reads {wanted}, and none of these was predicted of the old samples")

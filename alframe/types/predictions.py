"""What a learner says of samples, and what a strategy makes of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alframe.types.arrays import Floats, Ids, Labels, Positions

Need = Literal[
    "probs",
    "embeddings",
    "samples",
    "head",
    "predicted_loss",
    "history",
    "bald",
    "consensus_kl",
    "mean_std",
    "predictive_entropy",
    "variation_ratio",
    "vote_entropy",
    "boxes",
    "box_probs",
    "box_samples",
    "box_draws",
    "box_embeddings",
    "missed",
    "class_map",
    "pixel_classes",
    "pixel_entropy",
    "pixel_margin",
    "pixel_bald",
]
"""What a strategy may ask for: the arrays of ``Predictions`` that cost something to make."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is known of ``N`` samples when a query is made; an array that nobody asked for is ``None``.

    Attributes:
        ids: (N,) sample ids.
        probs: (N, C) posterior predictive probabilities.
        embeddings: (N, D) penultimate features.
        samples: (N, T, C) class probabilities under each posterior draw; draw ``t`` is the same model in every row.
        head: (C, D + 1) the linear layer from embeddings to logits, its bias in the last column.
        predicted_loss: (N,) the loss that the learner expects to have on the sample (Yoo & Kweon 2019), in no unit.
        history: (N, R) int64, the class that the learner of each earlier round predicted, oldest first; ``UNLABELLED``
            where it was not asked, as for a sample that had its label by then.
        labels: (N,) int64 class indices that people gave; ``None`` among the unlabelled.
        costs: (N,) what labelling the sample costs, in the user's unit; ``None`` if all cost 1.
        evidence: (N,) how much speaks against what the model says of the sample, 0 where nothing does; ``None`` if
            there is none of any.
        bald, consensus_kl, mean_std, predictive_entropy, variation_ratio, vote_entropy: (N,) each: what the function of
            that name in ``alframe.functional`` makes of a sample's draws; computed as they pass, so that ``samples``
            need not be kept.

    Of a detector, for the K detections that an image has at most, surest first; an image that has fewer has NaN in the
    other rows:
        boxes: (N, K, 4) left, top, right and bottom edge, in pixels of the image.
        box_probs: (N, K, C + 1) the mean over the draws, background last; where draws are views of the image, over the
            image as it is as well. A detection's class is the most probable of the C, and its score that class's
            probability.
        box_samples: (N, K, T, C + 1) each draw; all background where a draw does not have the detection.
        box_draws: (N, K, T, 4) the box under each draw; of no size where a draw does not have the detection.
        box_embeddings: (N, K, D) features of the region.
        missed: (N,) scores of the objects that a draw sees and no detection stands for, summed, mean over the draws.

    Of a segmenter, for every pixel of the tensor:
        class_map: (N, S, S) uint8, the most probable class; for evaluation, never for strategies.

    Of a segmenter, at the h x w cells into which an image is divided for this:
        pixel_classes: (N, h, w) uint8, the most probable class at the centre of a cell: 0 for background, c + 1 for
            class c.
        pixel_entropy: (N, h, w) mean over a cell of the entropy of a pixel's classes, in nats.
        pixel_margin: (N, h, w) mean of one less the lead of a pixel's most probable class.
        pixel_bald: (N, h, w) mean of the mutual information (nats) between a pixel's class and the draw.

    Of either:
        sizes: (N, 2) int64, height and width of each image.
        objects: (N,) ``Objects`` that people drew; ``None`` among the unlabelled.
    """

    ids: Ids
    probs: Floats | None = None
    embeddings: Floats | None = None
    samples: Floats | None = None
    head: Floats | None = None
    predicted_loss: Floats | None = None
    history: NDArray[np.int64] | None = None
    labels: NDArray[np.int64] | None = None
    costs: Floats | None = None
    evidence: Floats | None = None
    bald: Floats | None = None
    consensus_kl: Floats | None = None
    mean_std: Floats | None = None
    predictive_entropy: Floats | None = None
    variation_ratio: Floats | None = None
    vote_entropy: Floats | None = None
    boxes: Floats | None = None
    box_probs: Floats | None = None
    box_samples: Floats | None = None
    box_draws: Floats | None = None
    box_embeddings: Floats | None = None
    missed: Floats | None = None
    class_map: NDArray[np.uint8] | None = None
    pixel_classes: NDArray[np.uint8] | None = None
    pixel_entropy: Floats | None = None
    pixel_margin: Floats | None = None
    pixel_bald: Floats | None = None
    sizes: NDArray[np.int64] | None = None
    objects: Labels | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def weights(self) -> Floats:
        """(N,) the weight of each sample's evidence; zeros if there is none of any."""
        return np.zeros(len(self)) if self.evidence is None else self.evidence

    def take(self, rows: Positions | slice) -> Predictions:
        """The predictions at ``rows``, in that order; of a slice nothing is copied."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        taken = {name: array[rows] for name, array in arrays.items() if array is not None and name != "head"}
        return Predictions(head=self.head, **taken)


@dataclass(frozen=True, eq=False)
class Selection:
    """A strategy's choice.

    Attributes:
        positions: (K,) int64, distinct positions into the predictions it was given, in the order chosen.
        scores: (K,) informativeness of each choice, higher is more informative; ``None`` if the strategy has no score.
    """

    positions: Positions
    scores: Floats | None = None

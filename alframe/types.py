"""Frozen records that cross rooms. ``N`` samples, ``C`` classes, ``D`` embedding width, ``T`` draws."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ids: TypeAlias = NDArray[np.str_]
Positions: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.floating[Any]]

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
]
"""What a strategy may ask for: the arrays of ``Predictions`` that cost something to make."""

UNLABELLED = -1
"""The label of a sample whose class the data source does not know."""


@dataclass(frozen=True, eq=False)
class SampleTable:
    """What a data source knows of its samples, as columns of one length ``N``.

    Attributes:
        ids: stable and unique names.
        labels: int64 class indices; ``UNLABELLED`` where the source knows none.
        held_out: true for test samples, which are never queried.
        groups: slice names (a camera, a site), empty where there is none.
        costs: what labelling the sample costs, in the user's unit; 1 where nothing else is said.
    """

    ids: Ids
    labels: NDArray[np.int64]
    held_out: NDArray[np.bool_]
    groups: NDArray[np.str_]
    costs: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)


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
        bald, consensus_kl, mean_std, predictive_entropy, variation_ratio, vote_entropy: (N,) each: what the function of
            that name in ``alframe.functional`` makes of a sample's draws; computed as they pass, so that ``samples``
            need not be kept.
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
    bald: Floats | None = None
    consensus_kl: Floats | None = None
    mean_std: Floats | None = None
    predictive_entropy: Floats | None = None
    variation_ratio: Floats | None = None
    vote_entropy: Floats | None = None

    def __len__(self) -> int:
        return len(self.ids)

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


@dataclass(frozen=True)
class Query:
    """The samples that a round asks labels for.

    Attributes:
        round: 0 for the first labelled set.
        ids: the samples, most wanted first.
        scores: one per sample, or ``None``.
        strategy: the name of the strategy that chose.
        model: the version (SHA-256 of the weights) of the learner it looked through; empty for the first set.
    """

    round: int
    ids: tuple[str, ...]
    scores: tuple[float, ...] | None
    strategy: str
    model: str


@dataclass(frozen=True)
class Annotation:
    """One statement about one sample: its label, or why it has none.

    Attributes:
        key: names the statement; offering the same key again changes nothing.
        sample_id: the sample.
        label: class index; ``None`` if the sample is to be set aside.
        annotator: who says so.
        round: the round that asked.
        model: the version of the learner through which the sample was chosen.
        reason: why there is no label; ``None`` where there is one.
    """

    key: str
    sample_id: str
    label: int | None
    annotator: str
    round: int
    model: str
    reason: str | None = None


@dataclass(frozen=True)
class Reliability:
    """How sure predictions are and how often they are right, in B bins of equal width of how sure they are.

    Attributes:
        confidence: mean of the highest probability among the samples of each bin, in [0, 1]; ``None`` without samples.
        accuracy: share of them whose most probable class is right, in [0, 1]; ``None`` without samples.
        count: how many samples the bin has.
    """

    confidence: tuple[float | None, ...]
    accuracy: tuple[float | None, ...]
    count: tuple[int, ...]


@dataclass(frozen=True)
class Evaluation:
    """A learner on held-out samples.

    Attributes:
        samples: how many were scored.
        unreadable: how many could not be decoded and were left out.
        accuracy: share of samples whose most probable class is right, in [0, 1].
        nll: mean negative log-likelihood of the true class, in nats.
        calibration_error: expected calibration error over 15 bins, in [0, 1].
        class_accuracy: accuracy among the samples of each class; ``None`` for a class without samples.
        reliability: the bins of the calibration error.
        uncalibrated: the same learner on the same samples as it was before its calibration; ``None`` if it has none.
    """

    samples: int
    unreadable: int
    accuracy: float
    nll: float
    calibration_error: float
    class_accuracy: tuple[float | None, ...]
    reliability: Reliability
    uncalibrated: Evaluation | None = None


@dataclass(frozen=True)
class CurvePoint:
    """One point of a learning curve: what was reached in ``round``, with ``labels`` labelled samples."""

    round: int
    labels: int
    evaluation: Evaluation


@dataclass(frozen=True, eq=False)
class PoolView:
    """What one learner said of the unlabelled pool when ``round`` began.

    Attributes:
        round: the round that asked.
        ids: (N,) sample ids.
        classes: (N,) int64, the most probable class.
        entropy: (N,) of the predicted probabilities, in nats.
    """

    round: int
    ids: Ids
    classes: NDArray[np.int64]
    entropy: Floats


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a run has come, for deciding whether to stop.

    Attributes:
        curve: the evaluations so far, oldest first.
        views: what each learner said of the pool, oldest first; empty unless a stopping rule needs ``probs``.
        gain: the highest score of the query just chosen; ``None`` where there is no query or no score.
        labels: how many labels people have given.
        cost: what those labels cost, in the user's unit.
    """

    curve: tuple[CurvePoint, ...]
    views: tuple[PoolView, ...]
    gain: float | None
    labels: int
    cost: float

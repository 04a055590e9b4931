"""What several annotators said of the same samples, weighed: consensus, agreement, and who is not to be relied on.

``N`` samples, ``A`` annotators, ``C`` classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alframe.types.arrays import Floats, Positions
from alframe.types.objects import Objects

Signal = Literal["good", "constant", "random", "copying"]
"""What the votes of one annotator look like."""


@dataclass(frozen=True, eq=False)
class Consensus:
    """The class of each sample that votes speak for.

    Attributes:
        labels: (N,) class indices; ``UNLABELLED`` where nobody voted.
        confidence: (N,) share of the weight, or probability, of the label, in [0, 1]; 0 where nobody voted.
        skill: (A,) how often each annotator is right, in [0, 1], as far as the method can tell; NaN for those whose
            votes say nothing of it.
        confusion: (A, C, C) probability of each vote (last axis) where a class is true; ``None`` where the method has
            none.
    """

    labels: NDArray[np.int64]
    confidence: Floats
    skill: Floats
    confusion: Floats | None = None


@dataclass(frozen=True, eq=False)
class ObjectConsensus:
    """The objects of one image that most annotators drew.

    Attributes:
        objects: each as its annotators drew it on average, by class and then from left to right.
        support: for each object the share of the annotators, by weight, who drew it, in (1/2, 1].
        agreement: mean over pairs of annotators of ``mean_matched_iou``, in [0, 1]; NaN for fewer than two.
    """

    objects: Objects
    support: Floats
    agreement: float


@dataclass(frozen=True, eq=False)
class PairwiseAgreement:
    """How far each two annotators agree.

    Attributes:
        kappa: (A, A) Cohen's kappa over what both labelled; NaN where it is undefined.
        shared: (A, A) how many samples both labelled; on the diagonal, how many each did.
    """

    kappa: Floats
    shared: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AnnotatorSignals:
    """What votes tell of each annotator, every one held against the others or against samples whose class is known.

    Attributes:
        compared: (A,) votes on samples whose class the others, or gold, are sure of: all that was looked at.
        informedness: (A,) what those votes tell of these classes: 1 if all are right, 0 if they do not depend on the
            class. Over the K classes that occur, (sum of the shares of right votes - 1) / (K - 1), however rare a
            class is; NaN where fewer than two occur.
        variety: (A,) entropy of those votes over the entropy of these classes: 0 for always the same, about 1 for
            votes as varied as they should be; NaN where these classes do not vary.
        p_uninformed: (A,) at most how probable so few right votes are for somebody whose informedness is still
            tolerable; after Holm, over all annotators. Small: votes that tell next to nothing.
        p_copying: (A, A) probability of so many mistakes in common, or more, for two who work apart; after Holm, over
            all pairs. Small: one of the two copies the other, or both a third. 1 on the diagonal.
        verdict: for each annotator what the tests say, at the level that was asked for. "good" is what nothing speaks
            against: few votes are too little to accuse anybody.
    """

    compared: NDArray[np.int64]
    informedness: Floats
    variety: Floats
    p_uninformed: Floats
    p_copying: Floats
    verdict: tuple[Signal, ...]


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """Labels that a model holds for wrong.

    Attributes:
        positions: of the suspicious labels, the most suspicious first.
        quality: (N,) how far each label is to be believed, in [0, 1].
    """

    positions: Positions
    quality: Floats


@dataclass(frozen=True, eq=False)
class LabelWorth:
    """What one more label is worth, on one scale for samples that have some and those that have none.

    Attributes:
        again: (N,) for another label of a sample that has labels, in [0, 1]; higher is worth more.
        first: (M,) for the first label of a sample that has none, likewise.
    """

    again: Floats
    first: Floats

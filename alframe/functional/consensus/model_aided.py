"""What a model's held-out predictions add to the votes of people: consensus, likely errors, what to ask again.

Computed by cleanlab (extra ``quality``), which is imported where it is needed.
"""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional.checks import check_classes, check_probs, check_votes
from alframe.types import UNLABELLED, Consensus, LabelErrors, LabelWorth

TIE = 1e-9
"""By how much a class is preferred to the next, where a model holds both for equally probable."""

_ONE_AT_A_TIME = threading.Lock()
"""Output and warnings belong to the process: of two threads that set them aside, one could keep the other's."""


def crowdlab(votes: NDArray[Any], probs: NDArray[Any]) -> Consensus:
    """Consensus of votes and of a model that did not see them, (N, A), (N, C) -> Consensus.

    The model votes too: it and the annotators are weighed by how often they are right beyond always saying the most
    common class, as far as samples with several votes show. Its probabilities are first scaled by the temperature at
    which they are most like the votes: a model that is too sure would outvote everybody. Skill is cleanlab's annotator
    quality. There is no confusion.

    Args:
        votes: classes, ``UNLABELLED`` where an annotator gave none. Samples without any stay without a label.
        probs: class probabilities of the samples by a model that was not trained on them.

    Raises:
        InvalidInput: votes that are no classes, probabilities that are none, different lengths; fewer than two classes
            or no sample with two votes, which show nothing of anybody's skill: take ``majority_vote``.
        ConfigurationError: cleanlab is not installed.

    Source:
        Goh, Tkachenko & Mueller, "CROWDLAB: supervised learning to infer consensus labels and quality scores for data
        with multiple annotators", 2022.

    Examples:
        >>> votes = np.array([[0, 0, 1], [1, 1, 1], [0, 1, -1], [1, 1, 0]])
        >>> consensus = crowdlab(votes, np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]]))
        >>> consensus.labels.tolist()
        [0, 1, 1, 1]
    """
    votes, probs = _check_paired(votes, probs)
    given, annotators, samples = _without_gaps(votes)
    if not (np.count_nonzero(votes != UNLABELLED, axis=1) > 1).any() or probs.shape[1] < 2:
        raise InvalidInput(
            "CROWDLAB learns whom to believe from samples with two votes or more, of two classes or more, and there is "
            "none; take majority_vote"
        )
    cleanlab = _cleanlab("crowdlab").multiannotator
    with _quietly():
        found = cleanlab.get_label_quality_multiannotator(
            given, _without_ties(probs)[samples], calibrate_probs=True, verbose=False
        )
    labels, confidence = np.full(len(votes), UNLABELLED), np.zeros(len(votes))
    labels[samples] = found["label_quality"]["consensus_label"]
    confidence[samples] = found["label_quality"]["consensus_quality_score"]
    skill = np.full(votes.shape[1], np.nan)
    skill[annotators] = found["annotator_stats"]["annotator_quality"].sort_index()
    return Consensus(labels, confidence, skill)


def label_errors(labels: NDArray[Any], probs: NDArray[Any]) -> LabelErrors:
    """Labels that are likely wrong by what a model says that did not see them, (N,), (N, C) -> LabelErrors.

    Confident learning: a label is suspicious if the model is as sure of another class as it is on average of the
    samples that bear it; how many are taken follows from how often that happens between each two classes. Quality is
    the probability of the label.

    Args:
        labels: classes, one for each sample.
        probs: class probabilities of the samples by a model that was not trained on them.

    Raises:
        InvalidInput: labels that are no classes, a sample without one, probabilities that are none, different lengths.
        ConfigurationError: cleanlab is not installed.

    Source:
        Northcutt, Jiang & Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70, 2021.

    Examples:
        >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
        >>> sure = np.array([0.9, 0.8, 0.9, 0.05, 0.1, 0.2, 0.1, 0.2])
        >>> errors = label_errors(labels, np.stack([sure, 1 - sure], axis=1))
        >>> errors.positions.tolist(), errors.quality[3].round(2).tolist()
        ([3], 0.05)
    """
    probs = check_probs(probs).astype(np.float64)
    labels = check_classes(labels, probs.shape[1])
    if len(labels) != len(probs) or (labels == UNLABELLED).any():
        raise InvalidInput(
            f"every sample needs a label and probabilities: {len(probs)} have probabilities, "
            f"{np.count_nonzero(labels != UNLABELLED)} of {len(labels)} have a label; leave the others out"
        )
    quality = probs[np.arange(len(labels)), labels]
    if len(np.unique(labels)) < 2:  # another class would have to be known by samples that bear it
        return LabelErrors(np.empty(0, dtype=np.int64), quality)
    find = _cleanlab("label_errors").filter.find_label_issues
    with _quietly():
        positions = find(labels, probs, return_indices_ranked_by="self_confidence", n_jobs=1)
    return LabelErrors(np.asarray(positions, dtype=np.int64), quality)


def activelab(votes: NDArray[Any], probs: NDArray[Any], probs_unlabelled: NDArray[Any]) -> LabelWorth:
    """What one more label is worth, for labelled and unlabelled samples alike, (N, A), (N, C), (M, C) -> LabelWorth.

    One scale for both: low where votes and model agree on a class, and where many were asked already.

    Args:
        votes: classes of the N samples that have labels, ``UNLABELLED`` where an annotator gave none.
        probs: their class probabilities by a model that was not trained on them.
        probs_unlabelled: those of the M samples that nobody labelled.

    Raises:
        InvalidInput: votes that are no classes, a sample of the N without any, probabilities that are none, different
            lengths, fewer than two classes.
        ConfigurationError: cleanlab is not installed.

    Source:
        Goh & Mueller, "ActiveLab: active learning with re-labeling by multiple annotators", 2023, who look for the
        lowest score; here it is one minus that.

    Examples:
        >>> votes = np.array([[0, 0], [1, 1], [0, 1], [1, -1]])
        >>> probs = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]])
        >>> worth = activelab(votes, probs, np.array([[0.55, 0.45], [0.99, 0.01]]))
        >>> int(worth.again.argmax()), bool(worth.first[0] > worth.first[1])
        (2, True)
    """
    votes, probs = _check_paired(votes, probs)
    probs_unlabelled = check_probs(probs_unlabelled).astype(np.float64)
    if probs.shape[1] != probs_unlabelled.shape[1] or probs.shape[1] < 2:
        raise InvalidInput(
            f"probabilities of {probs.shape[1]} and of {probs_unlabelled.shape[1]} classes; give the same, two or more"
        )
    given, _, samples = _without_gaps(votes)
    if len(samples) < len(votes):
        raise InvalidInput(
            f"{len(votes) - len(samples)} of {len(votes)} labelled samples have no vote; give them as unlabelled"
        )
    score = _cleanlab("activelab").multiannotator.get_active_learning_scores
    labelled = (given, _without_ties(probs)) if len(votes) else (None, None)
    with _quietly():
        again, first = score(*labelled, probs_unlabelled) if len(votes) + len(probs_unlabelled) else ([], [])
    return LabelWorth(1 - np.asarray(again, dtype=np.float64), 1 - np.asarray(first, dtype=np.float64))


def _cleanlab(asked: str) -> ModuleType:
    """The library, with the parts of it that are used here."""
    try:
        import cleanlab.filter
        import cleanlab.multiannotator
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{asked} needs cleanlab: pip install 'alframe[quality]'") from error
    library: ModuleType = cleanlab
    return library


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keeps the library's remarks on rare classes, which callers can do nothing about, from standard output."""
    with _ONE_AT_A_TIME, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _check_paired(votes: NDArray[Any], probs: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    probs = check_probs(probs).astype(np.float64)
    votes = check_votes(votes, probs.shape[1])
    if len(votes) != len(probs):
        raise InvalidInput(f"votes on {len(votes)} samples and probabilities of {len(probs)}; give both for each")
    return votes, probs


def _without_gaps(votes: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Votes with NaN where there is none, of the annotators and the samples that have any, and which those are."""
    given = votes != UNLABELLED
    samples, annotators = np.flatnonzero(given.any(axis=1)), np.flatnonzero(given.any(axis=0))
    kept = np.ix_(samples, annotators)
    return np.where(given, votes, np.nan)[kept], annotators, samples


def _without_ties(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lower classes a little more probable: the library breaks ties of the model by global randomness."""
    probs = probs + TIE * np.arange(probs.shape[1])[::-1]
    return np.asarray(probs / probs.sum(axis=1, keepdims=True))

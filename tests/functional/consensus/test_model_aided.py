from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from teams import team

from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional import activelab, crowdlab, label_errors, majority_vote

pytest.importorskip("cleanlab")

Array = NDArray[np.float64]


def model(rng: np.random.Generator, truth: NDArray[np.int64], classes: int, accuracy: float = 0.85) -> Array:
    """Probabilities that are highest for the true class so often."""
    seen = np.where(rng.random(len(truth)) < accuracy, truth, rng.integers(0, classes, len(truth)))
    return 0.7 * np.eye(classes)[seen] + 0.3 * rng.dirichlet(np.ones(classes), len(truth))


def sparse_team(rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Truth, two votes of five for each of 400 samples, and what a model says."""
    truth, votes = team(rng, items=400, classes=4)
    votes[rng.random(votes.shape).argsort(axis=1).argsort(axis=1) >= 2] = -1
    return truth, votes, model(rng, truth, 4, accuracy=0.7)


def slow_crowdlab(votes: NDArray[np.int64], probs: Array, labels: NDArray[np.int64]) -> Array:
    """Equations of the paper's section 3 for consensus labels in hand: weights first, then the weighted mean."""
    given = votes >= 0
    several = given.sum(axis=1) > 1
    agreeing = [np.mean(votes[row][given[row]] == labels[row]) for row in np.flatnonzero(several).tolist()]
    agreement = float(np.mean(agreeing))
    common = np.bincount(labels[several], minlength=probs.shape[1]).argmax()
    baseline_error = float(np.mean(labels[several] != common))
    weights = []
    for annotator in range(votes.shape[1]):
        same, pairs = 0, 0
        for row in np.flatnonzero(given[:, annotator] & several).tolist():
            others = [vote for who, vote in enumerate(votes[row]) if who != annotator and vote >= 0]
            same += sum(bool(vote == votes[row, annotator]) for vote in others)
            pairs += len(others)
        weights.append(max(1 - (1 - same / pairs) / baseline_error, 1e-6))
    model_error = float(np.mean(probs[several].argmax(axis=1) != labels[several]))
    model_weight = max(1 - model_error / baseline_error, 1e-6) * np.sqrt(given.sum(axis=1).mean())
    found = []
    for row in range(len(votes)):
        total, mass = model_weight, model_weight * probs[row]
        for annotator in np.flatnonzero(given[row]).tolist():
            wrong = (1 - agreement) / (probs.shape[1] - 1)
            said = np.where(np.arange(probs.shape[1]) == votes[row, annotator], agreement, wrong)
            total, mass = total + weights[annotator], mass + weights[annotator] * said
        found.append(mass / total)
    return np.array(found)


def test_crowdlab_weighs_as_the_paper_says() -> None:
    """The confidence is the probability of the label, by loops over single votes, at the library's temperature."""
    scaling = pytest.importorskip("cleanlab.internal.multiannotator_utils")
    _, votes, probs = sparse_team(np.random.default_rng(0))
    consensus = crowdlab(votes, probs)
    temperature = scaling.find_best_temp_scaler(np.where(votes < 0, np.nan, votes), probs)
    scaled = probs ** (1 / temperature)
    expected = slow_crowdlab(votes, scaled / scaled.sum(axis=1, keepdims=True), consensus.labels)
    assert consensus.confidence == pytest.approx(expected[np.arange(400), consensus.labels], abs=1e-4)


def test_a_model_helps_where_votes_are_few() -> None:
    """With two votes a sample of a team of which two are bad."""
    truth, votes, probs = sparse_team(np.random.default_rng(1))
    consensus = crowdlab(votes, probs)
    aided = (consensus.labels == truth).mean()
    assert aided > (majority_vote(votes, 4).labels == truth).mean() + 0.1
    assert aided > (probs.argmax(axis=1) == truth).mean()
    assert consensus.skill[:3].min() > consensus.skill[3:].max()


def test_who_did_not_vote_changes_nothing() -> None:
    """An annotator without votes has no skill, a sample without votes no label."""
    _, votes, probs = sparse_team(np.random.default_rng(2))
    plain = crowdlab(votes, probs)
    padded = crowdlab(np.pad(votes, ((0, 1), (0, 1)), constant_values=-1), np.vstack([probs, probs[:1]]))
    assert padded.labels.tolist() == [*plain.labels, -1]
    assert padded.confidence == pytest.approx(np.append(plain.confidence, 0))
    assert padded.skill == pytest.approx(np.append(plain.skill, np.nan), nan_ok=True)


def test_ties_are_not_broken_by_chance(capsys: pytest.CaptureFixture[str]) -> None:
    """A model that knows nothing and votes that are tied: the lower class, whatever the global state; and quietly."""
    votes = np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    found = [crowdlab(votes, np.full((4, 2), 0.5)).labels.tolist() for _ in range(5)]
    assert found == [[0, 0, 1, 0]] * 5
    activelab(np.array([[0, 2], [0, 0], [0, 0]]), np.full((3, 3), 1 / 3), np.full((1, 3), 1 / 3))
    assert capsys.readouterr() == ("", "")


def test_single_votes_show_nobodys_skill() -> None:
    """CROWDLAB has nothing to learn from."""
    with pytest.raises(InvalidInput, match="take majority_vote"):
        crowdlab(np.array([[0, -1], [-1, 1]]), np.full((2, 2), 0.5))


def test_wrong_labels_are_found_worst_first() -> None:
    """20 of 400 labels are swapped; most are found, and hardly any other."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    probs = model(rng, truth, 3, accuracy=0.98)
    labels = truth.copy()
    swapped = rng.choice(400, 20, replace=False)
    labels[swapped] = (labels[swapped] + 1) % 3
    errors = label_errors(labels, probs)
    assert errors.quality == pytest.approx(probs[np.arange(400), labels])
    assert (np.diff(errors.quality[errors.positions]) >= 0).all()
    assert len(set(errors.positions) & set(swapped)) >= 18
    assert len(errors.positions) <= 30


def test_one_class_alone_cannot_be_doubted() -> None:
    """No sample shows what another would look like; nor does none at all."""
    assert label_errors(np.array([1, 1]), np.array([[0.9, 0.1], [0.2, 0.8]])).positions.tolist() == []
    assert label_errors(np.empty(0, dtype=np.int64), np.empty((0, 2))).positions.tolist() == []


def test_classes_that_nobody_gave_do_not_disturb() -> None:
    """The model may know classes that no label has."""
    labels = np.array([0, 0, 0, 2, 2, 2, 2])
    probs = np.full((7, 4), 0.02)
    probs[np.arange(7), [0, 0, 0, 2, 2, 2, 0]] = 0.94
    assert label_errors(labels, probs).positions.tolist() == [6]


def test_relabelling_and_new_labels_are_on_one_scale() -> None:
    """With single votes: a mean of what the model says of the label and of not knowing, as in the paper."""
    probs = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    worth = activelab(np.array([[0], [1], [1]]), probs, np.array([[0.7, 0.3], [0.5, 0.5]]))
    assert worth.again == pytest.approx([1 - (2 * quality + 0.5) / 3 for quality in (0.9, 0.4, 0.8)], abs=1e-6)
    assert worth.first == pytest.approx([1 - (quality + 0.5) / 2 for quality in (0.7, 0.5)])


def test_more_votes_make_another_worth_less() -> None:
    """The sample on which good annotators agree is worth least, the disputed one more."""
    _, votes, probs = sparse_team(np.random.default_rng(3))
    votes[0], votes[1], votes[2] = [2, 2, 2, -1, -1], [2, -1, -1, -1, -1], [2, 1, -1, -1, -1]
    probs[:3] = [0.1, 0.1, 0.7, 0.1]
    worth = activelab(votes, probs, probs[:1])
    assert worth.again[0] < worth.again[1] < worth.first[0]
    assert worth.again[1] < worth.again[2]


def test_without_labels_only_new_ones_have_a_worth() -> None:
    """The first round; and where nothing is unlabelled there is nothing new."""
    nothing, probs = np.empty((0, 2), dtype=np.int64), np.array([[0.9, 0.1], [0.5, 0.5]])
    worth = activelab(nothing, np.empty((0, 2)), probs)
    assert worth.again.shape == (0,)
    assert worth.first[0] < worth.first[1]
    assert activelab(np.array([[0], [1]]), probs, np.empty((0, 2))).first.shape == (0,)
    assert activelab(nothing, np.empty((0, 2)), np.empty((0, 2))).first.shape == (0,)


HALVES = np.full((2, 2), 0.5)


def test_what_does_not_fit_is_refused() -> None:
    """Lengths, classes, samples without any label."""
    with pytest.raises(InvalidInput, match="1 samples and probabilities of 2"):
        crowdlab(np.array([[0, 1]]), HALVES)
    with pytest.raises(InvalidInput, match="1 of 2 have a label"):
        label_errors(np.array([0, -1]), HALVES)
    with pytest.raises(InvalidInput, match="1 of 2 labelled samples have no vote"):
        activelab(np.array([[0], [-1]]), HALVES, HALVES)
    with pytest.raises(InvalidInput, match="of 2 and of 3 classes"):
        activelab(np.array([[0], [1]]), HALVES, np.full((1, 3), 1 / 3))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And how to install it."""
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ConfigurationError, match=r"label_errors needs cleanlab: pip install 'alframe\[quality\]'"):
        label_errors(np.array([0, 1]), HALVES)

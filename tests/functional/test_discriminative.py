"""Discriminative selection against a loop of fresh classifiers, and where the turns take it."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import discriminative

Points = NDArray[np.float64]


def fresh_classifiers(points: Points, counts: list[int], centers: Points) -> list[int]:
    """A new logistic regression each turn, on all points; the most probably unlabelled are chosen."""
    scale = points.std(axis=0).mean()
    points, centers = points / scale, centers / scale
    chosen: list[int] = []
    for count in counts:
        left = [position for position in range(len(points)) if position not in chosen]
        rows = np.vstack([centers, points[chosen], points[left]])
        labels = np.repeat([0, 1], [len(centers) + len(chosen), len(left)])
        classifier = LogisticRegression(class_weight="balanced", max_iter=10_000, tol=1e-10).fit(rows, labels)
        sure = classifier.predict_proba(points[left])[:, 1]
        chosen += [left[position] for position in np.argsort(-sure)[:count]]
    return chosen


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), queries=st.sampled_from([1, 2, 4]))
def test_choices_equal_those_of_fresh_classifiers(seed: int, queries: int) -> None:
    """The same set, turn by turn, as long as all points are shown to the classifier."""
    rng = np.random.default_rng(seed)
    points, centers = rng.normal(size=(40, 4)), 0.5 + rng.normal(size=(8, 4))
    chosen = discriminative(points, 8, centers, queries=queries, rng=rng)
    assert sorted(chosen.tolist()) == sorted(fresh_classifiers(points, [8 // queries] * queries, centers))


def test_turns_keep_the_batch_from_one_spot() -> None:
    """Two spots without a label, one farther: a single turn takes all from it, and more turns from both."""
    rng = np.random.default_rng(0)
    spots = np.repeat([[0.0, 0.0], [0.0, 9.0], [12.0, 0.0]], 30, axis=0)
    points = spots + 0.1 * rng.normal(size=spots.shape)
    centers = 0.1 * rng.normal(size=(10, 2))
    once = discriminative(points, 6, centers, queries=1, rng=rng) // 30
    often = discriminative(points, 6, centers, queries=6, rng=rng) // 30
    assert set(once.tolist()) == {2}
    assert set(often.tolist()) == {1, 2}


@pytest.mark.parametrize(("offset", "factor"), [(1e3, 1.0), (0.0, 1e-4), (0.0, 1e4)])
def test_origin_and_unit_of_the_embeddings_do_not_matter(offset: float, factor: float) -> None:
    """Moved or measured in another unit, the same samples are chosen."""
    rng = np.random.default_rng(0)
    points, centers = rng.normal(size=(60, 3)), 1 + rng.normal(size=(10, 3))
    expected = discriminative(points, 5, centers, rng=np.random.default_rng(0))
    moved = discriminative(offset + factor * points, 5, offset + factor * centers, rng=np.random.default_rng(0))
    assert moved.tolist() == expected.tolist()


def test_the_classifier_sees_at_most_ten_points_for_each_labelled() -> None:
    """With one labelled sample among 2000 chance says what it sees, and a sample far away is found all the same."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(2000, 2))
    points[77] = [40.0, 0.0]
    centers = np.array([[-3.0, 0.0]])
    chosen = {tuple(discriminative(points, 4, centers, rng=np.random.default_rng(seed))) for seed in range(5)}
    assert len(chosen) > 1
    assert all(77 in positions for positions in chosen)


def test_without_labels_the_first_turn_is_left_to_chance() -> None:
    """Every sample comes first now and then; an empty set of centres is none."""
    points = np.arange(8.0)[:, np.newaxis]
    firsts = {int(discriminative(points, 2, rng=np.random.default_rng(seed))[0]) for seed in range(80)}
    assert firsts == set(range(8))
    again = [discriminative(points, 4, given, rng=np.random.default_rng(3)).tolist() for given in (None, points[:0])]
    assert again[0] == again[1]


@pytest.mark.parametrize("budget", [1, 11, 12])
def test_copies_of_a_sample_are_chosen_once_each(budget: int) -> None:
    """Where nothing can be told apart, and where the last turn leaves nothing."""
    points = np.ones((12, 3))
    for centers in (None, points[:2]):
        chosen = discriminative(points, budget, centers, rng=np.random.default_rng(0))
        assert len(set(chosen.tolist())) == budget


def test_what_cannot_be_chosen_is_refused() -> None:
    """No turns; more than there are."""
    with pytest.raises(InvalidInput, match="queries must be at least 1"):
        discriminative(np.ones((3, 2)), 1, queries=0, rng=np.random.default_rng(0))
    with pytest.raises(PoolExhausted, match="the pool holds 3"):
        discriminative(np.ones((3, 2)), 4, rng=np.random.default_rng(0))


def test_no_copy_of_the_pool_is_made() -> None:
    """Beside a pool in single precision there is less than as much again."""
    points = np.random.default_rng(0).normal(size=(100_000, 64)).astype(np.float32)
    tracemalloc.start()
    discriminative(points, 2, points[:5], queries=2, rng=np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < points.nbytes / 2


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_it_agrees_with_scikit_activeml() -> None:
    """One sample a turn, with the same classifier on the same coordinates, chooses the same samples."""
    pool = pytest.importorskip("skactiveml.pool")
    classifier = pytest.importorskip("skactiveml.classifier")
    rng = np.random.default_rng(0)
    points, centers = rng.normal(size=(50, 3)), 1 + rng.normal(size=(10, 3))
    scale = points.std(axis=0).mean()
    regression = LogisticRegression(class_weight="balanced", max_iter=10_000, tol=1e-10)
    theirs = pool.DiscriminativeAL(greedy_selection=False, random_state=0).query(
        (np.vstack([points, centers]) - points.mean(axis=0)) / scale,
        np.r_[np.full(50, np.nan), np.zeros(10)],
        discriminator=classifier.SklearnClassifier(regression, classes=[0, 1]),
        batch_size=5,
    )
    assert discriminative(points, 5, centers, queries=5, rng=rng).tolist() == theirs.tolist()

"""Reservoirs are uniform over everything ever offered, though a round sees only what the one before had kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from alframe.replay import ClassBalanced, Replay, Reservoir
from alframe.replay.base import because
from alframe.types import Object, Objects, Predictions, label_array

STREAM, STEP, RUNS = 60, 6, 500
IDS = np.array([f"image/{number}" for number in range(STREAM)])


class Forgetful(Replay):
    """A uniform choice in each round, which favours late samples: what a reservoir must not be."""

    def choose(self, old: Predictions, capacity: int, rng: np.random.Generator) -> dict[int, str]:
        return because(rng.choice(len(old), capacity, replace=False), "drawn")


def after_stream(buffer: Replay, rng: np.random.Generator, labels: NDArray[np.int64], step: int = STEP) -> list[str]:
    """What is kept when all samples have come, ``step`` in each round."""
    place = {name: row for row, name in enumerate(IDS.tolist())}
    kept: list[str] = []
    for first in range(0, len(labels), step):
        names = [*kept, *IDS[first : first + step].tolist()]
        seen = Predictions(np.array(names), labels=labels[[place[name] for name in names]])
        kept = list(buffer.keep(seen, rng))
    return kept


def times_kept(make: Callable[[int], Replay], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each sample is left in many runs, (N,)."""
    counts = np.zeros(STREAM)
    for seed in range(RUNS):
        counts[np.isin(IDS, after_stream(make(seed), np.random.default_rng(seed), labels))] += 1
    return counts


def p_value(counts: NDArray[np.float64]) -> float:
    """Chi-squared test of equal chances to be kept, where each run kept equally many."""
    count, mean = len(counts), counts.mean()
    # Drawn without replacement, indicators have variance p (1 - p) and covariance -p (1 - p) / (N - 1).
    variance = mean * (1 - mean / RUNS) * count / (count - 1)
    return float(stats.chi2.sf(((counts - mean) ** 2).sum() / variance, count - 1))


def test_every_sample_of_the_stream_has_the_same_chance() -> None:
    """Those of the first round as those of the last; the same test finds out a choice that forgets."""
    labels = np.zeros(STREAM, dtype=np.int64)
    assert p_value(times_kept(lambda seed: Reservoir(capacity=12, seed=seed), labels)) > 0.01
    assert p_value(times_kept(lambda _: Forgetful(capacity=12), labels)) < 1e-6


def test_every_sample_of_a_class_has_the_same_chance() -> None:
    """Of a rare class all are kept, of the others a uniform sample each, though their shares shrank on the way."""
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [30, 24, 6]))
    counts = times_kept(lambda seed: ClassBalanced(capacity=22, seed=seed), labels)
    assert [counts[labels == label].sum() / RUNS for label in range(3)] == [8, 8, 6]
    assert p_value(counts[labels == 0]) > 0.01
    assert p_value(counts[labels == 1]) > 0.01


@pytest.mark.parametrize("buffer", [Reservoir(capacity=12, seed=3), ClassBalanced(capacity=12, seed=3)])
def test_the_rounds_in_which_samples_come_do_not_matter(buffer: Replay) -> None:
    """What is left of a stream is what would be chosen if it came at once, whatever the rounds' generators."""
    labels = np.random.default_rng(0).choice(4, STREAM, p=[0.6, 0.2, 0.15, 0.05])
    at_once = set(after_stream(buffer, np.random.default_rng(0), labels, step=STREAM))
    for step in (1, 5, 20):
        assert set(after_stream(buffer, np.random.default_rng(step), labels, step)) == at_once


def test_another_seed_is_another_sample() -> None:
    """Runs with different seeds remember different samples."""
    old = Predictions(IDS, labels=np.zeros(STREAM, dtype=np.int64))
    rng = np.random.default_rng(0)
    memories = {frozenset(Reservoir(capacity=12, seed=seed).keep(old, rng)) for seed in range(20)}
    assert len(memories) == 20


def test_classes_have_equal_shares_as_far_as_there_are_samples() -> None:
    """40, 15, 4 and 1 of four classes and room for 20: 8, 7, 4 and 1; the reasons say so."""
    labels = np.repeat([0, 1, 2, 3], [40, 15, 4, 1])
    kept = ClassBalanced(capacity=20).keep(Predictions(IDS, labels=labels), np.random.default_rng(0))
    place = {name: row for row, name in enumerate(IDS.tolist())}
    assert np.bincount(labels[[place[name] for name in kept]]).tolist() == [8, 7, 4, 1]
    assert set(kept.values()) == {
        "class 0: one of 8 drawn at random",
        "class 1: one of 7 drawn at random",
        "class 2: one of 4 drawn at random",
        "class 3: one of 1 drawn at random",
    }


def test_an_image_counts_for_its_rarest_class() -> None:
    """Ten images of a car, of which two have a bicycle too, and eight of nothing; a crowd does not count."""
    car, bicycle, crowd = Object((0, 0, 1, 1), 0), Object((0, 0, 1, 1), 1), Object((0, 0, 1, 1), 2, crowd=True)
    drawn = [Objects((car,))] * 8 + [Objects((car, bicycle, crowd))] * 2 + [Objects()] * 8
    old = Predictions(IDS[:18], objects=label_array(drawn))
    kept = ClassBalanced(capacity=8).keep(old, np.random.default_rng(0))
    assert sorted(reason.split(":")[0] for reason in kept.values()) == [
        *["class 0"] * 3,
        *["class 1"] * 2,
        *["no object"] * 3,
    ]
    assert {name for name, reason in kept.items() if reason.startswith("class 1")} == {"image/8", "image/9"}

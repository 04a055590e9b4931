from __future__ import annotations

import numpy as np
import pytest
from detections import random_objects
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import hashed_sample, herding, rarest_class
from alframe.types import UNLABELLED

IDS = np.array([f"image/{number}" for number in range(50)])


@given(st.integers(1, 20), st.integers(20, 49), st.integers(0, 99))
def test_a_sample_of_samples_is_a_sample_of_the_whole(size: int, first: int, seed: int) -> None:
    """Whatever was thrown away on the way would not have been drawn."""
    earlier = IDS[:first][hashed_sample(IDS[:first], size, seed)]
    both = np.concatenate([IDS[first:], earlier])
    assert set(both[hashed_sample(both, size, seed)]) == set(IDS[hashed_sample(IDS, size, seed)])


def test_seeds_are_independent() -> None:
    """Two samples of 10 of 50 share two ids in the mean: a hypergeometric distribution."""
    drawn = [set(hashed_sample(IDS, 10, seed).tolist()) for seed in range(200)]
    shared = [len(one & other) for one, other in zip(drawn[::2], drawn[1::2], strict=True)]
    standard_error = np.sqrt(10 * 0.2 * 0.8 * 40 / 49 / 100)
    assert abs(np.mean(shared) - 2) < 4 * standard_error


def test_names_decide_and_not_their_places() -> None:
    """An integer seed and its digits are one key; another encoding of the ids is none."""
    order = np.random.default_rng(0).permutation(50)
    assert set(IDS[order][hashed_sample(IDS[order], 7, 3)]) == set(IDS[hashed_sample(IDS, 7, 3)])
    assert set(hashed_sample(IDS.astype("<U40"), 7, 3)) == set(hashed_sample(IDS, 7, 3))


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(-5, 5)),
    st.integers(1, 12),
)
def test_herding_takes_each_time_what_brings_the_mean_nearest(points: np.ndarray, budget: int) -> None:
    """As the paper writes it, point by point."""
    budget = min(budget, len(points))
    chosen = herding(points, budget).tolist()
    assert len(set(chosen)) == budget
    mean = points.mean(axis=0)
    for turn, position in enumerate(chosen):
        left = [row for row in range(len(points)) if row not in chosen[:turn]]
        distances = {row: np.linalg.norm(points[[*chosen[:turn], row]].mean(axis=0) - mean) for row in left}
        assert distances[position] <= min(distances.values()) + 1e-7


def test_all_points_have_their_own_mean() -> None:
    """A larger budget begins like a smaller one, and ends with everything."""
    points = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    assert herding(points, 9).tolist() == herding(points, 20).tolist()[:9]
    assert sorted(herding(points, 30).tolist()) == list(range(30))


def test_the_rarest_class_is_the_one_that_fewest_images_have() -> None:
    """As a plain count says; what is to be ignored is no class."""
    objects = random_objects(40, 4).tolist()
    present = [{each.label for each in image if not each.crowd} for image in objects]
    images = [sum(label in classes for classes in present) for label in range(4)]
    expected = [min(classes, key=lambda label: (images[label], label), default=UNLABELLED) for classes in present]
    assert rarest_class(objects).tolist() == expected
    assert rarest_class([]).tolist() == []


def test_bad_arguments_are_refused() -> None:
    """NaN, and more than there is."""
    with pytest.raises(InvalidInput, match="NaN"):
        herding(np.array([[np.nan]]), 1)
    with pytest.raises(PoolExhausted):
        herding(np.zeros((2, 2)), 3)
    with pytest.raises(PoolExhausted):
        hashed_sample(IDS, 51, 0)
    with pytest.raises(InvalidInput, match="at least 1"):
        hashed_sample(IDS, 0, 0)

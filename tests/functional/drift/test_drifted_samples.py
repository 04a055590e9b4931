"""Which samples drifted: scores against a known ratio of densities, and batches that stand for all that did."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import discriminative, drift_scores, drifted

Points = NDArray[np.float64]


def test_scores_are_the_log_ratio_of_densities() -> None:
    """Of two normal distributions one apart it is x - 1/2, whatever the numbers of samples on either side."""
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=(1000, 1)), rng.normal(1, 1, size=(4000, 1))
    scores = drift_scores(reference, current, rng=rng)
    assert np.abs(scores - (current[:, 0] - 0.5)).mean() < 0.1


def test_no_sample_is_scored_by_a_classifier_that_saw_it() -> None:
    """In 100 dimensions a plane knows every sample by heart; out of fold, nothing is known of noise."""
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=(40, 100)), rng.normal(size=(40, 100))
    assert abs(np.sign(drift_scores(reference, current, rng=rng)).mean()) < 0.5


def pool(seed: int) -> tuple[Points, Points, NDArray[np.bool_]]:
    """Labelled samples, a pool of which a third drifted to four spots in one direction, and which did."""
    rng = np.random.default_rng(seed)
    spots = np.array([[6.0, -6], [6, -2], [6, 2], [6, 6]])
    moved = spots[np.arange(60) % 4] + 0.2 * rng.normal(size=(60, 2))
    return rng.normal(size=(40, 2)), np.concatenate([moved, rng.normal(size=(120, 2))]), np.arange(180) < 60


def test_a_batch_covers_what_drifted() -> None:
    """A shortlist as long as what drifted gives all four spots; discriminative leaves more of it far away."""
    far, theirs = [], []
    for seed in range(5):
        reference, points, moved = pool(seed)
        chosen = drifted(points, 6, reference, factor=10.0, rng=np.random.default_rng(seed))
        assert moved[chosen].all()
        assert set(chosen % 4) == set(range(4))
        others = discriminative(points, 6, reference, rng=np.random.default_rng(seed))
        far.append(cdist(points[moved], points[chosen]).min(axis=1).mean())
        theirs.append(cdist(points[moved], points[others]).min(axis=1).mean())
    assert np.mean(far) < np.mean(theirs)


def test_what_is_as_frequent_in_the_reference_comes_last() -> None:
    """A long shortlist has it only where too little else is left."""
    reference, points, moved = pool(0)
    chosen = drifted(points, 20, reference, factor=9.0, rng=np.random.default_rng(0))
    scores = drift_scores(reference, points, rng=np.random.default_rng(0))
    assert (scores[chosen] > 0).all()
    everything = drifted(points, 180, reference, rng=np.random.default_rng(0))
    assert sorted(everything.tolist()) == list(range(180))
    assert moved.sum() == 60


def test_without_a_reference_it_spreads_over_everything() -> None:
    """None, or an empty one: every sample is drawn first now and then."""
    points = np.arange(6.0)[:, np.newaxis]
    firsts = {int(drifted(points, 1, rng=np.random.default_rng(seed))[0]) for seed in range(60)}
    assert firsts == set(range(6))
    again = [drifted(points, 3, given, rng=np.random.default_rng(3)).tolist() for given in (None, points[:0])]
    assert again[0] == again[1]


def test_what_cannot_be_chosen_is_refused() -> None:
    """A factor under one, more than there are, another width, nothing to score."""
    points, rng = np.ones((3, 2)), np.random.default_rng(0)
    with pytest.raises(InvalidInput, match="factor must be finite and at least 1"):
        drifted(points, 1, factor=0.5, rng=rng)
    with pytest.raises(PoolExhausted, match="the pool holds 3"):
        drifted(points, 4, rng=rng)
    with pytest.raises(InvalidInput, match=r"reference must be \(N, 2\)"):
        drifted(points, 1, np.ones((3, 1)), rng=rng)
    with pytest.raises(InvalidInput, match="two of them and two folds"):
        drift_scores(points, points[:1], rng=rng)

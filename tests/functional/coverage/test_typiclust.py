"""TypiClust against its definition, cluster by cluster."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import typiclust
from alframe.functional.geometry.clustering import assign, centroids

Points = NDArray[Any]


def typicality(points: Points) -> Points:
    """Inverse mean distance of each point to its 20 nearest others, or to all of them where there are fewer."""
    nearest = np.sort(cdist(points, points), axis=1)[:, 1:21]
    return np.asarray(1 / nearest.mean(axis=1))


def naive(points: Points, budget: int, centers: Points, seed: int, most: int = 500) -> list[int]:
    """The definition over the same k-means: fewest taken, then largest; there the most typical that is left."""
    everything, chosen = np.vstack([points, centers]), list[int]()
    clusters = min(len(centers) + budget, most)
    cluster = assign(everything, centroids(everything, clusters, rng=np.random.default_rng(seed)))
    taken = np.bincount(cluster[len(points) :], minlength=clusters)
    size = np.bincount(cluster, minlength=clusters)
    while len(chosen) < budget:
        left = [position for position in range(len(points)) if position not in chosen]
        label = min(set(cluster[left]), key=lambda c: (size[c] < 5, taken[c], -size[c], c))
        members = np.flatnonzero(cluster == label)
        typical = dict(zip(members, typicality(everything[members]) if len(members) > 1 else [1.0], strict=True))
        chosen.append(max((p for p in left if p in typical), key=lambda p: typical[p]))
        taken[label] += 1
    return chosen


@pytest.mark.parametrize("budget", [1, 7, 40])
@pytest.mark.parametrize("labelled", [0, 12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_choices_equal_the_definition(budget: int, labelled: int, dtype: type[np.float32 | np.float64]) -> None:
    """Clusters with and without labelled points, larger and smaller than five and than twenty."""
    rng = np.random.default_rng(budget)
    points, centers = rng.normal(size=(300, 6)).astype(dtype) + 3, rng.normal(size=(labelled, 6)).astype(dtype) + 3
    chosen = typiclust(points, budget, centers, rng=np.random.default_rng(1))
    assert chosen.tolist() == naive(points, budget, centers, seed=1)


@pytest.mark.parametrize("settled", [1, 128])
def test_clusters_take_turns_where_more_is_asked_for_than_there_are(
    settled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten clusters, seventy choices: seven rounds, in each the next most typical, to the whole pool in the end."""
    monkeypatch.setattr(sys.modules[typiclust.__module__], "MOST_CLUSTERS", 10)
    monkeypatch.setattr(sys.modules[typiclust.__module__], "SETTLED", settled)
    points = np.random.default_rng(0).normal(size=(150, 5))
    chosen = typiclust(points, 70, rng=np.random.default_rng(2))
    assert chosen.tolist() == naive(points, 70, points[:0], seed=2, most=10)
    assert sorted(typiclust(points, 150, rng=np.random.default_rng(2))) == list(range(150))


def test_far_clusters_get_one_choice_each_and_labelled_ones_none() -> None:
    """Eight far blobs of which three hold a label: five choices go to the five others, into their densest part."""
    rng = np.random.default_rng(0)
    which = rng.permutation(np.repeat(np.arange(8), 40))
    points = 100 * np.eye(8)[which] + rng.normal(size=(320, 8))
    found = []
    for seed in range(20):
        chosen = typiclust(points, 5, 100 * np.eye(8)[:3], rng=np.random.default_rng(seed))
        found.append(set(which[chosen].tolist()) == {3, 4, 5, 6, 7})
        assert (np.linalg.norm(points - 100 * np.eye(8)[which], axis=1)[chosen] < 3.5).all()
    # k-means begins with random points and may split a blob and merge two others.
    assert any(found)


def test_typicality_is_measured_among_neighbours_of_the_same_cluster() -> None:
    """A point in a small dense knot of labelled points does not lend its density to the other cluster.

    Positions within a cluster, positions in the pool and positions among all points differ here: an implementation
    that takes neighbours in another index space chooses elsewhere.
    """
    knot, spread = 50 + np.linspace(0, 0.1, 30), np.linspace(-5, 5, 21)
    pool = np.concatenate([knot, spread])[:, np.newaxis]
    chosen = typiclust(pool, 1, np.array([[50.05]]), rng=np.random.default_rng(0))
    assert chosen.tolist() == [30 + 10]


@pytest.mark.parametrize("budget", [1, 5, 60])
def test_duplicates_are_chosen_once_each(budget: int) -> None:
    """Three places in twenty copies each: distances of zero, and ties to the lowest position."""
    points = np.repeat(np.array([[0.0, 1.0], [5.0, 5.0], [9.0, 0.0]]), 20, axis=0)
    chosen = typiclust(points, budget, rng=np.random.default_rng(0))
    assert len(set(chosen.tolist())) == budget
    assert chosen[0] % 20 == 0


@given(
    points=arrays(np.float64, st.tuples(st.integers(1, 25), st.just(2)), elements=st.integers(0, 2).map(float)),
    offset=st.sampled_from([0.0, 1e-9, 1e-4]),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_points_that_coincide_are_chosen_once_each(
    points: Points, offset: float, seed: int, data: st.DataObject
) -> None:
    """At most nine places and any budget: more clusters than places, too."""
    budget = data.draw(st.integers(1, len(points)))
    chosen = typiclust(points + offset, budget, rng=np.random.default_rng(seed))
    assert len(set(chosen.tolist())) == budget


@pytest.mark.parametrize(("seed", "count", "budget"), [(2, 29, 25), (3, 28, 27), (4, 20, 15)])
def test_an_empty_cluster_between_others_is_none(seed: int, count: int, budget: int) -> None:
    """Here k-means leaves a cluster empty; the other clusters supply all choices."""
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 3, (count, 2)) + 1e-9 * rng.normal(size=1)
    assert len(set(typiclust(points, budget, rng=rng).tolist())) == budget


def test_distances_are_measured_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster of several blocks, all of it equally typical for float32: the choice is the definition's."""
    points = 1e4 + 1e-6 * np.random.default_rng(0).normal(size=(300, 4))
    expected = typiclust(points, 40, rng=np.random.default_rng(0))
    monkeypatch.setattr(sys.modules[typiclust.__module__], "ENTRIES", 1)
    monkeypatch.setattr(sys.modules[typiclust.__module__], "SETTLED", 16)
    assert typiclust(points, 40, rng=np.random.default_rng(0)).tolist() == expected.tolist()


def test_what_cannot_be_clustered_is_refused() -> None:
    """Centres of another width, NaN, a budget larger than the pool."""
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidInput, match=r"centers must be \(N, 2\)"):
        typiclust(np.zeros((3, 2)), 1, np.zeros((1, 3)), rng=rng)
    with pytest.raises(InvalidInput, match="NaN"):
        typiclust(np.full((3, 2), np.nan), 1, rng=rng)
    with pytest.raises(PoolExhausted, match="the pool holds 3"):
        typiclust(np.zeros((3, 2)), 4, rng=rng)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_scikit_activeml_chooses_the_same_from_the_same_clusters() -> None:
    """Given our clusters, the library finds the same typical points."""
    pool: Any = pytest.importorskip("skactiveml.pool")
    points = np.random.default_rng(0).normal(size=(400, 5))

    class OurClusters:
        """k-means in the form that the library asks for."""

        def __init__(self, n_clusters: int) -> None:
            self.n_clusters = n_clusters

        def fit_predict(self, points: Points) -> NDArray[np.int64]:
            return assign(points, centroids(points, self.n_clusters, rng=np.random.default_rng(3)))

    theirs = pool.TypiClust(cluster_algo=OurClusters, k=20, random_state=0)
    chosen = theirs.query(points, np.full(400, np.nan), batch_size=6)
    assert sorted(typiclust(points, 6, rng=np.random.default_rng(3))) == sorted(chosen)

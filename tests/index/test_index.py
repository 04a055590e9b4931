from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from alframe.errors import ConfigurationError, InvalidInput, RunConflict
from alframe.functional.geometry.distances import squared_distance_to_nearest
from alframe.index import Exact, Hnsw, Index, InvertedFile
from alframe.index import base as index_base

KINDS: list[Callable[[], Index]] = [Exact, InvertedFile, Hnsw]
Found = tuple[NDArray[np.float32], NDArray[np.int64]]
each_kind = pytest.mark.parametrize("make", KINDS)


def clustered(count: int, width: int = 16, seed: int = 0) -> NDArray[np.float32]:
    """Points around 20 centres."""
    rng = np.random.default_rng(seed)
    centers = 4 * np.random.default_rng(99).normal(size=(20, width))
    return (centers[rng.integers(20, size=count)] + rng.normal(size=(count, width))).astype(np.float32)


def brute(points: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float64]:
    """All squared distances, (Q, N)."""
    squares: NDArray[np.float64] = ((queries[:, None].astype(np.float64) - points[None]) ** 2).sum(axis=-1)
    return squares


def recall(found: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    """Share of the true neighbours that were found."""
    pairs = zip(found, true, strict=True)
    return float(np.mean([len(np.intersect1d(row, right)) / len(right) for row, right in pairs]))


def equal(one: Found, other: Found) -> bool:
    """Whether two answers have the same distances and positions."""
    return np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def test_exact_is_brute_force() -> None:
    """Positions are those of sorting all distances, and the distances are theirs, in rising order."""
    points, queries = clustered(500), clustered(50, seed=1)
    index = Exact()
    index.build(points)
    distances, positions = index.search(queries, 10)
    every = brute(points, queries)
    assert (positions == every.argsort(axis=1)[:, :10]).all()
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :10], rtol=1e-4)
    assert [distances.dtype, positions.dtype] == [np.dtype(np.float32), np.dtype(np.int64)]


@pytest.mark.parametrize("make", [InvertedFile, Hnsw])
def test_short_cuts_find_nine_in_ten(make: Callable[[], Index]) -> None:
    """Recall of the ten nearest is at least 0.9 on clustered points, and distances are those of the points named."""
    points, queries = clustered(4000), clustered(100, seed=1)
    index = make()
    index.build(points)
    distances, positions = index.search(queries, 10)
    every = brute(points, queries)
    assert recall(positions, every.argsort(axis=1)[:, :10]) >= 0.9
    np.testing.assert_allclose(distances, np.take_along_axis(every, positions, axis=1), rtol=1e-4)


def test_more_probes_find_more() -> None:
    """One list in 250 is not enough; all of them are exact."""
    points, queries = clustered(4000), clustered(100, seed=1)
    true = brute(points, queries).argsort(axis=1)[:, :10]
    recalls = []
    for probes in (1, 10, 4000):
        index = InvertedFile(probes=probes, lists=100)
        index.build(points)
        recalls.append(recall(index.search(queries, 10)[1], true))
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.9
    assert recalls[-1] == 1


@given(
    points=arrays(np.float32, (12, 3), elements=st.floats(-100, 100, width=32)),
    queries=arrays(np.float32, (4, 3), elements=st.floats(-100, 100, width=32)),
    kind=st.sampled_from(KINDS),
)
def test_distances_hold_for_any_points(
    points: NDArray[np.float32], queries: NDArray[np.float32], kind: Callable[[], Index]
) -> None:
    """Asked for all points, each row names each point once, nearest first, with its distance, never below zero."""
    index = kind()
    index.build(points)
    distances, positions = index.search(queries, 12)
    assert (np.sort(positions, axis=1) == np.arange(12)).all()
    assert (distances >= 0).all()
    assert (np.diff(distances, axis=1) >= 0).all()
    true = np.take_along_axis(brute(points, queries), positions, axis=1)
    np.testing.assert_allclose(distances, true, rtol=1e-3, atol=1e-1)
    nearest = squared_distance_to_nearest(queries, points)
    np.testing.assert_allclose(distances[:, 0], nearest, rtol=1e-3, atol=1e-1)


def test_a_common_offset_costs_no_digits() -> None:
    """Points a thousandth apart, ten thousand from the origin, are told apart."""
    points = 1e4 + np.arange(200)[:, None] / 1024
    index = Exact()
    index.build(points)
    assert (index.search(points, 1)[1].ravel() == np.arange(200)).all()


@pytest.mark.parametrize("index", [InvertedFile(lists=5, probes=1), Hnsw(links=2, build_effort=1, search_effort=1)])
def test_no_row_has_a_hole(index: Index) -> None:
    """Where one list or a torn graph gives FAISS too few points, rows are full all the same, as if found exactly."""
    centers = np.repeat([[0.0, 0.0], [1e3, 1e3], [500.0, 0.0]], [300, 300, 1], axis=0)
    points = (centers + np.random.default_rng(0).normal(size=centers.shape)).astype(np.float32)
    index.build(points)
    inner = faiss.downcast_index(index._index.index)
    assert (index._search(inner, points[::100] - points.mean(axis=0), len(points))[1] < 0).any()
    distances, positions = index.search(points[::100], len(points))
    assert (np.sort(positions, axis=1) == np.arange(len(points))).all()
    np.testing.assert_allclose(distances, np.sort(brute(points, points[::100]), axis=1), rtol=1e-4, atol=1e-2)


@each_kind
def test_growing_is_the_same_as_adding_at_once(make: Callable[[], Index], monkeypatch: pytest.MonkeyPatch) -> None:
    """Points that are added later, or block by block, have the positions and neighbours of one large addition."""
    points, queries = clustered(1000), clustered(30, seed=1)
    whole, grown = make(), make()
    whole.build(points)
    monkeypatch.setattr(index_base, "BLOCK_ENTRIES", 16 * 64)
    grown.train(points)
    grown.add(points[:700])
    assert len(grown) == 700
    grown.add(points[700:])
    assert len(grown) == len(whole) == 1000
    (near, found), (distances, positions) = grown.search(queries, 5), whole.search(queries, 5)
    assert (found == positions).all()
    np.testing.assert_allclose(near, distances, rtol=1e-5)


@each_kind
def test_a_file_holds_the_index(make: Callable[[], Index], tmp_path: Path) -> None:
    """Loaded, it answers as before; grown after that and saved over its own file, as one that never left memory."""
    points, queries = clustered(1000), clustered(30, seed=1)
    index, loaded, again = make(), make(), make()
    index.build(points[:600])
    index.save(tmp_path / "points.faiss")
    loaded.load(tmp_path / "points.faiss")
    assert len(loaded) == 600
    assert equal(loaded.search(queries, 5), index.search(queries, 5))
    loaded.save(tmp_path / "points.faiss")
    index.add(points[600:])
    loaded.add(points[600:])
    assert equal(loaded.search(queries, 5), index.search(queries, 5))
    loaded.save(tmp_path / "points.faiss")
    again.load(tmp_path / "points.faiss")
    assert len(again) == 1000
    assert equal(again.search(queries, 5), index.search(queries, 5))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["points.faiss", "points.faiss.json"]


@each_kind
def test_a_loaded_index_stays_in_its_file(make: Callable[[], Index], tmp_path: Path) -> None:
    """The coordinates are a view of the mapped file until points are added, and the process's own from then on."""
    index, loaded = make(), make()
    index.build(clustered(500))
    index.save(tmp_path / "points.faiss")
    loaded.load(tmp_path / "points.faiss")
    mappings = Path("/proc/self/maps").read_text()
    assert mappings.count(str(tmp_path)) > 0
    loaded.add(clustered(1))
    assert Path("/proc/self/maps").read_text().count(str(tmp_path)) == 0


@each_kind
def test_a_changed_file_is_refused(make: Callable[[], Index], tmp_path: Path) -> None:
    """One flipped bit, another kind, other arguments or a missing manifest: nothing is read as an index."""
    path = tmp_path / "points.faiss"
    index = make()
    index.build(clustered(200))
    index.save(path)
    other: Index = InvertedFile(lists=7) if make is not InvertedFile else Exact()
    with pytest.raises(RunConflict, match="was made by"):
        other.load(path)
    manifest = path.with_name("points.faiss.json")
    kept = manifest.read_text()
    manifest.write_text(json.dumps(json.loads(kept) | {"arguments": {"lists": 12}}))
    with pytest.raises(RunConflict, match="was made by"):
        make().load(path)
    manifest.write_text(kept)
    loaded = make()
    loaded.load(path)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(RunConflict, match="is not the index that was saved"):
        make().load(path)
    with pytest.raises(RunConflict, match="is not the index that was saved"):
        loaded.add(clustered(10))
    manifest.unlink()
    with pytest.raises(RunConflict, match="hold no index"):
        make().load(path)


@each_kind
def test_points_in_a_file_are_read_in_blocks(
    make: Callable[[], Index], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A half-precision memory map gives the index that its values in memory give."""
    np.save(tmp_path / "points.npy", clustered(500).astype(np.float16))
    mapped = np.load(tmp_path / "points.npy", mmap_mode="r")
    monkeypatch.setattr(index_base, "BLOCK_ENTRIES", 16 * 100)
    one, other = make(), make()
    one.build(mapped)
    other.build(np.asarray(mapped, dtype=np.float32))
    assert equal(one.search(mapped[:20], 3), other.search(np.asarray(mapped[:20]), 3))


@each_kind
def test_wrong_points_are_refused(make: Callable[[], Index]) -> None:
    """Width, NaN, size, type and count; a refused addition adds nothing."""
    index = make()
    with pytest.raises(InvalidInput, match="call build, train or load first"):
        index.search(clustered(2), 1)
    with pytest.raises(InvalidInput, match="at least 1 point, got 0"):
        index.build(np.empty((0, 4)))
    index.build(clustered(100))
    for wrong, message in (
        (np.zeros((5, 3)), r"points must be \(N, 16\), got shape \(5, 3\)"),
        (np.zeros(16), r"got shape \(16,\)"),
        (np.zeros((5, 16), dtype=np.int64), "must be floating point, got int64"),
        (np.where(np.arange(80).reshape(5, 16) == 33, np.nan, 0.0), "the one at position 2 is not"),
        (np.where(np.arange(80).reshape(5, 16) == 65, 1e300, 0.0), "the one at position 4 is not"),
    ):
        with pytest.raises(InvalidInput, match=message):
            index.add(wrong)
        with pytest.raises(InvalidInput, match=message.replace("points", "queries")):
            index.search(wrong, 1)
    assert len(index) == 100
    for count in (0, 101):
        with pytest.raises(InvalidInput, match=f"the {count} nearest of 100 points"):
            index.search(clustered(1), count)


def test_a_late_bad_point_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A NaN in the last block is found, and named by its place in the whole, before the first block is added."""
    monkeypatch.setattr(index_base, "BLOCK_ENTRIES", 16 * 10)
    index = Exact()
    index.build(clustered(5))
    points = clustered(100)
    points[97, 3] = np.nan
    with pytest.raises(InvalidInput, match="position 97"):
        index.add(points)
    assert len(index) == 5


def test_too_few_points_to_train(capfd: pytest.CaptureFixture[str]) -> None:
    """More lists than points are refused; few points a list are the user's choice, and print nothing."""
    with pytest.raises(InvalidInput, match="cannot learn 64 lists from 10 points"):
        InvertedFile(lists=64).build(clustered(10))
    with pytest.raises(InvalidInput, match="cannot learn 64 lists from 20 points"):
        InvertedFile(lists=64, sample=20).build(clustered(500))
    InvertedFile(lists=64).build(clustered(100))
    InvertedFile().build(clustered(3))
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_wrong_arguments_are_refused() -> None:
    """By the name that a configuration gives them."""
    for name in ("lists", "probes", "sample"):
        with pytest.raises(ConfigurationError, match=rf"index\.{name} must be at least 1, got 0"):
            InvertedFile(**{name: 0})
    with pytest.raises(ConfigurationError, match=r"index\.links must be at least 2, got 1"):
        Hnsw(links=1)
    with pytest.raises(ConfigurationError, match=r"index\.search_effort must be at least 1, got 0"):
        Hnsw(search_effort=0)


def test_the_sample_is_seeded() -> None:
    """Equal seeds learn equal lists from a sample, other seeds others."""
    points, queries = clustered(2000), clustered(50, seed=1)

    def answer(seed: int) -> Found:
        index = InvertedFile(lists=40, probes=1, sample=200, seed=seed)
        index.build(points)
        return index.search(queries, 10)

    assert equal(answer(0), answer(0))
    assert not equal(answer(0), answer(1))

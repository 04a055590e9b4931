from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from alframe.data import ImageData
from alframe.embeddings import ArrayFile
from alframe.errors import ConfigurationError, DataError, InvalidInput

POINTS = np.random.default_rng(0).normal(size=(60, 5))


@pytest.fixture
def data() -> ImageData:
    return ImageData(tiny.Bars(), tiny.transforms())


def test_rows_follow_the_table(data: ImageData, tmp_path: Path) -> None:
    """A .npy in the table's order stays in its file; half and double precision become single."""
    for dtype in (np.float16, np.float32, np.float64):
        np.save(tmp_path / "points.npy", POINTS.astype(dtype))
        for positions in (np.arange(10, 20), np.array([7, 3, 50])):
            found = ArrayFile(tmp_path / "points.npy").embed(data, positions, tmp_path / "cache")
            assert found.positions.tolist() == positions.tolist()
            assert isinstance(found.points, np.memmap)
            np.testing.assert_array_equal(found.points, POINTS[positions].astype(dtype).astype(np.float32))
            assert not found.points.flags.writeable


@pytest.mark.parametrize("form", ["npz", "txt"])
def test_ids_say_which_row_is_whose(form: str, data: ImageData, tmp_path: Path) -> None:
    """In any order, and with rows for samples that the table does not have."""
    order = np.random.default_rng(1).permutation(60)
    ids = np.concatenate([["another"], data.source.table.ids[order]])
    rows = np.concatenate([np.zeros((1, 5)), POINTS[order]])
    if form == "npz":
        np.savez(tmp_path / "points.npz", ids=ids, embeddings=rows)
        file = ArrayFile(tmp_path / "points.npz")
    else:
        np.save(tmp_path / "points.npy", rows)
        (tmp_path / "ids.txt").write_text("\n".join(ids) + "\n")
        file = ArrayFile(tmp_path / "points.npy", ids=tmp_path / "ids.txt")
    positions = np.array([4, 4, 59, 0])
    np.testing.assert_allclose(file.embed(data, positions, tmp_path).points, POINTS[positions], rtol=1e-6)


def test_a_sample_without_a_row_is_named(data: ImageData, tmp_path: Path) -> None:
    """A pool that has grown beyond the file is not embedded in part."""
    np.savez(tmp_path / "points.npz", ids=data.source.table.ids[:50], embeddings=POINTS[:50])
    with pytest.raises(InvalidInput, match="no row for 2 of 4 samples, the first of them 'bars/050'"):
        ArrayFile(tmp_path / "points.npz").embed(data, np.array([3, 50, 4, 59]), tmp_path)
    np.save(tmp_path / "points.npy", POINTS[:50])
    with pytest.raises(InvalidInput, match="has 50 rows and bars 60 samples"):
        ArrayFile(tmp_path / "points.npy").embed(data, np.arange(4), tmp_path)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
def test_numbers_that_are_none_are_refused(wrong: float, data: ImageData, tmp_path: Path) -> None:
    """A NaN, an infinity, and a double that single precision cannot hold."""
    points = POINTS.copy()
    points[8, 2] = wrong
    np.save(tmp_path / "points.npy", points)
    file = ArrayFile(tmp_path / "points.npy")
    assert len(file.embed(data, np.arange(8), tmp_path)) == 8
    with pytest.raises(InvalidInput, match="1 rows with NaN or infinite values, the first at position 3"):
        file.embed(data, np.array([1, 2, 3, 8]), tmp_path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"ids": np.array(["a"])}, "must hold the arrays ids and embeddings"),
        ({"ids": np.array(["a"]), "embeddings": POINTS[:2]}, "one id for each of 2 rows, got 1"),
        ({"ids": np.array(["a", "b", "a"]), "embeddings": POINTS[:3]}, "has 2 rows for 'a'"),
        ({"ids": np.array(["a", "b"]), "embeddings": np.ones((2, 3), dtype=int)}, "floating-point embeddings"),
        ({"ids": np.array(["a"]), "embeddings": np.ones(3)}, "floating-point embeddings"),
        ({"ids": np.array([], dtype=str), "embeddings": np.ones((0, 3))}, "floating-point embeddings"),
        ({"ids": np.array([{"a": 1}]), "embeddings": POINTS[:1]}, "cannot be read from"),
    ],
)
def test_a_file_of_another_make_is_refused(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    """When it is opened, before there is a run; objects are never unpickled."""
    np.savez(tmp_path / "points.npz", **arrays)
    with pytest.raises((DataError, InvalidInput), match=message):
        ArrayFile(tmp_path / "points.npz")


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    """A missing file, one of other bytes, pickled objects, missing ids, and ids given twice."""
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}]), allow_pickle=True)
    for name in ("missing.npy", "text.npy", "objects.npy"):
        with pytest.raises(DataError, match=f"cannot be read from .*{name}"):
            ArrayFile(tmp_path / name)
    np.save(tmp_path / "points.npy", POINTS)
    with pytest.raises(DataError, match=r"ids\.txt"):
        ArrayFile(tmp_path / "points.npy", ids=tmp_path / "ids.txt")
    np.savez(tmp_path / "points.npz", ids=np.array(["a"]), embeddings=POINTS[:1])
    with pytest.raises(ConfigurationError, match="brings its own ids"):
        ArrayFile(tmp_path / "points.npz", ids=tmp_path / "ids.txt")

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from alframe.errors import RunConflict
from alframe.storage import MANIFEST, Precision, PredictionStore, Request, file_sha256, read_predictions, whole_file
from alframe.types import Predictions

IDS = np.array([f"sample-{row}" for row in range(10)])
RNG = np.random.default_rng(0)
EVERYTHING = Predictions(
    IDS,
    probs=RNG.random((10, 3), dtype=np.float32),
    samples=RNG.random((10, 2, 3), dtype=np.float32),
    bald=RNG.random(10, dtype=np.float32),
)
BLOCKS = (slice(0, 4), slice(4, 8), slice(8, 10))


def request(precision: Precision = "float32", model: str = "m") -> Request:
    return Request.of(IDS, ("probs", "samples", "bald"), model=model, seed=3, precision=precision)


def finish(store: PredictionStore, folder: Path, head: np.ndarray | None = None) -> None:
    with whole_file(folder / MANIFEST) as path:
        store.finish(path, head)


def write(folder: Path, precision: Precision = "float32") -> dict[str, str]:
    """Everything, undisturbed; the digest of each file."""
    store = PredictionStore(folder, request(precision))
    for block in BLOCKS:
        store.append(EVERYTHING.take(block), {})
    finish(store, folder)
    return {path.name: file_sha256(path) for path in folder.iterdir()}


def test_what_is_written_block_by_block_is_read_whole(tmp_path: Path) -> None:
    """Memory-mapped, read-only, equal; what was not asked for is not there; the linear head comes along."""
    store = PredictionStore(tmp_path, request())
    for block in BLOCKS:
        store.append(EVERYTHING.take(block), {})
    finish(store, tmp_path, head=np.ones((3, 5)))
    found = read_predictions(tmp_path)
    assert isinstance(found.samples, np.memmap)
    assert not found.samples.flags.writeable
    for name in ("ids", "probs", "samples", "bald"):
        np.testing.assert_array_equal(getattr(found, name), getattr(EVERYTHING, name))
    np.testing.assert_array_equal(found.head, np.ones((3, 5)))
    assert found.embeddings is None


def test_half_precision_halves_arrays_and_keeps_numbers(tmp_path: Path) -> None:
    """Arrays with several numbers a sample are rounded to half precision; a single number is not."""
    write(tmp_path, "float16")
    found = read_predictions(tmp_path)
    assert found.probs is not None
    assert EVERYTHING.probs is not None
    assert found.probs.dtype == np.float16
    np.testing.assert_allclose(found.probs, EVERYTHING.probs, atol=1e-3)
    np.testing.assert_array_equal(found.bald, EVERYTHING.bald)


@pytest.mark.parametrize("done", [0, 1, 2, 3])
@pytest.mark.parametrize("torn", ["an array", "a header", "the line", "nothing"])
def test_a_killed_writer_goes_on_where_it_was(tmp_path: Path, done: int, torn: str) -> None:
    """After any number of blocks, with half of the next on disk, the files end up as those of an undisturbed writer."""
    expected = write(tmp_path / "undisturbed")
    folder = tmp_path / "killed"
    store = PredictionStore(folder, request())
    for block in BLOCKS[:done]:
        store.append(EVERYTHING.take(block), {})
    if torn in {"an array", "the line"}:
        with (folder / "probs.npy").open("ab") as file:
            file.write(b"\x01" * 7)
    if torn == "the line":
        with (folder / "blocks.jsonl").open("ab") as file:
            file.write(json.dumps({"asked": 4}).encode()[:-2])
    if torn == "a header" and done == 0:
        (folder / "ids.npy").write_bytes(b"\x93NUM")
    again = PredictionStore(folder, request())
    assert again.asked == [0, 4, 8, 10][done]
    for block in BLOCKS[done:]:
        again.append(EVERYTHING.take(block), {})
    finish(again, folder)
    assert {path.name: file_sha256(path) for path in folder.iterdir()} == expected


def test_samples_that_could_not_be_read_are_remembered(tmp_path: Path) -> None:
    """They count as dealt with, have no row, and keep their reason over a restart; a block may be without rows."""
    PredictionStore(tmp_path, request()).append(Predictions(IDS[:0]), {"sample-0": "torn", "sample-1": "gone"})
    store = PredictionStore(tmp_path, request())
    assert (store.asked, store.unreadable) == (2, {"sample-0": "torn", "sample-1": "gone"})
    store.append(EVERYTHING.take(slice(2, 10)), {})
    finish(store, tmp_path)
    np.testing.assert_array_equal(read_predictions(tmp_path).probs, np.asarray(EVERYTHING.probs)[2:])


def test_nothing_readable_is_no_error(tmp_path: Path) -> None:
    """There are predictions, of no sample."""
    store = PredictionStore(tmp_path, request())
    store.append(Predictions(IDS[:0]), dict.fromkeys(IDS.tolist(), "torn"))
    finish(store, tmp_path)
    assert len(read_predictions(tmp_path)) == 0


def test_another_request_is_refused(tmp_path: Path) -> None:
    """The message shows what differs; nothing is lost."""
    write(tmp_path)
    with pytest.raises(RunConflict, match=r"model: m -> other(.|\n)*folder of their own"):
        PredictionStore(tmp_path, request(model="other"))
    assert len(read_predictions(tmp_path)) == 10


def test_unfinished_or_changed_predictions_are_not_read(tmp_path: Path) -> None:
    """Neither a store in the making, nor one with a file that was changed or lost; none is finished too early."""
    store = PredictionStore(tmp_path, request())
    store.append(EVERYTHING.take(BLOCKS[0]), {})
    with pytest.raises(RunConflict, match="no finished predictions"):
        read_predictions(tmp_path)
    with pytest.raises(RunConflict, match="has 4 of 10 samples"):
        finish(store, tmp_path)
    for block in BLOCKS[1:]:
        store.append(EVERYTHING.take(block), {})
    finish(store, tmp_path)
    with (tmp_path / "bald.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    with pytest.raises(RunConflict, match=r"bald\.npy is not what was written"):
        read_predictions(tmp_path)
    (tmp_path / "bald.npy").unlink()
    with pytest.raises(RunConflict, match=r"bald\.npy is not what was written"):
        read_predictions(tmp_path)

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alframe.errors import InvalidInput, RunConflict
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


@pytest.mark.parametrize(("harm", "left"), [("a row", 4), ("two blocks", 0), ("all", 0), ("the header", 0)])
@pytest.mark.parametrize("name", ["ids", "probs", "bald"])
def test_rows_that_were_lost_are_written_again(tmp_path: Path, name: str, harm: str, left: int) -> None:
    """A file shorter than its journal says is not filled up with zeros: all go back to what every array holds whole."""
    expected = write(tmp_path / "undisturbed")
    folder = tmp_path / "harmed"
    store = PredictionStore(folder, request())
    for block in BLOCKS[:2]:
        store.append(EVERYTHING.take(block), {})
    path = folder / f"{name}.npy"
    row = getattr(EVERYTHING, name)[:1].nbytes
    if harm == "all":
        path.unlink()
    else:
        size = {"a row": path.stat().st_size - 1, "two blocks": path.stat().st_size - 8 * row, "the header": 9}[harm]
        os.truncate(path, size)
    again = PredictionStore(folder, request())
    assert again.asked == left
    for block in BLOCKS[left // 4 :]:
        again.append(EVERYTHING.take(block), {})
    finish(again, folder)
    assert {path.name: file_sha256(path) for path in folder.iterdir()} == expected


def test_lost_rows_leave_the_blocks_before_them_with_what_was_unreadable(tmp_path: Path) -> None:
    """A block without rows needs none; one behind lost rows is asked for again, with its reasons."""
    store = PredictionStore(tmp_path, request())
    store.append(Predictions(IDS[:0]), {"sample-0": "torn"})
    store.append(EVERYTHING.take(slice(1, 4)), {})
    store.append(Predictions(IDS[:0]), {"sample-4": "gone"})
    (tmp_path / "bald.npy").unlink()
    again = PredictionStore(tmp_path, request())
    assert (again.asked, again.unreadable) == (1, {"sample-0": "torn"})


def test_new_files_are_on_disk_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is flushed behind each file that is made, and only then."""
    flushed: list[set[str]] = []

    def note(folder: Path) -> None:
        flushed.append({path.name for path in folder.iterdir()})

    store = PredictionStore(tmp_path, request())
    monkeypatch.setattr("alframe.storage.growing_array.flush_folder", note)
    store.append(EVERYTHING.take(BLOCKS[0]), {})
    assert len(flushed) == 5
    assert flushed[-1] == {"request.json", "ids.npy", "probs.npy", "samples.npy", "bald.npy", "blocks.jsonl"}
    store.append(EVERYTHING.take(BLOCKS[1]), {})
    assert len(flushed) == 5


def test_wider_strings_go_behind_narrow_ones(tmp_path: Path) -> None:
    """The same ids may come from a table whose longest id is longer."""
    expected = write(tmp_path / "undisturbed")
    store = PredictionStore(tmp_path / "wider", request())
    store.append(EVERYTHING.take(BLOCKS[0]), {})
    for block in BLOCKS[1:]:
        later = EVERYTHING.take(block)
        store.append(replace(later, ids=later.ids.astype("U40")), {})
    finish(store, tmp_path / "wider")
    assert {path.name: file_sha256(path) for path in (tmp_path / "wider").iterdir()} == expected


def test_numbers_beyond_half_precision_are_refused(tmp_path: Path) -> None:
    """Nothing of the block is written, and the message says what can hold it; infinite numbers stay what they are."""
    probs = np.array([[1, 65504, -np.inf], [7e4, 0, -9e4]], dtype=np.float32)
    store = PredictionStore(tmp_path, request("float16"))
    store.append(Predictions(IDS[:1], probs=probs[:1]), {})
    with pytest.raises(InvalidInput, match=r"probs go up to 90000, and float16 ends at 65504(.|\n)*precision=float32"):
        store.append(Predictions(IDS[1:2], probs=probs[1:]), {})
    assert PredictionStore(tmp_path, request("float16")).asked == 1
    np.testing.assert_array_equal(np.load(tmp_path / "probs.npy").shape, (0, 3))
    assert (tmp_path / "ids.npy").stat().st_size == 128 + IDS[:1].nbytes


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


@pytest.mark.parametrize("block", [1, 3, 10, 65536])
@pytest.mark.parametrize("dtype", ["U9", "U40"])
def test_equal_ids_have_equal_digests(block: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are hashed at once and however wide their array is; other ids, or another order, have another."""
    monkeypatch.setattr("alframe.storage.predictions.HASHED", block)

    def digest(ids: np.ndarray) -> str:
        return Request.of(ids, ("probs",), model="m", seed=0, precision="float32").samples_sha256

    expected = hashlib.sha256("".join(f"sample-{row}\n" for row in range(10)).encode()).hexdigest()
    assert digest(IDS.astype(dtype)) == expected
    assert len({expected, digest(IDS[::-1]), digest(IDS[:9])}) == 3


def test_ids_are_hashed_without_a_copy_of_them_all() -> None:
    """A pool of millions costs no memory of its size."""
    ids = np.arange(200_000).astype("U12")
    tracemalloc.start()
    Request.of(ids, ("probs",), model="m", seed=0, precision="float32")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 4 * 2**20


def test_another_request_is_refused(tmp_path: Path) -> None:
    """The message shows what differs; nothing is lost."""
    write(tmp_path)
    with pytest.raises(RunConflict, match=r"model: m -> other(.|\n)*folder of their own"):
        PredictionStore(tmp_path, request(model="other"))
    assert len(read_predictions(tmp_path)) == 10


def test_another_setup_is_refused(tmp_path: Path) -> None:
    """Key by key, as the configuration calls them; an equal one is not, after it was read from the file."""
    was = replace(request(), setup={"data.root": "a", "data.held_out": [0.5, None], "trainer.precision": "32-true"})
    PredictionStore(tmp_path, was)
    PredictionStore(tmp_path, was)
    other = replace(request(), setup={"data.root": "b", "data.held_out": [0.5, None]})
    message = r"yours\):\n  data.root: a -> b\n  trainer.precision: 32-true -> \(not set\)\nGive"
    with pytest.raises(RunConflict, match=message):
        PredictionStore(tmp_path, other)


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

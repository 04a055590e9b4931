from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from counted import Counted
from numpy.typing import NDArray
from pytorch_lightning import Trainer
from torch import Tensor, nn

from alframe.data import ImageData, Transforms
from alframe.embeddings import Embedded
from alframe.embeddings.features import features, identity
from alframe.embeddings.files import RowStore, claim, rows_at, unnamed
from alframe.errors import InvalidInput, UnreadableImage
from alframe.learner import SmallCNN, quiet_trainer

trainer = partial(quiet_trainer, accelerator="cpu")


def make_data(source: tiny.Bars, transforms: Transforms | None = None) -> ImageData:
    return ImageData(source, transforms or tiny.transforms(), evaluation_batch_size=16, workers=0)


def make_network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return SmallCNN((1, 8, 8))


def embed(data: ImageData, positions: NDArray[np.int64], folder: Path, network: nn.Module | None = None) -> Embedded:
    return features(network or make_network(), data, positions, folder, trainer, name="Test")


def expected(source: tiny.Bars, positions: NDArray[np.int64]) -> NDArray[np.float32]:
    """The network called directly on each image."""
    with torch.inference_mode():
        images = tiny.transforms().for_evaluation()([source.read(position) for position in positions.tolist()], 0)
        points: NDArray[np.float32] = make_network().eval()(images).numpy()
    return points


def test_rows_are_what_the_network_gives(tmp_path: Path) -> None:
    """In the order asked for, in a file, and read-only."""
    source = Counted()
    positions = np.random.default_rng(0).permutation(60)[:40]
    found = embed(make_data(source), positions, tmp_path)
    assert found.positions.tolist() == positions.tolist()
    assert len(found) == 40
    np.testing.assert_allclose(found.points, expected(source, positions), atol=1e-5)
    assert isinstance(found.points, np.memmap)
    assert not found.points.flags.writeable


def test_the_second_call_reads_nothing(tmp_path: Path) -> None:
    """Another process's data module and network of the same weights find every row, in any order."""
    embed(make_data(Counted()), np.arange(60), tmp_path)
    source = Counted()
    again = embed(make_data(source), np.arange(60)[::-1], tmp_path)
    assert source.reads == []
    np.testing.assert_allclose(again.points, expected(source, np.arange(60)[::-1]), atol=1e-5)


def test_a_grown_pool_reads_only_what_is_new(tmp_path: Path) -> None:
    """Twenty more images, under other table positions than before: twenty reads."""
    embed(make_data(Counted(60)), np.arange(10, 50), tmp_path)
    source = Counted(60)
    found = embed(make_data(source), np.arange(60), tmp_path)
    assert sorted(source.reads) == [*range(10), *range(50, 60)]
    np.testing.assert_allclose(found.points, expected(source, np.arange(60)), atol=1e-5)


def test_equal_images_are_computed_once(tmp_path: Path) -> None:
    """Content is the key: a copy of an image has the row of the original."""
    source = Counted()
    source.pixels[7] = source.pixels[3]
    found = embed(make_data(source), np.arange(10), tmp_path)
    assert source.reads == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    np.testing.assert_array_equal(found.points[7], found.points[3])


def test_unreadable_images_are_left_out(tmp_path: Path) -> None:
    """Their positions are missing and noted, whether decoding fails or the file is gone; no other row is shifted."""

    class Gone(Counted):
        def content_hash(self, position: int) -> str:
            if position == 5:
                raise UnreadableImage("the file cannot be opened")
            return super().content_hash(position)

    source = Gone(broken=(2, 17))
    data = make_data(source)
    for _ in range(2):
        found = embed(data, np.arange(20), tmp_path)
        kept = np.array([row for row in range(20) if row not in (2, 5, 17)])
        assert found.positions.tolist() == kept.tolist()
        assert data.unreadable == {2: "truncated", 5: "the file cannot be opened", 17: "truncated"}
        np.testing.assert_allclose(found.points, expected(Counted(), kept), atol=1e-5)
    nothing = embed(make_data(source), np.array([2, 5]), tmp_path)
    assert nothing.points.shape == (0, 256)


def test_the_cache_knows_what_the_rows_are_of() -> None:
    """Other weights, layers, transforms or sizes are other embeddings, and equal ones made anew are the same."""
    data, network = make_data(tiny.Bars()), make_network()
    same = identity(make_network(), make_data(tiny.Bars(count=9)))
    assert same == identity(network, data)
    brighter = Transforms(image_size=8, channels=1, mean=[0.4], std=[0.3])
    cropped = Transforms(8, 1, [0.3], [0.3], evaluation=[{"CenterCrop": {"height": 6, "width": 6}}])
    trained = Transforms(8, 1, [0.3], [0.3], train=[{"HorizontalFlip": {"p": 0.5}}])
    others = [
        identity(make_network(seed=1), data),
        identity(nn.Sequential(network, nn.ReLU()), data),
        identity(network, make_data(tiny.Bars(), brighter)),
        identity(network, make_data(tiny.Bars(), cropped)),
        identity(network, data, "something else"),
    ]
    assert len({same, *others}) == 6
    assert identity(network, make_data(tiny.Bars(), trained)) == same
    with torch.no_grad():
        next(network.parameters())[0] += 1e-6
    assert identity(network, data) != same


def test_numbers_that_are_none_are_not_kept(tmp_path: Path) -> None:
    """A network that overflows is an error, and the next one finds no row of it."""

    class Overflow(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1) * torch.inf

    with pytest.raises(InvalidInput, match="not finite"):
        embed(make_data(tiny.Bars()), np.arange(5), tmp_path, Overflow())
    (home,) = tmp_path.iterdir()
    assert (home / "contents.txt").read_bytes() == b""


class Killed(Exception):
    """Stands for a process that dies."""


def test_a_killed_pass_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between a row and its line in the third batch: the first two are kept, and nothing is computed twice."""
    real, calls = RowStore.append, 0

    def dying(store: RowStore, contents: NDArray[np.bytes_], rows: NDArray[np.float32]) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            with store._rows.open("ab") as file:
                file.write(rows.tobytes()[:-7])
            raise Killed
        real(store, contents, rows)

    monkeypatch.setattr(RowStore, "append", dying)
    with pytest.raises(Killed):
        embed(make_data(Counted()), np.arange(60), tmp_path)
    monkeypatch.setattr(RowStore, "append", real)
    source = Counted()
    found = embed(make_data(source), np.arange(60), tmp_path)
    assert source.reads == list(range(32, 60))
    np.testing.assert_allclose(found.points, expected(source, np.arange(60)), atol=1e-5)


def names(*letters: str) -> NDArray[np.bytes_]:
    return np.array([letter.encode() * 64 for letter in letters])


@pytest.mark.parametrize("tail", [b"c" * 10, b"c" * 64, b"\0" * 65, b"c" * 65 + b"d" * 3])
def test_a_torn_line_is_cut_off(tail: bytes, tmp_path: Path) -> None:
    """Half a line, one without its end or a block of zeros goes, with its row; what was whole stays and grows."""
    store = RowStore(tmp_path, 2)
    store.append(names("a", "b"), np.array([[1, 2], [3, 4]], dtype=np.float32))
    with (tmp_path / "contents.txt").open("ab") as file:
        file.write(tail)
    with (tmp_path / "rows.float32").open("ab") as file:
        file.write(np.array([5, 6], dtype=np.float32).tobytes())
    store = RowStore(tmp_path, 2)
    assert store.find(names("c", "b", "a")).tolist() == [-1, 1, 0]
    store.append(names("c"), np.array([[7, 8]], dtype=np.float32))
    assert RowStore(tmp_path, 2).mapped().tolist() == [[1, 2], [3, 4], [7, 8]]


def test_a_line_without_its_row_is_cut_off(tmp_path: Path) -> None:
    """Rows that a file system lost are computed again."""
    RowStore(tmp_path, 2).append(names("a", "b"), np.ones((2, 2), dtype=np.float32))
    with (tmp_path / "rows.float32").open("r+b") as file:
        file.truncate(12)
    assert RowStore(tmp_path, 2).find(names("a", "b")).tolist() == [0, -1]


def test_rows_are_a_slice_where_they_can_be(tmp_path: Path) -> None:
    """Consecutive float32 rows are not copied; others are gathered in a file that no folder lists."""
    array = np.arange(20, dtype=np.float32).reshape(10, 2)
    assert np.shares_memory(rows_at(array, np.arange(3, 7), tmp_path), array)
    for rows in (np.array([4, 2, 2, 9]), np.array([3, 5])):
        gathered = rows_at(array, rows, tmp_path)
        assert isinstance(gathered, np.memmap)
        assert (gathered == array[rows]).all()
    assert rows_at(array.astype(np.float16), np.arange(3), tmp_path).dtype == np.float32
    assert unnamed(tmp_path, (0, 5)).shape == (0, 5)
    assert list(tmp_path.iterdir()) == []


def test_who_comes_second_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is held is waited for, which is announced, and entered when it is free."""
    announced, entered = threading.Event(), threading.Event()
    monkeypatch.setattr("alframe.embeddings.files.say", lambda _message: announced.set())

    def second() -> None:
        with claim(tmp_path / "home"):
            entered.set()

    with claim(tmp_path / "home"):
        thread = threading.Thread(target=second)
        thread.start()
        announced.wait()
        assert not entered.is_set()
    thread.join()
    assert entered.is_set()


def test_the_trainer_is_the_callers(tmp_path: Path) -> None:
    """Where new rows are computed is decided outside, and nobody is asked where there are none."""
    built: list[Trainer] = []

    def make_trainer(**options: object) -> Trainer:
        built.append(trainer(**options))  # type: ignore[arg-type]
        return built[-1]

    for _ in range(2):
        features(make_network(), make_data(tiny.Bars()), np.arange(5), tmp_path, make_trainer, name="Test")
    assert len(built) == 1

"""The data module: what is drawn, in which order, and what becomes of images that cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningModule, Trainer

from alframe.data import Batch, CsvTable, Digits, ImageData, ImageFolder, Transforms
from alframe.errors import ConfigurationError, InvalidInput
from alframe.types import UNLABELLED, Positions

SaveImage = Callable[..., Path]
PLAIN = Transforms(8, 1, [0.0], [1.0])
FLIPPING = Transforms(
    8, 1, [0.0], [1.0], train=[{"HorizontalFlip": {"p": 0.5}}, {"RandomCrop": {"height": 6, "width": 6}}]
)


@pytest.fixture(scope="module")
def digits() -> Digits:
    """The bundled digits."""
    return Digits()


@pytest.fixture
def folder(tmp_path: Path, save_image: SaveImage) -> ImageFolder:
    """Ten images of each of two classes, of which ``cat/3.png`` is text and ``dog/4.png`` is broken off."""
    for number in range(10):
        save_image(f"cat/{number}.png", shade=number)
        save_image(f"dog/{number}.png", shade=100 + number)
    (tmp_path / "cat/3.png").write_text("no image")
    broken = tmp_path / "dog/4.png"
    broken.write_bytes(broken.read_bytes()[:-25])
    return ImageFolder(str(tmp_path), held_out=0.5)


def epoch(data: ImageData) -> list[Batch]:
    """The batches of one training epoch."""
    return list(data.train_dataloader())


def drawn(batches: list[Batch]) -> list[int]:
    """The positions in the order in which they were drawn."""
    return torch.cat([batch.positions for batch in batches]).tolist()


def test_prediction_keeps_the_order(digits: Digits) -> None:
    """Pixels, labels and positions of every row belong together, in the order that was asked for."""
    data = ImageData(digits, PLAIN, evaluation_batch_size=7)
    positions = np.random.default_rng(0).permutation(len(digits.table))[:40]
    data.predict_on(positions)
    batches = list(data.predict_dataloader())
    assert [len(batch.labels) for batch in batches] == [7, 7, 7, 7, 7, 5]
    assert drawn(batches) == positions.tolist()
    images = torch.cat([batch.images for batch in batches]) * 255
    np.testing.assert_allclose(images[:, 0], [digits.read(row)[..., 0] for row in positions], atol=1e-3)
    assert torch.cat([batch.labels for batch in batches]).tolist() == digits.table.labels[positions].tolist()


def test_labels_are_those_given(digits: Digits) -> None:
    """Training sees the ledger's labels, not the source's; validation sees the source's."""
    data = ImageData(digits, PLAIN)
    positions: Positions = np.arange(20)
    given = (digits.table.labels[positions] + 1) % 10
    data.fit_on(positions, given, validation=np.arange(30, 40), seed=0)
    for batch in epoch(data):
        assert batch.labels.tolist() == given[batch.positions].tolist()
    loader = data.val_dataloader()
    assert not isinstance(loader, list)
    (batch,) = loader
    assert batch.labels.tolist() == digits.table.labels[30:40].tolist()


@pytest.mark.parametrize(("count", "size"), [(20, 0), (20, 70), (7, 64), (65, 0)])
def test_an_epoch_draws_every_sample_equally_often(digits: Digits, count: int, size: int) -> None:
    """Without weights an epoch is max(size, count) draws, each sample equally often, give or take one."""
    data = ImageData(digits, PLAIN, batch_size=16)
    data.fit_on(np.arange(100, 100 + count), np.zeros(count, dtype=np.int64), epoch_size=size, seed=0)
    batches = epoch(data)
    times = np.unique_counts(drawn(batches)).counts
    assert times.sum() == max(size, count)
    assert len(times) == count
    assert np.ptp(times) <= 1
    sizes = [len(batch.labels) for batch in batches]
    assert max(sizes) <= 16
    assert max(sizes) - min(sizes) <= 1


def test_weights_steer_the_draw(digits: Digits) -> None:
    """Samples of weight 0, 1 and 3 have none, a quarter and three quarters of the draws."""
    data = ImageData(digits, PLAIN, batch_size=512)
    labels = np.zeros(3, dtype=np.int64)
    data.fit_on(np.arange(3), labels, weights=np.array([0.0, 1.0, 3.0]), epoch_size=4000, seed=0)
    np.testing.assert_allclose(np.bincount(drawn(epoch(data))) / 4000, [0, 0.25, 0.75], atol=0.03)


def test_seed_decides_every_epoch(digits: Digits) -> None:
    """Epochs differ from each other; the same seed repeats all of them, another one repeats none."""

    def two_epochs(seed: int) -> list[list[int]]:
        data = ImageData(digits, PLAIN)
        data.fit_on(np.arange(50), np.zeros(50, dtype=np.int64), seed=seed)
        loader = data.train_dataloader()
        return [drawn(list(loader)) for _ in range(2)]

    first = two_epochs(0)
    assert first == two_epochs(0)
    orders = [tuple(order) for order in (*first, *two_epochs(1))]
    assert len(set(orders)) == 4


def test_batches_do_not_depend_on_the_number_of_workers(digits: Digits) -> None:
    """Random transforms are seeded by batch: two workers give the batches that the main process gives."""
    found = []
    for workers in (0, 2):
        data = ImageData(digits, FLIPPING, batch_size=16, workers=workers)
        data.fit_on(np.arange(60), digits.table.labels[:60], seed=3)
        loader = data.train_dataloader()
        found.append([batch for _ in range(2) for batch in loader])
    assert len(found[0]) == 8
    for here, there in zip(*found, strict=True):
        for left, right in zip(here[:3], there[:3], strict=True):
            torch.testing.assert_close(left, right, rtol=0, atol=0)


@pytest.mark.parametrize("workers", [0, 1])
def test_unreadable_images_are_left_out_and_named(folder: ImageFolder, workers: int) -> None:
    """Inspection finds what cannot be decoded, wherever it is read, and nothing else."""
    data = ImageData(folder, PLAIN, batch_size=6, workers=workers)
    found = data.inspect(np.arange(20))
    ids = {str(folder.table.ids[position]): reason for position, reason in found.items()}
    assert sorted(ids) == ["cat/3.png", "dog/4.png"]
    assert "not an image" in ids["cat/3.png"]
    assert "damaged" in ids["dog/4.png"]
    assert data.unreadable == found


def test_inspection_of_memory_reads_nothing(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images that are decoded already need no pass."""
    monkeypatch.setattr(digits, "read", lambda _: pytest.fail("an image was read"))
    assert ImageData(digits, PLAIN).inspect(np.arange(10)) == {}


def test_batch_without_a_readable_image_has_no_rows(folder: ImageFolder) -> None:
    """A batch in which nothing can be decoded keeps its shapes and says what is missing."""
    data = ImageData(folder, PLAIN)
    data.predict_on(np.array([3]))
    (batch,) = data.predict_dataloader()
    assert batch.images.shape == (0, 1, 8, 8)
    assert (batch.labels.shape, batch.positions.shape) == ((0,), (0,))
    assert list(batch.unreadable) == [3]


class _Recorder(LightningModule):
    """Learns nothing and writes down what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.epochs: list[list[int]] = []
        self.vanish: Callable[[int], None] = lambda _: None

    def on_train_epoch_start(self) -> None:
        self.vanish(self.current_epoch)
        self.epochs.append([])

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:  # noqa: ARG002 (Lightning's signature)
        self.epochs[-1] += batch.positions.tolist()
        return self.weight * batch.images.sum()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        pass

    def predict_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:  # noqa: ARG002
        return batch.positions

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def trainer(epochs: int = 1) -> Trainer:
    """A Trainer that writes nothing."""
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_image_that_vanishes_is_set_aside(
    tmp_path: Path, folder: ImageFolder, caplog: pytest.LogCaptureFixture, workers: int
) -> None:
    """A file deleted after the first epoch is left out of the next ones, noted and logged once."""
    data = ImageData(folder, PLAIN, batch_size=4, workers=workers)
    data.fit_on(np.arange(3), folder.table.labels[:3], validation=np.arange(10, 13), seed=0)
    module = _Recorder()
    module.vanish = lambda number: (tmp_path / "cat/1.png").unlink() if number == 1 else None
    with caplog.at_level(logging.WARNING, logger="alframe"):
        trainer(epochs=3).fit(module, datamodule=data)
    assert [sorted(positions) for positions in module.epochs] == [[0, 1, 2], [0, 2], [0, 2]]
    assert data.unreadable == {1: "the file is missing"}
    assert caplog.messages == ["image cat/1.png cannot be used: the file is missing"]


def test_lightning_trains_and_predicts(digits: Digits) -> None:
    """Through Lightning, each epoch has a new order; prediction keeps the order and the last short batch."""
    data = ImageData(digits, PLAIN, evaluation_batch_size=8)
    data.fit_on(np.arange(50), np.zeros(50, dtype=np.int64), seed=0)
    module = _Recorder()
    trainer(epochs=3).fit(module, datamodule=data)
    assert len(set(map(tuple, module.epochs))) == 3
    assert all(sorted(positions) == list(range(50)) for positions in module.epochs)
    data.predict_on(np.arange(30, 10, -1))
    parts: Any = trainer().predict(module, datamodule=data)
    assert torch.cat(parts).tolist() == list(range(30, 10, -1))


def test_unlabelled_samples_can_be_predicted(tmp_path: Path, save_image: SaveImage) -> None:
    """A pool sample without a label is predicted like any other."""
    for name in "abc":
        save_image(f"{name}.png")
    (tmp_path / "table.csv").write_text("path,label,split\na.png,x,train\nb.png,,train\nc.png,y,test\n")
    data = ImageData(CsvTable(str(tmp_path / "table.csv")), PLAIN)
    data.predict_on(np.arange(3))
    (batch,) = data.predict_dataloader()
    assert batch.labels.tolist() == [0, UNLABELLED, 1]
    assert data.num_classes == 2
    assert data.image_shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("positions", "labels", "weights", "message"),
    [
        ([], [], None, "at least 1 position, got 0 for 0"),
        ([1, 2], [0], None, "got 1 for 2"),
        ([1797], [0], None, r"positions must lie in 0\.\.1796, got 1797"),
        ([1], [10], None, r"labels must lie in 0\.\.9"),
        ([1], [-1], None, r"labels must lie in 0\.\.9"),
        ([1, 2], [0, 0], [1.0], "weights must be 2"),
        ([1, 2], [0, 0], [1.0, -1.0], "weights must be 2"),
        ([1, 2], [0, 0], [1.0, np.nan], "weights must be 2"),
        ([1, 2], [0, 0], [0.0, 0.0], "weights must be 2"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    digits: Digits, positions: list[int], labels: list[int], weights: list[float] | None, message: str
) -> None:
    """Mistakes are found when they are made, not in the middle of an epoch."""
    with pytest.raises(InvalidInput, match=message):
        ImageData(digits, PLAIN).fit_on(
            np.array(positions, dtype=np.int64),
            np.array(labels, dtype=np.int64),
            weights=None if weights is None else np.array(weights),
            seed=0,
        )


def test_loaders_need_samples(digits: Digits) -> None:
    """A loader asked for too early says what to call first; without validation samples there is no loader."""
    data = ImageData(digits, PLAIN)
    with pytest.raises(InvalidInput, match="call fit_on"):
        data.train_dataloader()
    with pytest.raises(InvalidInput, match="call predict_on"):
        data.predict_dataloader()
    assert data.val_dataloader() == []


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"evaluation_batch_size": 0}, {"workers": -1}])
def test_wrong_loader_settings_are_refused(digits: Digits, wrong: dict[str, Any]) -> None:
    """Batches have samples and workers are counted from zero."""
    with pytest.raises(ConfigurationError, match=f"loader.{next(iter(wrong))}"):
        ImageData(digits, PLAIN, **wrong)

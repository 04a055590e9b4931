from __future__ import annotations

import signal
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import told
import torch

from alframe.data import Image, ImageData
from alframe.errors import RunConflict, UnreadableImage
from alframe.learner import Classifier, load_weights, pixel_embeddings, quiet_trainer, save_weights
from alframe.scoring import Pace, Pass, predict, stream

trainer = partial(quiet_trainer, accelerator="cpu")


class Broken(tiny.Bars):
    in_memory = False

    def read(self, position: int, side: int | None = None) -> Image:
        if position in (2, 17):
            raise UnreadableImage("truncated")
        return super().read(position, side)


def make_data(source: tiny.Bars | None = None) -> ImageData:
    return ImageData(source or tiny.Bars(), tiny.transforms(), evaluation_batch_size=16)


def make_learner() -> Classifier:
    torch.manual_seed(0)
    learner: Classifier = tiny.learner()((1, 8, 8), 3)
    return learner.eval()


def test_rows_are_in_the_order_asked_for() -> None:
    """Over several batches row i is the sample at position i, with the same draws as in any other order."""
    data, learner = make_data(), make_learner()
    positions = np.random.default_rng(0).permutation(60)[:40]
    found = predict(learner, data, positions, {"probs", "samples"}, trainer, seed=3)
    assert found.ids.tolist() == data.source.table.ids[positions].tolist()
    sorted_ = predict(learner, data, np.sort(positions), {"probs", "samples"}, trainer, seed=3)
    assert found.samples is not None
    assert sorted_.samples is not None
    np.testing.assert_allclose(found.samples[np.argsort(positions)], sorted_.samples, atol=1e-6)
    assert found.embeddings is None


def test_predictions_equal_a_bare_loop() -> None:
    """Embeddings and probabilities equal those of the networks called directly on the loader's batches."""
    data, learner = make_data(), make_learner()
    found = predict(learner, data, np.arange(60), {"probs", "embeddings"}, trainer, seed=3)
    draws = learner.draws(torch.Generator().manual_seed(3))
    with torch.inference_mode():
        batches = [learner.outputs(batch.images, draws, {"probs", "embeddings"}) for batch in data.predict_dataloader()]
    for need in ("probs", "embeddings"):
        np.testing.assert_allclose(getattr(found, need), torch.cat([batch[need] for batch in batches]), atol=1e-6)


def test_unreadable_images_are_left_out_and_noted() -> None:
    """Other rows are not shifted; the data module knows which images failed and why."""
    data, learner = make_data(Broken()), make_learner()
    found = predict(learner, data, np.arange(20), {"probs"}, trainer, seed=0)
    assert found.ids.tolist() == [f"bars/{row:03d}" for row in range(20) if row not in (2, 17)]
    assert data.unreadable == {2: "truncated", 17: "truncated"}


def test_what_a_pass_waits_for_is_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that an image moves by 1, a batch by 3, and building the trainer by 100, which does not count."""
    now = [0.0]

    class Slow(tiny.Bars):
        def read(self, position: int, side: int | None = None) -> Image:
            now[0] += 1
            return super().read(position, side)

    def make_trainer(**options: Any) -> Any:
        now[0] += 100
        return trainer(**options)

    def keep(_batch: Any, _unreadable: Any) -> None:
        now[0] += 3

    module = import_module("alframe.scoring.predict")  # the room exports a function of its name
    monkeypatch.setattr(module, "perf_counter", lambda: now[0])
    pace = stream(Pass(make_learner(), make_data(Slow()), np.arange(32), {"probs"}, make_trainer, seed=0), keep)
    assert pace == Pace(images=32, seconds=38, computing=6)


def test_boxes_lie_in_whole_images() -> None:
    """A detector's images are read at their own size, of a source without objects too; a classifier's need not be."""
    asked: list[int | None] = []

    class Large(tiny.Bars):
        def read(self, position: int, side: int | None = None) -> Image:
            asked.append(side)
            return (
                super().read(position).repeat(6, axis=0).repeat(4, axis=1) if side is None else super().read(position)
            )

    boxes = np.tile(np.array([1, 2, 4, 8], dtype=np.float32), (256, 1, 1))
    data = make_data(Large())
    found = predict(told.ToldDetector({"boxes": boxes}), data, np.arange(5), {"boxes"}, trainer, seed=0)
    assert asked == [None] * 5
    assert found.boxes is not None
    assert found.sizes is not None
    assert found.sizes.tolist() == [[48, 32]] * 5
    assert found.boxes.tolist() == [[[4, 12, 16, 48]]] * 5
    predict(make_learner(), data, np.arange(5), {"probs"}, trainer, seed=0)
    assert asked[5:] == [8] * 5


def test_half_precision_gives_probabilities() -> None:
    """Under bfloat16 the arrays are float32 and rows still sum to one, near the full-precision values."""
    data, learner = make_data(), make_learner()
    half = predict(learner, data, np.arange(60), {"probs"}, partial(trainer, precision="bf16-mixed"), seed=0).probs
    full = predict(learner, data, np.arange(60), {"probs"}, trainer, seed=0).probs
    assert half is not None
    assert full is not None
    assert half.dtype == np.float32
    np.testing.assert_allclose(half.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(half, full, atol=0.02)


def test_pixel_embeddings_keep_neighbours() -> None:
    """Without labels or training, an image's nearest neighbour mostly shares its bright row."""
    data = make_data(tiny.Bars(count=200))
    points = pixel_embeddings(data, np.arange(200), seed=0).embeddings
    assert points is not None
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    labels = data.source.table.labels
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.9


def test_weights_come_back(tmp_path: Path) -> None:
    """A loaded learner predicts the same; its file is the same, byte for byte, when it is saved again."""
    learner = make_learner()
    save_weights(learner, tmp_path / "a.safetensors")
    torch.manual_seed(9)
    other: Classifier = tiny.learner()((1, 8, 8), 3)
    load_weights(other, tmp_path / "a.safetensors")
    images = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(other.eval()(images), learner(images))
    save_weights(other, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_foreign_weights_are_refused(tmp_path: Path) -> None:
    """A pickle, or weights of more classes, is refused with the file's name; nothing is unpickled."""
    pickled = tmp_path / "pickled.safetensors"
    torch.save(make_learner().state_dict(), pickled)
    with pytest.raises(RunConflict, match=r"pickled\.safetensors"):
        load_weights(make_learner(), pickled)
    save_weights(make_learner(), tmp_path / "three.safetensors")
    with pytest.raises(RunConflict, match="does not hold weights of this learner"):
        load_weights(tiny.learner()((1, 8, 8), 2), tmp_path / "three.safetensors")


def test_ctrl_c_reaches_the_caller() -> None:
    """An interrupt in the middle of a pass is a KeyboardInterrupt afterwards, and Ctrl-C works again."""

    class PressCtrlC(tiny.Bars):
        def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (the source's signature)
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        predict(make_learner(), make_data(PressCtrlC()), np.arange(4), {"probs"}, trainer, seed=0)
    assert signal.getsignal(signal.SIGINT) is before

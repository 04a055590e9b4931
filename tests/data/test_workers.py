"""How many processes read images, and what becomes of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tiny
import torch

from alframe.cycle import Plan
from alframe.data import Batch, ImageData, ImageFolder, Transforms
from alframe.data.workers import automatic_workers
from alframe.errors import ConfigurationError
from alframe.run import run
from alframe.storage import load_record
from alframe.types import Query

Usage = namedtuple("Usage", ["free"])
PLAIN = Transforms(8, 1, [0.0], [1.0])


@pytest.fixture
def noise(tmp_path: Path) -> ImageFolder:
    """Thirty JPEGs of each of two classes, one of them brighter."""
    rng = np.random.default_rng(0)
    for name, top in (("dark", 120), ("light", 256)):
        (tmp_path / "noise" / name).mkdir(parents=True)
        for number in range(30):
            pixels = rng.integers(0, top, (40, 24, 3), dtype=np.uint8)
            PIL.Image.fromarray(pixels).save(tmp_path / "noise" / name / f"{number}.jpg")
    return ImageFolder(str(tmp_path / "noise"), held_out=0.4)


@pytest.mark.parametrize(
    ("cores", "free", "expected"),
    [(1, 1000, 1), (2, 1000, 1), (3, 1000, 2), (16, 1000, 8), (16, 35, 3), (16, 9, 0)],
    ids=["one core", "two", "three", "many", "little memory", "none"],
)
def test_as_many_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch, cores: int, free: int, expected: int) -> None:
    """A core each but one, from 1 to 8, as long as shared memory holds what they have in flight, 10 bytes each here."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(Path, "is_dir", lambda _: True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free))
    assert automatic_workers(in_flight=10) == expected


def test_too_little_shared_memory_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Reading is slower than it could be: the log says why, and what to change."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setattr(Path, "is_dir", lambda _: True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(64 << 20))
    automatic_workers(in_flight=40 << 20)
    (message,) = caplog.messages
    assert message.startswith("1 instead of 3 processes read images: /dev/shm has 64 MB free and each needs 40")
    automatic_workers(in_flight=1 << 20)
    assert len(caplog.messages) == 1


def test_only_files_are_worth_a_process(noise: ImageFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default images in memory are read here and files elsewhere; a number that is given holds for both."""
    asked: list[int] = []

    def one(in_flight: int) -> int:
        asked.append(in_flight)
        return 1

    monkeypatch.setattr("alframe.data.module.automatic_workers", one)
    for source, workers, expected in ((tiny.Bars(), None, 0), (noise, None, 1), (tiny.Bars(), 2, 2), (noise, 0, 0)):
        data = ImageData(source, PLAIN, batch_size=4, evaluation_batch_size=6, workers=workers, prefetch=5)
        data.predict_on(np.arange(4))
        loader = data.predict_dataloader()
        assert loader.num_workers == expected
        assert loader.prefetch_factor == (5 if expected else None)
    assert asked == [(5 + 1) * (4 + 6) * 8 * 8 * 4]


def test_reading_ahead_changes_no_batch(noise: ImageFolder) -> None:
    """However many processes read however far ahead, the batches are the same and come in the same order."""

    def batches(workers: int, prefetch: int) -> list[Batch]:
        data = ImageData(noise, PLAIN, evaluation_batch_size=7, workers=workers, prefetch=prefetch)
        data.predict_on(np.arange(60))
        return list(data.predict_dataloader())

    expected = batches(0, 2)
    for found in (batches(1, 4), batches(2, 1)):
        assert [batch.positions.tolist() for batch in found] == [batch.positions.tolist() for batch in expected]
        for here, there in zip(found, expected, strict=True):
            torch.testing.assert_close(here.images, there.images, rtol=0, atol=0)


def test_prefetching_nothing_is_refused(noise: ImageFolder) -> None:
    """A worker has at least one batch in hand."""
    with pytest.raises(ConfigurationError, match=r"loader\.prefetch must be at least 1, got 0"):
        ImageData(noise, PLAIN, prefetch=0)


def test_a_run_over_files_is_the_same_with_workers(tmp_path: Path, noise: ImageFolder) -> None:
    """Two processes that read, in a whole run: the same queries, and nothing warns of them."""

    def queries(workers: int) -> list[Query]:
        loader = partial(ImageData, batch_size=16, evaluation_batch_size=16, workers=workers)
        folder = tmp_path / f"workers-{workers}"
        plan = Plan(initial=6, batch=4, rounds=1, validation=4)
        run(tiny.parts(data=noise, loader=loader, cycle=plan), folder, tiny.CONFIG)
        return [load_record(path, Query) for path in sorted(folder.glob("round-*/query.json"))]

    assert queries(0) == queries(2)


@pytest.fixture
def _answered() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, as it does not where tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_answered")
def test_a_ctrl_c_among_forks_is_answered_after_them(noise: ImageFolder) -> None:
    """One that comes while a worker is being started is not lost, and Ctrl-C works as before afterwards."""
    data = ImageData(noise, PLAIN, workers=1)
    data.predict_on(np.arange(60))
    before = signal.getsignal(signal.SIGINT)
    once = [True]

    def press() -> None:
        if once:
            once.clear()
            signal.raise_signal(signal.SIGINT)

    os.register_at_fork(before=press)
    loader = data.predict_dataloader()
    with pytest.raises(KeyboardInterrupt):
        iter(loader)
    assert not once
    assert signal.getsignal(signal.SIGINT) is before
    assert len(list(loader)) == 1


def test_ctrl_c_ends_a_run_and_its_workers(tmp_path: Path, noise: ImageFolder) -> None:  # noqa: ARG001 (makes the files)
    """A terminal interrupts every process of the group: the run says how to go on, and no process is left."""
    options = ["data=image_folder", f"data.root={tmp_path / 'noise'}", "transforms=svhn", "loader.workers=2"]
    rounds = ["cycle.initial=6", "cycle.batch=4", "cycle.rounds=2", "training.epochs=60"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "alframe", "run", *options, *rounds],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that run in the background have SIGINT ignored, and pass that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("round   0"):
            os.killpg(process.pid, signal.SIGINT)
            break
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "go on with the same command" in errors
    assert "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from alframe.cli import CONFIGS
from alframe.configuration import check
from alframe.data import Image, ImageData
from alframe.errors import ConfigurationError, DataError, UnreadableImage, WorkersLost
from alframe.learner import Classifier, quiet_trainer
from alframe.score import Job
from alframe.scoring import Engine, Local, Ray, Scoring, score
from alframe.storage import MANIFEST, file_sha256, whole_file
from alframe.types import Need

ray = pytest.importorskip("ray")
# Ray's own modules read what Ray deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")

# Its classes are in no module that a worker could import.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])

NEEDS: tuple[Need, ...] = ("probs", "embeddings", "samples", "bald", "head")


class Spoilt(tiny.Bars):
    """Two images cannot be read; one more does harm, as long as there is no file at ``mark``."""

    in_memory = False

    def __init__(self, mark: Path | None = None, harm: str = "kill once") -> None:
        super().__init__()
        self.mark, self.harm = mark, harm

    def read(self, position: int, side: int | None = None) -> Image:
        if position in (2, 17):
            raise UnreadableImage("truncated")
        if position == 30 and self.mark is not None and not self.mark.exists():
            self._do_harm(self.mark)
        return super().read(position, side)

    def _do_harm(self, mark: Path) -> None:
        if self.harm == "raise":
            raise DataError("the disk is gone")
        if self.harm == "kill once":
            mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray on this machine, as the engine starts it, for all tests of this module."""
    with Ray(workers=2).cluster():
        yield


def run(folder: Path, source: tiny.Bars, engine: Engine) -> ImageData:
    torch.manual_seed(0)
    learner: Classifier = tiny.learner()((1, 8, 8), 3)
    data = ImageData(source, tiny.transforms(), evaluation_batch_size=8, workers=0)
    with whole_file(folder / MANIFEST) as manifest:
        pace = score(
            learner.eval(),
            data,
            np.arange(60),
            NEEDS,
            partial(quiet_trainer, accelerator="cpu"),
            manifest,
            model="m",
            seed=3,
            scoring=Scoring(block=16),
            engine=engine,
        )
    assert pace is not None
    return data


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with as many threads as Ray's workers of one core: how many there are moves the last bits of sums."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of one process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with one_thread():
        run(folder, Spoilt(), Local())
    return digests(folder)


@pytest.mark.usefixtures("cluster")
def test_workers_write_the_files_of_one_process_though_one_is_killed(
    tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    """Byte for byte, draws included, from where another engine was stopped; a killed worker's share is done again."""
    with one_thread(), pytest.raises(DataError):
        run(tmp_path / "scored", Spoilt(tmp_path / "never", "raise"), Local())
    assert (tmp_path / "scored/blocks.jsonl").read_text().count("\n") == 1
    data = run(tmp_path / "scored", Spoilt(tmp_path / "killed"), Ray(workers=2, batches=2))
    assert (tmp_path / "killed").exists()
    assert digests(tmp_path / "scored") == undisturbed
    assert data.unreadable == {2: "truncated", 17: "truncated"}


@pytest.mark.usefixtures("cluster")
def test_an_error_in_a_worker_reaches_the_user_and_the_pass_goes_on_later(
    tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    """However many blocks there were by then, another engine goes on behind them."""
    with pytest.raises(DataError, match="the disk is gone"):
        run(tmp_path, Spoilt(tmp_path / "never", "raise"), Ray(workers=1, batches=1))
    with one_thread():
        run(tmp_path, Spoilt(), Local())
    assert digests(tmp_path) == undisturbed


@pytest.mark.usefixtures("cluster")
def test_images_that_kill_every_worker_are_given_up(tmp_path: Path) -> None:
    """After as many retries as were allowed the pass ends with what to do, instead of going on for ever."""
    source = Spoilt(tmp_path / "never", "kill always")
    with pytest.raises(WorkersLost, match="died 1 times over the same images"):
        run(tmp_path, source, Ray(workers=1, batches=1, retries=0))


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("options", "message"), [({"workers": 3}, "want 3 CPUs"), ({"gpus": 40}, "want 80 GPUs")])
def test_more_than_the_machine_has_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    """Ray would wait for ever for what will not come."""
    with pytest.raises(ConfigurationError, match=message):
        run(tmp_path, tiny.Bars(), Ray(**options))


@pytest.mark.parametrize("options", [{"workers": 200}, {"workers": 50, "cpus": 4}])
def test_ray_is_not_started_for_more_than_there_is(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The cores that this process may use count, not those that Ray would be told of; a cluster may have any number."""
    asked: list[str] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda address, **_: asked.append(address))
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(199)), raising=False)
    with pytest.raises(ConfigurationError, match=r"want 200 CPUs, and there are 199 for Ray"), Ray(**options).cluster():
        pass
    assert asked == []
    with Ray(**options, address="auto").cluster():
        assert asked == ["auto"]
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 200)
    with Ray(**options).cluster():
        assert asked == ["auto", "local"]


@pytest.mark.parametrize("option", ["workers", "cpus", "batches"])
def test_engines_of_nothing_are_refused(option: str) -> None:
    nothing: Any = {option: 0}
    with pytest.raises(ConfigurationError, match=f"engine.{option} must be at least 1, got 0"):
        Ray(**nothing)


@pytest.mark.parametrize("name", ["local", "ray"])
def test_each_choice_of_engine_builds(name: str) -> None:
    """The files under configs/engine say what the constructors take."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(f"engine/{name}").engine
    check({"engine": OmegaConf.to_container(config)}, Job)
    assert isinstance(instantiate(config), Engine)


def test_without_ray_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alframe.scoring.ray_engine.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'alframe\[ray\]'"):
        Ray()

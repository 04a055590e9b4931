"""What every replay buffer promises, proved for each choice of ``replay=`` and each task."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import finders
import numpy as np
import pytest
import tiny
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from remembered import TASKS, remembered

from alframe.errors import ConfigurationError, InvalidInput
from alframe.learner import Segmenter
from alframe.learner.segmentation import MCDropout, UNet
from alframe.replay import KeepAll, NewOnly, Replay
from alframe.types import Need, Objects, Predictions, Task, label_array

CONFIGS = Path(__file__).parents[2] / "configs"
CHOICES = sorted(path.stem for path in (CONFIGS / "replay").glob("*.yaml"))
CAPPED = [name for name in CHOICES if name not in ("keep_all", "new_only")]
OLD = 40
BOXES: frozenset[Need] = frozenset({"boxes", "box_probs"})
"""Arrays in which NaN means that an image has no further detection."""

WHOLE: frozenset[Need] = frozenset({"pixel_classes"})
"""Arrays of whole numbers, which cannot be NaN."""


@cache
def configured(choice: str) -> Any:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("config", overrides=[f"replay={choice}", "seed=3"])


def made(choice: str, **changes: Any) -> Replay:
    """The buffer of one file, with its defaults but for ``changes``."""
    buffer: Replay = instantiate(configured(choice).replay, **changes, _convert_="all")
    return buffer


def keep(buffer: Replay, old: Predictions, seed: int = 0) -> dict[str, str]:
    return buffer.keep(old, np.random.default_rng(seed))


def assert_kept(kept: dict[str, str], count: int, old: Predictions) -> None:
    """So many of the old ids, each with a reason of a line at most."""
    assert len(kept) == count
    assert set(kept) <= set(old.ids.tolist())
    assert all(reason.strip() and len(reason) < 80 and "\n" not in reason for reason in kept.values())


def only_needed(buffer: Replay, old: Predictions, task: Task) -> Predictions:
    """What the memory hands over: the arrays that are needed, labels or objects, and sizes."""
    read: dict[str, Any] = {need: getattr(old, need) for need in buffer.needs(task)}
    return Predictions(old.ids, labels=old.labels, objects=old.objects, sizes=old.sizes, **read)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("choice", CAPPED)
@pytest.mark.parametrize("capacity", [0, 1, 7, OLD - 1, OLD, OLD + 1, None])
def test_it_keeps_as_many_as_there_is_room_for(choice: str, task: Task, capacity: int | None) -> None:
    """From none to all, each once and with a reason; of what it does not declare it reads nothing."""
    buffer = made(choice, capacity=capacity)
    old = only_needed(buffer, remembered(task, OLD), task)
    assert_kept(keep(buffer, old), OLD if capacity is None else min(capacity, OLD), old)


@pytest.mark.parametrize("task", TASKS)
def test_all_and_nothing_need_no_capacity(task: Task) -> None:
    """``keep_all`` keeps all, and ``new_only`` nothing."""
    old = remembered(task)
    assert list(keep(made("keep_all"), old)) == old.ids.tolist()
    assert keep(made("new_only"), old) == {}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("choice", CHOICES)
def test_it_serves_an_empty_memory(choice: str, task: Task) -> None:
    """As before the first training."""
    assert keep(made(choice), remembered(task, 0)) == {}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("choice", CAPPED)
def test_it_serves_a_task_of_one_class(choice: str, task: Task) -> None:
    """Of one class, all that there is."""
    old = remembered(task, OLD, classes=1)
    assert_kept(keep(made(choice, capacity=7), old), 7, old)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("choice", CAPPED)
def test_it_serves_copies_of_one_image(choice: str, task: Task) -> None:
    """Twelve copies are twelve samples."""
    same = remembered(task).take(np.zeros(12, dtype=np.int64))
    old = replace(same, ids=np.array([f"copy/{number}" for number in range(12)]))
    assert_kept(keep(made(choice, capacity=5), old), 5, old)


@pytest.mark.parametrize("choice", CAPPED)
@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_it_serves_images_without_objects(choice: str, task: Task) -> None:
    """Nobody drew anything, and a detector found nothing."""
    old = replace(remembered(task), objects=label_array([Objects()] * OLD))
    if task == "detection":
        old = replace(old, boxes=np.empty((OLD, 0, 4)), box_probs=np.empty((OLD, 0, 5)))
    assert_kept(keep(made(choice, capacity=7), old), 7, old)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("choice", CHOICES)
def test_the_same_seed_keeps_the_same_samples(choice: str, task: Task) -> None:
    """For the same reasons."""
    old = remembered(task)
    capacity = {} if choice in ("keep_all", "new_only") else {"capacity": 7}
    assert keep(made(choice, **capacity), old) == keep(made(choice, **capacity), old)


@pytest.mark.parametrize("choice", CAPPED)
def test_the_order_of_the_samples_does_not_matter(choice: str) -> None:
    """A table that is sorted otherwise has the same memory."""
    old = remembered("classification")
    other = old.take(np.random.default_rng(1).permutation(OLD))
    assert set(keep(made(choice, capacity=7), old)) == set(keep(made(choice, capacity=7), other))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("choice", CAPPED)
def test_values_that_are_not_finite_are_refused(choice: str, task: Task) -> None:
    """NaN in any array that it reads; where NaN stands for no further detection, before one."""
    buffer, old = made(choice, capacity=7), remembered(task)
    for need in buffer.needs(task) - WHOLE:
        array = getattr(old, need).copy()
        row = np.isfinite(array).reshape(len(array), -1).sum(axis=1).argmax() if need in BOXES else 5
        array[row, 0] = np.nan
        with pytest.raises(InvalidInput, match="NaN or infinite"):
            keep(buffer, replace(old, **{need: array}))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("choice", CAPPED)
def test_missing_arrays_are_refused(choice: str, task: Task) -> None:
    """The message names the array."""
    buffer, old = made(choice, capacity=7), remembered(task)
    for need in buffer.needs(task):
        nothing: dict[str, Any] = {need: None}
        with pytest.raises(InvalidInput, match=rf"the buffer reads .*\b{need}\b.* predicted of the old samples"):
            keep(buffer, replace(old, **nothing))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("choice", CAPPED)
def test_arrays_with_other_rows_than_ids_are_refused(choice: str, task: Task) -> None:
    """Another sample would be kept."""
    buffer, old = made(choice, capacity=7), remembered(task)
    for need in buffer.needs(task):
        with pytest.raises(InvalidInput, match=f"{need} has {OLD - 1} rows for {OLD} sample ids"):
            keep(buffer, replace(old, **{need: getattr(old, need)[:-1]}))


LEARNERS: dict[Task, Any] = {
    "classification": lambda: tiny.learner()((1, 8, 8), 3),
    "detection": lambda: finders.build("fcos", 2),
    "segmentation": lambda: Segmenter(
        (1, 16, 16),
        2,
        architecture=lambda shape, classes: UNet(shape, classes, widths=(4, 8)),
        posterior=MCDropout(2),
        optimizer=tiny.learner().keywords["optimizer"],
        schedule=tiny.learner().keywords["schedule"],
    ),
}


@pytest.mark.parametrize("task", TASKS)
def test_learners_give_what_is_needed(task: Task) -> None:
    """Every buffer serves every task."""
    gives = LEARNERS[task]().gives
    assert {choice for choice in CHOICES if not made(choice).needs(task) <= gives} == set()


@pytest.mark.parametrize("choice", CAPPED)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"capacity": -1}, r"replay.capacity must be at least 0, or null for no limit, got -1"),
        ({"new_weight": 0}, r"replay.new_weight must lie in \(0, 1\], or be null, got 0"),
        ({"new_weight": 1.5}, r"replay.new_weight must lie in \(0, 1\], or be null, got 1.5"),
    ],
)
def test_bad_values_are_refused(choice: str, wrong: dict[str, Any], message: str) -> None:
    """The message names the key of the configuration."""
    target = type(made(choice))
    with pytest.raises(ConfigurationError, match=message):
        target(**wrong)


def test_all_and_nothing_are_what_they_say() -> None:
    """The default is all of it, without a limit."""
    assert (type(made("keep_all")), made("keep_all").capacity) == (KeepAll, None)
    assert (type(made("new_only")), made("new_only").capacity) == (NewOnly, 0)

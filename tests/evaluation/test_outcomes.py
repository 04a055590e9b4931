"""Outcomes sample by sample, held to the evaluations of the same learners and to scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
import tiny
import torch
from detections import random_objects
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss
from told import Numbered, Told, ToldDetector, ToldSegmenter, data

from alframe.data import Image, ImageData
from alframe.errors import DataError, UnreadableImage
from alframe.evaluation import ClassifierOutcomes, evaluate, outcomes
from alframe.functional.regions import encode_region
from alframe.learner import Learner, quiet_trainer
from alframe.learner.scaling import Scaling
from alframe.types import GATE_METRICS, Need, Object, Objects, Outcomes, Task, label_array

trainer = partial(quiet_trainer, accelerator="cpu")
COUNT = 24
GROUPS = ["", "north", "south"] * (COUNT // 3)


class ToldClassifier(Told):
    task: ClassVar[Task] = "classification"

    def __init__(self, answers: Mapping[Need, Any]) -> None:
        super().__init__(answers)
        self.scaling = Scaling(4)


def classifier() -> tuple[Learner, ImageData]:
    rng = np.random.default_rng(0)
    source = Numbered(rng.integers(0, 3, COUNT), ("a", "b", "c", "never"), GROUPS)
    return ToldClassifier({"probs": rng.dirichlet(np.full(4, 0.4), COUNT)}), data(source)


def detector() -> tuple[Learner, ImageData]:
    """Boxes near the objects, and elsewhere; the learner says them in pixels of its tensor."""
    rng = np.random.default_rng(1)
    truth = [Objects(tuple(each for each in objects if not each.crowd)) for objects in random_objects(COUNT, 2, seed=1)]
    source = Numbered(label_array(truth), groups=GROUPS)
    boxes = np.full((COUNT, 6, 4), np.nan, dtype=np.float32)
    probs = np.full((COUNT, 6, 3), np.nan, dtype=np.float32)
    for row, objects in enumerate(truth):
        for place, each in enumerate([*objects, Object((1, 1, 9, 9), 0)]):
            boxes[row, place] = (np.array(each.box) + rng.normal(0, 1, 2)[[0, 1, 0, 1]]) / [3, 2, 3, 2]
            probs[row, place] = rng.dirichlet(np.eye(3)[each.label] * 2 + 0.5)
    return ToldDetector({"boxes": boxes, "box_probs": probs}), data(source)


def segmenter() -> tuple[Learner, ImageData]:
    rng = np.random.default_rng(2)
    maps = rng.integers(0, 3, (COUNT, 8, 8)).astype(np.uint8)
    labels = label_array([mask_of(rng) for _ in range(COUNT)])
    return ToldSegmenter({"class_map": maps}), data(Numbered(labels, groups=GROUPS))


def mask_of(rng: np.random.Generator) -> Objects:
    """A block of a class in an image of 16 x 24, to be ignored now and then."""
    pixels = np.zeros(Numbered.size, dtype=np.bool_)
    top, left = rng.integers(0, 8, 2)
    pixels[top : top + 8, left : left + 12] = True
    label, ignored = int(rng.integers(2)), bool(rng.random() < 0.2)
    return Objects((Object((left, top, left + 12, top + 8), label, encode_region(pixels), difficult=ignored),))


LEARNERS = {"classification": classifier, "detection": detector, "segmentation": segmenter}


@pytest.fixture(params=LEARNERS)
def told(request: pytest.FixtureRequest) -> tuple[Learner, ImageData]:
    found: tuple[Learner, ImageData] = LEARNERS[request.param]()
    return found


def of(learner: Learner, images: ImageData, rows: NDArray[np.int64] | None = None) -> Outcomes:
    return outcomes(learner, images, np.arange(COUNT) if rows is None else rows, trainer, seed=0)


def test_over_all_samples_the_figures_are_the_evaluations(told: tuple[Learner, ImageData]) -> None:
    """Each metric that both measure, each class, each group, and the calibration error."""
    learner, images = told
    evaluation, found = evaluate(learner, images, np.arange(COUNT), trainer, seed=0), of(learner, images)
    measured: dict[str, Any] = {**vars(evaluation), **evaluation.metrics}
    shared = [metric for metric in GATE_METRICS[learner.task] if metric in measured]
    assert shared[0] == GATE_METRICS[learner.task][0] == next(iter(evaluation.metrics))
    for metric in shared:
        assert found.value(metric) == pytest.approx(measured[metric], abs=1e-6)
    assert found.by_class() == pytest.approx(evaluation.by_class, abs=1e-6)
    assert found.by_group(shared[0]) == pytest.approx(evaluation.slices, abs=1e-6)
    error = found.calibration_error()
    assert error == (pytest.approx(measured["calibration_error"]) if learner.task == "classification" else None)
    assert found.seconds > 0
    assert found.ids.tolist() == images.source.table.ids.tolist()


def test_drawn_samples_are_scored_as_a_set_of_their_own(told: tuple[Learner, ImageData]) -> None:
    """Every metric of some samples, and of B draws at once, is that of a learner that saw only these."""
    learner, images = told
    found, rows = of(learner, images), np.arange(1, COUNT, 2)
    alone = of(learner, images, rows)
    counts = np.stack([np.bincount(rows, minlength=COUNT), np.ones(COUNT), np.zeros(COUNT)]).astype(np.float64)
    for metric in GATE_METRICS[learner.task]:
        values = found.values(metric, counts)
        assert values[0] == pytest.approx(alone.value(metric))
        assert found.value(metric, rows) == pytest.approx(alone.value(metric))
        assert values[1] == pytest.approx(found.value(metric))
        assert np.isnan(values[2])


def test_copies_count_as_often_as_they_are_drawn() -> None:
    """Against scikit-learn on rows that repeat; of the classes only those that occur."""
    rng = np.random.default_rng(3)
    probs, labels = rng.dirichlet(np.full(4, 0.5), 50), rng.integers(0, 3, 50)
    none = np.full(50, "")
    found = ClassifierOutcomes(none, none, tuple("abcd"), 0.1, probs=probs, labels=labels)
    rows = rng.integers(0, 50, 50)
    true, predicted = labels[rows], probs[rows].argmax(axis=1)
    occurring = np.unique(true)
    assert found.value("accuracy", rows) == pytest.approx((true == predicted).mean())
    assert found.value("log_likelihood", rows) == pytest.approx(-log_loss(true, probs[rows], labels=range(4)))
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        expected = balanced_accuracy_score(true, predicted)
    assert found.value("balanced_accuracy", rows) == pytest.approx(expected)
    macro = f1_score(true, predicted, labels=occurring, average="macro")
    assert found.value("macro_f1", rows) == pytest.approx(macro)
    assert found.by_class()[3] is None


def test_an_unreadable_sample_is_left_out_and_shifts_nothing() -> None:
    """Ids, labels and groups are those of the others."""

    class Broken(tiny.Bars):
        def read(self, position: int, side: int | None = None) -> Image:
            if position == 7:
                raise UnreadableImage("truncated")
            return super().read(position, side)

    torch.manual_seed(0)
    learner = tiny.learner()((1, 8, 8), 3).eval()
    positions = np.array([3, 7, 11, 15])
    broken, whole = (
        outcomes(learner, ImageData(source, tiny.transforms()), rows, trainer, seed=0)
        for source, rows in ((Broken(), positions), (tiny.Bars(), positions[[0, 2, 3]]))
    )
    assert broken.ids.tolist() == whole.ids.tolist()
    assert broken.value("log_likelihood") == pytest.approx(whole.value("log_likelihood"))


@pytest.mark.parametrize("task", LEARNERS)
def test_nothing_readable_is_an_error(task: str) -> None:
    """Whatever the task."""
    learner, images = LEARNERS[task]()
    assert isinstance(images.source, Numbered)
    images.source.broken = range(COUNT)
    with pytest.raises(DataError, match="none of the 24 gate samples can be read"):
        of(learner, images)

"""Evaluations of a detector that says what it is told, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from told import Numbered, ToldDetector, data

from alframe.errors import DataError
from alframe.evaluation import evaluate
from alframe.evaluation.summary import WORST
from alframe.learner import quiet_trainer
from alframe.storage import load_record, save_record
from alframe.types import CurvePoint, Detection, Object, Objects, label_array

trainer = partial(quiet_trainer, accelerator="cpu")

ROWS = 3
SCALE = np.array([24 / 8, 16 / 8, 24 / 8, 16 / 8])
"""From the pixels of a tensor to those of its image."""


def told(found: Sequence[Objects], classes: int = 2) -> ToldDetector:
    """A detector that finds this, in padded arrays and in pixels of the tensor."""
    boxes = np.full((len(found), ROWS, 4), np.nan, dtype=np.float32)
    box_probs = np.full((len(found), ROWS, classes + 1), np.nan, dtype=np.float32)
    for image, objects in enumerate(found):
        for row, each in enumerate(objects):
            boxes[image, row] = np.array(each.box) / SCALE
            box_probs[image, row] = 0
            box_probs[image, row, each.label] = each.score
            box_probs[image, row, -1] = 1 - (each.score or 0)
    return ToldDetector({"boxes": boxes, "box_probs": box_probs})


def evaluated(
    truth: Sequence[Objects], found: Sequence[Objects], classes: Sequence[str] = ("pit", "scratch"), **source: Any
) -> Detection:
    numbered = Numbered(label_array(truth), classes, **source)
    result = evaluate(told(found, len(classes)), data(numbered), np.arange(len(truth)), trainer, seed=0)
    assert isinstance(result, Detection)
    return result


def pit(left: float = 0, score: float | None = None, **known: Any) -> Object:
    return Object(box=(left, 0, left + 6, 8), label=0, score=score, **known)


def scratch(left: float = 0, score: float | None = None) -> Object:
    return Object(box=(left, 8, left + 6, 16), label=1, score=score)


NOTHING = Objects()
TRUTH = [Objects((pit(),)), Objects((pit(9), scratch(9))), NOTHING, NOTHING, Objects((scratch(),))]
PERFECT = [
    Objects((pit(0, 0.75),)),
    Objects((pit(9, 0.75), scratch(9, 0.75))),
    NOTHING,
    NOTHING,
    Objects((scratch(0, 0.75),)),
]


def test_perfect_detections() -> None:
    """Everything is 1; boxes are compared in the pixels of images that are larger than their tensors."""
    found = evaluated(TRUTH, PERFECT)
    assert (found.samples, found.unreadable) == (5, 0)
    assert found.metrics == {"average_precision_50": 1, "average_precision": 1, "average_recall": 1}
    assert found.average_precision_75 == 1
    assert found.by_size == {"small": 1, "medium": None, "large": None}
    assert found.by_class == found.class_precision == (1.0, 1.0)
    assert (found.found, found.alarm_score, found.false_alarms) == (1, 0, 0.05)
    assert found.class_counts == ((2, 2), (2, 2))
    assert found.confusion == ((2, 0, 0), (0, 2, 0), (0, 0, 0))
    assert [example.quality for example in found.worst] == [1] * 5
    assert found.slices == {}


def test_nothing_detected() -> None:
    """Everything is 0, and each object is missed."""
    found = evaluated(TRUTH, [NOTHING] * 5)
    assert found.metrics == {"average_precision_50": 0, "average_precision": 0, "average_recall": 0}
    assert found.class_precision == (0.0, 0.0)
    assert found.found == 0
    assert found.class_counts == ((2, 0), (2, 0))
    assert found.confusion == ((0, 0, 2), (0, 0, 2), (0, 0, 0))
    assert [(example.sample_id, example.quality) for example in found.worst] == [
        ("numbered/001", 0),
        ("numbered/000", 0),
        ("numbered/004", 0),
        ("numbered/002", 1),
        ("numbered/003", 1),
    ]


def test_by_hand() -> None:
    """A false alarm above one of two pits, a scratch taken for a pit, and a detection too unsure to be shown."""
    false_alarm = Objects((pit(15, 0.625),))
    taken_for_pit = Object(box=scratch().box, label=0, score=0.5625)
    found = evaluated(
        TRUTH,
        [
            Objects((pit(0, 0.75),)),
            Objects((pit(9, 0.5), scratch(9, 0.25))),
            false_alarm,
            NOTHING,
            Objects((taken_for_pit,)),
        ],
    )
    # Pits in order of score: right, wrong, wrong, right; half of the recall at 1, the other half at 2 of 4.
    assert found.class_precision == pytest.approx(((51 + 50 * 0.5) / 101, 51 / 101))
    assert found.average_precision_50 == pytest.approx((76 + 51) / 202)
    assert found.average_recall == pytest.approx((1 + 0.5) / 2)
    assert found.confusion == ((2, 0, 0), (1, 0, 1), (1, 0, 0))
    # Of two images without objects none may be reported: the alarm has to be above the false one.
    assert found.alarm_score == 0.625
    assert found.found == pytest.approx(1 / 3)
    assert [(example.sample_id, example.quality) for example in found.worst] == [
        ("numbered/002", 0),
        ("numbered/004", 0),
        ("numbered/001", pytest.approx(2 / 3)),
        ("numbered/000", 1),
        ("numbered/003", 1),
    ]
    assert found.worst[0].found == false_alarm
    assert [each.score for each in found.worst[2].found] == [0.5]


def test_an_unreadable_image_is_counted_and_shifts_nothing() -> None:
    """The scores are those of the others, whichever batch it was in."""
    without = evaluated(TRUTH[:1] + TRUTH[2:], PERFECT[:1] + PERFECT[2:])
    broken = evaluated(TRUTH, PERFECT, broken=[1])
    assert (broken.samples, broken.unreadable) == (4, 1)
    assert broken.metrics == without.metrics
    assert broken.class_counts == without.class_counts == ((1, 1), (1, 1))


def test_no_readable_image_is_an_error() -> None:
    """There is nothing to score."""
    with pytest.raises(DataError, match="none of the 5 held-out samples"):
        evaluated(TRUTH, PERFECT, broken=range(5))


def test_nobody_has_objects() -> None:
    """No precision is known, the metrics of a curve are 0, and there is nothing to find."""
    found = evaluated([NOTHING] * 3, [Objects((pit(0, 0.75),)), NOTHING, NOTHING])
    assert (found.average_precision, found.average_precision_50, found.average_recall) == (None, None, None)
    assert set(found.metrics.values()) == {0}
    assert found.class_precision == (None, None)
    assert (found.found, found.alarm_score) == (None, None)
    assert found.confusion == ((0, 0, 0), (0, 0, 0), (1, 0, 0))
    assert found.worst[0].sample_id == "numbered/000"


def test_everybody_has_objects() -> None:
    """There are no false alarms to compare with."""
    found = evaluated(TRUTH[:2], PERFECT[:2])
    assert found.found is None
    assert found.average_precision == 1


def test_an_image_in_which_all_is_ignored_is_neither_defective_nor_sound() -> None:
    """Its sure detection is no false alarm."""
    truth = [Objects((pit(),)), NOTHING, Objects((pit(difficult=True),))]
    found = evaluated(truth, [Objects((pit(0, 0.5),)), NOTHING, Objects((pit(0, 0.75),))])
    assert (found.found, found.alarm_score) == (1, 0)
    assert found.metrics["average_precision"] == 1
    assert found.confusion == ((1, 0, 0), (0, 0, 0), (0, 0, 0))


def test_slices_are_by_group() -> None:
    """Each as if it were alone; one without objects has none; images without a group are in none."""
    groups = ["north", "south", "empty", "empty", ""]
    found = evaluated(TRUTH, [PERFECT[0], Objects((pit(9, 0.75),)), *PERFECT[2:]], groups=groups)
    assert found.slices == {"empty": None, "north": 1, "south": 0.5}


def test_one_class() -> None:
    """And more images than are shown, the worst of them first."""
    count = WORST + 5
    truth = [Objects((pit(),))] * count
    detections = [Objects((pit(0, 0.75),))] * count
    detections[7] = NOTHING
    found = evaluated(truth, detections, classes=["pit"])
    assert found.class_precision == pytest.approx(((100 * (count - 1) // count + 1) / 101,))
    assert found.confusion == ((count - 1, 1), (0, 0))
    assert len(found.worst) == WORST
    assert (found.worst[0].sample_id, found.worst[0].quality) == ("numbered/007", 0)


def test_an_evaluation_is_kept_as_it_is(tmp_path: Path) -> None:
    """As JSON and back, beside evaluations of other kinds."""
    point = CurvePoint(3, 20, evaluated(TRUTH, PERFECT, groups=["a"] * 5))
    save_record(tmp_path / "point.json", point)
    assert load_record(tmp_path / "point.json", CurvePoint) == point

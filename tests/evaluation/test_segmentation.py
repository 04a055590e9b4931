"""Evaluations of a segmenter that says what it is told, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from told import Numbered, ToldSegmenter, data

from alframe.errors import DataError
from alframe.evaluation import evaluate, segmentation
from alframe.evaluation.summary import WORST
from alframe.functional import segmented
from alframe.functional.regions import class_map, encode_region
from alframe.learner import quiet_trainer
from alframe.storage import load_record, save_record
from alframe.types import CurvePoint, Object, Objects, Segmentation, label_array

trainer = partial(quiet_trainer, accelerator="cpu")
HEIGHT, WIDTH = Numbered.size
SIDE = 8
ClassMap = NDArray[np.uint8]


def evaluated(
    truth: Sequence[Objects], found: Sequence[ClassMap], classes: Sequence[str] = ("pit", "scratch"), **source: Any
) -> Segmentation:
    numbered = Numbered(label_array(truth), classes, **source)
    learner = ToldSegmenter({"class_map": np.stack(found)})
    result = evaluate(learner, data(numbered, SIDE), np.arange(len(truth)), trainer, seed=0)
    assert isinstance(result, Segmentation)
    return result


def of_classes(columns: dict[int, slice], **known: Any) -> Objects:
    """Objects that have these columns of an image, of 24, from top to bottom."""
    found = []
    for label, where in columns.items():
        pixels = np.zeros((HEIGHT, WIDTH), dtype=np.bool_)
        pixels[:, where] = True
        found.append(Object(box=(where.start, 0, where.stop, HEIGHT), label=label, mask=encode_region(pixels), **known))
    return Objects(tuple(found))


def seen(columns: dict[int, slice]) -> ClassMap:
    """The class map of a tensor, of 8 columns."""
    classes = np.zeros((SIDE, SIDE), dtype=np.uint8)
    for label, where in columns.items():
        classes[:, where] = label + 1
    return classes


NOTHING = Objects()
TRUTH = [of_classes({0: slice(0, 12)}), NOTHING, of_classes({0: slice(0, 3), 1: slice(12, 24)})]
PERFECT = [seen({0: slice(0, 4)}), seen({}), seen({0: slice(0, 1), 1: slice(4, 8)})]


def test_perfect_regions() -> None:
    """Everything is 1, at the images' own size, in which one pixel of a tensor is 2 x 3."""
    found = evaluated(TRUTH, PERFECT)
    assert (found.samples, found.unreadable) == (3, 0)
    assert found.metrics == {"mean_iou": 1, "mean_dice": 1, "pixel_accuracy": 1}
    assert found.class_iou == found.class_dice == (1.0, 1.0, 1.0)
    assert found.by_class == (1.0, 1.0)
    assert found.confusion == ((HEIGHT * 45, 0, 0), (0, HEIGHT * 15, 0), (0, 0, HEIGHT * 12))
    assert [example.quality for example in found.worst] == [1] * 3
    assert found.slices == {}


def test_by_hand() -> None:
    """Half a pit, a scratch where nothing is, a scratch that is taken for a pit."""
    found = evaluated(TRUTH, [seen({0: slice(0, 2)}), seen({1: slice(0, 2)}), seen({0: slice(0, 8)})])
    assert (
        np.array(found.confusion).tolist() == (HEIGHT * np.array([[12 + 18, 9, 6], [6, 6 + 3, 0], [0, 12, 0]])).tolist()
    )
    iou = (30 / (30 + 15 + 6), 9 / (9 + 6 + 21), 0)
    dice = (60 / (60 + 15 + 6), 18 / (18 + 6 + 21), 0)
    assert found.class_iou == pytest.approx(iou)
    assert found.class_dice == pytest.approx(dice)
    assert found.metrics == pytest.approx(
        {"mean_iou": sum(iou) / 3, "mean_dice": sum(dice) / 3, "pixel_accuracy": 39 / 72}
    )
    # Background, and of the other classes those that are there or are seen there.
    qualities = {"numbered/000": (12 / 18 + 6 / 12) / 2, "numbered/001": 18 / 24 / 2, "numbered/002": 3 / 24 / 3}
    assert [example.sample_id for example in found.worst] == ["numbered/002", "numbered/001", "numbered/000"]
    assert {example.sample_id: example.quality for example in found.worst} == pytest.approx(qualities)
    assert found.worst[0].found == segmented(seen({0: slice(0, 8)}), HEIGHT, WIDTH)


def test_nothing_seen() -> None:
    """Background is all that is right."""
    found = evaluated(TRUTH, [seen({})] * 3)
    assert found.class_iou == pytest.approx((45 / 72, 0, 0))
    assert found.pixel_accuracy == pytest.approx(45 / 72)


def test_a_class_that_no_image_has_is_none() -> None:
    """It is not in the mean either, though it was seen; what it was seen for is wrong."""
    found = evaluated(TRUTH[:2], [PERFECT[0], seen({1: slice(0, 4)})])
    assert found.class_iou == pytest.approx((24 / 36, 1, None))
    assert found.class_dice == pytest.approx((48 / 60, 1, None))
    assert found.mean_iou == pytest.approx((24 / 36 + 1) / 2)


def test_what_is_to_be_ignored_counts_nowhere() -> None:
    """Whatever is seen there; an image that is all of that is perfect, and cannot be scored alone."""
    whole = of_classes({0: slice(0, 24)}, difficult=True)
    half = Objects((*of_classes({0: slice(0, 12)}), *of_classes({1: slice(12, 24)}, crowd=True)))
    found = evaluated([half, whole], [seen({0: slice(0, 4), 1: slice(4, 6)}), PERFECT[2]])
    assert found.confusion == ((0, 0, 0), (0, HEIGHT * 12, 0), (0, 0, 0))
    assert found.mean_iou == 1
    assert [example.quality for example in found.worst] == [1, 1]
    with pytest.raises(DataError, match="not everything is to be ignored"):
        evaluated([whole], PERFECT[2:])


def test_an_unreadable_image_is_counted_and_shifts_nothing() -> None:
    """The scores are those of the others."""
    without = evaluated([TRUTH[0], TRUTH[2]] * 2, [PERFECT[0], seen({})] * 2)
    broken = evaluated(
        [TRUTH[0], TRUTH[1], TRUTH[2]] * 2, [PERFECT[0], seen({1: slice(0, 4)}), seen({})] * 2, broken=[1, 4]
    )
    assert (broken.samples, broken.unreadable) == (4, 2)
    assert broken.confusion == without.confusion
    assert broken.metrics == without.metrics


def test_no_readable_image_is_an_error() -> None:
    """There is nothing to score."""
    with pytest.raises(DataError, match="none of the 3 held-out samples"):
        evaluated(TRUTH, PERFECT, broken=range(3))


def test_slices_are_by_group() -> None:
    """Each as if it were alone; images without a group are in none."""
    found = evaluated(TRUTH, [PERFECT[0], PERFECT[1], seen({})], groups=["south", "", "north"])
    assert found.slices == pytest.approx({"north": (9 / 24 + 0 + 0) / 3, "south": 1})


def test_found_by_size_is_of_masks_as_they_were_annotated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pits of one class, one of which another lies on, and a scratch; what is to be ignored has no size."""
    monkeypatch.setattr(segmentation, "SIZES", {"small": HEIGHT * 3, "medium": HEIGHT * 9, "large": math.inf})
    truth = Objects(
        (
            *of_classes({0: slice(0, 3)}),
            *of_classes({0: slice(6, 15)}),
            *of_classes({1: slice(12, 14)}),
            *of_classes({0: slice(14, 15)}, difficult=True),
        )
    )
    found = evaluated([truth, NOTHING], [seen({0: slice(0, 3), 1: slice(4, 5)}), seen({})])
    # The first pit is found; of the 6 columns that one sees of the other, 3 are; and of the scratch's 2, both.
    assert found.found_by_size == {"small": 1.0, "medium": 0.5, "large": None}
    assert sum(map(sum, found.confusion)) == HEIGHT * (24 - 1 + 24)


def test_objects_are_made_of_the_worst_images_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of as many as are shown, where all the others are better."""
    made = []

    def counted(found: ClassMap, height: int, width: int) -> Objects:
        made.append(found.shape)
        return segmented(found, height, width)

    monkeypatch.setattr(segmentation, "segmented", counted)
    count = WORST + 5
    evaluated([TRUTH[0]] * count, [seen({})] * WORST + [PERFECT[0]] * 5)
    assert made == [(HEIGHT, WIDTH)] * WORST


def test_one_class_and_more_images_than_are_shown() -> None:
    """The worst of all batches, worst first, each as it was seen at the image's size."""
    count = WORST + 5
    seen_there = [PERFECT[0]] * count
    seen_there[7], seen_there[16] = seen({}), seen({0: slice(0, 3)})
    found = evaluated([TRUTH[0]] * count, seen_there, classes=["pit"])
    assert len(found.worst) == WORST
    assert [example.sample_id for example in found.worst[:3]] == ["numbered/007", "numbered/016", "numbered/000"]
    assert found.worst[0].found == NOTHING
    assert class_map(found.worst[1].found, HEIGHT, WIDTH).tolist() == [[1] * 9 + [0] * 15] * HEIGHT


def test_an_evaluation_is_kept_as_it_is(tmp_path: Path) -> None:
    """As JSON and back, with the regions that were seen."""
    point = CurvePoint(3, 20, evaluated(TRUTH, PERFECT, groups=["a"] * 3))
    save_record(tmp_path / "point.json", point)
    assert load_record(tmp_path / "point.json", CurvePoint) == point

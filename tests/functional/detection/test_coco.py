"""Average precision against pycocotools, and on cases that can be worked out by hand."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from alframe.errors import InvalidInput
from alframe.functional import average_precision
from alframe.functional.detection.coco import MOST_DETECTIONS, OVERLAPS, SIZES
from alframe.types import UNLABELLED, Object, Objects

CLASSES = 4


class IgnoringDifficult(COCOeval):  # type: ignore[misc] # pycocotools has no types
    """pycocotools, with its own flag for what is neither found nor missed set for difficult objects too."""

    def _prepare(self) -> None:
        super()._prepare()
        for objects in self._gts.values():
            for each in objects:
                each["ignore"] = each["ignore"] or each["difficult"]


def coco(images: Sequence[Objects]) -> COCO:
    """The objects as pycocotools has them."""
    found = COCO()
    found.dataset = {
        "images": [{"id": image} for image in range(len(images))],
        "categories": [{"id": label} for label in range(CLASSES)],
        "annotations": [
            {
                "image_id": image,
                "category_id": each.label,
                "bbox": [each.box[0], each.box[1], each.box[2] - each.box[0], each.box[3] - each.box[1]],
                "area": (each.box[2] - each.box[0]) * (each.box[3] - each.box[1]),
                "iscrowd": int(each.crowd),
                "difficult": each.difficult,
                "score": each.score,
            }
            for image, objects in enumerate(images)
            for each in objects
        ],
    }
    for number, annotation in enumerate(found.dataset["annotations"], start=1):
        annotation["id"] = number
    found.createIndex()
    return found


def reference(truth: Sequence[Objects], found: Sequence[Objects]) -> Any:
    """What pycocotools makes of them."""
    with redirect_stdout(io.StringIO()):
        evaluation = IgnoringDifficult(coco(truth), coco(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def random_box(rng: np.random.Generator) -> NDArray[np.float64]:
    corner, side = rng.uniform(0, 200, 2), np.exp(rng.uniform(np.log(4), np.log(200), 2))
    return np.concatenate([corner, corner + side])


def random_truth(rng: np.random.Generator) -> Objects:
    """Of no class 3, and mostly not very many."""
    return Objects(
        tuple(
            Object(
                box=tuple(random_box(rng).tolist()),
                label=int(rng.integers(CLASSES - 1)),
                crowd=bool(rng.random() < 0.1),
                difficult=bool(rng.random() < 0.15),
            )
            for _ in range(int(rng.choice([0, 0, 1, 2, 3, 8])))
        )
    )


def random_found(rng: np.random.Generator, truth: Objects) -> Objects:
    """Near most objects, some twice or as another class, and where nothing is; many scores are the same."""
    detections = []
    for each in truth:
        for _ in range(int(rng.integers(0, 3))):
            near = np.array(each.box) + rng.normal(0, 0.04, 4) * (each.box[2] - each.box[0])
            label = each.label if rng.random() < 0.8 else int(rng.integers(CLASSES))
            detections.append((np.concatenate([near[:2], np.maximum(near[2:], near[:2] + 1)]), label))
    elsewhere = int(rng.choice([0, 1, 3, 230], p=[0.5, 0.3, 0.19, 0.01]))
    detections.extend((random_box(rng), int(rng.integers(2))) for _ in range(elsewhere))
    return Objects(
        tuple(
            Object(box=tuple(box.tolist()), label=label, score=float(np.round(rng.random(), 2)))
            for box, label in detections
        )
    )


def test_200_images_are_scored_as_by_pycocotools() -> None:
    """Crowds, difficult objects, empty images, equal scores, more than 100 detections: to six digits and more."""
    rng = np.random.default_rng(0)
    truth = [random_truth(rng) for _ in range(200)]
    found = [random_found(rng, objects) for objects in truth]
    assert any(each.crowd for objects in truth for each in objects)
    assert any(each.difficult for objects in truth for each in objects)
    assert sum(len(objects) == 0 for objects in truth) > 20
    assert max(sum(each.label == 0 for each in objects) for objects in found) > MOST_DETECTIONS
    expected = reference(truth, found)
    precision, recall = average_precision(truth, found, CLASSES)
    assert precision.shape == recall.shape == (len(OVERLAPS), CLASSES, len(SIZES))
    assert np.isnan(precision[:, 3]).all()
    np.testing.assert_allclose(precision[:, :3], expected.eval["precision"][..., -1].mean(axis=1)[:, :3], atol=1e-9)
    np.testing.assert_allclose(recall[:, :3], expected.eval["recall"][..., -1][:, :3], atol=1e-9)
    summary = [
        np.nanmean(precision[:, :, 0]),
        np.nanmean(precision[0, :, 0]),
        np.nanmean(precision[5, :, 0]),
        *(np.nanmean(precision[:, :, size]) for size in (1, 2, 3)),
    ]
    np.testing.assert_allclose(summary, expected.stats[:6], atol=1e-9)
    assert np.nanmean(recall[:, :, 0]) == pytest.approx(expected.stats[8], abs=1e-9)
    assert 0.1 < summary[0] < 0.9


def square(left: float, *, side: float = 10, **known: Any) -> Object:
    return Object(box=(left, 0, left + side, side), **({"label": 0} | known))


def precision_50(truth: Objects, found: Objects) -> float:
    precision, _ = average_precision([truth], [found], num_classes=1)
    return float(precision[0, 0, 0])


def test_half_the_objects_found_before_a_mistake_and_the_rest_after_it() -> None:
    """Precision is 1 up to a recall of one half, 51 of 101 recalls, and 2/3 from there on."""
    truth = Objects((square(0), square(50)))
    found = Objects((square(0, score=0.9), square(100, score=0.8), square(50, score=0.7)))
    assert precision_50(truth, found) == pytest.approx((51 + 50 * 2 / 3) / 101)


@pytest.mark.parametrize("ignored", [{"difficult": True}, {"crowd": True}, {"crowd": True, "label": UNLABELLED}])
def test_what_is_ignored_is_neither_found_nor_missed(ignored: dict[str, Any]) -> None:
    """A detection of it is no mistake, however sure; to leave it out costs nothing; elsewhere a mistake is one."""
    truth = Objects((square(0), square(50, **ignored)))
    right, there, elsewhere = square(0, score=0.5), square(50, score=0.9), square(100, score=0.9)
    assert precision_50(truth, Objects((right,))) == 1
    assert precision_50(truth, Objects((right, there))) == 1
    assert precision_50(truth, Objects((right, elsewhere))) == 0.5


def test_a_region_of_no_class_is_ignored_for_each() -> None:
    """Two classes, each with a sure detection in a crowd that nobody told apart."""
    crowd = Objects((square(50, side=40, crowd=True, label=UNLABELLED), square(0), square(20, label=1)))
    found = Objects(
        tuple(
            square(left, label=label, score=score)
            for left, label, score in [(0, 0, 0.5), (20, 1, 0.5), (55, 0, 0.9), (65, 0, 0.9), (55, 1, 0.9)]
        )
    )
    precision, _ = average_precision([crowd], [found], num_classes=2)
    assert precision[0, :, 0].tolist() == [1, 1]


def test_nobody_has_objects_or_no_image_has_detections() -> None:
    """Without objects nothing is known; without detections nothing is found."""
    nothing = Objects()
    precision, recall = average_precision([nothing] * 3, [nothing, Objects((square(0, score=0.5),)), nothing], 2)
    assert np.isnan(precision).all()
    assert np.isnan(recall).all()
    precision, recall = average_precision([Objects((square(0),))], [nothing], 1)
    assert precision[:, 0, 0].tolist() == recall[:, 0, 0].tolist() == [0] * len(OVERLAPS)


def test_perfect_detections() -> None:
    """What people drew, taken for detections, has an average precision of 1 in each class and size there is."""
    truth = [replaced for seed in range(20) if len(replaced := random_truth(np.random.default_rng(seed)))]
    found = [Objects(tuple(replace(each, score=0.5) for each in objects)) for objects in truth]
    precision, recall = average_precision(truth, found, CLASSES)
    assert np.unique(precision[~np.isnan(precision)]).tolist() == [1]
    assert np.unique(recall[~np.isnan(recall)]).tolist() == [1]


def test_other_images_are_refused() -> None:
    """One list for each."""
    with pytest.raises(InvalidInput, match="2 images"):
        average_precision([Objects()] * 2, [Objects()], 1)

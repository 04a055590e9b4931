"""Whole runs of detectors and segmenters."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import finders
import numpy as np
import pytest
import squares
import tiny
import torch

from alframe.calibration import TemperatureScaling
from alframe.cycle import Plan
from alframe.errors import ConfigurationError, LabelsPending, UnreadableImage
from alframe.learner import Detector, Segmenter, schedules
from alframe.learner.detection import MCDropout as BoxDropout
from alframe.learner.segmentation import MCDropout as PixelDropout
from alframe.learner.segmentation import UNet
from alframe.oracle import Simulated
from alframe.pool import Ledger
from alframe.replay import HardestByLoss, Replay, UncertaintyDiverse
from alframe.run import run
from alframe.storage import file_sha256, load_record, open_database
from alframe.strategy import BoxEntropy, Entropy, PixelEntropy, Ppal, RareClasses
from alframe.training import FromScratch
from alframe.types import Annotation, CurvePoint, Objects, Preview, Query, ReplayRecord

ADAM = partial(torch.optim.Adam, lr=3e-3)
DETECTOR = partial(
    Detector,
    architecture=finders.ARCHITECTURES["faster_rcnn"],
    posterior=BoxDropout(3),
    optimizer=ADAM,
    schedule=schedules.constant,
    max_detections=8,
)
SEGMENTER = partial(
    Segmenter,
    architecture=partial(UNet, widths=(4, 8)),
    posterior=PixelDropout(3),
    optimizer=ADAM,
    schedule=schedules.constant,
)


class Recalling(FromScratch):
    """Training that reads what classifiers said of old samples."""

    recalls = True


def start(folder: Path, **changes: Any) -> Path:
    options: dict[str, Any] = {
        "data": squares.Squares(40),
        "transforms": squares.transforms(),
        "learner": DETECTOR,
        "strategy": BoxEntropy(),
        "training": FromScratch(epochs=2, epoch_size=16),
        "cycle": Plan(initial=6, batch=4, rounds=2, validation=2),
    }
    run(tiny.parts(**(options | changes)), folder, tiny.CONFIG)
    return folder


def said(folder: Path) -> list[Annotation]:
    return [entry.annotation for entry in Ledger(open_database(f"sqlite:///{folder / 'run.sqlite'}")).entries()]


def written(folder: Path, pattern: str) -> dict[str, str]:
    return {str(path.relative_to(folder)): file_sha256(path) for path in sorted(folder.glob(pattern))}


@pytest.mark.parametrize(
    ("learner", "strategy", "task"),
    [
        (DETECTOR, BoxEntropy(), "detection"),
        (DETECTOR, Ppal(), "detection"),
        (DETECTOR, RareClasses(), "detection"),
        (SEGMENTER, PixelEntropy(aggregation="top"), "segmentation"),
    ],
)
def test_a_run_labels_objects_and_shows_what_it_saw(tmp_path: Path, learner: Any, strategy: Any, task: str) -> None:
    """The ledger has the source's objects, each evaluation is of the task, and each query has its preview."""
    folder = start(tmp_path, learner=learner, strategy=strategy)
    table = squares.Squares(40).table
    truth = dict(zip(table.ids.tolist(), table.labels, strict=True))
    answers = said(folder)
    assert len(answers) == 14
    assert all(answer.label == truth[answer.sample_id] for answer in answers)
    points = [load_record(path, CurvePoint) for path in sorted(folder.glob("round-*/evaluation.json"))]
    assert [(point.labels, point.evaluation.task) for point in points] == [(6, task), (10, task), (14, task)]
    for round in (1, 2):
        query = load_record(folder / f"round-{round:03d}/query.json", Query)
        preview = load_record(folder / f"round-{round:03d}/preview.json", Preview)
        assert set(preview.found) == set(query.ids)
    assert not (folder / "round-000/preview.json").exists()
    assert (folder / "report.html").read_text().count("data:image/") > 14


class LateOnce(Simulated):
    """People who have not answered when they are first asked about a round."""

    def __init__(self, folder: Path, source: Any) -> None:
        super().__init__(source)
        self._folder = folder

    def collect(self, query: Query) -> list[Annotation]:
        marker = self._folder / f"asked-{query.round}"
        if marker.exists():
            return super().collect(query)
        marker.touch()
        return []


def test_a_run_that_waited_for_people_ends_like_one_that_did_not(tmp_path: Path) -> None:
    """Queries, previews, weights and evaluations are the same to the byte, however often it was started again."""
    (tmp_path / "seen").mkdir()
    undisturbed = start(tmp_path / "undisturbed")
    for _ in range(3):
        with pytest.raises(LabelsPending):
            start(tmp_path / "late", oracle=partial(LateOnce, tmp_path / "seen"))
    late = start(tmp_path / "late", oracle=partial(LateOnce, tmp_path / "seen"))
    assert written(late, "round-*/*") == written(undisturbed, "round-*/*")
    assert len(written(late, "round-*/*")) == 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learner": tiny.learner(), "strategy": Entropy()}, "learner=detector"),
        ({"data": tiny.Bars(), "transforms": tiny.transforms()}, "learner=classifier"),
        (
            {"strategy": Entropy()},
            "Entropy needs probs and this Detector gives none: it gives box_draws, box_embeddings",
        ),
        ({"strategy": PixelEntropy()}, "needs pixel_entropy"),
        ({"training": Recalling()}, "training Recalling needs probs and this Detector gives none"),
        ({"calibration": TemperatureScaling()}, "calibration=none"),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_there_is_a_folder(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    """The message says what would fit."""
    with pytest.raises(ConfigurationError, match=message):
        start(tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_boxes_without_masks_are_no_lesson_for_a_segmenter(tmp_path: Path) -> None:
    """It is refused with the learner that does learn from boxes, and the image that has the first of them."""
    source = squares.Squares(40)
    source.has_masks = False
    first, *others = source.table.labels[5]
    source.table.labels[5] = Objects((replace(first, mask=None), *others))
    message = r"has 1 of \d+ objects without a mask, the first in squares/005: choose learner=detector"
    with pytest.raises(ConfigurationError, match=message):
        start(tmp_path, data=source, learner=SEGMENTER, strategy=PixelEntropy())


def test_a_run_goes_on_where_images_are_lost(tmp_path: Path) -> None:
    """An image that can no longer be read is set aside with its reason, and the run ends with fewer labels."""

    class Torn(squares.Squares):
        in_memory = False

        def read(self, position: int, side: int | None = None) -> Any:
            if position % 5 == 0:
                raise UnreadableImage("torn")
            return super().read(position, side)

    folder = start(tmp_path, data=Torn(40))
    aside = [answer for answer in said(folder) if answer.label is None]
    assert {answer.reason for answer in aside} == {"torn"}
    assert len(aside) == 8
    points = [load_record(path, CurvePoint) for path in sorted(folder.glob("round-*/evaluation.json"))]
    assert points[-1].labels == 14
    assert np.isfinite(list(points[-1].evaluation.metrics.values())).all()


@pytest.mark.parametrize(
    ("learner", "strategy", "buffer"),
    [
        (DETECTOR, BoxEntropy(), HardestByLoss(capacity=3, new_weight=0.5, balanced=True)),
        (SEGMENTER, PixelEntropy(), UncertaintyDiverse(capacity=3)),
    ],
)
def test_a_run_replays_a_few_old_images(tmp_path: Path, learner: Any, strategy: Any, buffer: Replay) -> None:
    """Of the first six images three stay, each with its reason, and train beside four new ones."""
    plan = Plan(initial=6, batch=4, rounds=1)
    training = FromScratch(epochs=1, epoch_size=8)
    folder = start(tmp_path, learner=learner, strategy=strategy, replay=buffer, cycle=plan, training=training)
    first, second = (load_record(folder / f"round-{round:03d}/replay.json", ReplayRecord) for round in (0, 1))
    assert (len(first.new), len(first.kept)) == (6, 0)
    assert set(second.new) == {answer.sample_id for answer in said(folder)} - set(first.new)
    assert len(second.kept) == 3
    assert set(second.kept) < set(first.new)
    assert all(second.kept.values())

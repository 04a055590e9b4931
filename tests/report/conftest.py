"""Run folders made by hand through the storage that a real run uses, and a source of six tiny images."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from alframe.data.source import Image, Source
from alframe.errors import UnreadableImage
from alframe.pool import Ledger
from alframe.storage import Journal, open_database, save_record
from alframe.types import (
    Annotation,
    Classification,
    CurvePoint,
    Detection,
    Evaluation,
    Example,
    Object,
    Objects,
    Query,
    Reliability,
    Rle,
    SampleTable,
    Segmentation,
    Task,
    label_array,
)

MakeRun = Callable[..., Path]

LABELS = (0, 1, 0, 1, 0, 1)
BINS = Reliability(confidence=(None, 0.75), accuracy=(None, 0.5), count=(0, 4))


def _classified(accuracy: float) -> Evaluation:
    return Classification(4, 0, accuracy, 1 - accuracy, 0.125, (accuracy, None), BINS)


def _detected(precision: float) -> Evaluation:
    seen = Objects((Object((0.0, 0.0, 1.0, 2.0), 1, score=0.75), Object((1.0, 0.0, 2.0, 2.0), 0, score=0.25)))
    return Detection(
        samples=4,
        unreadable=0,
        average_precision=precision / 2,
        average_precision_50=precision,
        average_precision_75=precision / 4,
        by_size={"small": precision, "medium": None, "large": None},
        average_recall=precision,
        class_precision=(precision, None),
        found=precision,
        alarm_score=0.625,
        false_alarms=0.05,
        confusion=((3, 1, 4), (0, 0, 0), (5, 0, 0)),
        slices={"left": precision, "right": None},
        worst=(Example("s0", 0.25, seen), Example("s5", 0.5, Objects())),
    )


def _segmented(iou: float) -> Evaluation:
    seen = Objects((Object((0.0, 0.0, 1.0, 2.0), 0, mask=Rle((2, 2), "022")),))
    return Segmentation(
        samples=4,
        unreadable=0,
        mean_iou=iou,
        mean_dice=iou,
        pixel_accuracy=0.875,
        class_iou=(0.9, iou, None),
        class_dice=(0.95, iou, None),
        confusion=((90, 10, 0), (1, 3, 0), (0, 0, 0)),
        found_by_size={"small": iou, "medium": 0.75, "large": None},
        slices={"left": iou},
        worst=(Example("s0", 0.25, seen),),
    )


EVALUATIONS: Mapping[Task, Callable[[float], Evaluation]] = {
    "classification": _classified,
    "detection": _detected,
    "segmentation": _segmented,
}


class SixImages(Source):
    """Six grey images of four pixels, s0 to s5, of classes "cat" and "<script>"; s5 is damaged."""

    name = "six"
    classes = ("cat", "<script>")

    def __init__(self) -> None:
        self.table = SampleTable(
            ids=np.array([f"s{i}" for i in range(6)]),
            labels=np.array(LABELS, dtype=np.int64),
            held_out=np.zeros(6, dtype=bool),
            groups=np.full(6, ""),
            costs=np.ones(6),
        )

    def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (nothing to decode)
        """Decode one image."""
        if position == 5:
            raise UnreadableImage("damaged: ends after 12 bytes")
        return np.full((2, 2, 1), 40 * position, dtype=np.uint8)

    def content_hash(self, position: int) -> str:
        """Stand in for a hash."""
        return str(position)


@pytest.fixture
def six_images() -> SixImages:
    """A small source."""
    return SixImages()


@pytest.fixture
def six_scenes(six_images: SixImages) -> SixImages:
    """The same images with objects: s0 has a "cat" under a mask and a "<script>", the others have none."""
    cat = Object((0.0, 0.0, 1.0, 2.0), 0, mask=Rle((2, 2), "022"))
    labels = label_array([Objects((cat, Object((1.0, 1.0, 2.0, 2.0), 1))), *[Objects()] * 5])
    six_images.table = replace(six_images.table, labels=labels)
    return six_images


@pytest.fixture
def references() -> Callable[[str], list[str]]:
    """Find what a page would fetch: any link or source but a data URI or a place in the page itself.

    The names of XML namespaces look like addresses and fetch nothing.
    """
    links = r"""\b(?:src|href)\s*=\s*["']?(?!["']?(?:data:|#))"""
    return re.compile(rf"{links}|@import|url\((?!#)|https?://(?!www\.w3\.org)").findall


@pytest.fixture
def make_run(tmp_path: Path, make_run_in: MakeRun) -> MakeRun:
    """Make run folders in the test's own folder."""
    return partial(make_run_in, tmp_path)


@pytest.fixture(scope="session")
def make_run_in() -> MakeRun:
    """A factory of run folders in a given folder: one round per value of the headline metric, two samples each."""

    def make(
        root: Path,
        strategy: str = "entropy",
        seed: int = 0,
        accuracies: Sequence[float] = (0.5, 0.75, 1.0),
        *,
        step: int = 2,
        unfinished: bool = False,
        folder: str | None = None,
        config: Mapping[str, Any] | None = None,
        choices: Mapping[str, str] | None = None,
        task: Task = "classification",
    ) -> Path:
        path = root / (folder or f"{strategy}-{seed}")
        path.mkdir(parents=True)
        resolved = {
            "choices": {"data": "six", "strategy": strategy, "learner": "classifier", **(choices or {})},
            "seed": seed,
            "name": path.name,
            "data": {"_target_": "Six", "root": "images"},
            "strategy": {"_target_": strategy.title()},
            "learner": {"dropout": 0.5},
            "cycle": {"batch": step},
            "classes": ["<script>"],
            **(config or {}),
        }
        (path / "config.yaml").write_text(yaml.safe_dump(resolved, sort_keys=False))
        engine = open_database(f"sqlite:///{path / 'run.sqlite'}")
        journal, ledger = Journal(engine, path), Ledger(engine)
        for round, accuracy in enumerate(accuracies):
            ids = (f"s{2 * round}", f"s{2 * round + 1}")
            scores = None if round == 0 else (0.5, 0.25)
            with journal.step(round, "query", f"round-{round:03d}/query.json") as file:
                save_record(file, Query(round, ids, scores, strategy.title(), ""))
            with journal.step(round, "collect"):
                ledger.append(Annotation(f"{round}/{i}", i, LABELS[int(i[1:]) % 6], "test", round, "") for i in ids)
            if unfinished and round == len(accuracies) - 1:
                break
            scored = EVALUATIONS[task](accuracy)
            with journal.step(round, "evaluate", f"round-{round:03d}/evaluation.json") as file:
                save_record(file, CurvePoint(round, step * (round + 1), scored))
        engine.dispose()
        return path

    return make

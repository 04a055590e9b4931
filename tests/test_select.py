"""Choices from stored predictions of a detector; those of a classifier are in ``test_score_command``."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import numpy as np
import told

from alframe.learner import quiet_trainer
from alframe.scoring import Scoring, score
from alframe.select import Choice, select
from alframe.storage import MANIFEST, ORIGIN, Origin, read_predictions, save_record, whole_file
from alframe.strategy import Random
from alframe.types import Objects, label_array

BOXES = np.full((3, 2, 4), np.nan, dtype=np.float32)
BOXES[:2, 0] = [1, 2, 4, 6]
BOXES[0, 1] = [0, 0, 2, 2]
PROBS = np.full((3, 2, 3), np.nan, dtype=np.float32)
PROBS[0] = [[0.125, 0.75, 0.125], [0.5, 0.25, 0.25]]
PROBS[1, 0] = [0.25, 0, 0.75]


def test_a_choice_says_what_was_detected(tmp_path: Path) -> None:
    """How many detections, and the surest; none where there is none. What is stored is what was predicted."""
    source = told.Numbered(label_array([Objects()] * 3))
    learner = told.ToldDetector({"boxes": BOXES, "box_probs": PROBS})
    with whole_file(tmp_path / MANIFEST) as manifest:
        score(
            learner,
            told.data(source),
            np.arange(3),
            {"boxes", "box_probs"},
            partial(quiet_trainer, accelerator="cpu"),
            manifest,
            model="told",
            seed=0,
            scoring=Scoring(block=2),
        )
    save_record(tmp_path / ORIGIN, Origin("run", 0, "numbered", source.classes))
    stored = read_predictions(tmp_path)
    np.testing.assert_array_equal(stored.boxes, BOXES * np.array([3, 2, 3, 2], dtype=np.float32))
    np.testing.assert_array_equal(stored.box_probs, PROBS)
    assert stored.sizes is not None
    assert stored.sizes.tolist() == [[16, 24]] * 3
    path = select(Choice(str(tmp_path), Random(), budget=3, seed=0, output=None))
    with path.open(newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    found = [(int(row["detections"]), row["predicted"], float(row["probability"])) for _, row in sorted(rows.items())]
    assert found == [(2, "scratch", 0.75), (1, "pit", 0.25), (0, "", 0)]

"""The labels of people in a run's report: who was asked about, who was left out, and where the model is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from alframe.data.source import Source
from alframe.report import RunFolder, write_run_report
from alframe.report.people import people_section
from alframe.storage import save_record
from alframe.types import BatchLabels, SettledLabel

MakeRun = Callable[..., Path]


def test_a_run_that_asked_nobody_has_no_such_section(make_run: MakeRun, six_images: Source) -> None:
    folder = make_run()
    assert people_section(RunFolder.load(folder), six_images) is None
    assert "<h2>Labels</h2>" not in write_run_report(folder, six_images).read_text()


def test_each_group_is_held_against_the_whole(make_run: MakeRun, six_images: Source) -> None:
    """Of three images left all were asked about, of three right one; two agreements are known, three quarters each."""
    folder = make_run(accuracies=(0.5, 0.75))
    six_images.table = replace(six_images.table, groups=np.array(["left"] * 3 + ["right"] * 3))
    rounds = (
        [SettledLabel("s0", 1, "consensus", "ann, bob", 0.75), SettledLabel("s1", 2, "review", "rae", None)],
        [SettledLabel("s2", 1, "consensus", "ann", None), SettledLabel("s3", 1, "consensus", "ann, bob", 0.75)],
    )
    for round, labels in enumerate(rounds):
        save_record(folder / f"round-{round:03d}" / "labels.json", BatchLabels(round, tuple(labels)))
    run = RunFolder.load(folder)
    sliced = replace(run.points[-1].evaluation, slices={"left": 0.9, "right": 0.6})
    run = replace(run, points=(run.points[0], replace(run.points[1], evaluation=sliced)))
    section = people_section(run, six_images)
    assert section is not None
    table, picture, said = section
    assert table.columns == ("images", "asked", "labelled", "agreement", "error")
    assert {name: [cell.text for cell in cells] for name, cells in table.rows} == {
        "left": ["3", "100", "100", "75", "10"],
        "right": ["3", "33", "33", "75", "40"],
        "all": ["6", "67", "67", "75", "25"],
    }
    assert said == "4 labels: 3 by consensus, 1 by review; 1 had been corrected when they came."
    assert "<svg" in picture
    assert "<h2>Labels</h2>" in write_run_report(folder, six_images).read_text()

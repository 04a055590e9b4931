"""What a run forgot: its table, its CSV, and when there is nothing to say."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alframe.data.source import Source
from alframe.pool import Ledger
from alframe.report import RunFolder, compare, write_comparison, write_run_report
from alframe.report.comparison_tables import summary_table
from alframe.report.forgetting import Retention, forgetting_section, write_forgetting_csv
from alframe.report.run_tables import class_table
from alframe.storage import open_database
from alframe.types import Annotation, Classification, CurvePoint, Reliability

MakeRun = Callable[..., Path]

BINS = Reliability((None,), (None,), (0,))
STREAM = (
    {"site 1": 0.9, "site 2": 0.25, "site 3": None},
    {"site 1": 0.5, "site 2": 0.75, "site 3": None},
    {"site 1": 0.75, "site 2": 0.5, "site 3": 1.0},
)
"""Accuracy by site in three rounds; site 2 is learned first, then 1, then 3."""

LEARNED = (("site 2",), ("site 1", "site 2"), ("site 1", "site 2", "site 3"))


def stream(make_run: MakeRun, rounds: int = 3, seed: int = 0) -> RunFolder:
    """A run over sites."""
    run = RunFolder.load(make_run(seed=seed, accuracies=(0.5, 0.6, 0.7)[:rounds]))
    points = [
        CurvePoint(round, 10 * round + 10, Classification(4, 0, 0.5, 1.0, 0.1, (0.5, None), BINS, slices), groups)
        for round, (slices, groups) in enumerate(zip(STREAM[:rounds], LEARNED, strict=False))
    ]
    return replace(run, points=tuple(points))


def of_classes(make_run: MakeRun, by_class: Sequence[tuple[float, ...]], labels: Sequence[int]) -> RunFolder:
    """A run without groups in which each round brought one label."""
    run = RunFolder.load(make_run(accuracies=()))
    points = [
        CurvePoint(round, round + 1, Classification(4, 0, 0.5, 1.0, 0.1, scores, BINS))
        for round, scores in enumerate(by_class)
    ]
    said = {f"s{round}": Annotation(f"k{round}", f"s{round}", c, "", round, "") for round, c in enumerate(labels)}
    return replace(run, points=tuple(points), annotations=said, config={**run.config, "classes": ["cat", "dog"]})


def test_groups_are_in_the_order_in_which_they_were_learned(make_run: MakeRun) -> None:
    """A slice that was not measured is NaN; one whose first label came with round r begins in row r."""
    kept = Retention.of(stream(make_run))
    assert kept.slices == ("site 2", "site 1", "site 3")
    assert kept.of_groups
    assert kept.first.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(kept.values, [[0.25, 0.9, np.nan], [0.75, 0.5, np.nan], [0.5, 0.75, 1.0]])


def test_measures_by_hand(make_run: MakeRun) -> None:
    """Round 1: site 2 rose by 0.5. Round 2: site 2 fell by 0.25 from its best, and is 0.25 above its first.

    Site 1, which had 0.9 by chance, fell by 0.15 and is 0.25 above its first.
    """
    kept = Retention.of(stream(make_run))
    assert kept.forgetting == pytest.approx([np.nan, -0.5, (0.25 + 0.15) / 2], nan_ok=True)
    assert kept.transfer == pytest.approx([np.nan, 0.5, (0.25 + 0.25) / 2], nan_ok=True)


def test_table_of_groups(make_run: MakeRun) -> None:
    """One row per group with the round that first learned it in a frame, then both measures in points."""
    section = forgetting_section(stream(make_run))
    assert section is not None
    title, table = section
    assert (title, table.columns) == ("Forgetting", ("0", "1", "2"))
    assert {name: [cell.text for cell in cells] for name, cells in table.rows} == {
        "site 2": ["25", "75", "50"],
        "site 1": ["90", "50", "75"],
        "site 3": ["–", "–", "100"],  # noqa: RUF001 (an en dash)
        "average forgetting": ["–", "-50.0", "20.0"],  # noqa: RUF001
        "backward transfer": ["–", "+50.0", "+25.0"],  # noqa: RUF001
    }
    assert [[cell.framed for cell in cells] for _, cells in table.rows[:3]] == np.eye(3, dtype=bool).tolist()


def test_after_one_round_there_are_groups_and_no_measure(make_run: MakeRun) -> None:
    section = forgetting_section(stream(make_run, rounds=1))
    assert section is not None
    assert section[0] == "By group"
    assert [name for name, _ in section[1].rows] == ["site 2", "site 1", "site 3"]


def test_groups_of_objects(make_run: MakeRun) -> None:
    """A detector's slices are shown as any, and without a label of a group there is no frame and no measure."""
    section = forgetting_section(RunFolder.load(make_run(accuracies=(0.25, 0.5), task="detection")))
    assert section is not None
    title, table = section
    assert title == "By group"
    assert "mAP50" in table.caption
    assert {name: [cell.text for cell in cells] for name, cells in table.rows} == {
        "left": ["25", "50"],
        "right": ["–", "–"],  # noqa: RUF001 (an en dash)
    }
    assert not any(cell.framed for _, cells in table.rows for cell in cells)


def test_classes_stand_in_for_groups(make_run: MakeRun) -> None:
    """The dog came with round 1; the cat fell from 1 to 0.25 in it. The classes have a table of their own already."""
    run = of_classes(make_run, [(1.0, 0.0), (0.25, 0.5)], [0, 1])
    kept = Retention.of(run)
    assert (kept.slices, kept.of_groups, kept.first.tolist()) == (("cat", "dog"), False, [0, 1])
    section = forgetting_section(run)
    assert section is not None
    assert {name: [cell.text for cell in cells] for name, cells in section[1].rows} == {
        "average forgetting": ["–", "75.0"],  # noqa: RUF001
        "backward transfer": ["–", "-75.0"],  # noqa: RUF001
    }


def test_a_class_that_was_added_later(make_run: MakeRun) -> None:
    """Rounds before had no accuracy for it; the table of classes has a row for it."""
    run = of_classes(make_run, [(1.0,), (0.5, 0.5)], [0, 1])
    np.testing.assert_array_equal(Retention.of(run).values, [[1.0, np.nan], [0.5, 0.5]])
    table = class_table(run, ("cat", "dog"))
    assert table is not None
    assert [cell.text for cell in dict(table.rows)["dog"]] == ["–", "50"]  # noqa: RUF001


def test_nothing_to_say(make_run: MakeRun) -> None:
    """Without groups, one round has forgotten nothing; without a model, nothing was learned."""
    assert forgetting_section(of_classes(make_run, [(1.0, 0.0)], [0])) is None
    assert Retention.of(RunFolder.load(make_run(folder="empty", accuracies=()))).values.shape == (0, 0)


def test_a_relabelled_sample_and_one_without_a_label(make_run: MakeRun) -> None:
    """A class is learned from its earliest label on; what was set aside teaches nothing."""
    run = of_classes(make_run, [(1.0, 0.0)] * 3, [0, 0, 1])
    aside = Annotation("k", "s9", None, "", 0, "", reason="damaged")
    kept = Retention.of(replace(run, annotations={**run.annotations, "s9": aside}))
    assert kept.first.tolist() == [0, 2]


def test_csv(make_run: MakeRun) -> None:
    """One row per round, empty where nothing is known."""
    path = write_forgetting_csv(stream(make_run))
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["round", "labels", "site 2", "site 1", "site 3", "average_forgetting", "backward_transfer"]
    assert rows[1] == ["0", "10", "0.25", "0.9", "", "", ""]
    assert [float(field) for field in rows[3]] == pytest.approx([2, 30, 0.5, 0.75, 1.0, 0.2, 0.25])


def test_page_and_file_of_a_run(make_run: MakeRun, six_images: Source) -> None:
    """A page of three rounds has the section and the run's folder the file."""
    folder = make_run()
    engine = open_database(f"sqlite:///{folder / 'run.sqlite'}")
    assert len(Ledger(engine).current()) == 6
    engine.dispose()
    page = write_run_report(folder, six_images).read_text()
    assert "<h2>Forgetting</h2>" in page
    assert "average forgetting" in page
    assert (folder / "forgetting.csv").read_text().startswith("round,labels,")


def test_a_comparison_over_groups_has_both_measures(make_run: MakeRun, tmp_path: Path) -> None:
    """At the end, mean over seeds; without groups there is no column for them."""
    comparison = compare([stream(make_run, seed=seed) for seed in (0, 1)])
    table = summary_table(comparison)
    assert table.columns[-2:] == ("average forgetting (points)", "backward transfer (points)")
    assert table.rows[0][-2:] == ("20.0 ± 0.0", "25.0 ± 0.0")
    write_comparison(comparison, tmp_path / "out")
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["average_forgetting"]) == pytest.approx(0.2)
    assert float(row["backward_transfer"]) == pytest.approx(0.25)
    assert summary_table(compare([RunFolder.load(make_run("random"))])).columns[-1] == "labels to 98 %"

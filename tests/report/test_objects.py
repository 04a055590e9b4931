"""The page of a run on objects: its tables, its pictures, and what a detector that finds nothing does to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alframe.data.source import Source
from alframe.errors import ConfigurationError
from alframe.pool import Ledger
from alframe.report import (
    RunFolder,
    compare,
    comparison_tables,
    find_runs,
    headline,
    write_comparison,
    write_run_report,
)
from alframe.report.contact_sheet import contact_sheets, worst_tiles
from alframe.report.heat_table import HeatTable
from alframe.report.object_tables import object_tables
from alframe.report.pictures import objects_uri
from alframe.report.run_tables import class_balance_table
from alframe.storage import open_database, save_record
from alframe.types import Annotation, Object, Objects, Preview, Query

MakeRun = Callable[..., Path]
CLASSES = ("cat", "<script>")
TWO = Objects((Object((0.0, 0.0, 1.0, 1.0), 0), Object((0.0, 0.0, 2.0, 2.0), 0)))
SEEN = Objects((Object((0.0, 0.0, 2.0, 2.0), 1, score=0.75), Object((0.0, 0.0, 1.0, 1.0), 0, score=0.25)))


@pytest.fixture
def answered(make_run: MakeRun) -> Path:
    """One round of a detector that asked for s0 and s1, with a preview of the first and other objects as labels."""
    folder = make_run(accuracies=(0.5,), task="detection")
    save_record(folder / "round-000" / "preview.json", Preview(0, {"s0": SEEN}))
    engine = open_database(f"sqlite:///{folder / 'run.sqlite'}")
    said = {"s0": TWO, "s1": Objects()}
    Ledger(engine).append(Annotation(f"drawn/{i}", i, objects, "test", 0, "") for i, objects in said.items())
    engine.dispose()
    return folder


def cells(table: HeatTable) -> dict[str, list[str]]:
    return {name: [cell.text for cell in row] for name, row in table.rows}


def test_tables_of_a_detector(make_run: MakeRun) -> None:
    """Confusion, counts by class, and sizes, all of them worked out by hand from one made-up evaluation."""
    tables = dict(object_tables(RunFolder.load(make_run(accuracies=(0.25, 0.5), task="detection")), CLASSES))
    confusion, counts, sizes = tables.values()
    assert cells(confusion) == {"cat": ["3", "1", "4"], "<script>": ["0", "0", "0"], "nothing": ["5", "0", "0"]}
    assert [cell.shade for cell in confusion.rows[0][1]] == [0.375, 0.125, 0.5]
    assert cells(counts) == {"cat": ["8", "3", "38 %"], "<script>": ["0", "0", "–"]}  # noqa: RUF001 (an en dash)
    assert list(cells(sizes).values()) == [["25", "50"], ["–", "–"], ["–", "–"]]  # noqa: RUF001


def test_tables_of_a_segmenter(make_run: MakeRun) -> None:
    """Pixels are given as shares of what is there; a class that no image has has no share and no overlap."""
    tables = dict(object_tables(RunFolder.load(make_run(accuracies=(0.5,), task="segmentation")), CLASSES))
    confusion, overlaps, sizes = tables.values()
    assert cells(confusion)["background"] == ["90.0", "10.0", "0.0"]
    assert cells(confusion)["cat"] == ["25.0", "75.0", "0.0"]
    assert set(cells(confusion)["<script>"]) == {"–"}  # noqa: RUF001
    assert cells(overlaps) == {"background": ["90", "95"], "cat": ["50", "50"], "<script>": ["–", "–"]}  # noqa: RUF001
    assert list(cells(sizes).values()) == [["50"], ["75"], ["–"]]  # noqa: RUF001


def test_a_classifier_has_none_of_this(make_run: MakeRun, six_images: Source) -> None:
    """Neither tables nor worst images, and neither has a run without an evaluation."""
    for accuracies in ((0.5,), ()):
        run = RunFolder.load(make_run(folder=f"{len(accuracies)}", accuracies=accuracies))
        assert object_tables(run, CLASSES) == []
        assert worst_tiles(run, six_images) == []


@pytest.mark.parametrize(("task", "name"), [("detection", "mAP50"), ("segmentation", "mean IoU")])
def test_page_speaks_of_the_tasks_own_metric(
    make_run: MakeRun, six_scenes: Source, references: Callable[[str], list[str]], task: str, name: str
) -> None:
    """Sentence, tables and curve are of it; nothing is said of accuracy or calibration, and nothing is fetched."""
    folder = make_run(accuracies=(0.25, 0.5), task=task)
    page = write_run_report(folder, six_scenes).read_text()
    assert f"The {name} went from 25.0 % with 2 labels to 50.0 % with 4." in page
    assert "Calibration" not in page
    assert ">accuracy<" not in page
    assert references(page) == []
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    header = (folder / "curve.csv").read_text().splitlines()[0]
    assert header.endswith({"detection": "ap50[cat],ap50[<script>]", "segmentation": "iou[cat],iou[<script>]"}[task])
    assert (folder / "curve.png").is_file()


def test_found_at_false_alarms_is_a_key_figure(make_run: MakeRun, six_scenes: Source) -> None:
    """With the rate that it holds at, and the score to set the alarm to."""
    page = write_run_report(make_run(accuracies=(0.5,), task="detection"), six_scenes).read_text()
    assert "<dt>images with objects found, at 5 % false alarms and a score above 0.625</dt><dd>50.0 %</dd>" in page


def test_what_was_seen_lies_beside_what_was_said(answered: Path, six_scenes: Source) -> None:
    """Of s0 both, the sure detection in words; of s1, of which there is no preview, the label alone."""
    (sheet,) = contact_sheets(RunFolder.load(answered), six_scenes)
    first, second = sheet.tiles
    assert [picture.says for picture in first.pictures] == ["seen: 1 <script>", "labelled: 2 cat"]
    assert [picture.uri for picture in first.pictures] == [
        objects_uri(six_scenes.read(0), objects, CLASSES) for objects in (SEEN, TWO)
    ]
    assert [picture.says for picture in second.pictures] == ["labelled: nothing"]
    page = write_run_report(answered, six_scenes).read_text()
    assert all(picture.uri in page for tile in sheet.tiles for picture in tile.pictures)


def test_an_image_without_answer_is_shown_as_it_is(answered: Path, six_scenes: Source) -> None:
    """Neither preview nor label: the image, and that it has no label yet; unreadable ones say why."""
    save_record(answered / "round-000" / "query.json", Query(0, ("s3", "s5", "other"), None, "Random", ""))
    (sheet,) = contact_sheets(RunFolder.load(answered), six_scenes)
    plain, damaged, unknown = sheet.tiles
    assert [picture.uri for picture in plain.pictures] == [objects_uri(six_scenes.read(3), Objects(), CLASSES)]
    assert plain.label == "no label yet"
    assert (damaged.pictures, damaged.problem) == ((), "damaged: ends after 12 bytes")
    assert "no such sample" in unknown.problem


def test_worst_images_have_truth_and_prediction(make_run: MakeRun, six_scenes: Source) -> None:
    """In the order of the evaluation, with their quality; the labels are the source's; masks without their frames."""
    first, damaged = worst_tiles(RunFolder.load(make_run(accuracies=(0.5,), task="detection")), six_scenes)
    assert [picture.says for picture in first.pictures] == ["seen: 1 <script>", "labelled: 1 cat, 1 <script>"]
    assert (first.score, damaged.score) == ("F1 25 %", "F1 50 %")
    assert damaged.problem == "damaged: ends after 12 bytes"
    run = RunFolder.load(make_run(folder="masks", accuracies=(0.5,), task="segmentation"))
    (only,) = worst_tiles(run, six_scenes)
    truth = six_scenes.table.labels[0]
    assert only.pictures[1].uri == objects_uri(six_scenes.read(0), truth, CLASSES, boxes=False)
    assert only.score == "mean IoU 25 %"


def test_objects_are_counted_by_class(answered: Path) -> None:
    """Two cats in one image, none in the other; an image without objects is an answer and counts as such."""
    table = class_balance_table(RunFolder.load(answered), CLASSES)
    assert table is not None
    assert cells(table) == {"cat": ["2", "2"], "<script>": ["0", "0"], "image without objects": ["1", "1"]}
    assert table.caption.startswith("Objects in the queried images")


def test_a_detector_that_finds_nothing_has_pages_too(make_run: MakeRun, six_scenes: Source, tmp_path: Path) -> None:
    """An average precision of 0 everywhere divides nothing by zero, in a run and in a comparison."""
    for strategy in ("random", "entropy"):
        for seed in range(2):
            folder = make_run(strategy, seed, (0.0, 0.0, 0.0), task="detection")
    assert "The mAP50 went from 0.0 %" in write_run_report(folder, six_scenes).read_text()
    comparison = compare(find_runs([tmp_path]))
    assert [reach.target for reach in comparison.results[0].reaches] == [0.5, 0.6, 0.7, 0.8]
    assert "the highest mean mAP50 between 2 and 6 labels: 0.0 %" in headline(comparison)
    assert comparison_tables(comparison)
    page = write_comparison(comparison, tmp_path / "out").read_text()
    assert "AP50 per class" in page
    assert "ccuracy" not in page
    points = (tmp_path / "out" / "compare.csv").read_text().splitlines()
    assert points[0] == "strategy,seed,labels,average_precision_50,average_precision,average_recall"
    assert "final_average_precision_50" in (tmp_path / "out" / "summary.csv").read_text()


def test_runs_of_different_tasks_are_not_compared(make_run: MakeRun) -> None:
    """The message names the tasks and a run of each."""
    detector, segmenter = make_run("entropy", 0, task="detection"), make_run("random", 0, task="segmentation")
    with pytest.raises(ConfigurationError, match=rf"one task.*detection \({detector}\), segmentation \({segmenter}\)"):
        compare(find_runs([detector, segmenter]))

"""The report of one run: its numbers, its images, and that it needs nothing beside itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alframe.data.source import Source
from alframe.report import RunFolder, write_run_report
from alframe.report.contact_sheet import SHOWN, contact_sheets
from alframe.report.pictures import data_uri
from alframe.report.run_page import write_curve_csv
from alframe.report.run_tables import champions_table, class_balance_table, time_table
from alframe.storage import save_record
from alframe.types import Beginning, Check, Decision, Query

MakeRun = Callable[..., Path]
References = Callable[[str], list[str]]


def test_curve_csv(make_run: MakeRun) -> None:
    """One row per round; a class without test samples is an empty field."""
    path = write_curve_csv(RunFolder.load(make_run()), ("cat", "dog"))
    assert path.read_text().splitlines() == [
        "round,labels,accuracy,nll,calibration_error,accuracy[cat],accuracy[dog]",
        "0,2,0.5,0.5,0.125,0.5,",
        "1,4,0.75,0.25,0.125,0.75,",
        "2,6,1.0,0.0,0.125,1.0,",
    ]


def test_page_is_self_contained(make_run: MakeRun, six_images: Source, references: References) -> None:
    """Nothing on the page points outside of it."""
    page = write_run_report(make_run(), six_images).read_text()
    assert references(page) == []


def test_page_shows_every_queried_image(make_run: MakeRun, six_images: Source) -> None:
    """Each readable image is there as its own pixels; the damaged one as a placeholder with the reason."""
    page = write_run_report(make_run(), six_images).read_text()
    assert all(data_uri(six_images.read(position)) in page for position in range(5))
    assert "damaged: ends after 12 bytes" in page


def test_refused_challengers_are_rings_and_their_reasons_are_told(make_run: MakeRun, six_images: Source) -> None:
    """A table of all decisions, where the gate compares; a study, where everything is promoted, has none."""
    folder = make_run()
    save_record(folder / "round-000/decision.json", Decision("better", True, "nothing to compare with"))
    assert "<h2>Champions</h2>" not in write_run_report(folder, six_images).read_text()
    save_record(folder / "round-001/decision.json", Decision("inconclusive", False, "accuracy <may> be a loss"))
    save_record(folder / "round-001/beginning.json", Beginning(1, 0, "drift: moved", 6, ("cat",)))
    check = Check("accuracy", True, 0.5, 0.75, 0.0, (0.1, 0.4), "an improvement")
    save_record(folder / "round-002/decision.json", Decision("better", True, "an improvement", (check,), 4))
    page = write_run_report(folder, six_images).read_text()
    assert "<h2>Champions</h2>" in page
    cells = ["drift: moved", "inconclusive", "no", "accuracy &lt;may&gt; be a loss"]
    assert f'<th scope="row">1</th>{"".join(f"<td>{cell}</td>" for cell in cells)}' in page
    assert page.count("fill: var(--paper)") == 3  # one ring in each chart
    assert "Rings are models that the gate did not promote" in page
    table = champions_table(RunFolder.load(folder))
    assert table is not None
    assert [row[:4] for row in table.rows] == [
        ("0", "\N{EN DASH}", "better", "yes"),
        ("1", "drift: moved", "inconclusive", "no"),
        ("2", "\N{EN DASH}", "better", "yes"),
    ]


def test_a_gate_that_compares_and_refused_nothing_has_its_table(make_run: MakeRun, six_images: Source) -> None:
    """Without rings."""
    folder = make_run()
    check = Check("accuracy", True, 0.5, 0.75, 0.0, (0.1, 0.4), "an improvement")
    save_record(folder / "round-001/decision.json", Decision("better", True, "an improvement", (check,), 4))
    page = write_run_report(folder, six_images).read_text()
    assert "<h2>Champions</h2>" in page
    assert "Rings" not in page
    assert "fill: var(--paper)" not in page


def test_names_are_escaped(make_run: MakeRun, six_images: Source) -> None:
    """A class that is called <script> is shown, not run."""
    page = write_run_report(make_run(), six_images).read_text()
    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_headline_figures(make_run: MakeRun, six_images: Source) -> None:
    """The page says where the curve began and ended, and its mean height: (0.5 + 2 * 0.75 + 1) / 4."""
    page = write_run_report(make_run(), six_images).read_text()
    assert "The accuracy went from 50.0 % with 2 labels to 100.0 % with 6." in page
    assert "<dt>mean accuracy over the curve</dt><dd>75.0 %</dd>" in page


def test_ids_of_the_figures_do_not_clash(make_run: MakeRun, six_images: Source) -> None:
    """Each id appears once, and each reference inside a figure finds its id."""
    page = write_run_report(make_run(), six_images).read_text()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', page)) <= set(ids)


def test_same_run_same_files(make_run: MakeRun, six_images: Source) -> None:
    """Writing the report again changes no byte."""
    folder = make_run()
    names = ("report.html", "curve.csv", "curve.png")
    write_run_report(folder, six_images)
    first = [(folder / name).read_bytes() for name in names]
    write_run_report(folder, six_images)
    assert [(folder / name).read_bytes() for name in names] == first


def test_unfinished_run(make_run: MakeRun, six_images: Source) -> None:
    """A run killed in round 1 shows its one point, and the images of the round that has no model yet."""
    page = write_run_report(make_run(accuracies=(0.5, 0.75), unfinished=True), six_images).read_text()
    assert "last finished step: collect of round 1" in page
    assert data_uri(six_images.read(2)) in page


def test_run_without_any_model(make_run: MakeRun, six_images: Source) -> None:
    """A run that never got to an evaluation, or to any step at all, still has a page."""
    page = write_run_report(make_run(accuracies=(0.5,), unfinished=True), six_images).read_text()
    assert "No model has been evaluated yet." in page
    page = write_run_report(make_run(folder="nothing", accuracies=()), six_images).read_text()
    assert "No model has been evaluated yet." in page


def test_class_balance_counts_the_labels_of_the_ledger(make_run: MakeRun, six_images: Source) -> None:
    """Every round asked for one sample of each class; what has no label is counted apart."""
    folder = make_run()
    query = Query(2, ("s4", "unknown"), None, "Entropy", "")
    save_record(folder / "round-002" / "query.json", query)
    table = class_balance_table(RunFolder.load(folder), six_images.classes)
    assert table is not None
    assert [(name, [cell.text for cell in cells]) for name, cells in table.rows] == [
        ("cat", ["1", "1", "1", "3"]),
        ("<script>", ["1", "1", "0", "2"]),
        ("no label", ["0", "0", "1", "1"]),
    ]


def test_time_table_adds_up_the_journal(make_run: MakeRun) -> None:
    """The shares of all steps make up the whole, and steps come in the order of the first round."""
    table = time_table(RunFolder.load(make_run()))
    assert table is not None
    assert [name for name, _ in table.rows] == ["query", "collect", "evaluate"]
    assert abs(sum(cells[0].shade for _, cells in table.rows) - 1) < 0.01


def test_long_query_is_cut_and_counted(make_run: MakeRun, six_images: Source) -> None:
    """A round shows so many images, and says how many more there were; unknown ids say so."""
    folder = make_run(accuracies=(0.5,))
    ids = tuple(f"other{i}" for i in range(SHOWN + 7))
    save_record(folder / "round-000" / "query.json", Query(0, ids, None, "Random", ""))
    (sheet,) = contact_sheets(RunFolder.load(folder), six_images)
    assert (len(sheet.tiles), sheet.more) == (SHOWN, 7)
    assert sheet.tiles[0].problem == "the data source six has no such sample"
    assert "and 7 more." in write_run_report(folder, six_images).read_text()


def test_large_images_are_scaled_down() -> None:
    """A photograph takes a few kilobytes of the page, not megabytes."""
    noise = np.random.default_rng(0).integers(0, 256, size=(600, 800, 3), dtype=np.uint8)
    uri = data_uri(noise)
    assert uri.startswith("data:image/jpeg;base64,")
    assert len(uri) < 20_000

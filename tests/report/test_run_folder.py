"""Reading what a run left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alframe.errors import DataError, RunConflict
from alframe.report import RunFolder, find_runs

MakeRun = Callable[..., Path]


def test_load_reads_what_was_written(make_run: MakeRun) -> None:
    """Configuration, curve, queries, ledger and journal come back as they were saved, in order."""
    run = RunFolder.load(make_run(seed=3))
    assert (run.seed, run.choices["strategy"]) == (3, "entropy")
    assert [(point.labels, point.evaluation.metrics["accuracy"]) for point in run.points] == [
        (2, 0.5),
        (4, 0.75),
        (6, 1.0),
    ]
    assert [query.ids for query in run.queries] == [("s0", "s1"), ("s2", "s3"), ("s4", "s5")]
    assert {sample_id: said.label for sample_id, said in run.annotations.items()} == {
        "s0": 0, "s1": 1, "s2": 0, "s3": 1, "s4": 0, "s5": 1,
    }  # fmt: skip
    assert [entry.step for entry in run.journal] == ["query", "collect", "evaluate"] * 3


def test_unfinished_run_is_read_as_far_as_it_got(make_run: MakeRun) -> None:
    """A run that was killed before the last evaluation has one point fewer than it has queries."""
    run = RunFolder.load(make_run(unfinished=True))
    assert (len(run.points), len(run.queries)) == (2, 3)


def test_rounds_are_in_numerical_order_beyond_a_thousand(make_run: MakeRun) -> None:
    """Round 1000 comes after round 999, although its folder's name sorts before it."""
    path = make_run()
    (path / "round-001").rename(path / "round-1000")
    (path / "round-002").rename(path / "round-999")
    assert [query.ids[0] for query in RunFolder.load(path).queries] == ["s0", "s4", "s2"]


def test_find_runs_at_any_depth_and_once(make_run: MakeRun, tmp_path: Path) -> None:
    """A folder stands for all runs inside it; a run that is named twice is loaded once."""
    first, second = make_run(folder="a/run"), make_run(folder="b/c/run")
    assert [run.path for run in find_runs([tmp_path, first])] == [first, second]


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_no_run_is_an_error_that_says_where_it_looked(tmp_path: Path, name: str) -> None:
    """The message names the folder and what makes a run."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=rf"{name}.*config\.yaml"):
        find_runs([tmp_path / name])
    with pytest.raises(DataError, match=name):
        RunFolder.load(tmp_path / name)
    assert not (tmp_path / name / "run.sqlite").exists()


def test_damaged_record(make_run: MakeRun) -> None:
    """A file that does not hold its record is named."""
    path = make_run()
    (path / "round-001" / "evaluation.json").write_text("{}")
    with pytest.raises(RunConflict, match=r"round-001/evaluation\.json"):
        RunFolder.load(path)


def test_configuration_without_choices(make_run: MakeRun) -> None:
    """A configuration that is not a resolved one is refused."""
    path = make_run()
    (path / "config.yaml").write_text("seed: 0")
    with pytest.raises(RunConflict, match="choices"):
        RunFolder.load(path)

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from alframe.errors import RunConflict
from alframe.storage import Journal, open_database


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(open_database(f"sqlite:///{tmp_path / 'run.sqlite'}"), tmp_path)


def test_a_step_is_done_once_its_block_has_ended(journal: Journal) -> None:
    """The row comes after the file, and only if the block ended well."""
    with journal.step(0, "query", "round-000/query.json") as path:
        path.write_text("{}")
        assert not journal.done(0, "query")
    assert journal.done(0, "query")
    assert journal.path(0, "query").read_text() == "{}"
    assert [(entry.round, entry.step) for entry in journal.entries()] == [(0, "query")]


def test_a_step_that_fails_leaves_no_row_and_no_file(journal: Journal, tmp_path: Path) -> None:
    """A step can be done again after an error."""

    def fail(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), journal.step(1, "train", "round-001/weights") as path:
        fail(path)
    assert not journal.done(1, "train")
    assert list((tmp_path / "round-001").iterdir()) == []


def test_a_step_is_recorded_only_once(journal: Journal) -> None:
    """The database refuses a second row for the same step of the same round."""
    with journal.step(0, "ask"):
        pass
    with pytest.raises(IntegrityError), journal.step(0, "ask"):
        pass


def test_a_changed_artefact_is_noticed(journal: Journal) -> None:
    """A file that is not what the step wrote is refused with its name."""
    with journal.step(0, "query", "query.json") as path:
        path.write_text("{}")
    journal.path(0, "query").write_text("{ }")
    with pytest.raises(RunConflict, match=r"query\.json is not what step query of round 0 wrote"):
        journal.path(0, "query")


def test_a_missing_artefact_is_noticed(journal: Journal) -> None:
    """A file that is gone is refused as well, and so is one that was never written."""
    with journal.step(0, "query", "query.json") as path:
        path.write_text("{}")
    journal.path(0, "query").unlink()
    with pytest.raises(RunConflict, match="start again in another folder"):
        journal.path(0, "query")
    with pytest.raises(RunConflict, match="no artefact of step train"):
        journal.path(0, "train")

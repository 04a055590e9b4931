from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from alframe.errors import ConfigurationError
from alframe.registry import PromotionLog, holders
from alframe.storage import open_database, sqlite_url


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_database(sqlite_url(tmp_path / "run.sqlite"))


@pytest.fixture
def log(engine: Engine) -> PromotionLog:
    return PromotionLog(engine)


def promoted(log: PromotionLog, *rounds: int) -> None:
    for round in rounds:
        log.promote(round, key=f"round/{round}", reason="better")


def test_there_is_no_champion_before_the_first(log: PromotionLog) -> None:
    assert (log.champion, log.previous, log.entries()) == (None, None, [])
    with pytest.raises(ConfigurationError, match="no former champion"):
        log.roll_back(key="back", reason="worse")
    promoted(log, 0)
    assert (log.champion, log.previous) == (0, None)
    with pytest.raises(ConfigurationError, match="only one was ever promoted"):
        log.roll_back(key="back", reason="worse")


def test_entries_say_who_followed_whom_and_why(log: PromotionLog) -> None:
    promoted(log, 0, 2)
    log.roll_back(key="back", reason="complaints")
    told = [(entry.entry, entry.round, entry.former, entry.kind, entry.reason) for entry in log.entries()]
    assert told == [
        (1, 0, None, "promotion", "better"),
        (2, 2, 0, "promotion", "better"),
        (3, 0, 2, "rollback", "complaints"),
    ]
    assert all(entry.created_at.tzinfo is not None for entry in log.entries())


def test_a_key_counts_once(log: PromotionLog) -> None:
    """Whoever was killed after writing may write again, even when the champion has changed since."""
    promoted(log, 0, 1, 0, 1, 1)
    assert [entry.round for entry in log.entries()] == [0, 1]
    log.roll_back(key="back", reason="worse")
    promoted(log, 1)
    assert log.champion == 0


def test_a_rollback_goes_to_the_champion_before(log: PromotionLog) -> None:
    """Each goes back by one promotion; what was rolled back is never gone back to."""
    promoted(log, 0, 2, 5)
    assert log.previous == 2
    assert log.roll_back(key="first", reason="worse") == 2
    assert (log.champion, log.previous) == (2, 0)
    assert log.roll_back(key="second", reason="worse") == 0
    assert [log.champion, log.previous] == [0, None]
    with pytest.raises(ConfigurationError):
        log.roll_back(key="third", reason="worse")


def test_after_a_rollback_promotions_go_on(log: PromotionLog) -> None:
    """The champion before the next is the one that was restored, and not the one that failed."""
    promoted(log, 0, 2)
    log.roll_back(key="back", reason="worse")
    promoted(log, 3)
    assert (log.champion, log.previous) == (3, 0)
    log.promote(2, key="by hand", reason="it was better after all")
    assert (log.champion, log.previous) == (2, 3)


@pytest.mark.parametrize("statement", ["UPDATE promotions SET round = 7", "DELETE FROM promotions"])
def test_the_database_itself_refuses_to_change_the_log(log: PromotionLog, engine: Engine, statement: str) -> None:
    promoted(log, 0)
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert log.champion == 0


def test_holders_of_aliases(log: PromotionLog) -> None:
    """The challenger is the latest version after the champion's, whatever was rolled back before it."""
    assert holders(log, []) == {"champion": None, "previous": None, "challenger": None}
    assert holders(log, [0])["challenger"] == 0
    promoted(log, 0, 2)
    assert holders(log, [0, 1, 2]) == {"champion": 2, "previous": 0, "challenger": None}
    assert holders(log, [0, 1, 2, 3, 4])["challenger"] == 4
    log.roll_back(key="back", reason="worse")
    assert holders(log, [0, 1, 2]) == {"champion": 0, "previous": None, "challenger": 2}
    assert next(iter(holders(log, []))) == "champion"

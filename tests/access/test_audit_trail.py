from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from sqlalchemy import insert, inspect, text

from alframe.access.audit_trail import latest, verify
from alframe.errors import InvalidInput
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.audit import GENESIS, entry_sha256
from alframe.storage.service.tables import AuditRow

SOUND = 6
COLUMNS = [column.key for column in inspect(AuditRow).column_attrs]
FORGED = "0123456789abcdef" * 4


@pytest.fixture
def trail(database: ServiceDatabase) -> ServiceDatabase:
    """A trail of six entries, whose guards are gone: whoever can do that can do anything to it."""
    for number in range(1, SOUND + 1):
        with database.write() as session:
            record(session, "ann" if number % 2 else "bob", "user.create", f"user/{number}", {"name": "é"})
    with database.write() as session:
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("DROP TRIGGER audit_refuses_update"))
            session.execute(text("DROP TRIGGER audit_refuses_delete"))
        else:
            session.execute(text("DROP TRIGGER audit_refuses_changes ON audit"))
    return database


def test_a_trail_that_nobody_touched_is_sound(trail: ServiceDatabase) -> None:
    verdict = verify(trail)
    assert (verdict.entries, verdict.first_bad, verdict.why) == (SOUND, None, "")
    assert verify(trail, expected_head=verdict.head) == verdict


def test_an_empty_trail_is_sound(database: ServiceDatabase) -> None:
    verdict = verify(database)
    assert (verdict.entries, verdict.first_bad, verdict.head) == (0, None, f"0:{GENESIS}")
    assert verify(database, expected_head=verdict.head).first_bad is None


def test_a_change_of_any_column_is_found(trail: ServiceDatabase) -> None:
    for column in set(COLUMNS) - {"entry"}:
        with undone(trail):
            change(trail, f"UPDATE audit SET {column} = '{FORGED}' WHERE entry = 3")  # noqa: S608 (names of columns)
            assert verify(trail).first_bad == 3, column


COPY = "INSERT INTO audit SELECT {}, at, actor, action, subject, detail, {}, '{}' FROM audit WHERE entry = {}"

TAMPERED = {
    "one taken out": (["DELETE FROM audit WHERE entry = 4"], 4, "missing"),
    "the first taken out": (["DELETE FROM audit WHERE entry = 1"], 1, "missing"),
    "one taken out, the next moved up": (
        ["DELETE FROM audit WHERE entry = 4", "UPDATE audit SET entry = 4 WHERE entry = 5"],
        4,
        "does not follow",
    ),
    "two change places": (
        [
            "UPDATE audit SET entry = 99 WHERE entry = 2",
            "UPDATE audit SET entry = 2 WHERE entry = 3",
            "UPDATE audit SET entry = 3 WHERE entry = 99",
        ],
        2,
        "does not follow",
    ),
    "one put in before all others": ([COPY.format(0, "previous", FORGED, 1)], 1, "stands in its place"),
    "one put in at the end": (
        [
            COPY.format(7, "sha256", FORGED, 6),
        ],
        7,
        "was changed",
    ),
    "two at once: the first is named": (
        ["UPDATE audit SET actor = 'eve' WHERE entry = 5", "UPDATE audit SET actor = 'eve' WHERE entry = 2"],
        2,
        "was changed",
    ),
}


def test_tampering_is_found_and_named(trail: ServiceDatabase) -> None:
    for kind, (statements, first, why) in TAMPERED.items():
        with undone(trail):
            change(trail, *statements)
            verdict = verify(trail)
            assert (verdict.first_bad, verdict.entries) == (first, first - 1), kind
            assert why in verdict.why, kind


def test_what_was_cut_off_is_found_with_a_head_that_was_noted(trail: ServiceDatabase) -> None:
    """The trail alone does not tell."""
    head = verify(trail).head
    change(trail, "DELETE FROM audit WHERE entry > 4")
    assert verify(trail).first_bad is None
    verdict = verify(trail, expected_head=head)
    assert verdict.first_bad == 5
    assert "missing" in verdict.why


def test_a_trail_that_was_written_anew_is_found_with_a_head_that_was_noted(trail: ServiceDatabase) -> None:
    """Every hash is right again; the noted one is not among them."""
    head = verify(trail).head
    change(trail, "UPDATE audit SET actor = 'eve' WHERE entry = 2")
    rows = latest(trail, SOUND)
    previous = GENESIS
    for row in rows:
        row.previous = previous
        row.sha256 = previous = entry_sha256(row)
    write_anew(trail, rows)
    assert verify(trail).first_bad is None
    verdict = verify(trail, expected_head=head)
    assert verdict.first_bad == SOUND
    assert "written anew" in verdict.why


def test_a_head_stays_good_while_the_trail_grows(trail: ServiceDatabase) -> None:
    head = verify(trail).head
    with trail.write() as session:
        record(session, "ann", "user.disable", "user/1")
    assert verify(trail, expected_head=head).entries == SOUND + 1


def test_a_head_that_is_none_is_refused(database: ServiceDatabase) -> None:
    for head in ("7", GENESIS, f"-1:{GENESIS}", f"1:{GENESIS}x"):
        with pytest.raises(InvalidInput, match="NUMBER:SHA256"):
            verify(database, expected_head=head)


def test_the_latest_are_told_the_latest_last(trail: ServiceDatabase) -> None:
    assert [row.entry for row in latest(trail, 2)] == [5, 6]
    assert [row.entry for row in latest(trail, 2, "ann")] == [3, 5]


def change(database: ServiceDatabase, *statements: str) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement))


@contextmanager
def undone(database: ServiceDatabase) -> Iterator[None]:
    """What the block does to the trail is undone when it ends."""
    rows = latest(database, SOUND)
    yield
    write_anew(database, rows)


def write_anew(database: ServiceDatabase, rows: Sequence[AuditRow]) -> None:
    with database.write() as session:
        session.execute(text("DELETE FROM audit"))
        session.execute(insert(AuditRow), [{name: getattr(row, name) for name in COLUMNS} for row in rows])

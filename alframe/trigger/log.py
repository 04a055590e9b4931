"""The trigger log: what every evaluation found, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from alframe.storage.tables import TriggerRow
from alframe.types import Cause

_CAUSE = TypeAdapter(Cause)


@dataclass(frozen=True)
class Evaluated:
    """One trigger, evaluated once.

    Attributes:
        key: names the evaluation and the trigger.
        cause: what it found.
        outcome: what came of it: ``not due``, ``starts round R``, ``merged into round R``.
        round: the round that it started or was merged into; ``None`` if it did not fire.
        at: when, in UTC.
    """

    key: str
    cause: Cause
    outcome: str
    round: int | None
    at: datetime


class TriggerLog:
    """The log in the database behind ``engine``; entries are only ever added."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def entries(self) -> tuple[Evaluated, ...]:
        """The whole history, oldest first."""
        with Session(self._engine) as session:
            rows = session.scalars(select(TriggerRow).order_by(TriggerRow.entry))
            return tuple(
                Evaluated(row.key, _CAUSE.validate_json(row.cause), row.outcome, row.round, row.created_at)
                for row in rows
            )

    def append(self, evaluated: Sequence[Evaluated]) -> None:
        """Add these, all or none; keys that are there already are passed over."""
        with Session(self._engine) as session, session.begin():
            known = set(session.scalars(select(TriggerRow.key)))
            session.add_all(
                TriggerRow(
                    key=each.key,
                    trigger=each.cause.trigger,
                    fired=each.cause.fired,
                    cause=_CAUSE.dump_json(each.cause).decode(),
                    outcome=each.outcome,
                    round=each.round,
                    created_at=each.at,
                )
                for each in evaluated
                if each.key not in known
            )


def settle(causes: Sequence[Cause], *, key: str, round: int, at: datetime) -> list[Evaluated]:
    """What comes of triggers that were evaluated together: those that fired make one cycle.

    Args:
        causes: what each found, with names that differ; the first that fired starts the cycle.
        key: names this evaluation; the same one, settled again, has the same keys in the log.
        round: the cycle's, if there is one.
        at: when, in UTC.
    """
    starter = next((cause for cause in causes if cause.fired), None)
    settled = []
    for cause in causes:
        outcome = "not due"
        if cause.fired:
            outcome = f"starts round {round}" if cause is starter else f"merged into round {round}"
        settled.append(Evaluated(f"{key}/{cause.trigger}", cause, outcome, round if cause.fired else None, at))
    return settled

"""The promotion log: who was champion when, and why. It is the truth; aliases elsewhere follow it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from alframe.errors import ConfigurationError
from alframe.storage.tables import PromotionRow

Kind = Literal["promotion", "rollback"]


@dataclass(frozen=True)
class Promotion:
    """One change of the champion.

    Attributes:
        entry: its number.
        round: the round whose learner became champion.
        former: the round of the champion before; ``None`` for the first.
        kind: forward by a decision, or back to a former champion.
        reason: in a sentence.
        created_at: when, in UTC.
    """

    entry: int
    round: int
    former: int | None
    kind: Kind
    reason: str
    created_at: datetime


class PromotionLog:
    """The log in the database behind ``engine``; entries are only ever added."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def entries(self) -> list[Promotion]:
        """The whole history, oldest first."""
        with Session(self._engine) as session:
            rows = session.scalars(select(PromotionRow).order_by(PromotionRow.entry))
            return [
                Promotion(row.entry, row.round, row.former, _kind(row.kind), row.reason, row.created_at) for row in rows
            ]

    @property
    def champion(self) -> int | None:
        """The round whose learner is champion; ``None`` if none ever was."""
        entries = self.entries()
        return entries[-1].round if entries else None

    @property
    def previous(self) -> int | None:
        """The champion that a rollback restores: the former one of the promotion that made today's champion."""
        champion = self.champion
        made = [entry for entry in self.entries() if entry.kind == "promotion" and entry.round == champion]
        return made[-1].former if made else None

    def promote(self, round: int, *, key: str, reason: str) -> None:
        """Make the learner of ``round`` champion; under a key that is there already nothing happens."""
        self._append(round, key, "promotion", reason)

    def roll_back(self, *, key: str, reason: str) -> int:
        """Make the champion before this one champion again, and return its round.

        Raises:
            ConfigurationError: there is no former champion.
        """
        previous = self.previous
        if previous is None:
            raise ConfigurationError("there is no former champion to roll back to: only one was ever promoted")
        self._append(previous, key, "rollback", reason)
        return previous

    def _append(self, round: int, key: str, kind: Kind, reason: str) -> None:
        with Session(self._engine) as session, session.begin():
            if session.scalar(select(PromotionRow).where(PromotionRow.key == key)) is None:
                row = PromotionRow(key=key, round=round, former=self.champion, kind=kind, reason=reason)
                session.add(row)


def _kind(kind: str) -> Kind:
    return "rollback" if kind == "rollback" else "promotion"

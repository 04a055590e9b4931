"""The versions of a run's model, as its journal and its promotion log know them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Engine

from alframe.errors import ConfigurationError, DataError
from alframe.pool import Ledger, LedgerEntry, is_set_aside
from alframe.registry import STEPS, Promotion, PromotionLog, Registry, holders
from alframe.report.run_folder import RunFolder, is_run
from alframe.storage import Journal, JournalEntry, file_sha256, hold_promotions, load_record, open_database, sqlite_url
from alframe.storage.run_folder import DATABASE
from alframe.types import Beginning, CurvePoint, Decision, ReplayRecord

Record = TypeVar("Record")


@dataclass(frozen=True)
class Version:
    """What one round trained.

    Attributes:
        round: the round.
        roles: the aliases that stand for it: champion, challenger, previous.
        beginning: what the round began from, and why.
        point: its evaluation; ``None`` if it has none yet.
        decision: the gate's; ``None`` if there is none yet.
        steps: of the round, by name, as far as they are done.
    """

    round: int
    roles: tuple[str, ...]
    beginning: Beginning
    point: CurvePoint | None
    decision: Decision | None
    steps: Mapping[str, JournalEntry]

    @property
    def sha256(self) -> str:
        """Of its weights."""
        return self.steps["train"].sha256 or ""

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of each of its files, which lie in the run's folder."""
        kept = [self.steps[step] for step in STEPS if step in self.steps]
        return {entry.artefact: entry.sha256 for entry in kept if entry.artefact and entry.sha256}

    @property
    def ended(self) -> bool:
        """Whether its round is over."""
        return "promote" in self.steps


class Models:
    """The versions of the run in ``folder``, whose database is open behind ``engine``."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self.journal = Journal(engine, folder)
        self.log = PromotionLog(engine)
        self._ledger = Ledger(engine)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The run's, as plain values."""
        return RunFolder.load(self.folder).config

    def versions(self) -> list[Version]:
        """Every round that trained a model, in order.

        Raises:
            RunConflict: a record is gone or was changed.
        """
        rounds: dict[int, dict[str, JournalEntry]] = {}
        for entry in self.journal.entries():
            rounds.setdefault(entry.round, {})[entry.step] = entry
        trained = {round: steps for round, steps in sorted(rounds.items()) if "train" in steps}
        held = holders(self.log, trained)
        return [
            self._version(round, tuple(alias for alias, holder in held.items() if holder == round), steps)
            for round, steps in trained.items()
        ]

    def version(self, name: str | int) -> Version:
        """The version of a round, or the one that an alias stands for.

        Raises:
            ConfigurationError: there is none.
        """
        versions = self.versions()
        for version in versions:
            if str(name) in (str(version.round), *version.roles):
                return version
        known = ", ".join(f"{version.round}{''.join(f' ({role})' for role in version.roles)}" for version in versions)
        raise ConfigurationError(
            f"the run in {self.folder} has no model {str(name)!r}: "
            + (f"there are {known}" if known else "none at all")
        )

    def history(self, version: Version) -> list[Promotion]:
        """The lines of the promotion log that speak of it."""
        return [entry for entry in self.log.entries() if version.round in (entry.round, entry.former)]

    def labels(self, version: Version) -> list[LedgerEntry]:
        """The entries of the label ledger that it was trained on, by sample id: those that held then.

        Raises:
            RunConflict: the record of what it trained on is gone or was changed.
        """
        record = load_record(self.journal.path(version.round, "replay"), ReplayRecord)
        entries = self._ledger.entries()
        held = {entry.annotation.sample_id: entry for entry in entries if entry.entry <= record.ledger}
        # An image that could not be read any more was left out.
        lost = {entry.annotation.sample_id for entry in entries if is_set_aside(entry.annotation, version.round)}
        learnt = sorted({*record.new, *record.kept}.difference(lost))
        return [held[sample_id] for sample_id in learnt if held[sample_id].annotation.label is not None]

    def damaged(self, version: Version) -> list[str]:
        """The files of a version that are gone, or are not what the journal says."""

        def intact(path: Path, sha256: str) -> bool:
            return path.is_file() and file_sha256(path) == sha256

        return [name for name, sha256 in version.files.items() if not intact(self.folder / name, sha256)]

    def _version(self, round: int, roles: tuple[str, ...], steps: Mapping[str, JournalEntry]) -> Version:
        def record(step: str, kind: type[Record]) -> Record | None:
            return load_record(self.journal.path(round, step), kind) if step in steps else None

        beginning = load_record(self.journal.path(round, "begin"), Beginning)
        return Version(round, roles, beginning, record("evaluate", CurvePoint), record("gate", Decision), steps)


@contextmanager
def opened_models(folder: Path) -> Iterator[Models]:
    """The versions of the run in ``folder``.

    Raises:
        DataError: it is not the folder of a run.
    """
    if not is_run(folder):
        raise DataError(f"{folder} is not the folder of a run: it has no config.yaml beside {DATABASE}")
    engine = open_database(sqlite_url(folder / DATABASE))
    try:
        yield Models(folder, engine)
    finally:
        engine.dispose()


def promote(folder: Path, name: str | int, *, reason: str, make_registry: Callable[[Path], Registry]) -> Version:
    """Make a version of the run in ``folder`` champion, whatever its gate said; return it.

    Where it is champion already, only the registry's aliases are set again.

    Args:
        folder: the run's.
        name: the version's round or alias.
        reason: why, for the promotion log.
        make_registry: builds the run's registry over its folder.

    Raises:
        ConfigurationError: there is no such version, its round has not ended, or there is no reason.
        RunConflict: its weights are gone or were changed; another process holds the folder.
    """
    with _changing(folder, reason, make_registry) as (models, registry):
        version = models.version(name)
        if not version.ended:
            raise ConfigurationError(
                f"round {version.round} has not ended: let `alframe run` or `alframe cycle` end it"
            )
        models.journal.path(version.round, "train")
        if models.log.champion != version.round:
            models.log.promote(version.round, key=f"hand/{uuid4().hex}", reason=reason)
        registry.follow(models.log)
        return models.version(version.round)


def roll_back(folder: Path, *, reason: str, make_registry: Callable[[Path], Registry]) -> Version:
    """Make the champion before this one champion again; return its version.

    Args:
        folder: the run's.
        reason: why, for the promotion log.
        make_registry: builds the run's registry over its folder.

    Raises:
        ConfigurationError: there is no former champion, or no reason.
        RunConflict: its weights are gone or were changed; another process holds the folder.
    """
    with _changing(folder, reason, make_registry) as (models, registry):
        if models.log.previous is not None:
            models.journal.path(models.log.previous, "train")
        round = models.log.roll_back(key=f"hand/{uuid4().hex}", reason=reason)
        registry.follow(models.log)
        return models.version(round)


@contextmanager
def _changing(
    folder: Path, reason: str, make_registry: Callable[[Path], Registry]
) -> Iterator[tuple[Models, Registry]]:
    """The models of a run, where nobody else changes who is champion meanwhile, and their registry."""
    if not reason.strip():
        raise ConfigurationError(
            "a change of the champion is kept for good with its reason: say one, as --reason='...'"
        )
    with opened_models(folder) as models, hold_promotions(folder):
        yield models, make_registry(folder)

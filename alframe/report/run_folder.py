"""What a run left in its folder, finished or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from alframe.errors import DataError, RunConflict
from alframe.pool import Ledger
from alframe.report.metrics import headline_metric
from alframe.storage import Journal, JournalEntry, load_record, open_database, sqlite_url
from alframe.storage.run_folder import CONFIG, DATABASE
from alframe.types import Annotation, BatchLabels, Beginning, CurvePoint, Decision, Preview, Query, Task

Record = TypeVar("Record")


@dataclass(frozen=True)
class RunFolder:
    """One run, as far as it got.

    Attributes:
        path: its folder.
        config: its resolved configuration.
        points: the learning curve, by number of labels; of rounds with equally many, the last.
        queries: what each round asked labels for, in the order of rounds.
        previews: what the learner saw in the images that it asked for, by round; of rounds that have any.
        beginnings: what each round began from, and why, by round; of rounds that say so.
        decisions: of the gate, by round.
        settled: how the labels came to hold, by the round that asked people for them.
        annotations: what holds of each sample that the ledger knows.
        journal: the finished steps, in the order in which they finished.
    """

    path: Path
    config: Mapping[str, Any]
    points: tuple[CurvePoint, ...]
    queries: tuple[Query, ...]
    previews: Mapping[int, Preview]
    beginnings: Mapping[int, Beginning]
    decisions: Mapping[int, Decision]
    settled: Mapping[int, BatchLabels]
    annotations: Mapping[str, Annotation]
    journal: tuple[JournalEntry, ...]

    @classmethod
    def load(cls, path: Path) -> RunFolder:
        """Read a run's folder.

        Raises:
            DataError: it is not the folder of a run.
            RunConflict: a file in it does not hold what it should.
        """
        config = read_config(path)
        engine = open_database(sqlite_url(path / DATABASE))
        try:
            return cls(
                path=path,
                config=config,
                points=_curve(load_record(file, CurvePoint) for file in _per_round(path, "evaluation.json")),
                queries=tuple(load_record(file, Query) for file in _per_round(path, "query.json")),
                previews=_by_round(path, "preview.json", Preview),
                beginnings=_by_round(path, "beginning.json", Beginning),
                decisions=_by_round(path, "decision.json", Decision),
                settled=_by_round(path, "labels.json", BatchLabels),
                annotations=Ledger(engine).current(),
                journal=tuple(Journal(engine, path).entries()),
            )
        finally:
            engine.dispose()

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.config["seed"])

    @property
    def choices(self) -> Mapping[str, str]:
        """What was chosen in each configuration group: data, strategy, learner, ..."""
        choices: Mapping[str, str] = self.config["choices"]
        return choices

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes."""
        classes: Sequence[str] = self.config.get("classes", ())
        return classes

    @property
    def task(self) -> Task | None:
        """What its learners were evaluated in; ``None`` while nothing was."""
        return self.points[-1].evaluation.task if self.points else None

    @property
    def refused(self) -> frozenset[int]:
        """The rounds whose learner the gate did not let replace the champion."""
        return frozenset(round for round, decision in self.decisions.items() if not decision.promoted)

    @property
    def metric(self) -> str:
        """The name of the headline metric, of which ``curve`` is made; empty while nothing was evaluated."""
        return headline_metric(self.points[-1].evaluation) if self.points else ""

    @property
    def curve(self) -> tuple[list[int], list[float]]:
        """Numbers of labels, and the headline metric at each."""
        return [point.labels for point in self.points], [point.evaluation.metrics[self.metric] for point in self.points]


def read_config(path: Path) -> Mapping[str, Any]:
    """The resolved configuration of the run in ``path``.

    Raises:
        DataError: it is not the folder of a run.
        RunConflict: the file does not hold one.
    """
    if not is_run(path):
        raise DataError(f"{path} is not the folder of a run: it has no {CONFIG} beside {DATABASE}")
    config = yaml.safe_load((path / CONFIG).read_text(encoding="utf-8"))
    if not isinstance(config, dict) or not isinstance(config.get("choices"), dict):
        raise RunConflict(f"{path / CONFIG} is not a resolved configuration: it has no mapping 'choices'")
    return config


def is_run(path: Path) -> bool:
    """Whether ``path`` is the folder of a run."""
    return (path / CONFIG).is_file() and (path / DATABASE).is_file()


def find_runs(paths: Iterable[Path]) -> list[RunFolder]:
    """The runs at ``paths``: each the folder of a run or one with such folders at any depth; each run once.

    Raises:
        DataError: one of the paths holds no run.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        databases = [path / DATABASE] if is_run(path) else sorted(path.rglob(DATABASE))
        runs = [database.parent for database in databases if is_run(database.parent)]
        if not runs:
            there = "there is no such folder" if not path.is_dir() else "none is there, at any depth"
            raise DataError(f"looked in {path} for runs (folders with {CONFIG} and {DATABASE}): {there}")
        found |= {run.resolve(): run for run in runs}
    return [RunFolder.load(run) for run in found.values()]


def _curve(points: Iterable[CurvePoint]) -> tuple[CurvePoint, ...]:
    # A round gains no label when nobody can label what it asked for.
    last = {point.labels: point for point in points}
    return tuple(last[labels] for labels in sorted(last))


def _per_round(path: Path, name: str) -> list[Path]:
    return sorted(path.glob(f"round-*/{name}"), key=_round)


def _by_round(path: Path, name: str, kind: type[Record]) -> dict[int, Record]:
    return {_round(file): load_record(file, kind) for file in _per_round(path, name)}


def _round(file: Path) -> int:
    return int(file.parent.name.removeprefix("round-"))

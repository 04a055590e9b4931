"""A canary rollout of a run's model, recorded in the run's folder, that rolls its champion back where it must."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from alframe.errors import ConfigurationError, RunConflict
from alframe.gate import CanaryRecord, Rollout, begin_rollout, continue_rollout, read_predictions
from alframe.models.versions import Models, opened_models
from alframe.registry import Registry
from alframe.storage import hold_folder, load_record, save_record, whole_file


def roll_out(
    folder: Path,
    predictions: Path,
    rollout: Rollout,
    *,
    make_registry: Callable[[Path], Registry],
    challenger: int | None = None,
) -> CanaryRecord:
    """Do a rollout on recorded predictions, or go on with it, as far as they reach; return how far it has come.

    The record lies in the run's folder as ``canary/NAME.json``, named like the predictions, and is whole after every
    stage. If a stage finds a regression and the challenger is champion, the champion before it is champion again.

    Args:
        folder: the run's.
        predictions: a file that ``read_predictions`` reads; more samples may be added at its end.
        rollout: its stages.
        make_registry: builds the run's registry over its folder, whose aliases follow a rollback.
        challenger: the round whose learner is the challenger; ``None`` for the champion's where a rollout begins.

    Raises:
        ConfigurationError: there is no metric to watch, no champion, or no round of this number that has ended.
        DataError: it is not the folder of a run, or the predictions cannot be read.
        RunConflict: the rollout was begun otherwise; another process holds the folder.
    """
    recorded = read_predictions(predictions)
    with opened_models(folder) as models, hold_folder(folder):
        path = folder / "canary" / f"{predictions.stem}.json"
        if path.exists():
            record = _same(path, rollout, challenger)
        else:
            record = begin_rollout(recorded, _challenger(models, challenger), rollout)
        record = continue_rollout(record, recorded, partial(_save, path))
        if record.status == "rolled back" and models.log.champion == record.challenger:
            _roll_back(models, record, predictions.stem, make_registry(folder))
        return record


def _challenger(models: Models, asked: int | None) -> int:
    if asked is not None:
        version = models.version(asked)
        if not version.ended:
            raise ConfigurationError(
                f"round {version.round} has not ended: let `alframe run` or `alframe cycle` end it"
            )
        return version.round
    champion = models.log.champion
    if champion is None:
        raise ConfigurationError(
            "no model of this run was ever promoted: say with --challenger which one is rolled out"
        )
    return champion


def _same(path: Path, rollout: Rollout, challenger: int | None) -> CanaryRecord:
    record = load_record(path, CanaryRecord)
    if record.rollout != rollout or challenger not in (None, record.challenger):
        raise RunConflict(
            f"{path} tells of a rollout of round {record.challenger} that was begun with {record.rollout}: go on with "
            "the same settings, or give the file of predictions another name"
        )
    return record


def _save(path: Path, record: CanaryRecord) -> None:
    with whole_file(path) as unfinished:
        save_record(unfinished, record)


def _roll_back(models: Models, record: CanaryRecord, name: str, registry: Registry) -> None:
    """Once for a rollout: whoever promotes the challenger again in spite of it is not contradicted."""
    if models.log.previous is not None:
        models.journal.path(models.log.previous, "train")
        models.log.roll_back(key=f"canary/{name}/{record.challenger}", reason=f"canary: {record.stages[-1].note}")
        registry.follow(models.log)

"""A canary rollout of a run's model, recorded in the run's folder, that changes its champion as it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from alframe.errors import ConfigurationError, RunConflict
from alframe.gate import CanaryRecord, Rollout, begin_rollout, continue_rollout, read_predictions
from alframe.models.versions import Models, opened_models
from alframe.registry import Registry
from alframe.storage import hold_folder, hold_promotions, load_record, save_record, whole_file

FOLDER = "canary"


def roll_out(
    folder: Path,
    predictions: Path,
    rollout: Rollout,
    *,
    make_registry: Callable[[Path], Registry],
    challenger: int | None = None,
) -> CanaryRecord:
    """Do a rollout on recorded predictions, or go on with it, as far as they reach; return how far it has come.

    The record lies in the run's folder as ``canary/round-ROUND-NAME-HASH.json``, after the challenger and the path of
    the predictions, and is whole after every stage. A challenger that passed every stage becomes champion, if it is not
    and the champion is still the one that it was compared with. If a stage finds a regression and the challenger is
    champion, the champion before it is champion again. Either is done once: what somebody changes afterwards stands.

    Args:
        folder: the run's.
        predictions: a file that ``read_predictions`` reads; more samples may be added at its end.
        rollout: its stages.
        make_registry: builds the run's registry over its folder, whose aliases follow the champion.
        challenger: the round whose learner is the challenger; ``None`` for the champion's where a rollout begins, and
            for the one that it began with where it goes on.

    Raises:
        ConfigurationError: there is no metric to watch, no champion, or no round of this number that has ended.
        DataError: it is not the folder of a run, or the predictions cannot be read.
        RunConflict: the rollout was begun otherwise, or another model has become champion since; another process is at
            work on a rollout of this run.
    """
    recorded = read_predictions(predictions)
    with opened_models(folder) as models, hold_folder(folder / FOLDER):
        name = f"{predictions.stem}-{sha256(str(predictions.resolve()).encode()).hexdigest()[:8]}"
        begun = [path for path in (folder / FOLDER).glob("round-*.json") if path.name.endswith(f"-{name}.json")]
        if begun:
            (path,) = begun
            record = _same(path, rollout, challenger, models.log.champion)
        else:
            chosen = _challenger(models, challenger)
            path = folder / FOLDER / f"round-{chosen:03d}-{name}.json"
            record = begin_rollout(recorded, chosen, rollout, champion=models.log.champion)
        record = continue_rollout(record, recorded, partial(_save, path))
        if record.status != "paused" and not record.note:
            with hold_promotions(folder):
                record = _settled(record, models, path.stem, make_registry(folder))
            _save(path, record)
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


def _same(path: Path, rollout: Rollout, challenger: int | None, champion: int | None) -> CanaryRecord:
    record = load_record(path, CanaryRecord)
    if record.rollout != rollout or challenger not in (None, record.challenger):
        raise RunConflict(
            f"{path} tells of a rollout of round {record.challenger} that was begun with {record.rollout}: go on with "
            "the same settings, or give the file of predictions another name"
        )
    settling = record.status != "paused" and not record.note  # it may have changed the champion itself
    if challenger is None and champion != record.champion and not settling:
        raise RunConflict(
            f"{path} tells of a rollout of round {record.challenger}, and by now round {champion} is champion: go on "
            f"with --challenger {record.challenger}, or give the predictions of round {champion} in a file of their own"
        )
    return record


def _save(path: Path, record: CanaryRecord) -> None:
    with whole_file(path) as unfinished:
        save_record(unfinished, record)


def _settled(record: CanaryRecord, models: Models, key: str, registry: Registry) -> CanaryRecord:
    """The record of a rollout that has ended, after what follows from it was done."""
    log, challenger, why = models.log, record.challenger, f"canary: {record.stages[-1].note}"
    key = f"canary/{key}"
    if record.status == "passed" and log.champion == record.champion != challenger:
        models.journal.path(challenger, "train")
        log.promote(challenger, key=key, reason=why)
    if record.status == "regression" and log.champion == challenger and log.previous is not None:
        models.journal.path(log.previous, "train")
        log.roll_back(key=key, reason=why)
    registry.follow(log)
    champion, record = log.champion, replace(record, champion=log.champion)
    if record.status == "passed" and champion == challenger:
        return replace(record, status="promoted", note=f"round {champion} is champion")
    if record.status == "passed":
        return replace(
            record, note=f"nothing is promoted: round {champion} has become champion since the rollout began"
        )
    # By the log, which also knows what was done before a kill.
    if any(entry.former == challenger and entry.reason == why for entry in log.entries()):
        return replace(record, status="rolled back", note=f"round {champion} is champion again")
    return replace(record, note=f"nothing is rolled back: round {champion} is champion, {_why_not(record)}")


def _why_not(record: CanaryRecord) -> str:
    return "and there was none before it" if record.champion == record.challenger else "and not the challenger"

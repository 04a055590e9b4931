"""A pool scored outside a cycle: a run's learner on its own pool or on any other, predictions kept in a folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pytorch_lightning import Trainer
from rich.markup import escape
from sqlalchemy import Engine as Database

from alframe import __version__
from alframe.arrivals import Arrivals, with_arrivals
from alframe.configuration import flatten
from alframe.data import ImageData, Source, Transforms
from alframe.errors import ConfigurationError, RunConflict
from alframe.functional.randomness import generator
from alframe.learner import Learner, load_weights
from alframe.logfile import log_to
from alframe.pool import Ledger, Pool, State, fingerprint
from alframe.progress import say
from alframe.registry import PromotionLog
from alframe.report.run_folder import RunFolder
from alframe.scoring import Engine, Pace, Scoring, check_gives, grown_for, named_needs, score
from alframe.storage import (
    MANIFEST,
    ORIGIN,
    Journal,
    Origin,
    Request,
    file_sha256,
    hold_folder,
    load_record,
    open_database,
    read_manifest,
    save_record,
    sqlite_url,
    whole_file,
)
from alframe.storage.run_folder import DATABASE, INCIDENTAL
from alframe.strategy import Strategy
from alframe.types import Beginning, Positions

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What is scored and how: the top-level keys of ``configs/score.yaml``.

    Attributes:
        model: the folder of the run whose learner predicts.
        model_round: the round that trained it; the champion's if ``None``, or the last where none was ever promoted.
        needs: what to predict, by the names of ``alframe.types.Need``; what is usual for its learner if ``None``.
        output: the folder of the predictions; ``predictions/RUN-roundROUND-DATA`` if ``None``.
        held_out: whether held-out samples are scored too.
        seed: of the posterior's draws.
        loader: builds the data module over a source and its transforms.
        trainer: builds a Lightning Trainer.
        scoring: how predictions are kept.
        engine: where they are computed.
        data: where images come from; the run's own data if ``None``.
    """

    model: str
    model_round: int | None
    needs: list[str] | None
    output: str | None
    held_out: bool
    seed: int
    loader: Callable[..., ImageData]
    trainer: Callable[..., Trainer]
    scoring: Scoring
    engine: Engine
    data: Source | None = None

    def __post_init__(self) -> None:
        """Refuse needs that nothing can predict."""
        if self.needs is not None:
            named_needs(self.needs)


@dataclass(frozen=True)
class TrainedModel:
    """What one round of a run trained.

    Attributes:
        run: the run's folder.
        config: the run's resolved configuration.
        classes: the names of the classes that there were when the round began.
        round: the round.
        weights: the file, as the run's journal knows it.
    """

    run: Path
    config: Mapping[str, Any]
    classes: tuple[str, ...]
    round: int
    weights: Path


def find_model(folder: Path, round: int | None) -> TrainedModel:
    """The model that ``round`` of the run in ``folder`` trained; the champion if ``None``, the last if there is none.

    Raises:
        DataError: it is not the folder of a run.
        ConfigurationError: the round trained none.
        RunConflict: the file of its weights is gone or was changed.
    """
    run = RunFolder.load(folder)
    trained = sorted(entry.round for entry in run.journal if entry.step == "train")
    if not trained:
        raise ConfigurationError(f"the run in {folder} has not trained a model yet: let its first round end")
    if round is not None and round not in trained:
        raise ConfigurationError(f"model_round={round}: the run in {folder} trained in rounds 0 to {trained[-1]}")
    with _database(folder) as database:
        champion = PromotionLog(database).champion
        found = next(each for each in (round, champion, trained[-1]) if each is not None)
        journal = Journal(database, folder)
        weights, classes = journal.path(found, "train"), tuple(run.classes)
        if journal.done(found, "begin"):  # else of a run of an earlier version, whose classes never grew
            classes = load_record(journal.path(found, "begin"), Beginning).classes
    return TrainedModel(folder.resolve(), run.config, classes, found, weights)


def setup_of(config: Mapping[str, Any], model: TrainedModel) -> dict[str, Any]:
    """What decides predictions besides weights, samples' names and draws, by its key in the configuration.

    Args:
        config: the job's, resolved, as plain values.
        model: whose run has the transforms and the learner, and the data where the job names none.
    """
    parts = {
        "data": config.get("data") or model.config["data"],
        "transforms": model.config["transforms"],
        "learner": model.config["learner"],
        "trainer": {"precision": config["trainer"].get("precision")},
    }
    return {key: value for key, value in flatten(parts).items() if key not in INCIDENTAL}


def score_pool(
    job: Job,
    model: TrainedModel,
    *,
    data: Source,
    transforms: Transforms,
    make_learner: Callable[..., Learner],
    strategy: Strategy,
    setup: Mapping[str, Any],
) -> Path:
    """Predict what ``job`` asks for on the pool, or go on with it, and return the folder of the predictions.

    Args:
        job: what to do.
        model: whose weights.
        data: the job's, or the run's own.
        transforms: the run's.
        make_learner: the run's; builds the learner before its weights.
        strategy: the run's; what it needs decides which parts the learner has.
        setup: what ``setup_of`` says of all these; predictions with another one are not taken for these.

    Raises:
        ConfigurationError: a need that this learner cannot meet.
        RunConflict: the run's data are no longer what it began with; the folder holds other predictions, or another
            process writes there.
    """
    data, positions = _pool(job, model, data)
    images = job.loader(data, transforms)
    learner = make_learner(images.image_shape, len(model.classes), **grown_for(strategy.needs))
    needs = learner.usual if job.needs is None else named_needs(job.needs)
    check_gives(learner, needs, f"needs=[{','.join(sorted(needs))}]")
    load_weights(learner, model.weights)
    folder = Path(job.output or f"predictions/{model.run.name}-round{model.round}-{data.name}")
    version = file_sha256(model.weights)
    ids = data.table.ids[positions]
    request = Request.of(ids, needs, model=version, seed=job.seed, precision=job.scoring.precision, setup=setup)
    with hold_folder(folder):
        if (folder / MANIFEST).is_file() and read_manifest(folder).request == request:
            say(f"{escape(str(folder))} has these predictions already")
            return folder
        say(f"[bold]{len(positions)} images[/] of {escape(data.name)} through {_named(model)}")
        with log_to(folder / "alframe.log"), whole_file(folder / MANIFEST) as manifest:
            log.info("scoring started", extra={"version": __version__, "model": str(model.weights)})
            pace = score(
                learner.eval(),
                images,
                positions,
                needs,
                job.trainer,
                manifest,
                model=version,
                seed=job.seed,
                scoring=job.scoring,
                engine=job.engine,
                setup=setup,
            )
            save_record(folder / ORIGIN, Origin(str(model.run), model.round, data.name, model.classes))
    _tell(folder, pace)
    return folder


def _pool(job: Job, model: TrainedModel, data: Source) -> tuple[Source, Positions]:
    """Of the run's own data and what arrived after them, what is unlabelled now; of other data everything.

    Held-out samples are among them if they are wanted.
    """
    if fingerprint(data.table) != model.config["data_sha256"]:
        if job.data is None:
            raise RunConflict(
                f"{data.name} is no longer what the run in {model.run} began with (other samples, labels or test set): "
                "say which data to score, as data=unlabelled_folder data.root=photos"
            )
        return data, np.flatnonzero(~data.table.held_out | job.held_out)
    wanted = [State.UNLABELLED, State.TEST] if job.held_out else [State.UNLABELLED]
    with _database(model.run) as database:
        grown = with_arrivals(data, Arrivals(database, model.run))
        pool = Pool(
            grown.table,
            Ledger(database),
            validation=model.config["cycle"]["validation"],
            rng=generator(model.config["seed"], "validation"),
            gate=model.config["cycle"].get("gate", 0),
            first=len(data.table),
        )
        return grown, np.flatnonzero(np.isin(pool.states(), wanted))


def _tell(folder: Path, pace: Pace | None) -> None:
    manifest = read_manifest(folder)
    size = sum((folder / f"{name}.npy").stat().st_size for name in manifest.arrays) / 2**20
    arrays = ", ".join(sorted(manifest.arrays.keys() - {"ids"}))
    say(f"{manifest.rows} predictions in {escape(str(folder))}: {arrays}; {size:.1f} MiB")
    if manifest.unreadable:
        say(f"[yellow]{len(manifest.unreadable)} images cannot be read[/]; {MANIFEST} says why")
    if pace is not None:
        speed = pace.summary()
        say(f"{speed['images_per_second']} images a second; what took the time was {speed['bound_by']}")
    say(f"choose from them: [bold]alframe select {escape(str(folder))} strategy=margin budget=100[/]")


def _named(model: TrainedModel) -> str:
    return f"round {model.round} of {escape(model.run.name)}"


@contextmanager
def _database(folder: Path) -> Iterator[Database]:
    database = open_database(sqlite_url(folder / DATABASE))
    try:
        yield database
    finally:
        database.dispose()

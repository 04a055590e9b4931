"""A run: the parts that a configuration names, put together in a folder of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Trainer
from rich.markup import escape
from sqlalchemy import Engine

from alframe import __version__
from alframe.arrivals import Arrivals, with_arrivals
from alframe.calibration import Calibration
from alframe.candidates import Candidates
from alframe.cycle import Cycle, Plan
from alframe.data import ImageData, Source, Transforms
from alframe.errors import AlframeError, ConfigurationError
from alframe.functional.randomness import generator
from alframe.gate import Gate
from alframe.learner import Learner
from alframe.logfile import log_to
from alframe.oracle import Oracle
from alframe.pool import Ledger, Pool, fingerprint
from alframe.progress import say
from alframe.registry import PromotionLog, Registry
from alframe.replay import Replay
from alframe.report import write_run_report
from alframe.report.run_folder import is_run
from alframe.scoring import Scoring, check_gives, check_labels, grown_for
from alframe.stopping import StoppingRule
from alframe.storage import Journal, claim_folder
from alframe.strategy import Strategy
from alframe.succession import interrupted
from alframe.training import Training

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What a run is made of: the top-level keys of the configuration.

    Attributes:
        seed: of every random decision.
        name: names the run's folder.
        data: where images come from.
        transforms: images to tensors.
        loader: builds the data module over a source and its transforms.
        learner: builds an untrained learner for an image shape and a number of classes.
        cold_start: chooses the first labelled set; sees pixel embeddings at most.
        strategy: chooses every further query.
        oracle: builds the oracle over a source.
        replay: chooses which old samples are trained on again.
        training: fits a learner.
        calibration: scales its probabilities to what held-out samples say.
        trainer: builds a Lightning Trainer.
        stopping: ends the run before its last round.
        candidates: restricts each query to a part of the pool.
        scoring: how predictions on the pool are kept.
        gate: decides whether a learner replaces the champion.
        registry: builds, over the run's folder, what keeps every version.
        cycle: how far to go.
    """

    seed: int
    name: str
    data: Source
    transforms: Transforms
    loader: Callable[..., ImageData]
    learner: Callable[..., Learner]
    cold_start: Strategy
    strategy: Strategy
    oracle: Callable[[Source], Oracle]
    replay: Replay
    training: Training
    calibration: Calibration
    trainer: Callable[..., Trainer]
    stopping: StoppingRule
    candidates: Candidates
    scoring: Scoring
    gate: Gate
    registry: Callable[[Path], Registry]
    cycle: Plan


def run(parts: Parts, folder: Path, config: Mapping[str, Any]) -> Path:
    """Start a run in ``folder``, or go on with it, and return the path of its report.

    Raises:
        LabelsPending: the oracle has not answered everything yet.
        AlframeError: see ``opened``.
    """
    with opened(parts, folder, config) as cycle:
        say(f"[bold]{escape(parts.name)}[/] in {escape(str(folder))}")
        ending = cycle.run()
        log.info("run ended", extra={"reason": ending})
        report = write_run_report(folder, cycle.data.source)
        say(f"{ending}; report: {escape(str(report))}")
    return report


@contextmanager
def opened(parts: Parts, folder: Path, config: Mapping[str, Any]) -> Iterator[Cycle]:
    """Hold ``folder`` for the run that these parts make, and give its cycle; what goes wrong in the block is logged.

    Args:
        parts: put together to a cycle.
        folder: the run's own; holds everything that the run writes. What ``alframe pool add`` put there is in the pool,
            but where a round has begun that had begun without it.
        config: what describes the parts, as plain values; kept in the folder and compared when the run goes on.

    Raises:
        ConfigurationError: the parts do not fit together, or one cannot be built.
        DataError: fewer than two classes, nothing to train or to test on.
        RunConflict: the folder belongs to another configuration or process.
    """
    _try_out(parts)
    config = {**config, "classes": list(parts.data.classes), "data_sha256": fingerprint(parts.data.table)}
    begins = not is_run(folder)
    with claim_folder(folder, config) as engine, log_to(folder / "alframe.log"):
        if begins:
            log.info("run started", extra={"version": __version__, "config": config})
        else:
            log.info("run opened", extra={"version": __version__})
        try:
            cycle = _put_together(parts, folder, config, engine, _pool_of(parts.data, engine, folder))
            with closing(cycle.oracle):
                yield cycle
        except Exception:
            log.exception("run failed")
            raise


def _pool_of(base: Source, engine: Engine, folder: Path) -> Source:
    """``base`` and what arrived since; for a round that has begun, what had arrived by then."""
    arrivals, begun = Arrivals(engine, folder), interrupted(Journal(engine, folder))
    if begun is None:
        return with_arrivals(base, arrivals)
    return with_arrivals(base, arrivals, samples=begun.samples, classes=len(begun.classes))


def _put_together(parts: Parts, folder: Path, config: Mapping[str, Any], engine: Engine, source: Source) -> Cycle:
    """The cycle over ``source``, whose first samples are those of ``parts.data``."""
    data = _data(parts, source)
    return Cycle(
        plan=parts.cycle,
        data=data,
        pool=Pool(
            source.table,
            Ledger(engine),
            validation=parts.cycle.validation,
            rng=generator(parts.seed, "validation"),
            gate=parts.cycle.gate,
            first=len(parts.data.table),
        ),
        make_learner=_learner(parts, data),
        make_trainer=parts.trainer,
        replay=parts.replay,
        training=parts.training,
        calibration=parts.calibration,
        cold_start=parts.cold_start,
        strategy=parts.strategy,
        oracle=parts.oracle(source),
        stopping=parts.stopping,
        candidates=parts.candidates,
        scoring=parts.scoring,
        cache=folder / "cache",
        gate=parts.gate,
        registry=parts.registry(folder),
        promotions=PromotionLog(engine),
        journal=Journal(engine, folder),
        name=parts.name,
        config=config,
        seed=parts.seed,
    )


def _data(parts: Parts, source: Source) -> ImageData:
    kind = _kind(parts.learner)
    return parts.loader(source, parts.transforms, with_masks=kind is None or kind.task == "segmentation")


def _learner(parts: Parts, data: ImageData) -> Callable[[], Learner]:
    return partial(parts.learner, data.image_shape, data.num_classes, **grown_for(parts.strategy.needs))


def _kind(make: Callable[..., Learner]) -> type[Learner] | None:
    """The class of what a configuration makes, where it can be told beforehand."""
    kind = getattr(make, "func", make)
    return kind if isinstance(kind, type) else None


def _try_out(parts: Parts) -> None:
    """Build once what every round builds, so that what cannot be built is refused before there is a folder."""
    kind = _kind(parts.learner)
    if kind is not None:  # before one is built, which may refuse images that are not for it anyway
        check_labels(kind, parts.data)
    data = _data(parts, parts.data)
    try:
        learner = _learner(parts, data)()
        check_labels(type(learner), parts.data)
        _check_transforms(learner, parts.transforms)
        parts.training.check(learner)
        learner.make_optimizer(learner.parameters())
        parts.trainer(on_all_devices=True)
        parts.candidates.check(data)
    except AlframeError:
        raise
    except (TypeError, ValueError, MisconfigurationException) as error:
        raise ConfigurationError(f"the learner, its optimiser or the trainer cannot be built: {error}") from error
    if parts.cold_start.needs - {"embeddings"}:
        needs = ", ".join(sorted(parts.cold_start.needs))
        raise ConfigurationError(f"the first set is chosen without a learner, so cold_start cannot need {needs}")
    check_gives(learner, parts.strategy.needs, f"strategy {type(parts.strategy).__name__}")
    check_gives(learner, parts.stopping.needs, f"stopping rule {type(parts.stopping).__name__}")
    check_gives(learner, parts.replay.needs(learner.task), f"replay buffer {type(parts.replay).__name__}")
    if parts.training.recalls:
        check_gives(learner, {"probs"}, f"training {type(parts.training).__name__}")
    parts.stopping.check(learner.task)
    parts.gate.check(learner.task, parts.data, parts.cycle.gate)
    if parts.calibration.needs_held_out and learner.task != "classification":
        raise ConfigurationError(
            f"{type(parts.calibration).__name__} scales the logits of classifiers: choose calibration=none"
        )
    if parts.calibration.needs_held_out and parts.cycle.validation == 0:
        raise ConfigurationError(
            f"{type(parts.calibration).__name__} is fitted on validation samples and cycle.validation is 0: "
            "hold some out, as cycle.validation=200, or choose calibration=none"
        )


def _check_transforms(learner: Learner, transforms: Transforms) -> None:
    if learner.task != "classification" and not transforms.evaluates_whole_images:
        raise ConfigurationError(
            f"what {type(learner).__name__} finds in a tensor is looked for at the same place of its image, and "
            "transforms.evaluation has steps that move pixels: leave them out, as transforms.evaluation=[]"
        )

"""Passes over a pool on Ray Data, on this machine or on a cluster; the only module that knows Ray."""

from __future__ import annotations

import logging
import math
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cached_property
from importlib.util import find_spec
from io import BytesIO
from time import perf_counter
from typing import Any

import numpy as np

from alframe.data import ImageData
from alframe.errors import AlframeError, ConfigurationError, WorkersLost
from alframe.progress import bar
from alframe.scoring.engine import Engine
from alframe.scoring.predict import Pace, Pass, Sink, stream
from alframe.types import Predictions

log = logging.getLogger(__name__)


class Ray(Engine):
    """A pool of Ray's workers; one that dies is replaced, and what it was doing is done again.

    Each worker has the learner and reads its images itself, whatever ``loader.workers`` says. Batches are those that
    one process would make, and they are handed on in its order, so that a pass may begin on one engine and go on upon
    another; their numbers are the same to the last bit where each process computes with as many threads. Ray holds back
    workers that are too far ahead of the one who takes the batches.

    Where Ray runs in this process already, it is used as it is; else it is started, or joined, for the pass.

    Args:
        workers: how many.
        address: of the cluster to join, such as ``auto``; ``None`` to start one on this machine and stop it afterwards.
        cpus: cores of each worker, and threads that it computes with.
        gpus: of each worker; a fraction lets several share one, so that some read images while another computes.
        batches: how many a worker is given at once.
        retries: how often batches are done again because their worker died.

    Raises:
        ConfigurationError: Ray is not installed, or one of the numbers is too low.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        address: str | None = None,
        cpus: int = 1,
        gpus: float = 0,
        batches: int = 8,
        retries: int = 3,
    ) -> None:
        for name, value, least in (
            ("workers", workers, 1),
            ("cpus", cpus, 1),
            ("gpus", gpus, 0),
            ("batches", batches, 1),
            ("retries", retries, 0),
        ):
            if value < least:
                raise ConfigurationError(f"engine.{name} must be at least {least}, got {value}")
        if find_spec("ray") is None:
            raise ConfigurationError("engine=ray needs Ray, which is not installed: pip install 'alframe[ray]'")
        self._workers = workers
        self._address = address
        self._cpus = cpus
        self._gpus = gpus
        self._batches = batches
        self._retries = retries

    def stream(self, work: Pass, sink: Sink) -> Pace:
        """As ``Local`` does, from the batches that the workers send back.

        Raises:
            ConfigurationError: Ray on this machine has fewer cores or GPUs than the workers ask for.
            WorkersLost: the same batches cost too many workers their life.
        """
        data, size = work.data, work.data.evaluation_batch_size
        alone = ImageData(data.source, data.transforms, evaluation_batch_size=size, workers=0)
        shared = replace(work, data=alone)
        worked = computed = 0.0
        with self.cluster(), bar("predict", total=math.ceil(len(work.positions) / size)) as advance:
            self._check_room()
            started = perf_counter()
            for row in self._rows(shared, size * self._batches):
                batch, unreadable = _unpacked(row["batch"])
                for position, reason in unreadable.items():
                    data.note_unreadable(position, reason)
                sink(batch, unreadable)
                worked, computed = worked + row["seconds"], computed + row["computing"]
                advance(1)
            seconds = perf_counter() - started
        pace = Pace(len(work.positions), seconds, seconds * computed / worked)
        pace.log("predict")
        return pace

    def _rows(self, work: Pass, step: int) -> Iterator[dict[str, Any]]:
        """What ``_Worker`` makes of each ``step`` positions, in their order."""
        import ray
        from ray.exceptions import RayError

        # There is no other way to say how often; the extra stays below the release that takes this one away.
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
        shared = ray.put(work)
        shares = [{"start": start, "stop": start + step} for start in range(0, len(work.positions), step)]
        dataset = ray.data.from_items(shares, override_num_blocks=len(shares)).map_batches(
            _Worker,
            fn_constructor_args=[shared, sys.path],
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=self._workers),
            num_cpus=self._cpus,
            num_gpus=self._gpus or None,
            max_restarts=-1,
            max_task_retries=self._retries,
        )
        dataset.context.execution_options.preserve_order = True
        dataset.context.enable_progress_bars = False
        dataset.context.print_on_execution_start = False
        try:
            yield from dataset.iter_rows()
        except RayError as error:
            raise self._explained(error) from error

    def _check_room(self) -> None:
        # A cluster may grow when it is asked to; a machine would have the pass wait for ever.
        import ray

        if self._address is None:
            there = ray.cluster_resources()
            self._check("CPU", self._cpus, there.get("CPU", 0))
            self._check("GPU", self._gpus, there.get("GPU", 0))

    def _check(self, kind: str, each: float, there: float) -> None:
        if self._workers * each > there:
            raise ConfigurationError(
                f"engine.workers={self._workers} want {self._workers * each:g} {kind}s, and there are {there:g} for "
                f"Ray on this machine: lower engine.workers or engine.{kind.lower()}s"
            )

    def _explained(self, error: Exception) -> Exception:
        from ray.exceptions import RayActorError

        chain = list(_causes(error))
        own = [cause for cause in chain if isinstance(cause, AlframeError)]
        if own:
            return own[-1]
        if any(isinstance(cause, RayActorError) for cause in chain):
            return WorkersLost(
                f"Ray's workers died {self._retries + 1} times over the same images: {error}\n"
                "Where memory was short, try fewer engine.workers or a smaller loader.evaluation_batch_size; "
                "the same command goes on with what is missing."
            )
        return error

    @contextmanager
    def cluster(self) -> Iterator[None]:
        """Ray, as configured, for several passes; a pass outside of such a block has its own."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to Ray's makers
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        import ray

        logging.getLogger("ray").setLevel(logging.CRITICAL)
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        if ray.is_initialized():
            yield
            return
        quiet: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}
        if self._address is None:
            self._check("CPU", self._cpus, _cores())  # Ray takes any number for granted
            ray.init("local", num_cpus=self._workers * self._cpus, include_dashboard=False, **quiet)
        else:
            ray.init(self._address, **quiet)
        try:
            yield
        finally:
            ray.shutdown()


def _cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Worker:
    """Predicts in a process of its own; Ray makes one for each of its workers."""

    def __init__(self, shared: Any, importable: list[str]) -> None:
        sys.path.extend(path for path in importable if path not in sys.path)  # for classes of the user's own
        self._shared = shared

    @cached_property
    def _work(self) -> Pass:
        # Not when the worker is made: what fails then counts as the death of a worker.
        import ray

        work: Pass = ray.get(self._shared)
        return work

    def __call__(self, share: Mapping[str, np.ndarray]) -> Iterator[dict[str, list[Any]]]:
        """One row for each batch of the positions from ``start`` to ``stop``."""
        work, packed = self._work, list[bytes]()

        def pack(batch: Predictions, unreadable: Mapping[int, str]) -> None:
            packed.append(_packed(batch, unreadable))

        positions = work.positions[int(share["start"][0]) : int(share["stop"][0])]
        pace = stream(replace(work, positions=positions), pack)
        for batch in packed:
            yield {
                "batch": [batch],
                "seconds": [pace.seconds / len(packed)],
                "computing": [pace.computing / len(packed)],
            }


def _packed(batch: Predictions, unreadable: Mapping[int, str]) -> bytes:
    """As an ``.npz`` file: bytes pass through Ray's tables unchanged, whatever their shapes and however many rows."""
    arrays = {field.name: getattr(batch, field.name) for field in fields(batch)}
    file = BytesIO()
    np.savez(
        file,
        **{name: values for name, values in arrays.items() if values is not None},
        unreadable=np.array(list(unreadable), dtype=np.int64),
        reasons=np.array(list(unreadable.values()), dtype=np.str_),
    )
    return file.getvalue()


def _unpacked(content: bytes) -> tuple[Predictions, dict[int, str]]:
    with np.load(BytesIO(content), allow_pickle=False) as file:
        arrays = dict(file)
    unreadable = dict(zip(arrays.pop("unreadable").tolist(), arrays.pop("reasons").tolist(), strict=True))
    return Predictions(**arrays), unreadable


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it, through Ray's wrapping too."""
    while error is not None:
        yield error
        error = getattr(error, "cause", None) or error.__cause__

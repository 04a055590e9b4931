"""Processes that read images: how many, where nobody has said, and how they begin."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from torch.utils.data import DataLoader

from alframe.data.dataset import Batch

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (looked at, not written to)
MOST = 8

log = logging.getLogger(__name__)


def automatic_workers(in_flight: int) -> int:
    """One for each core that this process may use but one: at least 1, at most 8, and what shared memory has room for.

    A worker hands its batches over through shared memory, and is killed when that is full; a container has 64 MB of it
    unless it is given more.

    Args:
        in_flight: bytes of shared memory that a worker may hold.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = min(max(cores - 1, 1), MOST)
    if not SHARED_MEMORY.is_dir():
        return wanted
    free = shutil.disk_usage(SHARED_MEMORY).free
    workers = min(wanted, free // in_flight)
    if workers < wanted:
        log.warning(
            "%d instead of %d processes read images: %s has %d MB free and each needs %d; give it more, "
            "or lower loader.evaluation_batch_size",
            *(workers, wanted, SHARED_MEMORY, free >> 20, in_flight >> 20),
        )
    return workers


def prepare_worker(worker: int) -> None:  # noqa: ARG001 (PyTorch passes it)
    """Keep a worker to its work: one thread, and no ear for Ctrl-C.

    A terminal sends that to every process; the main one ends its workers, and one that is torn away while it hands over
    a batch could leave the main process waiting for ever.
    """
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class InterruptibleLoader(DataLoader[Batch]):
    """A loader under which no Ctrl-C is lost: Python drops what is raised while it forks a process."""

    def __iter__(self) -> Any:
        """Start the workers, and only then answer a Ctrl-C."""
        with _interrupted_later():
            return super().__iter__()


@contextmanager
def _interrupted_later() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only that one is interrupted
        yield
        return
    pressed: list[int] = []
    answer = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, answer)
    for number in pressed[:1]:
        signal.raise_signal(number)

"""How many processes read images, where nobody has said."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

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

"""One task, several implementations: each is timed alone in a process of its own, on the same data."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

OURS = "alframe"
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Contest:
    """A task and who takes part.

    Attributes:
        name: says the sizes.
        make: the data, the same in every process.
        contenders: by name, data -> what was chosen. ``alframe`` comes first and a plain NumPy ``reference`` next; a
            peer imports its library inside, so that one that is not installed is left out.
        warm_up: the same kind of data in small, run once before the clock starts: imports, compilers, thread pools.
        quality: (data, choice) -> one number by which choices compare, where equal picks cannot be expected.
        agree: (ours, theirs) -> whether it is the same choice; ``None`` where chance decides.
        repeats: how many times each contender runs; the median counts.
        targets: what must hold, as text -> test of {contender: Measured}.
    """

    name: str
    make: Callable[[], Any]
    contenders: Mapping[str, Callable[[Any], Any]]
    warm_up: Callable[[], Any] | None = None
    quality: Callable[[Any, Any], float] | None = None
    agree: Callable[[Any, Any], bool] | None = np.array_equal
    repeats: int = 1
    targets: Mapping[str, Callable[[Mapping[str, Measured]], bool]] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """What one contender took: seconds, MiB beside the data at the peak, what it chose and how good that is."""

    seconds: float
    mib: float
    choice: list[Any]
    quality: float | None


def faster(times: float, *names: str) -> Callable[[Mapping[str, Measured]], bool]:
    """The target that ours is ``times`` as fast as the fastest of these, of whom at least one must be here."""
    return lambda of: min(of[name].seconds for name in names if name in of) >= times * of[OURS].seconds


def measure(contest: Contest, contender: str) -> Measured:
    """Run one contender in this process."""
    work = contest.contenders[contender]
    if contest.warm_up is not None:
        work(contest.warm_up())
    data = contest.make()
    before = _restart_peak()
    seconds = []
    for _ in range(contest.repeats):
        started = perf_counter()
        choice = work(data)
        seconds.append(perf_counter() - started)
    mib = _peak() - before
    quality = None if contest.quality is None else float(contest.quality(data, choice))
    return Measured(statistics.median(seconds), mib, np.asarray(choice).tolist(), quality)


def measure_apart(script: Path, key: str, contender: str, limit_s: float) -> Measured | str:
    """Run one contender in a new process, or say why there is no result."""
    command = [sys.executable, "-W", "ignore", str(script), "--one", key, contender]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return f"more than {limit_s:.0f} s"
    if done.returncode:
        return done.stderr.strip().splitlines()[-1][:100] if done.stderr.strip() else f"exit status {done.returncode}"
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _restart_peak() -> float:
    """Forget the highest resident memory so far, where the system can, and return what is resident now, in MiB."""
    if CLEAR.exists():
        CLEAR.write_text("5")
        return _resident("VmRSS")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _peak() -> float:
    return _resident("VmHWM") if CLEAR.exists() else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _resident(name: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024

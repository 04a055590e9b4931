"""Changes in a series of values, found as the values come: the detectors of the library river."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any, Literal

from alframe.errors import ConfigurationError

Direction = Literal["down", "up", "both"]


class Detector(ABC):
    """Called with a series of values, says at which of them it noticed that their mean has changed.

    Raises:
        ConfigurationError: the extra ``streams`` is not installed.
    """

    def __init__(self) -> None:
        if find_spec("river") is None:
            raise ConfigurationError("detectors of changes need river: pip install 'alframe[streams]'")

    @abstractmethod
    def __call__(self, values: Iterable[float]) -> list[int]:
        """The index of each value, oldest first, that raised an alarm; a detector starts afresh after each."""


class Adwin(Detector):
    """Compares the halves of a window that grows until they differ (Bifet & Gavalda 2007).

    Args:
        delta: how probable a false alarm is at each check, in (0, 1), for values between 0 and 1.
        clock: checks after so many values; lower is quicker and slower to compute.
        direction: of the changes that matter.

    Source: Bifet & Gavalda, "Learning from time-changing data with adaptive windowing", SDM 2007.
    """

    def __init__(self, *, delta: float = 0.002, clock: int = 32, direction: Direction = "both") -> None:
        super().__init__()
        if not 0 < delta < 1:
            raise ConfigurationError(f"delta must lie between 0 and 1, got {delta}")
        if clock < 1:
            raise ConfigurationError(f"clock must be at least 1, got {clock}")
        self._delta, self._clock, self._direction = delta, clock, direction

    def __call__(self, values: Iterable[float]) -> list[int]:
        """Alarms in the wanted direction: that of the window's mean when its older part is dropped."""
        from river.drift import ADWIN

        detector: Any = ADWIN(delta=self._delta, clock=self._clock)
        alarms = []
        for index, value in enumerate(values):
            before = detector.estimation
            detector.update(value)
            fell = detector.estimation < before
            if detector.drift_detected and self._direction in ("both", "down" if fell else "up"):
                alarms.append(index)
        return alarms


class PageHinkley(Detector):
    """Adds up how far values are from the mean so far, and notices when the sum has come far (Page 1954).

    Args:
        slack: changes smaller than this are passed over, in the unit of the values.
        threshold: how far the sum has to come, in the same unit; higher means fewer false alarms and later ones.
        minimum: no alarm before so many values.
        direction: of the changes that matter.

    Source: Page, "Continuous inspection schemes", Biometrika 41, 1954.
    """

    def __init__(
        self, *, slack: float = 0.005, threshold: float = 50.0, minimum: int = 30, direction: Direction = "both"
    ) -> None:
        super().__init__()
        for name, value in (("slack", slack), ("threshold", threshold)):
            if not 0 <= value < float("inf"):
                raise ConfigurationError(f"{name} must be finite and not negative, got {value}")
        if minimum < 1:
            raise ConfigurationError(f"minimum must be at least 1, got {minimum}")
        self._slack, self._threshold, self._minimum, self._direction = slack, threshold, minimum, direction

    def __call__(self, values: Iterable[float]) -> list[int]:
        """Alarms in the wanted direction."""
        from river.drift import PageHinkley as Sums

        detector: Any = Sums(
            delta=self._slack, threshold=self._threshold, min_instances=self._minimum, mode=self._direction
        )
        alarms = []
        for index, value in enumerate(values):
            detector.update(value)
            if detector.drift_detected:
                alarms.append(index)
        return alarms

"""Is a challenger better, worse, or can that not be told?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import bootstrap_interval, samples_needed
from alframe.types import Check, Estimate, Floats, Verdict

FEWEST = 30
"""Samples; of fewer a bootstrap knows too little of what it draws from."""

POWER = 0.8
"""How probable it has to be that as many samples as are said to be needed tell."""


@dataclass(frozen=True)
class Rule:
    """How a difference, challenger less champion, is judged by its bootstrap interval.

    If the interval lies above ``-margin``, the challenger is better, or with a margin: not worse by more than that. If
    it lies below, the challenger is worse. Else nothing can be told.

    Attributes:
        margin: how much worse a challenger may be; 0 if it has to be better.
        confidence: coverage of the two-sided interval, in (0, 1).
        resamples: how often the samples are drawn.
    """

    margin: float = 0.0
    confidence: float = 0.95
    resamples: int = 9999

    def __post_init__(self) -> None:
        """Refuse what no difference can be judged by."""
        if not 0 <= self.margin < math.inf:
            raise ConfigurationError(f"margin must be a number from 0 up, got {self.margin}")
        if not 0 < self.confidence < 1:
            raise ConfigurationError(f"confidence must lie between 0 and 1, got {self.confidence}")
        if self.resamples < 100:
            raise ConfigurationError(f"resamples must be at least 100, got {self.resamples}")

    def judge(
        self,
        metric: str,
        challenger: Callable[[Floats], Floats],
        champion: Callable[[Floats], Floats],
        count: int,
        rng: np.random.Generator,
    ) -> Comparison:
        """Compare two on the same samples.

        Args:
            metric: its name.
            challenger: its metric, (B, N) counts of each sample -> (B,); higher is better.
            champion: likewise.
            count: N.
            rng: draws the samples.
        """
        ones = np.ones((1, count))
        ours, theirs = float(challenger(ones)[0]), float(champion(ones)[0])
        found = Estimate(ours - theirs, math.nan, math.nan, math.nan)
        if count >= FEWEST:
            found = bootstrap_interval(
                lambda counts: challenger(counts) - champion(counts),
                count,
                confidence=self.confidence,
                resamples=self.resamples,
                rng=rng,
            )
        verdict = self._verdict(found)
        needed = self._needed(found, count) if verdict == "inconclusive" else None
        note = f"{metric} {ours:.4f} against the champion's {theirs:.4f}: {self._note(found, verdict, count, needed)}"
        interval = None if math.isnan(found.low) else (found.low, found.high)
        check = Check(metric, verdict == "better", _known(theirs), _known(ours), -self.margin, interval, note)
        return Comparison(check, verdict, needed)

    def _verdict(self, found: Estimate) -> Verdict:
        if found.low > -self.margin:
            return "better"
        return "worse" if found.high < -self.margin else "inconclusive"

    def _needed(self, found: Estimate, count: int) -> int | None:
        """How many samples would tell with the power ``POWER``, if the difference is what it seems."""
        if count < FEWEST:
            return FEWEST
        if math.isnan(found.low):
            return None
        difference = found.value + self.margin
        needed = samples_needed(difference, found.standard_error, count, confidence=self.confidence, power=POWER)
        return None if needed is None else max(needed, count + 1)

    def _note(self, found: Estimate, verdict: Verdict, count: int, needed: int | None) -> str:
        if math.isnan(found.low):
            return f"too little to compare on {count:,} samples"
        limit = f"{self.margin:g}"
        says = {
            "better": "is an improvement" if self.margin == 0 else f"is at worst {limit} worse",
            "worse": "is a loss" if self.margin == 0 else f"is a loss of more than {limit}",
            "inconclusive": "cannot be told from none" if self.margin == 0 else f"may be a loss of {limit}, or less",
        }
        note = (
            f"a difference of {found.value:+.4f} ({100 * self.confidence:g} % interval {found.low:+.4f} to "
            f"{found.high:+.4f}, {count:,} samples) {says[verdict]}"
        )
        if needed is not None:
            note += f"; if it is what it seems, about {_rounded(needed - count):,} more would tell"
        return note


@dataclass(frozen=True)
class Comparison:
    """What came of a comparison.

    Attributes:
        check: the figures.
        verdict: the challenger is better, worse, or that cannot be told.
        needed: how many samples would tell, by estimate, where they were too few; ``None`` otherwise.
    """

    check: Check
    verdict: Verdict
    needed: int | None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _rounded(count: int) -> int:
    """To two digits, upwards: an estimate."""
    unit: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // unit) * unit

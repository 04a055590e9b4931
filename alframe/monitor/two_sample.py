"""Two-sample tests: how probable is the difference between reference and window without any drift?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional import (
    domain_classifier,
    kolmogorov_smirnov,
    maximum_mean_discrepancy,
    population_stability,
    smallest_p_value,
)
from alframe.functional.drift.marginals import Correction
from alframe.monitor.base import Monitor
from alframe.types import Drift, Need, Predictions


class TwoSampleTest(Monitor):
    """A test that has a p-value, for predictions of one kind.

    Args:
        level: the share of windows without drift that may be reported, in (0, 1).
        minimum: of reference and window, so many samples each; with fewer nothing is tested, and the result's
            ``details`` have the ``minimum``.
    """

    def __init__(self, *, level: float = 0.05, minimum: int = 20) -> None:
        check_level(level)
        if minimum < 2:
            raise ConfigurationError(f"minimum must be at least 2, got {minimum}")
        self.level = level
        self._minimum = minimum

    def compare(self, reference: Predictions, window: Predictions, rng: np.random.Generator) -> Drift:
        """Test the window, if there are samples enough."""
        samples = (len(reference), len(window))
        if min(samples) < self._minimum:
            return Drift(self.name, False, 0.0, self.level, None, samples, {"minimum": self._minimum})
        statistic, p_value, details = self.test(self._read(reference), self._read(window), rng)
        drifted = p_value <= self.level and self.matters(statistic)
        return Drift(self.name, drifted, statistic, self.level, p_value, samples, details)

    @abstractmethod
    def test(
        self, reference: NDArray[Any], window: NDArray[Any], rng: np.random.Generator
    ) -> tuple[float, float, Mapping[str, float]]:
        """Statistic, p-value and figures worth keeping, of the arrays that ``needs`` names, (N, ...), (M, ...)."""

    def matters(self, statistic: float) -> bool:  # noqa: ARG002 (to most tests whatever is no chance matters)
        """Whether a difference of this size would be called drift if it is no chance."""
        return True

    def _read(self, predictions: Predictions) -> NDArray[Any]:
        (need,) = self.needs
        array: NDArray[Any] | None = getattr(predictions, need)
        if array is None or len(array) != len(predictions):
            raise InvalidInput(f"the monitor {self.name} reads {need}, one row per sample, which were not predicted")
        return array


class KolmogorovSmirnov(TwoSampleTest):
    """Finds single dimensions of the embeddings whose distribution has changed (Rabanser et al. 2019).

    Args:
        level: the share of windows without drift that may be reported, in (0, 1).
        correction: for testing all dimensions: ``bonferroni`` holds whatever their dependence,
            ``benjamini_hochberg`` sees more where many dimensions move a little.
        minimum: of reference and window, so many samples each.
    """

    name = "kolmogorov_smirnov"
    needs: frozenset[Need] = frozenset({"embeddings"})

    def __init__(self, *, level: float = 0.05, correction: Correction = "bonferroni", minimum: int = 20) -> None:
        super().__init__(level=level, minimum=minimum)
        self._correction: Correction = correction

    def test(
        self,
        reference: NDArray[Any],
        window: NDArray[Any],
        rng: np.random.Generator,  # noqa: ARG002 (nothing is left to chance)
    ) -> tuple[float, float, Mapping[str, float]]:
        """The largest of the statistics, and its dimension; the smallest p-value, corrected."""
        statistics, p_values = kolmogorov_smirnov(reference, window)
        details = {"dimensions": len(p_values), "dimension": int(statistics.argmax())}
        return float(statistics.max()), smallest_p_value(p_values, self._correction), details


class MaximumMeanDiscrepancy(TwoSampleTest):
    """Finds any difference between embeddings, all dimensions at once, through a kernel (Gretton et al. 2012).

    Args:
        level: the share of windows without drift that may be reported, in (0, 1).
        permutations: how often sides are drawn anew; a p-value is at least 1 / (permutations + 1).
        minimum: of reference and window, so many samples each.
    """

    name = "maximum_mean_discrepancy"
    needs: frozenset[Need] = frozenset({"embeddings"})

    def __init__(self, *, level: float = 0.05, permutations: int = 500, minimum: int = 20) -> None:
        super().__init__(level=level, minimum=minimum)
        self._permutations, self.least_p_value = permutations, _least(permutations, level)

    def test(
        self, reference: NDArray[Any], window: NDArray[Any], rng: np.random.Generator
    ) -> tuple[float, float, Mapping[str, float]]:
        """The squared discrepancy, unbiased: about zero without drift."""
        statistic, p_value = maximum_mean_discrepancy(reference, window, permutations=self._permutations, rng=rng)
        return statistic, p_value, {"permutations": self._permutations}


class DomainClassifier(TwoSampleTest):
    """Finds what a plane through the embeddings can tell apart (Lopez-Paz & Oquab 2017).

    Its statistic is the area under the ROC curve on samples that the plane was not fitted to.

    Args:
        level: the share of windows without drift that may be reported, in (0, 1).
        minimum: of reference and window, so many samples each; half of them fit the plane and half test it.
    """

    name = "domain_classifier"
    needs: frozenset[Need] = frozenset({"embeddings"})

    def test(
        self, reference: NDArray[Any], window: NDArray[Any], rng: np.random.Generator
    ) -> tuple[float, float, Mapping[str, float]]:
        """The area: one half without drift."""
        return *domain_classifier(reference, window, rng=rng), {}


class PopulationStability(TwoSampleTest):
    """Finds predicted classes that have become more or less frequent.

    Two things have to be so: the index reaches ``limit``, so that the change is large enough to matter, and its p-value
    the level, so that it is no chance. In small windows the second decides, since chance alone exceeds the usual limits
    there; in large ones the first.

    Args:
        level: the share of windows without drift that may be reported, in (0, 1).
        limit: the least index that matters; 0.2 is what credit scoring has long called a large change.
        permutations: how often sides are drawn anew; a p-value is at least 1 / (permutations + 1).
        minimum: of reference and window, so many samples each.
    """

    name = "population_stability"
    needs: frozenset[Need] = frozenset({"probs"})

    def __init__(self, *, level: float = 0.05, limit: float = 0.2, permutations: int = 1000, minimum: int = 20) -> None:
        super().__init__(level=level, minimum=minimum)
        if not 0 <= limit < np.inf:
            raise ConfigurationError(f"limit must be finite and not negative, got {limit}")
        self._limit = limit
        self._permutations, self.least_p_value = permutations, _least(permutations, level)

    def test(
        self, reference: NDArray[Any], window: NDArray[Any], rng: np.random.Generator
    ) -> tuple[float, float, Mapping[str, float]]:
        """The index, in nats."""
        counts = (np.bincount(probs.argmax(axis=1), minlength=probs.shape[1]) for probs in (reference, window))
        index, p_value = population_stability(*counts, permutations=self._permutations, rng=rng)
        return index, p_value, {"limit": self._limit, "permutations": self._permutations}

    def matters(self, statistic: float) -> bool:
        """Whether the index reaches the limit."""
        return statistic >= self._limit


def check_level(level: float) -> None:
    """Refuse what is no share of windows."""
    if not 0 < level < 1:
        raise ConfigurationError(f"level must lie between 0 and 1, got {level}")


def _least(permutations: int, level: float) -> float:
    """The smallest p-value that so many permutations can give, if it is within the level."""
    least = 1 / (permutations + 1) if permutations > 0 else 1.0
    if least > level:
        raise ConfigurationError(
            f"{permutations} permutations show no p-value under {least:.2g}, and the level is {level:g}: "
            f"make permutations at least {int(np.ceil(1 / level)) - 1}"
        )
    return least

"""Several monitors that together keep one level."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from alframe.errors import ConfigurationError
from alframe.monitor.base import Monitor
from alframe.monitor.two_sample import check_level
from alframe.types import Drift, Need, Predictions


class AnyOf(Monitor):
    """Finds drift where one of several monitors does, at a level that holds for all together.

    The p-value of each is multiplied by how many there are (Bonferroni), whatever their dependence. A monitor's own
    level counts where that is stricter. The statistic is how many found drift; the ``details`` have the figures of
    each, by its name.

    Args:
        monitors: by names that the command line uses.
        level: the share of windows without drift that may be reported by any of them, in (0, 1).
    """

    name = "any_of"

    def __init__(self, *, monitors: Mapping[str, Monitor], level: float = 0.05) -> None:
        if not monitors:
            raise ConfigurationError(
                "monitors is empty: add one, as by +monitor@monitor.monitors.NAME=domain_classifier"
            )
        check_level(level)
        for name, monitor in monitors.items():
            if monitor.least_p_value * len(monitors) > level:
                raise ConfigurationError(
                    f"{name} shows no p-value under {monitor.least_p_value:.2g}, and one of {len(monitors)} monitors "
                    f"needs {level / len(monitors):.2g}: raise its permutations"
                )
        self._monitors, self._level = monitors, level
        self.needs: frozenset[Need] = frozenset().union(*(monitor.needs for monitor in monitors.values()))

    def compare(self, reference: Predictions, window: Predictions, rng: np.random.Generator) -> Drift:
        """Ask each of them; a monitor without p-value is believed."""
        details: dict[str, float] = {}
        corrected, count = [], 0
        for name, monitor in self._monitors.items():
            found = monitor.compare(reference, window, rng)
            details |= {f"{name}.{key}": value for key, value in found.details.items()}
            details |= {f"{name}.statistic": found.statistic}
            p_value = None if found.p_value is None else min(1.0, len(self._monitors) * found.p_value)
            if p_value is not None:
                details |= {f"{name}.p_value": p_value}
                corrected.append(p_value)
            count += found.drifted and (p_value is None or p_value <= self._level)
        samples = (len(reference), len(window))
        return Drift(self.name, count > 0, count, self._level, min(corrected, default=None), samples, details)

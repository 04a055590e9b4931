"""A pool that comes group by group."""

from __future__ import annotations

import numpy as np

from alframe.candidates.base import Candidates, Situation
from alframe.data import ImageData
from alframe.errors import ConfigurationError
from alframe.types import Positions


class NextGroup(Candidates):
    """The source's groups one after the other, in alphabetical order: round r looks at the r-th alone.

    So a run is a stream of tasks, sites or days. After the last group a round looks at whatever is unlabelled.
    """

    from_the_start = True
    strict = True

    def check(self, data: ImageData) -> None:
        """Refuse a source that has nothing to come one after the other.

        Raises:
            ConfigurationError: it has fewer than two groups of samples to label.
        """
        if (count := len(_groups(data))) < 2:
            raise ConfigurationError(
                f"candidates=next_group looks at one group after the other, and {data.source.name} has {count}: choose "
                "a source with groups, such as data=split_digits"
            )

    def _find(self, situation: Situation) -> Positions:
        groups = _groups(situation.data)
        if situation.round >= len(groups):
            return situation.unlabelled
        of_unlabelled = situation.data.source.table.groups[situation.unlabelled]
        found: Positions = situation.unlabelled[of_unlabelled == groups[situation.round]]
        return found


def _groups(data: ImageData) -> list[str]:
    """The names of the groups that have a sample to label."""
    table = data.source.table
    return [name for name in np.unique(table.groups[~table.held_out]).tolist() if name]

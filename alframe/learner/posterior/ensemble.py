"""Several networks, one draw each."""

from __future__ import annotations

from alframe.errors import ConfigurationError
from alframe.learner.posterior.base import Posterior


class Ensemble(Posterior):
    """Networks trained from different initial weights (Lakshminarayanan et al. 2017), one draw each.

    They are trained side by side on the same batches; Fort et al. 2019 find that the initial weights, not the order
    of the data, make the members differ.

    Args:
        members: T.
    """

    def __init__(self, members: int = 5) -> None:
        if members < 2:
            raise ConfigurationError(f"an ensemble needs at least 2 members, got learner.posterior.members={members}")
        self.members = members

"""What arrived in a pool while its champion was at work."""

from __future__ import annotations

import numpy as np

from alframe.candidates.base import Candidates, Situation
from alframe.types import Positions


class Arrived(Candidates):
    """The samples that came after the champion was trained; everything where none did.

    Where fewer came than a round may ask for, the rest is drawn at random from the others.
    """

    def _find(self, situation: Situation) -> Positions:
        since: Positions = situation.unlabelled[situation.unlabelled >= situation.known]
        return since if len(since) else np.asarray(situation.unlabelled)

"""Which part of a pool a round looks at.

All of it, a random part, what has arrived by then, what lies near the labelled, a proxy's shortlist.
"""

from alframe.candidates.arrived import Arrived
from alframe.candidates.base import Candidates, Situation
from alframe.candidates.nearest import NearestLabelled
from alframe.candidates.proxy import ProxyShortlist
from alframe.candidates.simple import RandomSubset, WholePool

__all__ = ["Arrived", "Candidates", "NearestLabelled", "ProxyShortlist", "RandomSubset", "Situation", "WholePool"]

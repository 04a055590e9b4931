"""Which part of a pool a round looks at.

All of it, a random part, what arrived, one group after the other, what lies near the labelled, a proxy's shortlist.
"""

from alframe.candidates.arrived import Arrived
from alframe.candidates.base import Candidates, Situation
from alframe.candidates.nearest import NearestLabelled
from alframe.candidates.next_group import NextGroup
from alframe.candidates.proxy import ProxyShortlist
from alframe.candidates.simple import RandomSubset, WholePool

__all__ = [
    "Arrived",
    "Candidates",
    "NearestLabelled",
    "NextGroup",
    "ProxyShortlist",
    "RandomSubset",
    "Situation",
    "WholePool",
]

"""Points that stand for the others: each pool point is near one that was chosen."""

from __future__ import annotations

from alframe.functional.coverage.facility_location import facility_location
from alframe.functional.coverage.herding import max_herding, separation
from alframe.functional.coverage.k_center import k_center_greedy, k_center_two_level
from alframe.functional.coverage.k_means import k_means
from alframe.functional.coverage.prob_cover import prob_cover, purity_radius
from alframe.functional.coverage.radius import coverage_radius
from alframe.functional.coverage.typiclust import typiclust

__all__ = [
    "coverage_radius",
    "facility_location",
    "k_center_greedy",
    "k_center_two_level",
    "k_means",
    "max_herding",
    "prob_cover",
    "purity_radius",
    "separation",
    "typiclust",
]

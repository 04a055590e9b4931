"""Points that stand for the others: each pool point is near one that was chosen."""

from __future__ import annotations

from alframe.functional.coverage.k_center import k_center_greedy
from alframe.functional.coverage.radius import coverage_radius

__all__ = ["coverage_radius", "k_center_greedy"]

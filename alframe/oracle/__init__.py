"""Who knows the labels: ask for them, and collect them when they come."""

from alframe.oracle.base import Oracle
from alframe.oracle.noisy import Noisy
from alframe.oracle.simulated import Simulated
from alframe.oracle.waiting import wait

__all__ = ["Noisy", "Oracle", "Simulated", "wait"]

"""When is the next cycle due?"""

from alframe.trigger.base import Signals, Trigger
from alframe.trigger.combination import AllOf, AnyOf
from alframe.trigger.log import Evaluated, TriggerLog, settle
from alframe.trigger.occasions import Arrivals, Manual, NewLabels, Schedule
from alframe.trigger.quality import DriftFound, MetricDrop, MetricShift, Stagnation
from alframe.trigger.restraint import Cooldown, Hysteresis

__all__ = [
    "AllOf",
    "AnyOf",
    "Arrivals",
    "Cooldown",
    "DriftFound",
    "Evaluated",
    "Hysteresis",
    "Manual",
    "MetricDrop",
    "MetricShift",
    "NewLabels",
    "Schedule",
    "Signals",
    "Stagnation",
    "Trigger",
    "TriggerLog",
    "settle",
]

"""When is the next cycle due?"""

from alframe.trigger.base import Signals, Trigger
from alframe.trigger.log import Evaluated, TriggerLog

__all__ = ["Evaluated", "Signals", "Trigger", "TriggerLog"]

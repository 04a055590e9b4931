"""May the challenger replace the champion?"""

from alframe.gate.base import Gate, Open, Trial

__all__ = ["Gate", "Open", "Trial"]

"""May the challenger replace the champion?"""

from alframe.gate.base import Gate, Open, Trial
from alframe.gate.comparison import Comparison, Rule
from alframe.gate.limits import Limits
from alframe.gate.paired_bootstrap import PairedBootstrap

__all__ = ["Comparison", "Gate", "Limits", "Open", "PairedBootstrap", "Rule", "Trial"]

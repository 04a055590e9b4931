"""May the challenger replace the champion?"""

from alframe.gate.base import Gate, Open, Trial
from alframe.gate.canary import CanaryRecord, Rollout, Stage, begin_rollout, continue_rollout
from alframe.gate.comparison import Comparison, Rule
from alframe.gate.limits import Limits
from alframe.gate.paired_bootstrap import PairedBootstrap
from alframe.gate.recorded import Recorded, read_predictions

__all__ = [
    "CanaryRecord",
    "Comparison",
    "Gate",
    "Limits",
    "Open",
    "PairedBootstrap",
    "Recorded",
    "Rollout",
    "Rule",
    "Stage",
    "Trial",
    "begin_rollout",
    "continue_rollout",
    "read_predictions",
]

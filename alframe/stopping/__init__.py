"""Rules that say when to stop asking for labels; they combine."""

from alframe.stopping.agreement import ClassificationChange, StabilisingPredictions
from alframe.stopping.base import Never, StoppingRule
from alframe.stopping.combination import AllOf, AnyOf
from alframe.stopping.goals import LabelBudget, TargetMetric
from alframe.stopping.uncertainty import MinimumExpectedGain, OverallUncertainty

__all__ = [
    "AllOf",
    "AnyOf",
    "ClassificationChange",
    "LabelBudget",
    "MinimumExpectedGain",
    "Never",
    "OverallUncertainty",
    "StabilisingPredictions",
    "StoppingRule",
    "TargetMetric",
]

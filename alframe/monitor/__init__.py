"""Is what arrives still what the model was made for?"""

from alframe.monitor.base import Monitor
from alframe.monitor.combination import AnyOf
from alframe.monitor.streams import Adwin, Detector, PageHinkley
from alframe.monitor.two_sample import (
    DomainClassifier,
    KolmogorovSmirnov,
    MaximumMeanDiscrepancy,
    PopulationStability,
    TwoSampleTest,
)

__all__ = [
    "Adwin",
    "AnyOf",
    "Detector",
    "DomainClassifier",
    "KolmogorovSmirnov",
    "MaximumMeanDiscrepancy",
    "Monitor",
    "PageHinkley",
    "PopulationStability",
    "TwoSampleTest",
]

"""Do two sets of samples come from the same distribution, and if not, which samples differ?"""

from alframe.functional.drift.classes import population_stability
from alframe.functional.drift.classifier import domain_classifier, drift_scores
from alframe.functional.drift.kernel import maximum_mean_discrepancy
from alframe.functional.drift.marginals import kolmogorov_smirnov, smallest_p_value
from alframe.functional.drift.query import drifted

__all__ = [
    "domain_classifier",
    "drift_scores",
    "drifted",
    "kolmogorov_smirnov",
    "maximum_mean_discrepancy",
    "population_stability",
    "smallest_p_value",
]

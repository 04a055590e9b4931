"""Where a detector's draws come from."""

from alframe.learner.detection.posterior.base import DetectionDraws, DetectionPosterior, Found
from alframe.learner.detection.posterior.ensemble import Ensemble
from alframe.learner.detection.posterior.mc_dropout import MCDropout, PointEstimate
from alframe.learner.detection.posterior.views import Flips, Noise

__all__ = ["DetectionDraws", "DetectionPosterior", "Ensemble", "Flips", "Found", "MCDropout", "Noise", "PointEstimate"]

"""Where posterior draws come from: a single network, MC dropout, an ensemble."""

from alframe.learner.posterior.base import Draws, HeadDraws, PointEstimate, Posterior
from alframe.learner.posterior.ensemble import Ensemble
from alframe.learner.posterior.laplace import LastLayerLaplace
from alframe.learner.posterior.mc_dropout import MCDropout, ThinnedHead

__all__ = [
    "Draws",
    "Ensemble",
    "HeadDraws",
    "LastLayerLaplace",
    "MCDropout",
    "PointEstimate",
    "Posterior",
    "ThinnedHead",
]

"""Where posterior draws come from: networks, masks, weights or views, each behind the same ``Draws``."""

from alframe.learner.posterior.augmented_views import AugmentedViews, ViewDraws
from alframe.learner.posterior.base import Draws, HeadDraws, LastLayerDraws, PointEstimate, Posterior
from alframe.learner.posterior.ensemble import Ensemble, StackedDraws
from alframe.learner.posterior.evidential import Evidential
from alframe.learner.posterior.laplace import LastLayerLaplace
from alframe.learner.posterior.mc_dropout import MCDropout, StageDraws, ThinnedHead
from alframe.learner.posterior.snapshot import SnapshotEnsemble

__all__ = [
    "AugmentedViews",
    "Draws",
    "Ensemble",
    "Evidential",
    "HeadDraws",
    "LastLayerDraws",
    "LastLayerLaplace",
    "MCDropout",
    "PointEstimate",
    "Posterior",
    "SnapshotEnsemble",
    "StackedDraws",
    "StageDraws",
    "ThinnedHead",
    "ViewDraws",
]

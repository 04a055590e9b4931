"""Lightning modules that turn images into predictions: backbones, heads, posteriors."""

from alframe.learner.backbone import Backbone
from alframe.learner.base import Learner, Penalty
from alframe.learner.classifier import Classifier
from alframe.learner.detection import Detector
from alframe.learner.distributed import Relay, Unreadable
from alframe.learner.network import Network
from alframe.learner.pixels import pixel_embeddings
from alframe.learner.posterior import (
    AugmentedViews,
    Draws,
    Ensemble,
    Evidential,
    LastLayerLaplace,
    MCDropout,
    PointEstimate,
    Posterior,
    SnapshotEnsemble,
)
from alframe.learner.segmentation import Segmenter
from alframe.learner.small_cnn import SmallCNN
from alframe.learner.torchvision_backbone import TorchvisionBackbone
from alframe.learner.trainer import Advance, interruptible, processes_of, quiet_trainer, torch_seed
from alframe.learner.weights import load_weights, save_weights

__all__ = [
    "Advance",
    "AugmentedViews",
    "Backbone",
    "Classifier",
    "Detector",
    "Draws",
    "Ensemble",
    "Evidential",
    "LastLayerLaplace",
    "Learner",
    "MCDropout",
    "Network",
    "Penalty",
    "PointEstimate",
    "Posterior",
    "Relay",
    "Segmenter",
    "SmallCNN",
    "SnapshotEnsemble",
    "TorchvisionBackbone",
    "Unreadable",
    "interruptible",
    "load_weights",
    "pixel_embeddings",
    "processes_of",
    "quiet_trainer",
    "save_weights",
    "torch_seed",
]

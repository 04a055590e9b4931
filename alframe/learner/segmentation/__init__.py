"""The segmenter: the class of every pixel, under draws that share all of a network but its last block."""

from alframe.learner.segmentation.draws import ChannelMasks, Draws, FlipDraws, LastBlockDraws
from alframe.learner.segmentation.network import SegmentationNetwork, Thin, Trunk, keep_all
from alframe.learner.segmentation.posterior import Ensemble, Flips, MCDropout, PointEstimate, Posterior
from alframe.learner.segmentation.segmenter import Segmenter
from alframe.learner.segmentation.torchvision_networks import FCN, LRASPP, DeepLabV3
from alframe.learner.segmentation.unet import UNet

__all__ = [
    "FCN",
    "LRASPP",
    "ChannelMasks",
    "DeepLabV3",
    "Draws",
    "Ensemble",
    "FlipDraws",
    "Flips",
    "LastBlockDraws",
    "MCDropout",
    "PointEstimate",
    "Posterior",
    "SegmentationNetwork",
    "Segmenter",
    "Thin",
    "Trunk",
    "UNet",
    "keep_all",
]

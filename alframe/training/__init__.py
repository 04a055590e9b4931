"""Fit a learner to the labels at hand: from scratch, or on from the champion."""

from alframe.training.base import Training
from alframe.training.dark_experience import DarkExperience
from alframe.training.distillation import Distillation
from alframe.training.fine_tune import FineTune
from alframe.training.from_scratch import FromScratch
from alframe.training.regularizer import Regularizer

__all__ = ["DarkExperience", "Distillation", "FineTune", "FromScratch", "Regularizer", "Training"]

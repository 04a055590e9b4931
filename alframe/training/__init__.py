"""Fit a learner to the labels at hand."""

from alframe.training.base import Training
from alframe.training.from_scratch import FromScratch

__all__ = ["FromScratch", "Training"]

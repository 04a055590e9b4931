"""Passes of a learner over a pool: in memory, or block by block to files of any size."""

from alframe.scoring.predict import Pace, Sink, concatenate, head_of, predict, predict_batch, stream

__all__ = ["Pace", "Sink", "concatenate", "head_of", "predict", "predict_batch", "stream"]

"""Passes of a learner over a pool: in memory, or block by block to files of any size."""

from alframe.scoring.predict import Pace, Sink, concatenate, head_of, predict, predict_batch, stream
from alframe.scoring.score import Scoring, keep, score

__all__ = ["Pace", "Scoring", "Sink", "concatenate", "head_of", "keep", "predict", "predict_batch", "score", "stream"]

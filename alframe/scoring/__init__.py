"""Passes of a learner over a pool: in memory, or block by block to files of any size; here or on Ray's workers."""

from alframe.scoring.engine import Engine, Local
from alframe.scoring.needs import check_gives, check_labels, grown_for, named_needs
from alframe.scoring.predict import Pace, Pass, Sink, concatenate, head_of, predict, predict_batch, stream, were_read
from alframe.scoring.ray_engine import Ray
from alframe.scoring.score import Scoring, keep, score
from alframe.scoring.seen import seen

__all__ = [
    "Engine",
    "Local",
    "Pace",
    "Pass",
    "Ray",
    "Scoring",
    "Sink",
    "check_gives",
    "check_labels",
    "concatenate",
    "grown_for",
    "head_of",
    "keep",
    "named_needs",
    "predict",
    "predict_batch",
    "score",
    "seen",
    "stream",
    "were_read",
]

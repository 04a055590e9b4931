"""Frozen records that cross rooms.

``N`` samples, ``C`` classes, ``D`` embedding width, ``T`` draws, ``K`` detections an image at most.
"""

from alframe.types.arrays import UNLABELLED, Floats, Ids, Labels, Positions
from alframe.types.evaluation import (
    Classification,
    CurvePoint,
    Detection,
    Evaluation,
    Example,
    Reliability,
    Segmentation,
    Task,
)
from alframe.types.objects import Label, Mask, Object, Objects, Polygons, Rle, label_array
from alframe.types.predictions import Need, Predictions, Selection
from alframe.types.progress import PoolView, Preview, Progress
from alframe.types.samples import Annotation, Query, SampleTable

__all__ = [
    "UNLABELLED",
    "Annotation",
    "Classification",
    "CurvePoint",
    "Detection",
    "Evaluation",
    "Example",
    "Floats",
    "Ids",
    "Label",
    "Labels",
    "Mask",
    "Need",
    "Object",
    "Objects",
    "Polygons",
    "PoolView",
    "Positions",
    "Predictions",
    "Preview",
    "Progress",
    "Query",
    "Reliability",
    "Rle",
    "SampleTable",
    "Segmentation",
    "Selection",
    "Task",
    "label_array",
]

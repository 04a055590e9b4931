"""Frozen records that cross rooms.

``N`` samples, ``C`` classes, ``D`` embedding width, ``T`` draws, ``K`` detections an image at most.
"""

from alframe.types.arrays import UNLABELLED, Floats, Ids, Labels, Positions
from alframe.types.consensus import (
    AnnotatorSignals,
    Consensus,
    LabelErrors,
    LabelWorth,
    ObjectConsensus,
    PairwiseAgreement,
    Signal,
)
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
from alframe.types.events import Event
from alframe.types.objects import Label, Mask, Object, Objects, Polygons, Rle, label_array
from alframe.types.outcomes import GATE_METRICS, Estimate, GateMetric, Outcomes
from alframe.types.people import BatchLabels, SettledLabel
from alframe.types.predictions import Need, Predictions, Selection
from alframe.types.progress import PoolView, Preview, Progress
from alframe.types.samples import Annotation, Prediction, Query, SampleTable
from alframe.types.succession import Beginning, Cause, Check, Decision, Drift, ReplayRecord, Verdict
from alframe.types.training import TrainingSet

__all__ = [
    "GATE_METRICS",
    "UNLABELLED",
    "Annotation",
    "AnnotatorSignals",
    "BatchLabels",
    "Beginning",
    "Cause",
    "Check",
    "Classification",
    "Consensus",
    "CurvePoint",
    "Decision",
    "Detection",
    "Drift",
    "Estimate",
    "Evaluation",
    "Event",
    "Example",
    "Floats",
    "GateMetric",
    "Ids",
    "Label",
    "LabelErrors",
    "LabelWorth",
    "Labels",
    "Mask",
    "Need",
    "Object",
    "ObjectConsensus",
    "Objects",
    "Outcomes",
    "PairwiseAgreement",
    "Polygons",
    "PoolView",
    "Positions",
    "Prediction",
    "Predictions",
    "Preview",
    "Progress",
    "Query",
    "Reliability",
    "ReplayRecord",
    "Rle",
    "SampleTable",
    "Segmentation",
    "Selection",
    "SettledLabel",
    "Signal",
    "Task",
    "TrainingSet",
    "Verdict",
    "label_array",
]

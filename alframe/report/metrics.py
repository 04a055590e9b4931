"""What the metrics of evaluations are called, and the targets that learning curves are measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alframe.types import Evaluation, Task


@dataclass(frozen=True)
class Metric:
    """How one metric is written.

    Attributes:
        name: in a sentence.
        title: over a chart.
        of_class: the same metric of one class, at the start of a title; empty for one that is never given by class.
        share: whether it is a share of one, and so written in per cent.
    """

    name: str
    title: str
    of_class: str = ""
    share: bool = True

    @property
    def mean(self) -> str:
        """Its mean over something, in a sentence."""
        return self.name if self.name.startswith("mean ") else f"mean {self.name}"


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("accuracy", "Accuracy on the test set", of_class="Accuracy"),
    "nll": Metric("negative log-likelihood", "Negative log-likelihood (nats)", share=False),
    "calibration_error": Metric("calibration error", "Calibration error"),
    "average_precision_50": Metric("mAP50", "mAP50: average precision at an overlap of 0.50", of_class="AP50"),
    "average_precision": Metric("mAP", "mAP: mean over overlaps of 0.50 to 0.95"),
    "average_recall": Metric("average recall", "Average recall"),
    "mean_iou": Metric("mean IoU", "Mean IoU on the test set", of_class="IoU"),
    "mean_dice": Metric("mean Dice", "Mean Dice"),
    "pixel_accuracy": Metric("pixel accuracy", "Pixel accuracy"),
}
"""Every metric of every task, by its name in ``Evaluation.metrics``."""

TARGETS: Mapping[Task, tuple[float, ...]] = {
    "classification": (0.8, 0.9, 0.95, 0.98),
    "detection": (0.5, 0.6, 0.7, 0.8),
    "segmentation": (0.5, 0.6, 0.7, 0.8),
}
"""Values of the headline metric to count labels to, where nobody asks for others."""


def headline_metric(evaluation: Evaluation) -> str:
    """The name of the metric that says most of an evaluation of this task."""
    return next(iter(evaluation.metrics))

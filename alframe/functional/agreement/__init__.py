"""How far annotators agree: on classes beyond chance, on objects by their overlap."""

from __future__ import annotations

from alframe.functional.agreement.classes import (
    class_agreement,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    pairwise_agreement,
)
from alframe.functional.agreement.objects import mean_matched_iou, object_overlaps

__all__ = [
    "class_agreement",
    "cohen_kappa",
    "fleiss_kappa",
    "krippendorff_alpha",
    "mean_matched_iou",
    "object_overlaps",
    "pairwise_agreement",
]

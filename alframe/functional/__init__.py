"""Numerics: arrays in, arrays out. Knows no model, no file, no configuration."""

from __future__ import annotations

from alframe.functional.allocation import affordable, balanced_classes, score_per_cost
from alframe.functional.calibration import (
    expected_calibration_error,
    fit_temperature,
    fit_vector_scaling,
    reliability,
)
from alframe.functional.committee import (
    REDUCTIONS,
    bald,
    batch_bald,
    consensus_kl,
    epig,
    mean_std,
    predictive_entropy,
    stochastic_batch,
    variation_ratio,
    vote_entropy,
)
from alframe.functional.comparison import (
    adjusted_p_values,
    mean_and_half_width,
    paired_p_value,
    penalty_matrix,
)
from alframe.functional.coverage import (
    coverage_radius,
    facility_location,
    k_center_greedy,
    k_center_two_level,
    k_means,
    max_herding,
    prob_cover,
    purity_radius,
    separation,
    typiclust,
)
from alframe.functional.detection import (
    average_precision,
    detected,
    detection_confusion,
    detection_quality,
    found_at_false_alarms,
)
from alframe.functional.discriminative import discriminative
from alframe.functional.error_driven import error_rate_nearby, forgetting, last_predicted, pseudo_loss
from alframe.functional.expected_change import expected_gradient_length
from alframe.functional.geometry.cosine import density, distinct, resembles
from alframe.functional.geometry.directions import unit_length
from alframe.functional.hybrid import (
    alfa_mix,
    badge,
    badge_factorised,
    bait,
    cdal,
    class_means,
    clue,
    cluster_margin,
    contrastive,
    falcun,
)
from alframe.functional.learning_curve import area_under_curve, labels_needed
from alframe.functional.randomness import derive_seed, generator
from alframe.functional.ranking import highest, rank_product
from alframe.functional.seeding import k_means_plus_plus
from alframe.functional.segmentation import pixel_confusion, pixel_dice, pixel_iou, segmented
from alframe.functional.stream import choose_from_stream
from alframe.functional.targeted import flqmi, gcmi
from alframe.functional.uncertainty import entropy, from_logits, least_confidence, margin

__all__ = [
    "REDUCTIONS",
    "adjusted_p_values",
    "affordable",
    "alfa_mix",
    "area_under_curve",
    "average_precision",
    "badge",
    "badge_factorised",
    "bait",
    "balanced_classes",
    "bald",
    "batch_bald",
    "cdal",
    "choose_from_stream",
    "class_means",
    "clue",
    "cluster_margin",
    "consensus_kl",
    "contrastive",
    "coverage_radius",
    "density",
    "derive_seed",
    "detected",
    "detection_confusion",
    "detection_quality",
    "discriminative",
    "distinct",
    "entropy",
    "epig",
    "error_rate_nearby",
    "expected_calibration_error",
    "expected_gradient_length",
    "facility_location",
    "falcun",
    "fit_temperature",
    "fit_vector_scaling",
    "flqmi",
    "forgetting",
    "found_at_false_alarms",
    "from_logits",
    "gcmi",
    "generator",
    "highest",
    "k_center_greedy",
    "k_center_two_level",
    "k_means",
    "k_means_plus_plus",
    "labels_needed",
    "last_predicted",
    "least_confidence",
    "margin",
    "max_herding",
    "mean_and_half_width",
    "mean_std",
    "paired_p_value",
    "penalty_matrix",
    "pixel_confusion",
    "pixel_dice",
    "pixel_iou",
    "predictive_entropy",
    "prob_cover",
    "pseudo_loss",
    "purity_radius",
    "rank_product",
    "reliability",
    "resembles",
    "score_per_cost",
    "segmented",
    "separation",
    "stochastic_batch",
    "typiclust",
    "unit_length",
    "variation_ratio",
    "vote_entropy",
]

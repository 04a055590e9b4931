"""What posterior draws say together: how much they disagree, about one sample, a batch, or predictions that matter."""

from __future__ import annotations

from alframe.functional.committee.batch_bald import batch_bald
from alframe.functional.committee.disagreement import (
    bald,
    consensus_kl,
    mean_std,
    predictive_entropy,
    variation_ratio,
    vote_entropy,
)
from alframe.functional.committee.epig import epig
from alframe.functional.committee.reductions import REDUCTIONS
from alframe.functional.committee.stochastic import stochastic_batch

__all__ = [
    "REDUCTIONS",
    "bald",
    "batch_bald",
    "consensus_kl",
    "epig",
    "mean_std",
    "predictive_entropy",
    "stochastic_batch",
    "variation_ratio",
    "vote_entropy",
]

"""What several annotators say of one sample, made one: classes, objects, and whom to believe."""

from __future__ import annotations

from alframe.functional.consensus.dawid_skene import dawid_skene, one_coin
from alframe.functional.consensus.majority import majority_vote
from alframe.functional.consensus.model_aided import activelab, crowdlab, label_errors
from alframe.functional.consensus.objects import consensus_boxes
from alframe.functional.consensus.signals import annotator_signals

__all__ = [
    "activelab",
    "annotator_signals",
    "consensus_boxes",
    "crowdlab",
    "dawid_skene",
    "label_errors",
    "majority_vote",
    "one_coin",
]

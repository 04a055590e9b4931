"""Why a sample comes back to the pool."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from alframe.errors import InvalidInput

Kind = Literal["feedback", "low_confidence", "gate_failure", "drift", "other"]

WEIGHTS: Mapping[Kind, float] = MappingProxyType(
    {"feedback": 1.0, "gate_failure": 1.0, "low_confidence": 0.5, "drift": 0.5, "other": 0.5}
)
"""The weight of evidence where nobody gives one: half where nobody has seen the model err."""


@dataclass(frozen=True)
class Evidence:
    """What speaks against what a model said of a sample.

    Attributes:
        kind: a user's word, a model unsure of itself, a failed gate, drift, or something else.
        weight: how much that counts for strategies, from 0 up; 1 is an error that somebody has seen.
        predicted: the class that the model gave; empty where it is not known.
        confidence: the probability that it gave that class, in [0, 1]; ``None`` where it is not known.
        model: its version; empty where it is not known.
        label: the class that somebody says is right; empty where nobody did. A simulated oracle reveals it when it is
            asked; nothing is trained on it unasked.
        comment: in words.
        captured_at: when the image was taken, in UTC; ``None`` where it is not known.

    Raises:
        InvalidInput: a weight that is negative or not finite, a confidence outside [0, 1].
    """

    kind: Kind
    weight: float
    predicted: str = ""
    confidence: float | None = None
    model: str = ""
    label: str = ""
    comment: str = ""
    captured_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        if not 0 <= self.weight < math.inf:
            raise InvalidInput(f"weight must be a number from 0 up, got {self.weight}")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise InvalidInput(f"confidence must lie in [0, 1], got {self.confidence}")

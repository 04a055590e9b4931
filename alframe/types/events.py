"""What may happen in a cycle that others want to hear of."""

from __future__ import annotations

from typing import Literal, TypeAlias

Event: TypeAlias = Literal["batch.completed", "cycle.finished", "model.promoted", "drift.detected"]
"""The labels of a batch are there; a round has ended; there is a new champion; what arrives is no longer the same."""

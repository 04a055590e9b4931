"""What became of the questions of one round, where people were asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SettledLabel:
    """How the label of one sample came to hold.

    Attributes:
        sample_id: the sample.
        version: of its label, from 1.
        source: ``consensus``, ``review``, ``auto``, ``import``, ``feedback`` or ``rule``.
        settled_by: names.
        agreement: how far people agreed, in [0, 1]; ``None`` where that says nothing.
    """

    sample_id: str
    version: int
    source: str
    settled_by: str
    agreement: float | None


@dataclass(frozen=True)
class BatchLabels:
    """The labels that a round collected.

    Attributes:
        round: that asked.
        labels: those that came.
    """

    round: int
    labels: tuple[SettledLabel, ...]

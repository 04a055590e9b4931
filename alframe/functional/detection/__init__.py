"""Boxes: what a detector found, and which boxes speak of the same object."""

from __future__ import annotations

from alframe.functional.detection.found import detected

__all__ = [
    "detected",
]

"""Predictions as an uncompressed .npz file, read without unpickling."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from alframe.types import Predictions


def save_predictions(path: Path, predictions: Predictions) -> None:
    """Write the arrays that there are."""
    arrays = {field.name: getattr(predictions, field.name) for field in fields(predictions)}
    np.savez(path, **{name: values for name, values in arrays.items() if values is not None})


def load_predictions(path: Path) -> Predictions:
    """Read what ``save_predictions`` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return Predictions(**arrays)

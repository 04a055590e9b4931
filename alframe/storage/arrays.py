"""Records of arrays as uncompressed .npz files, read without unpickling."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record")


def save_arrays(path: Path, record: DataclassInstance) -> None:
    """Write the fields of a dataclass that are not ``None``."""
    arrays = {field.name: getattr(record, field.name) for field in fields(record)}
    np.savez(path, **{name: values for name, values in arrays.items() if values is not None})


def load_arrays(path: Path, kind: type[Record]) -> Record:
    """Read what ``save_arrays`` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return kind(**{name: values if values.ndim else values.item() for name, values in arrays.items()})

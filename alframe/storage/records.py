"""Frozen records as JSON files, checked field by field when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from alframe.errors import RunConflict

Record = TypeVar("Record")


def save_record(path: Path, record: object) -> None:
    """Write a dataclass instance as indented JSON."""
    path.write_bytes(TypeAdapter(type(record)).dump_json(record, indent=2))


def load_record(path: Path, kind: type[Record]) -> Record:
    """Read what ``save_record`` wrote.

    Raises:
        RunConflict: the file is not a ``kind``.
    """
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except ValidationError as error:
        raise RunConflict(f"{path} does not hold a {kind.__name__}: {error}") from error

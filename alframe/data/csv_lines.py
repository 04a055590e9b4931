"""Files of comma-separated values, line by line, and the times in them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from alframe.errors import DataError


def csv_lines(
    table: Path, required: Sequence[str], known: Sequence[str] | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row of a CSV file with its line number; every column that the header names is present.

    Args:
        table: the file.
        required: columns that must be there.
        known: all that may be there; any others, which are ignored, if ``None``.

    Raises:
        DataError: no such file, not CSV in UTF-8, a header or a row that does not fit.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or ()
            if not set(required) <= set(columns):
                names = " and ".join(required)
                raise DataError(f"{table}, line 1: the header must name {names}, got {','.join(columns)!r}")
            if strangers := sorted(set(columns) - set(columns if known is None else known)):
                raise DataError(
                    f"{table}, line 1: the header names {', '.join(strangers)}; known are {', '.join(known or ())}"
                )
            for values in reader:
                if None in values or None in values.values():
                    raise DataError(f"{table}, line {reader.line_num}: expected the values {','.join(columns)}")
                yield reader.line_num, values
    except OSError as error:
        raise DataError(f"cannot open the table {table}: {error.strerror}; give the path of a CSV file") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{table} is no CSV file in UTF-8: {error}; save it as one") from error


def moment(column: str, text: str) -> datetime:
    """A moment as ISO 8601 writes it, in UTC; it is UTC where no zone is named.

    >>> moment("time", "2026-11-21T18:00:00+01:00")
    datetime.datetime(2026, 11, 21, 17, 0, tzinfo=datetime.timezone.utc)

    Args:
        column: where it stands.
        text: the moment.

    Raises:
        ValueError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{column} must be a date and time as 2026-11-21T18:00:00+01:00, got {text!r}") from None

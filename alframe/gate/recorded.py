"""What two models said of the same production samples, as it was recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alframe.data.csv_lines import csv_lines, moment
from alframe.data.formats.reading import finite
from alframe.errors import DataError
from alframe.types import Ids

SCORES = ("champion_score", "challenger_score")
ANSWERS = ("champion", "challenger")
EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Recorded:
    """How well two models did on N samples, in the order in which these came.

    Attributes:
        ids: (N,) sample ids, distinct.
        champion: (N,) scores, higher is better; NaN where nobody knows.
        challenger: (N,) likewise.
    """

    ids: Ids
    champion: NDArray[np.float64]
    challenger: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """(N,) whether both scores are known."""
        return ~np.isnan(self.champion) & ~np.isnan(self.challenger)


def read_predictions(path: Path) -> Recorded:
    """Read recorded predictions from a CSV file with a header.

    A column ``id``, and either ``champion``, ``challenger`` and ``truth``, what both said and what was right, which
    scores 1 where they are the same; or ``champion_score`` and ``challenger_score``, any number that is better the
    higher it is. A cell that is empty is not known, but where there is a truth and one of the two said something, the
    other should have, and scores 0. With a column ``time``, in ISO 8601, the samples are put in its
    order, and are otherwise in that of the file. Other columns are ignored.

    Raises:
        DataError: there is no such file, or it is not of this kind; a line that cannot be used is named.
    """
    rows = sorted(_rows(path), key=lambda row: row[0])
    ids = [name for _, name, *_ in rows]
    scores = np.array([row[2:] for row in rows], dtype=np.float64).reshape(len(rows), 2)
    return Recorded(np.array(ids, dtype=np.str_), scores[:, 0], scores[:, 1])


def _rows(path: Path) -> Iterator[tuple[datetime, str, float, float]]:
    seen: set[str] = set()
    for line, values in csv_lines(path, ("id",)):
        if not (values.keys() >= set(SCORES) or values.keys() >= set(ANSWERS)):
            raise DataError(
                f"{path}, line 1: the header must name {', '.join(ANSWERS)} and truth, or {' and '.join(SCORES)}; "
                f"got {','.join(values)!r}"
            )
        name = values["id"]
        if not name or name in seen:
            raise DataError(f"{path}, line {line}: each sample needs an id of its own, got {name!r}")
        seen.add(name)
        try:
            scores = _scores(values) if SCORES[0] in values else _agreement(values)
            time = moment("time", values["time"]) if values.get("time") else EARLIEST
        except ValueError as error:
            raise DataError(f"{path}, line {line}: {error}") from error
        yield time, name, scores[0], scores[1]


def _scores(values: Mapping[str, str]) -> list[float]:
    return [finite(values[column]) if values[column] else math.nan for column in SCORES]


def _agreement(values: Mapping[str, str]) -> list[float]:
    truth, said = values.get("truth"), [values[column] for column in ANSWERS]
    return [float(answer == truth) if truth and any(said) else math.nan for answer in said]

"""What two models said of the same production samples, as it was recorded."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alframe.errors import DataError
from alframe.types import Ids

SCORES = ("champion_score", "challenger_score")


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
    higher it is. A cell that is empty is not known. With a column ``time``, in ISO 8601, the samples are put in its
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
    for line, values in _lines(path):
        name = values["id"]
        if not name or name in seen:
            raise DataError(f"{path}, line {line}: each sample needs an id of its own, got {name!r}")
        seen.add(name)
        try:
            scores = [_number(values[column]) for column in SCORES] if SCORES[0] in values else _agreement(values)
            time = _moment(values.get("time", ""))
        except ValueError as error:
            raise DataError(f"{path}, line {line}: {error}") from error
        yield time, name, scores[0], scores[1]


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = set(reader.fieldnames or ())
            if "id" not in columns or not ({"champion", "challenger"} <= columns or set(SCORES) <= columns):
                raise DataError(
                    f"{path}, line 1: the header must name id, and champion, challenger and truth, or "
                    f"{' and '.join(SCORES)}; got {','.join(reader.fieldnames or ())!r}"
                )
            for values in reader:
                if None in values or None in values.values():
                    raise DataError(f"{path}, line {reader.line_num}: expected {len(columns)} values")
                yield reader.line_num, values
    except OSError as error:
        raise DataError(f"cannot open the predictions {path}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no CSV file in UTF-8: {error}; save it as one") from error


def _agreement(values: Mapping[str, str]) -> list[float]:
    truth = values.get("truth", "")
    said = (values["champion"], values["challenger"])
    return [float(answer == truth) if answer and truth else math.nan for answer in said]


def _number(text: str) -> float:
    value = float(text) if text else math.nan
    if text and not math.isfinite(value):
        raise ValueError(f"a score is a finite number, got {text!r}")
    return value


def _moment(text: str) -> datetime:
    """UTC where no zone is given."""
    moment = datetime.fromisoformat(text) if text else datetime.min
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

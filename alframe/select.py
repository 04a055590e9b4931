"""A batch chosen from stored predictions: another strategy over the same model costs no pass over the images."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from rich.markup import escape
from rich.table import Table

from alframe.errors import ConfigurationError
from alframe.functional import REDUCTIONS, detected
from alframe.functional.randomness import generator
from alframe.progress import console, say
from alframe.storage import ORIGIN, Origin, load_record, read_predictions, whole_file
from alframe.strategy import Strategy
from alframe.types import Need, Predictions, Selection

SHOWN = 5


@dataclass(frozen=True)
class Choice:
    """What is chosen and how: the top-level keys of ``configs/select.yaml``.

    Attributes:
        predictions: a folder that ``alframe score`` wrote.
        strategy: chooses.
        budget: how many.
        seed: of the strategy's random decisions.
        output: the CSV file to write; ``selection.csv`` in the folder if ``None``.
    """

    predictions: str
    strategy: Strategy
    budget: int
    seed: int
    output: str | None


def select(choice: Choice) -> Path:
    """Choose, write the choice as CSV, and return its path: most wanted first, with what was predicted.

    Raises:
        RunConflict: the folder holds no finished predictions, or a file of it was changed.
        ConfigurationError: the strategy reads what was not predicted.
        PoolExhausted: the budget is larger than the number of predictions.
    """
    folder = Path(choice.predictions)
    predictions = read_predictions(folder)
    classes = load_record(folder / ORIGIN, Origin).classes
    name = type(choice.strategy).__name__
    _check_needs(choice.strategy, predictions, folder)
    if choice.strategy.uses_labelled:
        say(f"[yellow]{name} also looks at what is labelled[/]; predictions do not tell, so it sees nothing labelled")
    chosen = choice.strategy.select(predictions, choice.budget, labelled=None, rng=generator(choice.seed, "select"))
    path = Path(choice.output) if choice.output else folder / "selection.csv"
    rows = list(_rows(predictions, chosen, classes))
    with whole_file(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["rank", "id"])
        writer.writeheader()
        writer.writerows(rows)
    console.print(_table(rows[:SHOWN], f"the first of {len(rows)} that {name} chose among {len(predictions)}"))
    say(f"selection: {escape(str(path))}")
    return path


def _check_needs(strategy: Strategy, predictions: Predictions, folder: Path) -> None:
    name = type(strategy).__name__
    there: set[Need] = {need for need in get_args(Need) if getattr(predictions, need) is not None}
    missing = strategy.needs - there - (REDUCTIONS.keys() if "samples" in there else set())
    if "history" in missing:
        raise ConfigurationError(
            f"{name} reads history, what the learners of earlier rounds said, which only a run has: "
            "choose another strategy here, or let alframe run choose"
        )
    if missing:
        raise ConfigurationError(
            f"{name} reads {', '.join(sorted(missing))}, and {folder} has {', '.join(sorted(there)) or 'none of it'}: "
            f"score again with needs=[{','.join(sorted(there | missing))}] and another output=..."
        )


def _rows(predictions: Predictions, chosen: Selection, classes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for number, position in enumerate(chosen.positions.tolist()):
        row: dict[str, Any] = {"rank": number + 1, "id": str(predictions.ids[position])}
        if chosen.scores is not None:
            row["score"] = float(chosen.scores[number])
        if predictions.probs is not None:
            best = int(np.argmax(predictions.probs[position]))
            row |= {"predicted": classes[best], "probability": float(predictions.probs[position, best])}
        if predictions.boxes is not None and predictions.box_probs is not None:
            found = detected(predictions.boxes[position], predictions.box_probs[position]).objects
            surest = (classes[found[0].label], found[0].score) if found else ("", 0.0)
            row |= {"detections": len(found), "predicted": surest[0], "probability": surest[1]}
        yield row


def _table(rows: list[dict[str, Any]], title: str) -> Table:
    table = Table(title=title)
    for column in rows[0] if rows else ():
        table.add_column(column)
    for row in rows:
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else escape(str(value)) for value in row.values()))
    return table

"""What a folder of predictions comes from, for people and for whoever chooses from it."""

from __future__ import annotations

from dataclasses import dataclass

ORIGIN = "origin.json"


@dataclass(frozen=True)
class Origin:
    """Where the predictions beside this record come from.

    Attributes:
        run: the folder of the run whose learner predicted.
        round: which of its learners.
        data: the name of the data source.
        classes: what the columns of ``probs`` mean.
    """

    run: str
    round: int
    data: str
    classes: tuple[str, ...]

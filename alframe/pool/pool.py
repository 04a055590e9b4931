"""The pool: every sample in exactly one state, ids translated to positions and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from alframe.errors import ConfigurationError, RunConflict
from alframe.pool.ledger import Ledger
from alframe.types import Annotation, Ids, Labels, Positions, SampleTable, label_array

UNKNOWN_LABEL = "the data source does not know its label"
"""Why a simulated oracle sets a sample aside: until somebody tells the source."""


class State(IntEnum):
    """What a sample is to the run; it is never two of these at once."""

    UNLABELLED = 0
    LABELLED = 1
    SET_ASIDE = 2
    VALIDATION = 3
    TEST = 4
    GATE = 5


class Pool:
    """The samples of a data source, as positions into its table, with states read from the ledger.

    Args:
        table: the source's samples; held-out ones are the test set.
        ledger: where labels and set-aside samples are recorded.
        validation: how many labelled training samples to hold out for early stopping and calibration; they are never
            queried.
        rng: draws them.
        gate: how many more to hold out for comparing models; they are never queried either.
        first: how many samples there were when the run began, of which both are drawn; all if ``None``.
    """

    def __init__(
        self,
        table: SampleTable,
        ledger: Ledger,
        *,
        validation: int,
        rng: np.random.Generator,
        gate: int = 0,
        first: int | None = None,
    ) -> None:
        self.table = table
        self.first = len(table) if first is None else first
        self.ledger = ledger
        self._position = {sample_id: position for position, sample_id in enumerate(table.ids.tolist())}
        self._fixed = np.where(table.held_out & table.known, State.TEST, State.UNLABELLED)
        candidates = np.flatnonzero((~table.held_out & table.known)[: self.first])
        for name, count, state in (("validation", validation, State.VALIDATION), ("gate", gate, State.GATE)):
            if not 0 <= count <= len(candidates):
                raise ConfigurationError(
                    f"cannot hold out {count} {name} samples: the training part has {len(candidates)} with a label"
                )
            drawn = rng.choice(candidates, count, replace=False)
            self._fixed[drawn] = state
            candidates = np.setdiff1d(candidates, drawn)

    def positions(self, ids: Sequence[str] | Ids) -> Positions:
        """Table positions of these ids, in that order."""
        try:
            return np.array([self._position[sample_id] for sample_id in ids], dtype=np.int64)
        except KeyError as error:
            raise RunConflict(
                f"the data source has no sample {error}: it is not the one this run began with"
            ) from error

    def states(self) -> NDArray[np.int64]:
        """The ``State`` of every sample, (N,), as the ledger has it now."""
        return self._states(self.ledger.current())

    def in_state(self, state: State) -> Positions:
        """Positions of the samples in ``state``, in table order."""
        return np.flatnonzero(self.states() == state)

    def labelled(self) -> tuple[Positions, Labels]:
        """Positions of the labelled samples in table order, and the labels that hold for them."""
        current = self.ledger.current()
        positions = np.flatnonzero(self._states(current) == State.LABELLED)
        return positions, label_array(current[sample_id].label for sample_id in self.table.ids[positions].tolist())

    def set_aside(self, reasons: Mapping[int, str], round: int) -> None:
        """Record that the samples at these positions cannot be used, each with its reason."""
        states, ids = self.states(), self.table.ids.tolist()
        self.ledger.append(
            Annotation(f"{_set_aside(round)}{ids[at]}", ids[at], None, "alframe", round, "", reason)
            for at, reason in reasons.items()
            if states[at] != State.SET_ASIDE
        )

    def _states(self, current: Mapping[str, Annotation]) -> NDArray[np.int64]:
        states = self._fixed.copy()
        if not current:
            return states
        positions = self.positions(list(current))
        labelled = np.array([annotation.label is not None for annotation in current.values()])
        held_out = labelled & (states[positions] != State.UNLABELLED)
        if held_out.any():
            sample_id = self.table.ids[positions[held_out][0]]
            raise RunConflict(f"the ledger has a label for {sample_id}, which is held out: it would leak into training")
        states[positions] = np.where(labelled, State.LABELLED, State.SET_ASIDE)
        told = [each.reason == UNKNOWN_LABEL for each in current.values()] & self.table.known[positions]
        states[positions[told]] = self._fixed[positions[told]]
        return states


def is_set_aside(annotation: Annotation, round: int) -> bool:
    """Whether an entry of the ledger is one of ``Pool.set_aside`` in ``round``."""
    return annotation.key.startswith(_set_aside(round))


def _set_aside(round: int) -> str:
    return f"set-aside/{round}/"

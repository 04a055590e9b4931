"""What a run remembers of its earlier rounds: for strategies that read history, and for stopping rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alframe.functional import entropy
from alframe.pool import Pool
from alframe.storage import Journal, load_arrays, load_record
from alframe.strategy import required
from alframe.types import UNLABELLED, CurvePoint, Ids, PoolView, Predictions, Progress, Query


@dataclass(frozen=True)
class Chronicle:
    """Reads what the steps of earlier rounds wrote; the same on a resumed run as on one that was never disturbed."""

    journal: Journal
    pool: Pool

    def views(self, rounds: int) -> tuple[PoolView, ...]:
        """What learners said of the pool in the first ``rounds`` rounds, where it was written down."""
        seen = [round for round in range(rounds) if self.journal.done(round, "view")]
        return tuple(load_arrays(self.journal.path(round, "view"), PoolView) for round in seen)

    def history(self, round: int, ids: Ids) -> NDArray[np.int64]:
        """The class that each view before ``round`` gave these samples, (N, R); ``UNLABELLED`` where it gave none."""
        views = self.views(round)
        history = np.full((len(ids), len(views)), UNLABELLED, dtype=np.int64)
        wanted = self.pool.positions(ids)
        for column, view in enumerate(views):
            classes = np.full(len(self.pool.table), UNLABELLED, dtype=np.int64)
            classes[self.pool.positions(view.ids)] = view.classes
            history[:, column] = classes[wanted]
        return history

    def progress(self, rounds: int, query: Query | None, *, with_views: bool) -> Progress:
        """How far the run had come after ``rounds`` rounds; with ``query``, when the next round was about to ask it.

        Views are as large as the pool, one for each round: they are read for rules that look at them.
        """
        annotations = self.pool.ledger.current().values()
        given = [at.sample_id for at in annotations if at.label is not None and at.round < rounds]
        return Progress(
            curve=tuple(load_record(self.journal.path(round, "evaluate"), CurvePoint) for round in range(rounds)),
            views=self.views(rounds if query is None else rounds + 1) if with_views else (),
            gain=max(query.scores) if query is not None and query.scores else None,
            labels=len(given),
            cost=float(self.pool.table.costs[self.pool.positions(given)].sum()),
        )


def view_of(round: int, predictions: Predictions) -> PoolView:
    """What is worth remembering of the predictions, with ``probs``, on the pool."""
    probs = required(predictions, "probs")
    return PoolView(round, predictions.ids, probs.argmax(axis=1), entropy(probs))

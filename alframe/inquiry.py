"""What a round asks people, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from alframe.errors import LabelsPending
from alframe.oracle import Oracle, wait
from alframe.progress import say
from alframe.steps import Steps
from alframe.storage import artefact, save_record
from alframe.types import Prediction, Predictions, Query


@dataclass(frozen=True, kw_only=True)
class Inquiry(Steps):
    """The steps ``ask`` and ``collect`` of a round.

    Attributes:
        oracle: answers.
        name: of the run.
    """

    oracle: Oracle
    name: str

    def allowed(self, unlabelled: Predictions) -> Predictions:
        """Those that may be asked for; what is withheld today may be asked for in a later round."""
        withheld = self.oracle.withheld()
        if not withheld:
            return unlabelled
        return unlabelled.take(np.flatnonzero(~np.isin(unlabelled.ids, sorted(withheld))))

    def affordable(self, round: int, planned: int) -> int:
        """How many of the labels that the plan wants people have time for."""
        wanted = self.oracle.capacity(planned)
        if wanted < planned:
            say(f"round {round:>3}   asks for {wanted} labels instead of {planned}: people have enough to do")
        return wanted

    def ask(self, query: Query, predictions: Callable[[], Mapping[str, Prediction]]) -> None:
        """Ask for the labels of a query, with what the champion says of its samples if the oracle wants that."""
        if not self.journal.done(query.round, "ask"):
            with self.journal.step(query.round, "ask"):
                self.oracle.ask(query, predictions() if self.oracle.wants_predictions else None)

    def collect(self, query: Query) -> None:
        """Write what came, and what was corrected of earlier labels, into the ledger.

        Raises:
            LabelsPending: that is not enough yet, and nobody waits for more.
        """
        if self.journal.done(query.round, "collect"):
            return
        annotations, account = wait(self.oracle, query), self.oracle.account(query)
        kept = None if account is None else artefact(query.round, "labels.json")
        with self.journal.step(query.round, "collect", kept) as path:
            self.pool.ledger.append(annotations)
            missing = set(query.ids) - {annotation.sample_id for annotation in annotations}
            if not self.oracle.satisfied(query, annotations):
                raise LabelsPending(
                    f"{len(missing)} of the {len(query.ids)} labels of round {query.round} are still to come; "
                    "give the same command again when they are there"
                )
            self.pool.ledger.append(self.oracle.corrected(self.pool.ledger.current().values()))
            labels = len(query.ids) - len(missing)
            told = {"run": self.name, "round": query.round, "asked": len(query.ids), "labels": labels}
            self.oracle.tell("batch.completed", told)
            if account is not None:
                save_record(path, account)

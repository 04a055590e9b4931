"""Two steps to a label: a simulated oracle answers at once, people take days; the cycle is the same one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from alframe.types import Annotation, BatchLabels, Event, Prediction, Query


class Oracle(ABC):
    """Answers queries. One that asks people overrides what makes a cycle wait for them, and heed them.

    Attributes:
        wants_predictions: whether ``ask`` is given what the champion says of the samples.
        poll: seconds between two looks for answers; ``None`` for one that is not waited for: what it has not answered
            when it is asked ends the command, and the same command goes on later.
    """

    wants_predictions: ClassVar[bool] = False
    poll: float | None = None

    @abstractmethod
    def ask(self, query: Query, predictions: Mapping[str, Prediction] | None = None) -> None:
        """Pass the query on and return at once; asking again for the same query changes nothing.

        Args:
            query: what is asked.
            predictions: of its samples, by id, where the oracle wants them and there are some.
        """

    @abstractmethod
    def collect(self, query: Query) -> list[Annotation]:
        """What has come in for the query so far: at most one annotation per sample, the same on every call.

        An annotation without a label says that the sample cannot be labelled, and why. The key of one that may be
        corrected later names its version.

        Raises:
            Unavailable: what holds the answers cannot be reached at the moment.
        """

    def satisfied(self, query: Query, annotations: Collection[Annotation]) -> bool:
        """Whether the round may go on with these annotations; samples without one stay unlabelled."""
        return {each.sample_id for each in annotations}.issuperset(query.ids)

    def corrected(self, annotations: Iterable[Annotation]) -> list[Annotation]:  # noqa: ARG002 (for others to heed)
        """What holds instead of ``annotations`` of earlier queries, each under a new key, where that has changed."""
        return []

    def account(self, query: Query) -> BatchLabels | None:  # noqa: ARG002 (for others to heed)
        """How the labels of a query came to hold, for the report; ``None`` where there is nothing to tell."""
        return None

    def withheld(self) -> frozenset[str]:
        """The samples that nobody may be asked about at the moment."""
        return frozenset()

    def capacity(self, wanted: int) -> int:
        """How many of the ``wanted`` labels may be asked for now, at least 1."""
        return wanted

    def tell(self, event: Event, data: Mapping[str, Any]) -> None:  # noqa: B027 (few heed it)
        """Hear of what the cycle has done, once or, after a crash, twice.

        Args:
            event: what.
            data: what there is to say of it, as plain values.
        """

    def where(self) -> str:
        """Where people answer, for those who wait; empty if nobody does."""
        return ""

    def close(self) -> None:  # noqa: B027 (few opened anything)
        """Let go of what was opened."""

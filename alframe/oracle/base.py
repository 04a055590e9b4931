"""Two steps to a label: a simulated oracle answers at once, people take days; the cycle is the same one."""

from __future__ import annotations

from abc import ABC, abstractmethod

from alframe.types import Annotation, Query


class Oracle(ABC):
    """Answers queries."""

    @abstractmethod
    def ask(self, query: Query) -> None:
        """Pass the query on and return at once; asking again for the same query changes nothing."""

    @abstractmethod
    def collect(self, query: Query) -> list[Annotation]:
        """What has come in for the query so far: at most one annotation per sample, the same on every call.

        An annotation without a label says that the sample cannot be labelled, and why.
        """

"""What happens without being asked for: complete tasks are settled, old ones escalated, events delivered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from types import TracebackType

import numpy as np

from alframe.labelling.settling.settling import settle
from alframe.labelling.webhooks.delivering import deliver
from alframe.server.service import Service

log = logging.getLogger(__name__)

AT_ONCE = 20
"""Events that one receiver is told in one round."""


class Housekeeping:
    """A thread that looks after things every few moments while the block runs.

    Everything it does is one transaction after the other, so that it may end between any two; and several servers of
    one service may do it side by side. An error is logged, and what is left is done the next time.

    Args:
        service: whose things.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stop = Event()
        self._rng = np.random.default_rng()
        self._threads = [
            Thread(target=self._work, args=(task,), name=f"alframe-{task.__name__.strip('_')}")
            for task in (self._tend_projects, self._deliver)
        ]

    def __enter__(self) -> Housekeeping:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is being done, and nothing more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, task: Callable[[], None]) -> None:
        while not self._stop.wait(self._service.settings.housekeeping_seconds):
            self._attempt(task)

    def _attempt(self, task: Callable[[], None]) -> None:
        try:
            task()
        except Exception:
            log.exception("housekeeping failed; it is tried again")

    def _tend_projects(self) -> None:
        for project in self._service.projects.all():
            self._attempt(partial(self._tend, project.id))

    def _tend(self, project_id: int) -> None:
        settle(self._service.database, project_id, rng=self._rng)
        self._service.queue.escalate(project_id)

    def _deliver(self) -> None:
        private = self._service.settings.private_webhooks
        going = lambda: not self._stop.is_set()  # noqa: E731
        deliver(self._service.database, limit=AT_ONCE, rng=self._rng, allow_private=private, going=going)

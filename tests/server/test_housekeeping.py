"""What happens without being asked for: answers are settled while the service runs, whatever goes wrong beside."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from threading import enumerate as threads

import pytest
from served import Served

from alframe.labelling import Answer, ProjectSettings
from alframe.server import Service, Settings
from alframe.server.housekeeping import Housekeeping


def soon(happened: Callable[[], bool]) -> None:
    """Wait until it has; a minute is given up after, which only what never happens takes."""
    for _ in range(6_000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


def busy(made: Served) -> Service:
    """The service, whose housekeeping hardly rests."""
    return replace(made.service, settings=Settings(housekeeping_seconds=0.01))


def test_an_answer_settles_by_itself(service: Served) -> None:
    project = service.service.projects.change(service.animals.id, version=1, by="test", settings=ProjectSettings())
    held = service.leases["annotator"]
    service.service.queue.submit(held.assignment_id, service.people["annotator"].id, held.fence, "key 2", Answer(0))
    with Housekeeping(busy(service)):
        soon(lambda: service.rows()["settlements"] == 1)
    assert service.service.projects.get(project.id).version == 2


def test_an_error_in_one_project_is_logged_and_the_others_are_settled(
    service: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = []

    def fails_for_the_first(_: object, project_id: int, **__: object) -> int:
        tried.append(project_id)
        if project_id == service.animals.id:
            raise RuntimeError("no such luck")
        return 0

    monkeypatch.setattr("alframe.server.housekeeping.settle", fails_for_the_first)
    with caplog.at_level(logging.ERROR), Housekeeping(busy(service)):
        soon(lambda: tried.count(service.elsewhere.id) > 2)
    assert "no such luck" in caplog.text


def test_it_ends_with_the_block(service: Served) -> None:
    before = len(threads())
    with Housekeeping(busy(service)):
        assert len(threads()) > before
    assert len(threads()) == before

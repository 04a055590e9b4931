"""A service to ask, as it was made: one for each test that changes it, one for all that only look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from served import Served, add_images, lease, served

from alframe.labelling import NewTask


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that no test changes."""
    with served(tmp_path_factory.mktemp("looked_at")) as made:
        yield made


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service of the test's own."""
    with served(tmp_path_factory.mktemp("service")) as made:
        yield made


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service where ``stranger`` holds an image to draw boxes on; no test changes it."""
    with served(tmp_path_factory.mktemp("hostile")) as made:
        items = add_images(made.service, made.elsewhere, 1)
        made.service.queue.ask(made.elsewhere.id, 0, [NewTask(item) for item in items])
        made.leases["stranger"] = lease(made.service, made.elsewhere, made.people["stranger"])
        yield made

"""People are the oracle: a query becomes tasks of the labelling service, and what they settle becomes labels."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError
from sqlalchemy import select

from alframe.data import Source
from alframe.errors import ConfigurationError, UnreadableImage
from alframe.labelling.folder import open_service_folder
from alframe.labelling.images import ImageStore
from alframe.labelling.items import Items, NewItem
from alframe.labelling.projects import Project, Projects
from alframe.labelling.queue.queue import Queue
from alframe.labelling.queue.tasks import NewTask
from alframe.labelling.settings import Kind, ProjectSettings
from alframe.labelling.settling.settlements import current
from alframe.labelling.settling.settling import settle
from alframe.labelling.webhooks.outbox import announce
from alframe.oracle.asked import ask_again, kind_of, scores_of, take_sure_ones
from alframe.oracle.base import Oracle
from alframe.oracle.settled import account_of, annotation, annotations_of, is_settled, still_open
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.reachable import reachable
from alframe.storage.service.tables import ItemRow, ProjectRow
from alframe.types import Annotation, BatchLabels, Event, Prediction, Query


class Human(Oracle):
    """Asks people, through the labelling service in a folder, and waits for what they settle.

    A project belongs to one run. What was settled before it is asked for, as by an import, is delivered and asked of
    nobody. A sample whose task is withdrawn, or whose image is held, stays in the pool without a label.

    Args:
        source: where the images are, and the names of the classes.
        project: the name of the labelling project; made at the first query if there is none.
        service: the folder of the service.
        database: its URL, where it is not in the folder; with a password it is better put into the environment, as
            ``ALFRAME_DATABASE``, because a run's configuration is written down.
        kind: what people give; by default masks where the source has them, boxes where it has objects, else classes.
        settings: of a project that is made: values of ``labelling.ProjectSettings``.
        overlap: people who are asked about each sample; the project's if ``None``.
        enough: the share of a query that ends it: what is open then is withdrawn.
        wait: whether the command waits; otherwise it ends, and the same command goes on later.
        poll: seconds between two looks at what was settled.
        address: of the service, to be told to people.
    """

    wants_predictions = True

    def __init__(
        self,
        source: Source,
        project: str,
        service: str = "service",
        database: str | None = None,
        kind: Literal["classification", "detection", "segmentation"] | None = None,
        settings: Mapping[str, Any] | None = None,
        overlap: int | None = None,
        enough: float = 1.0,
        wait: bool = True,
        poll: float = 2.0,
        address: str = "http://127.0.0.1:8000",
    ) -> None:
        if not 0 < enough <= 1:
            raise ConfigurationError(f"oracle.enough is a share of the query, above 0 and at most 1; got {enough}")
        if not (poll > 0 and math.isfinite(poll)):
            raise ConfigurationError(f"oracle.poll must be positive, got {poll} seconds")
        if overlap is not None and overlap < 1:
            raise ConfigurationError(f"oracle.overlap must be at least 1, got {overlap}")
        if not project.strip():
            raise ConfigurationError("oracle.project must name the labelling project")
        try:
            self._settings = ProjectSettings.model_validate({**(settings or {})})
        except ValidationError as error:
            raise ConfigurationError(f"oracle.settings are no settings of a project: {error}") from error
        self._kind: Kind = kind or kind_of(source)
        if (self._kind == "classification") == source.table.has_objects:
            labels = "objects" if source.table.has_objects else "classes"
            raise ConfigurationError(f"oracle.kind={self._kind} does not fit {source.name}, whose labels are {labels}")
        if self._settings.relabel and self._kind != "classification":
            raise ConfigurationError("oracle.settings.relabel is for classes: labels are doubted among these only")
        self._source, self._name, self._folder, self._url = source, project, Path(service), database
        self._overlap, self._enough, self._address = overlap, enough, address
        self._positions = {sample_id: row for row, sample_id in enumerate(source.table.ids.tolist())}
        self.poll = poll if wait else None

    def ask(self, query: Query, predictions: Mapping[str, Prediction] | None = None) -> None:
        """Make the images items of the project, and ask for the labels that nobody has settled yet.

        Raises:
            ConfigurationError: the project has other classes, or another kind; labels are to be doubted, and cleanlab
                is not installed.
            Conflict: the service has another image under the name of a sample.
            Unavailable: the database cannot be reached.
        """
        with reachable():
            project = self._project() or self._made()
            items = Items(self._database).add(project.id, self._new_items(query.ids), by="system")
            said, scores = predictions or {}, scores_of(query)
            known = {item: said[sample_id] for sample_id, item in items.items() if sample_id in said}
            take_sure_ones(self._database, project, query, known)
            worths = ask_again(self._database, project, query, known)
            settled = current(self._database, project.id, query.ids)
            tasks = [
                NewTask(item, worths.get(item, score), said.get(sample_id))
                for sample_id, score in zip(query.ids, scores, strict=True)
                if sample_id not in settled and (item := items.get(sample_id)) is not None
            ]
            Queue(self._database).ask(project.id, query.round, tasks, model=query.model, overlap=self._overlap)

    def collect(self, query: Query) -> list[Annotation]:
        """Settle what can be settled, and give what holds; when that is enough, the rest is withdrawn.

        Raises:
            Conflict: the service was not asked about a sample: it is another one.
            Unavailable: the database cannot be reached.
        """
        with reachable():
            if (project := self._project()) is None:
                return []
            # What people answer until then cannot be repeated, so neither need be which of it is reviewed.
            settle(self._database, project.id, rng=np.random.default_rng())
            found = annotations_of(self._database, project, query, self._unreadable)
            if self._enough < 1 and still_open(self._database, project, query, found) and self.satisfied(query, found):
                Queue(self._database).withdraw(project.id, query.round)
                found = annotations_of(
                    self._database, project, query, self._unreadable
                )  # an answer may have come in between
            return found

    def satisfied(self, query: Query, annotations: Collection[Annotation]) -> bool:
        """Whether enough is there of what can still come; never with nothing at all.

        Raises:
            Unavailable: the database cannot be reached.
        """
        with reachable():
            project = self._project()
            if project is None or not annotations:
                return False
            expected = len(annotations) + len(still_open(self._database, project, query, annotations))
            return len(annotations) >= math.ceil(self._enough * expected)

    def corrected(self, annotations: Iterable[Annotation]) -> list[Annotation]:
        """The latest version of what people settled earlier, where there is a later one than the ledger has."""
        with reachable():
            known = {each.sample_id: each for each in annotations if is_settled(each)}
            project = self._project()
            if project is None or not known:
                return []
            holds = current(self._database, project.id, list(known)).values()
            latest = [annotation(each, known[each.sample_id].round, known[each.sample_id].model) for each in holds]
            return [each for each in latest if each.key != known[each.sample_id].key]

    def account(self, query: Query) -> BatchLabels | None:
        """Who settled what of a query, and how far they agreed."""
        with reachable():
            project = self._project()
            return None if project is None else account_of(self._database, project, query)

    def withheld(self) -> frozenset[str]:
        """Samples whose item is held."""
        with reachable(), self._database.read() as session:
            held = select(ItemRow.sample_id).join(ProjectRow, ProjectRow.id == ItemRow.project_id)
            return frozenset(session.scalars(held.where(ProjectRow.name == self._name, ItemRow.held != "")))

    def capacity(self, wanted: int) -> int:
        """As many as the project's backlog leaves room for, at least 1."""
        with reachable():
            project = self._project()
            if project is None or project.settings.backlog is None:
                return wanted
            return max(1, min(wanted, project.settings.backlog - Queue(self._database).backlog(project.id)))

    def tell(self, event: Event, data: Mapping[str, Any]) -> None:
        """Leave the event for the project's webhooks.

        Raises:
            Unavailable: the database cannot be reached: the step that tells is not done, and the same command tells
                when it goes on.
        """
        with reachable():
            if (project := self._project()) is not None:
                with self._database.write() as session:
                    announce(session, project.id, event, data)

    def where(self) -> str:
        """The project, and the address of the service where that is known."""
        return f"{self._address}, project {self._name} (`alframe serve --service {self._folder}`)"

    def close(self) -> None:
        """Close the database, if it was opened."""
        if "_service" in vars(self):
            self._database.close()

    @cached_property
    def _service(self) -> tuple[ServiceDatabase, ImageStore]:
        return open_service_folder(self._folder, self._url)

    @property
    def _database(self) -> ServiceDatabase:
        return self._service[0]

    def _project(self) -> Project | None:
        """The project, if there is one; it fits this run."""
        found = next((each for each in Projects(self._database).all() if each.name == self._name), None)
        if found is None:
            return None
        classes = tuple(self._source.classes)
        if found.kind != self._kind or found.classes != classes[: len(found.classes)]:
            raise ConfigurationError(
                f"labelling project {self._name!r} is for {found.kind} into {', '.join(found.classes)}; this run wants "
                f"{self._kind} into {', '.join(classes)}: choose another project with oracle.project=NAME"
            )
        if len(classes) > len(found.classes):  # as when new ones arrived
            return Projects(self._database).extend(found.id, classes, by="system")
        return found

    def _made(self) -> Project:
        return Projects(self._database).create(
            self._name, self._kind, self._source.classes, self._settings, by="system"
        )

    def _new_items(self, ids: Collection[str]) -> Iterator[NewItem]:
        """Those whose image can be read; it is kept by the service."""
        for sample_id in ids:
            position = self._positions[sample_id]
            with suppress(UnreadableImage):
                image = self._service[1].put_array(self._source.read(position))
                yield NewItem(sample_id, image, str(self._source.table.groups[position]))

    def _unreadable(self, sample_id: str) -> str | None:
        """Why its image cannot be read; ``None`` if it can."""
        try:
            self._source.read(self._positions[sample_id])
        except UnreadableImage as error:
            return str(error)
        return None

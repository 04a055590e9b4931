"""Label Studio is the oracle, over its REST API."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal, TypeVar

from alframe.data import Source
from alframe.errors import ConfigurationError, Conflict, Unavailable
from alframe.functional.blocks import blocks
from alframe.oracle.label_studio.answers import Reader, Several
from alframe.oracle.label_studio.client import Client
from alframe.oracle.label_studio.results import CONTROLS, label_config
from alframe.oracle.label_studio.tasks import Given, Task, model_version, new_task, prediction_of, tasks_of
from alframe.oracle.tool import Answer, Tool
from alframe.types import Annotation, Prediction, Query

log = logging.getLogger(__name__)

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before what failed is tried again, one after the other."""

AT_ONCE = 50
"""Images in one request; a server takes 100 files by default."""

Result = TypeVar("Result")


class LabelStudio(Tool):
    """Asks people through a project of a Label Studio server, and waits for their annotations.

    A query becomes tasks, with what the champion says of them as predictions; images are uploaded as PNG. The token is
    read from the environment, because a run's configuration is written down. Drafts are not read. What is skipped, and
    what cannot be used, sets its image aside with the reason. Tested with Label Studio 1.23 (community edition).

    Args:
        source: where the images are, and the names of the classes.
        project: the title of the project; made at the first query if there is none.
        url: of the server.
        token_variable: the environment variable with a personal access token, or a legacy one.
        kind: what people give; by default masks where the source has them, boxes where it has objects, else classes.
        overlap: people who annotate or skip each task before it counts.
        several: what several annotations come to: what more than half of them say, or the latest.
        wait: whether the command waits; otherwise it ends, and the same command goes on later.
        poll: seconds between two looks.
        timeout: seconds that each answer of the server may take.
    """

    def __init__(
        self,
        source: Source,
        project: str,
        url: str = "http://127.0.0.1:8080",
        token_variable: str = "LABEL_STUDIO_TOKEN",  # noqa: S107 (its name, not the token)
        kind: Literal["classification", "detection", "segmentation"] | None = None,
        overlap: int = 1,
        several: Several = "majority",
        wait: bool = True,
        poll: float = 10.0,
        timeout: float = 60.0,
    ) -> None:
        super().__init__(source, "label_studio", kind, wait=wait, poll=poll)
        if overlap < 1:
            raise ConfigurationError(f"oracle.overlap must be at least 1, got {overlap}")
        if not project.strip():
            raise ConfigurationError("oracle.project must name the project of Label Studio")
        if not timeout > 0:
            raise ConfigurationError(f"oracle.timeout must be positive, got {timeout} seconds")
        self._title, self._overlap = project.strip(), overlap
        self._client = Client(url, token_variable, timeout)
        self._reader = Reader(self.kind, source.classes, overlap, several)
        self._id: int | None = None

    def ask(self, query: Query, predictions: Mapping[str, Prediction] | None = None) -> None:
        """Make the tasks that are not there yet, the most wanted first.

        Raises:
            ConfigurationError: the project has another labelling interface; there is no token.
            Conflict: two projects have the title.
            NotSignedIn: the server does not accept the token.
            Unavailable: the server does not answer, also after several attempts.
        """
        _persistently(lambda: self._ask(query, predictions or {}))

    def look(self, query: Query) -> tuple[Collection[str], Mapping[str, Answer]]:
        """The tasks of a round, and what the annotations of those that are done come to."""
        return _persistently(lambda: self._look(query))

    def corrected(self, annotations: Iterable[Annotation]) -> list[Annotation]:
        """What people annotate now, where they have changed what the ledger has of earlier rounds."""
        mine = f"/{self.tool}/"
        known = {(each.round, each.sample_id): each for each in annotations if mine in each.key}
        if not known:
            return []
        found = []
        for (round, sample_id), given in _persistently(lambda: self._given(None)).items():
            before = known.get((round, sample_id))
            answer = None if before is None else self._reader.answer(given, *self.size(sample_id))
            if before and answer and (answer.label, answer.reason) != (before.label, before.reason):
                found.append(self.annotation(sample_id, answer, round, before.model))
        return found

    def where(self) -> str:
        """The page of the project, or its title before it is known."""
        page = f"{self._client.url}/projects/{self._id}" if self._id else self._client.url
        return f"project {self._title} of Label Studio at {page}"

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _ask(self, query: Query, predictions: Mapping[str, Prediction]) -> None:
        project = self._project() or self._made()
        there = {task.data.sample for task in self._tasks(project, query.round)}
        missing = [sample_id for sample_id in query.ids if sample_id not in there]
        for part in blocks(len(missing), AT_ONCE):
            images = dict(self.images(missing[part]))
            addresses = self._uploaded(project, images)
            tasks = [
                new_task(query, sample_id, addresses[sample_id], self._prediction(query, sample_id, predictions))
                for sample_id in images
            ]
            if tasks:
                self._client.create_tasks(project, tasks)
        if any(sample_id in predictions for sample_id in query.ids):
            # Predictions of this version are what annotators begin with.
            self._client.change_project(project, model_version=model_version(query))

    def _look(self, query: Query) -> tuple[Collection[str], Mapping[str, Answer]]:
        given = self._given(query.round)
        asked = {sample_id for _, sample_id in given}
        answers = {
            sample_id: self._reader.answer(given[query.round, sample_id], *self.size(sample_id))
            for sample_id in query.ids
            if sample_id in asked
        }
        return asked, {sample_id: answer for sample_id, answer in answers.items() if answer is not None}

    def _given(self, round: int | None) -> dict[tuple[int, str], list[Given]]:
        """The annotations of each sample of a round, or of all; those of two tasks for one sample together."""
        project = self._project()
        found: dict[tuple[int, str], list[Given]] = {}
        for task in self._tasks(project, round) if project is not None else ():
            if round in (None, task.data.round):
                found.setdefault((task.data.round, task.data.sample), []).extend(task.annotations)
        return found

    def _tasks(self, project: int, round: int | None) -> list[Task]:
        return tasks_of(self._client.tasks(project, round))

    def _project(self) -> int | None:
        """The number of the project, if there is one; it fits this run."""
        found = self._client.projects(self._title)
        if len(found) > 1:
            raise Conflict(f"{len(found)} projects of Label Studio are called {self._title}; rename all but one")
        if not found:
            return None
        self._fit(found[0])
        self._id = int(found[0]["id"])
        return self._id

    def _fit(self, project: Mapping[str, Any]) -> None:
        """See that a project asks for what this run wants; classes that are new are added to an interface of ours."""
        wanted, classes = CONTROLS[self.kind], self.source.classes
        there = project["parsed_label_config"]
        if any(there.get(name, {}).get("type") != tag for name, tag in wanted.items()):
            controls = ", ".join(f"{tag} called {name}" for name, tag in wanted.items())
            raise ConfigurationError(
                f"project {self._title} of Label Studio has another labelling interface; for {self.kind} it needs "
                f"{controls}: choose another project with oracle.project=TITLE"
            )
        known = next(iter(there[name]["labels"] for name in wanted))
        if all(set(classes) <= set(there[name]["labels"]) for name in wanted):
            return
        if project["label_config"] != label_config(self.kind, known):
            raise ConfigurationError(
                f"project {self._title} of Label Studio has the classes {', '.join(known)}, and this run also has "
                f"{', '.join(each for each in classes if each not in known)}: add them to its labelling interface"
            )
        more = [*known, *(each for each in classes if each not in known)]
        self._client.change_project(project["id"], label_config=label_config(self.kind, more))

    def _made(self) -> int:
        made = self._client.create_project(
            title=self._title,
            label_config=label_config(self.kind, self.source.classes),
            maximum_annotations=self._overlap,
            show_collab_predictions=True,
        )
        self._id = int(made["id"])
        return self._id

    def _uploaded(self, project: int, images: Mapping[str, bytes]) -> dict[str, str]:
        """The address of each image; named by content, so that what is there from an earlier attempt is used."""
        names = {sample_id: f"{hashlib.sha256(data).hexdigest()[:32]}.png" for sample_id, data in images.items()}
        there = self._client.uploads(project)
        missing = {names[sample_id]: data for sample_id, data in images.items() if names[sample_id] not in there}
        if missing:
            self._client.upload(project, missing)
            there = self._client.uploads(project)
        if not there.keys() >= set(names.values()):
            raise Unavailable("Label Studio has not kept the images that were uploaded")
        return {sample_id: there[name] for sample_id, name in names.items()}

    def _prediction(self, query: Query, sample_id: str, predictions: Mapping[str, Prediction]) -> list[dict[str, Any]]:
        said = predictions.get(sample_id)
        return prediction_of(said, query, self.kind, self.source.classes, self.size(sample_id))


def _persistently(act: Callable[[], Result]) -> Result:
    """What ``act`` gives, which may be begun again at any point; after growing pauses where the server is away."""
    for pause in PAUSES:
        try:
            return act()
        except Unavailable as error:
            log.warning("tried again", extra={"reason": str(error), "pause": pause})
            time.sleep(pause)
    return act()

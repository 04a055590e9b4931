"""People are the oracle, in a tool of their own: what an oracle does whatever the tool."""

from __future__ import annotations

import hashlib
import json
import math
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO

import PIL.Image

from alframe.data import Source
from alframe.errors import ConfigurationError, Conflict, UnreadableImage
from alframe.labelling.labels import dump_label
from alframe.labelling.settings import Kind
from alframe.oracle.asked import kind_of
from alframe.oracle.base import Oracle
from alframe.types import Annotation, Label, Query


@dataclass(frozen=True)
class Answer:
    """What came back of one sample.

    Attributes:
        label: its class or its objects; ``None`` if it is to be set aside.
        annotator: who says so.
        reason: why there is no label; ``None`` where there is one.
        version: names this state of the answer; empty where what it says is all that tells.
    """

    label: Label | None
    annotator: str
    reason: str | None = None
    version: str = ""


class Tool(Oracle):
    """Asks people who work with another tool. What it gave once is read again; nothing is deleted there.

    Args:
        source: where the images are, and the names of the classes.
        tool: its name, for keys and messages.
        kind: what people give; by default masks where the source has them, boxes where it has objects, else classes.
        wait: whether the command waits; otherwise it ends, and the same command goes on later.
        poll: seconds between two looks.
    """

    wants_predictions = True

    def __init__(self, source: Source, tool: str, kind: Kind | None, *, wait: bool, poll: float) -> None:
        if not (poll > 0 and math.isfinite(poll)):
            raise ConfigurationError(f"oracle.poll must be positive, got {poll} seconds")
        self.kind: Kind = kind or kind_of(source)
        if (self.kind == "classification") == source.table.has_objects:
            labels = "objects" if source.table.has_objects else "classes"
            raise ConfigurationError(f"oracle.kind={self.kind} does not fit {source.name}, whose labels are {labels}")
        self.source, self.tool = source, tool
        self.poll = poll if wait else None
        self._positions = {sample_id: row for row, sample_id in enumerate(source.table.ids.tolist())}
        self._sizes: dict[str, tuple[int, int]] = {}

    @abstractmethod
    def look(self, query: Query) -> tuple[Collection[str], Mapping[str, Answer]]:
        """The samples of a query that people were asked about, and the answers that are there.

        Raises:
            Unavailable: the tool, or what it wrote, cannot be read at the moment.
        """

    def collect(self, query: Query) -> list[Annotation]:
        """What people have said so far; an image that cannot be read is set aside, and nobody is asked.

        Raises:
            Conflict: the tool was not asked about a sample: it is another project, or another folder.
            Unavailable: the tool, or what it wrote, cannot be read at the moment.
        """
        asked, answers = self.look(query)
        found = []
        for sample_id in query.ids:
            if sample_id in answers:
                found.append(self.annotation(sample_id, answers[sample_id], query.round, query.model))
            elif sample_id not in asked:
                if (why := self._unreadable(sample_id)) is None:
                    raise Conflict(
                        f"{self.where()} was never asked about {sample_id}, of round {query.round}: is this another "
                        "one? Give the run the one that was"
                    )
                found.append(self.annotation(sample_id, Answer(None, "alframe", why), query.round, query.model))
        return found

    def annotation(self, sample_id: str, answer: Answer, round: int, model: str) -> Annotation:
        """An answer for the ledger; its key names round, sample and version: where there is none, by what is said."""
        said = json.dumps([dump_label(answer.label), answer.reason, answer.annotator], sort_keys=True)
        version = answer.version or hashlib.sha256(said.encode()).hexdigest()[:16]
        key = f"{round}/{sample_id}/{self.tool}/{version}"
        return Annotation(key, sample_id, answer.label, answer.annotator, round, model, answer.reason)

    def images(self, ids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Those that can be read, as PNG."""
        for sample_id in ids:
            try:
                pixels = self.source.read(self._positions[sample_id])
            except UnreadableImage:
                continue
            self._sizes[sample_id] = pixels.shape[:2]
            buffer = BytesIO()
            PIL.Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
            yield sample_id, buffer.getvalue()

    def size(self, sample_id: str) -> tuple[int, int]:
        """Height and width of an image, as the source has it, whatever the tool says."""
        if sample_id not in self._sizes:
            self._sizes[sample_id] = self.source.read(self._positions[sample_id]).shape[:2]
        return self._sizes[sample_id]

    def _unreadable(self, sample_id: str) -> str | None:
        """Why an image cannot be read; ``None`` if it can."""
        try:
            self.source.read(self._positions[sample_id])
        except UnreadableImage as error:
            return str(error)
        return None

"""The images that a round asked labels for, and those that a learner did worst on, as small pictures."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.data.source import Image, Source
from alframe.errors import InvalidInput, UnreadableImage
from alframe.report.heat_table import class_names
from alframe.report.page import percent
from alframe.report.pictures import data_uri, is_sure, objects_uri, said_of
from alframe.report.run_folder import RunFolder
from alframe.types import Detection, Objects, Query, Segmentation

SHOWN = 60
"""Images per round on a page; the rest is counted, not shown."""


@dataclass(frozen=True)
class Picture:
    """A data URI, and what it says; empty where the image says it all."""

    uri: str
    says: str = ""


@dataclass(frozen=True)
class Tile:
    """One image.

    Attributes:
        pictures: of the image; of one with objects, what the learner saw in it and what its label says, as far as
            that is known. None for an image that cannot be shown.
        label: its class, or why it has none; empty where a picture says it.
        score: how informative the strategy found it, or how well the learner did on it; empty where nobody says.
        sample_id: its id.
        problem: why it cannot be shown; empty where it can.
    """

    pictures: tuple[Picture, ...]
    label: str
    score: str
    sample_id: str
    problem: str = ""


@dataclass(frozen=True)
class Sheet:
    """The images of one round, most wanted first, and how many more there were."""

    round: int
    strategy: str
    tiles: tuple[Tile, ...]
    more: int


def contact_sheets(run: RunFolder, source: Source) -> list[Sheet]:
    """One sheet per round of ``run``, the images read from ``source``."""
    show = _Showing(run, source)
    return [_sheet(run, show, query) for query in run.queries]


def worst_tiles(run: RunFolder, source: Source) -> list[Tile]:
    """The held-out images that the last learner did worst on, worst first; none of a classifier."""
    evaluation = run.points[-1].evaluation if run.points else None
    if not isinstance(evaluation, Detection | Segmentation):
        return []
    quality = "F1" if isinstance(evaluation, Detection) else "mean IoU"
    show = _Showing(run, source)
    return [
        show.tile(each.sample_id, "", f"{quality} {percent(each.quality, 0)}", each.found, show.truth(each.sample_id))
        for each in evaluation.worst
    ]


def _sheet(run: RunFolder, show: _Showing, query: Query) -> Sheet:
    preview = run.previews.get(query.round)
    seen = preview.found if preview else {}
    tiles = []
    for index, sample_id in enumerate(query.ids[:SHOWN]):
        label, said = _said(run, show.classes, sample_id)
        score = "" if query.scores is None else f"{query.scores[index]:.3g}"
        tiles.append(show.tile(sample_id, label, score, seen.get(sample_id), said))
    return Sheet(query.round, query.strategy, tuple(tiles), max(len(query.ids) - SHOWN, 0))


def _said(run: RunFolder, classes: tuple[str, ...], sample_id: str) -> tuple[str, Objects | None]:
    """The class, or why there is none, in words; or the objects."""
    annotation = run.annotations.get(sample_id)
    if annotation is None:
        return "no label yet", None
    if annotation.label is None:
        return f"set aside: {annotation.reason}", None
    if isinstance(annotation.label, Objects):
        return "", annotation.label
    return class_names(classes, annotation.label + 1)[annotation.label], None


class _Showing:
    """Makes tiles of samples by their ids."""

    def __init__(self, run: RunFolder, source: Source) -> None:
        self.classes = source.classes
        self._source = source
        self._rows = {sample_id: row for row, sample_id in enumerate(source.table.ids.tolist())}
        self._boxes = run.task != "segmentation"

    def truth(self, sample_id: str) -> Objects | None:
        """The objects that the source knows of."""
        objects: Objects | None = self._source.table.labels[self._rows[sample_id]] if sample_id in self._rows else None
        return objects

    def tile(self, sample_id: str, label: str, score: str, seen: Objects | None, said: Objects | None) -> Tile:
        """What the learner saw in the image and what its label says, as far as either is known."""
        try:
            return Tile(tuple(self._pictures(self._read(sample_id), seen, said)), label, score, sample_id)
        except (UnreadableImage, InvalidInput) as error:  # also of objects of another image
            return Tile((), label, score, sample_id, str(error))

    def _read(self, sample_id: str) -> Image:
        if sample_id not in self._rows:
            raise UnreadableImage(f"the data source {self._source.name} has no such sample")
        return self._source.read(self._rows[sample_id])

    def _pictures(self, image: Image, seen: Objects | None, said: Objects | None) -> list[Picture]:
        if not self._source.table.has_objects:
            return [Picture(data_uri(image))]
        if seen is None and said is None:
            return [Picture(objects_uri(image, Objects(), self.classes))]
        shown: list[tuple[str, Objects]] = []
        if seen is not None:
            sure = Objects(tuple(filter(is_sure, seen)))
            shown.append((f"seen: {said_of(sure, self.classes)}", seen))
        if said is not None:
            shown.append((f"labelled: {said_of(said, self.classes)}", said))
        return [Picture(objects_uri(image, each, self.classes, boxes=self._boxes), says) for says, each in shown]

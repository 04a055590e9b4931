"""The images that a round asked labels for, as small pictures that live inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass

import PIL.Image

from alframe.data.source import Image, Source
from alframe.errors import UnreadableImage
from alframe.report.heat_table import class_names
from alframe.report.run_folder import RunFolder
from alframe.types import Query

SHOWN = 60
"""Images per round on a page; the rest is counted, not shown."""

SIDE = 96
"""Larger images are scaled down so that their longer side has this many pixels."""


@dataclass(frozen=True)
class Tile:
    """One queried image.

    Attributes:
        picture: a data URI, or ``None`` for an image that cannot be shown.
        label: its class, or why it has none.
        score: how informative the strategy found it; empty where it gave no score.
        sample_id: its id.
        problem: why it cannot be shown; empty where it can.
    """

    picture: str | None
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
    positions = {sample_id: position for position, sample_id in enumerate(source.table.ids.tolist())}
    return [_sheet(run, source, positions, query) for query in run.queries]


def _sheet(run: RunFolder, source: Source, positions: Mapping[str, int], query: Query) -> Sheet:
    tiles = []
    for index, sample_id in enumerate(query.ids[:SHOWN]):
        label = _said(run, source, sample_id)
        score = "" if query.scores is None else f"{query.scores[index]:.3g}"
        try:
            tiles.append(Tile(_picture(source, positions, sample_id), label, score, sample_id))
        except UnreadableImage as error:
            tiles.append(Tile(None, label, score, sample_id, str(error)))
    return Sheet(query.round, query.strategy, tuple(tiles), max(len(query.ids) - SHOWN, 0))


def _said(run: RunFolder, source: Source, sample_id: str) -> str:
    annotation = run.annotations.get(sample_id)
    if annotation is None:
        return "no label yet"
    if annotation.label is None:
        return f"set aside: {annotation.reason}"
    return class_names(source.classes, annotation.label + 1)[annotation.label]


def _picture(source: Source, positions: Mapping[str, int], sample_id: str) -> str:
    if sample_id not in positions:
        raise UnreadableImage(f"the data source {source.name} has no such sample")
    return data_uri(source.read(positions[sample_id]))


def data_uri(image: Image) -> str:
    """An image as a data URI: lossless PNG if it is small, else scaled down to ``SIDE`` and JPEG."""
    picture = PIL.Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    buffer = io.BytesIO()
    if max(picture.size) <= SIDE:
        picture.save(buffer, format="PNG")
        kind = "png"
    else:
        picture.thumbnail((SIDE, SIDE))
        picture.save(buffer, format="JPEG", quality=85)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"

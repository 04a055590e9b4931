"""Labels as JSON: what a stranger sends is checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from alframe.data.formats.reading import check_object, extent, validated
from alframe.errors import InvalidInput
from alframe.functional.regions import region_box
from alframe.labelling.projects import Project
from alframe.types import Label, Mask, Object, Objects, Polygons, Rle

MAX_OBJECTS = 10_000
"""In one image."""

MAX_CORNERS = 10_000
"""Of all polygons of one image together."""

MAX_OUTLINE = 1_000_000
"""Pixels along all polygons of one image; what fills them takes memory by their length."""

MAX_RUNS = 1_000_000
"""Characters of all run lengths of one image together."""

Value = TypeVar("Value")
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Said(BaseModel):
    """Nothing is converted, and nothing else may be there."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Object(_Said):
    box: Annotated[list[Number], Field(min_length=4, max_length=4)] | None = None
    label: int
    mask: dict[str, Any] | None = None
    crowd: bool = False
    difficult: bool = False
    score: Annotated[Number, Field(ge=0, le=1)] | None = None


class _Objects(_Said):
    objects: Annotated[list[_Object], Field(max_length=MAX_OBJECTS)]


class _Polygons(_Said):
    rings: Annotated[
        list[Annotated[list[Number], Field(min_length=6, max_length=2 * MAX_CORNERS)]],
        Field(min_length=1, max_length=MAX_CORNERS),
    ]


class _Runs(_Said):
    size: Annotated[list[int], Field(min_length=2, max_length=2)]
    counts: Annotated[str, Field(max_length=MAX_RUNS)]


_CLASS = TypeAdapter(Annotated[int, Field(strict=True)])
_OBJECTS = TypeAdapter(_Objects)
_POLYGONS = TypeAdapter(_Polygons)
_RUNS = TypeAdapter(_Runs)
_LABEL: TypeAdapter[Label | None] = TypeAdapter(Label | None)


def parse_label(json: Any, project: Project, width: int, height: int) -> Label | None:
    """The label that parsed JSON stands for; ``None`` for ``null``, which is "cannot tell".

    The box of an object with a mask is that of its mask, whatever was said.

    Args:
        json: from a stranger.
        project: whose kind and classes the label must fit.
        width: of the image, in pixels.
        height: of the image, in pixels.

    Raises:
        InvalidInput: anything that is no label of this project and this image; the message says what and where.
    """
    if json is None:
        return None
    if project.kind == "classification":
        label = _checked(_CLASS, json, "a label is the number of a class")
        return _known_class(label, project)
    said = _checked(_OBJECTS, json, 'a label is {"objects": [...]}').objects
    masks = [_mask(each.mask, number) for number, each in enumerate(said)]
    _check_extent([mask for mask in masks if mask is not None])
    return Objects(
        tuple(
            _object(each, mask, number, project, width, height)
            for number, (each, mask) in enumerate(zip(said, masks, strict=True))
        )
    )


def dump_label(label: Label | None) -> Any:
    """The label as plain values for JSON.

    >>> dump_label(Objects((Object(box=(0, 0, 4, 2), label=1),)))["objects"][0]["box"]
    [0.0, 0.0, 4.0, 2.0]
    """
    return _LABEL.dump_python(label, mode="json")


def load_label(stored: Any) -> Label | None:
    """The label that ``dump_label`` wrote: of the database, not of a stranger.

    >>> load_label({"objects": []})
    Objects(objects=())
    """
    return _LABEL.validate_python(stored)


def _checked(kind: TypeAdapter[Value], said: Any, expected: str) -> Value:
    try:
        return validated(kind, said)
    except ValueError as error:
        raise InvalidInput(f"{expected}: {error}") from error


def _known_class(label: int, project: Project) -> int:
    if not 0 <= label < len(project.classes):
        raise InvalidInput(f"there is no class of this number; the project has classes 0 to {len(project.classes) - 1}")
    return label


def _mask(said: dict[str, Any] | None, number: int) -> Mask | None:
    if said is None:
        return None
    if "rings" in said:
        rings = _checked(_POLYGONS, said, f"object {number}: its mask").rings
        return Polygons(tuple(tuple(ring) for ring in rings))
    runs = _checked(_RUNS, said, f"object {number}: its mask")
    return Rle((runs.size[0], runs.size[1]), runs.counts)


def _check_extent(masks: Sequence[Mask]) -> None:
    """Refuse what would be slow or large to draw, by its numbers alone."""
    rings = [ring for mask in masks if isinstance(mask, Polygons) for ring in mask.rings]
    runs = sum(len(mask.counts) for mask in masks if isinstance(mask, Rle))
    corners = sum(len(ring) for ring in rings) // 2
    if corners > MAX_CORNERS:
        raise InvalidInput(f"polygons may have {MAX_CORNERS:,} corners together, got {corners:,}")
    if runs > MAX_RUNS:
        raise InvalidInput(f"run lengths may have {MAX_RUNS:,} characters together, got {runs:,}")
    if not sum(map(_outline_length, rings)) <= MAX_OUTLINE:
        raise InvalidInput(f"polygons may be {MAX_OUTLINE:,} pixels long together, these are longer")


def _outline_length(ring: Sequence[float]) -> float:
    xs, ys = ring[::2], ring[1::2]
    return sum(
        max(abs(x1 - x0), abs(y1 - y0))
        for (x0, x1), (y0, y1) in zip(pairwise([*xs, xs[0]]), pairwise([*ys, ys[0]]), strict=False)
    )


def _object(said: _Object, mask: Mask | None, number: int, project: Project, width: int, height: int) -> Object:
    if mask is None and project.kind == "segmentation":
        raise InvalidInput(f"object {number}: a segmentation project needs a mask for each object")
    if mask is None and said.box is None:
        raise InvalidInput(f"object {number}: it has neither a box nor a mask")
    try:
        label = _known_class(said.label, project)
        # Under a mask the box is the whole image until the mask is known to be sound.
        left, top, right, bottom = said.box if said.box and mask is None else (0.0, 0.0, float(width), float(height))
        found = Object((left, top, right, bottom), label, mask, said.crowd, said.difficult, said.score)
        found = check_object(found, height, width)
        if mask is None:
            return found
        box = extent(mask.rings) if isinstance(mask, Polygons) else region_box(mask, height, width)
        return replace(found, box=check_object(Object(box, label), height, width).box)
    except ValueError as error:
        raise InvalidInput(f"object {number}: {error}") from error


def classes_of(label: Label | None) -> set[int]:
    """The classes that a label names; regions that are to be passed over have none.

    >>> classes_of(2), classes_of(None)
    ({2}, set())
    """
    if isinstance(label, Objects):
        return {each.label for each in label if each.label >= 0}
    return set() if label is None else {label}

"""A stranger's label is taken as it stands or refused with what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled import project_of

from alframe.errors import InvalidInput
from alframe.functional import encode_region
from alframe.labelling import labels
from alframe.labelling.labels import dump_label, load_label, parse_label
from alframe.types import Object, Objects, Polygons, Rle

CLASSES = project_of("classification")
BOXES = project_of("detection")
MASKS = project_of("segmentation")
RING = [0.0, 0.0, 4.0, 0.0, 4.0, 2.0]


def objects(**changes: Any) -> dict[str, Any]:
    return {"objects": [{"box": [0, 0, 4, 2], "label": 1} | changes]}


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize("said", [0, 2, None])
def test_a_class_is_its_number(said: int | None) -> None:
    assert parse_label(said, CLASSES, 8, 8) == said


def test_a_box_keeps_its_edges() -> None:
    found = parse_label(objects(difficult=True), BOXES, 8, 6)
    assert found == Objects((Object((0.0, 0.0, 4.0, 2.0), 1, difficult=True),))


def test_no_objects_are_an_answer() -> None:
    assert parse_label({"objects": []}, BOXES, 8, 6) == Objects()


@pytest.mark.parametrize("box", [[1, 1, 2, 2], None, [float("-5"), 0, 900, 900]])
def test_the_box_of_a_polygon_is_computed(box: list[float] | None) -> None:
    found = parse_label(objects(box=box, mask={"rings": [RING]}), MASKS, 8, 6)
    assert found == Objects((Object((0.0, 0.0, 4.0, 2.0), 1, Polygons((tuple(RING),))),))


def test_the_box_of_run_lengths_is_computed() -> None:
    pixels = np.zeros((6, 8), dtype=np.bool_)
    pixels[1:3, 2:7] = True
    mask = encode_region(pixels)
    found = parse_label(objects(mask={"size": [6, 8], "counts": mask.counts}), MASKS, 8, 6)
    assert found == Objects((Object((2.0, 1.0, 7.0, 3.0), 1, mask),))


def test_an_edge_that_rounding_put_outside_is_brought_back() -> None:
    found = parse_label(objects(box=[-0.3, 0, 8.4, 6]), BOXES, 8, 6)
    assert isinstance(found, Objects)
    assert found.objects[0].box == (0.0, 0.0, 8.0, 6.0)


@dataclass(frozen=True)
class Refused:
    """What is sent to a project of three classes and an image of 8 x 6 pixels, and what the answer speaks of."""

    said: Any
    of: str
    project: Any = BOXES


@pytest.mark.parametrize(
    "case",
    [
        Refused(True, "integer", CLASSES),
        Refused("1", "integer", CLASSES),
        Refused(1.0, "integer", CLASSES),
        Refused(3, "classes 0 to 2", CLASSES),
        Refused(-1, "classes 0 to 2", CLASSES),
        Refused(10**5000, "classes 0 to 2|integer", CLASSES),
        Refused({"objects": []}, "number of a class", CLASSES),
        Refused([1], "integer", CLASSES),
        Refused(1, "objects"),
        Refused([], "objects"),
        Refused("objects", "objects"),
        Refused({}, "objects: Field required"),
        Refused({"objects": None}, "objects: .* list"),
        Refused({"objects": [], "extra": 1}, "extra"),
        Refused({"objects": [1]}, r"objects\.0"),
        Refused(nested(900), "objects"),
        Refused(objects(label=nested(900)), "label"),
        Refused(objects(label=True), "label: .* integer"),
        Refused(objects(label=3), "object 0: .* classes 0 to 2"),
        Refused(objects(box=[0, 0, 4]), "at least 4 items"),
        Refused(objects(box=[0, 0, 4, 2, 1]), "at most 4 items"),
        Refused(objects(box=[0, 0, 4, True]), "number"),
        Refused(objects(box=["0", 0, 4, 2]), "number"),
        Refused(objects(box=[0, 0, 4, float("nan")]), "finite"),
        Refused(objects(box=[0, 0, float("inf"), 2]), "finite"),
        Refused(objects(box=[0, 0, 10**400, 2]), "number"),
        Refused(objects(box=[0, 0, 1e300, 2]), "outside"),
        Refused(objects(box=[-2, 0, 4, 2]), "outside"),
        Refused(objects(box=[4, 0, 4, 2]), "no area"),
        Refused(objects(box=[5, 0, 4, 2]), "no area"),
        Refused(objects(box=None), "neither a box nor a mask"),
        Refused(objects(crowd=1), "crowd"),
        Refused(objects(score=1.5), "score"),
        Refused(objects(score=float("nan")), "score"),
        Refused(objects(name="cat"), "name"),
        Refused(objects(), "needs a mask", MASKS),
        Refused(objects(mask={}), "size", MASKS),
        Refused(objects(mask=[RING]), "mask", MASKS),
        Refused(objects(mask={"rings": []}), "rings", MASKS),
        Refused(objects(mask={"rings": [[0, 0, 4, 0, 4]]}), "rings", MASKS),
        Refused(objects(mask={"rings": [[*RING, 1.0]]}), "two numbers", MASKS),
        Refused(objects(mask={"rings": [[0, 0, 4, 0, 4, float("nan")]]}), "finite", MASKS),
        Refused(objects(mask={"rings": [[0, 0, 40, 0, 4, 2]]}), "outside", MASKS),
        Refused(objects(mask={"rings": [[0, 0, 1e9, 0, 4, 2]]}), "pixels long", MASKS),
        Refused(objects(mask={"rings": [[0, 0, 1e308, -1e308, -1e308, 1e308]]}), "pixels long", MASKS),
        Refused(objects(mask={"rings": [[1, 1, 2, 1, 3, 1]]}), "no area", MASKS),
        Refused(objects(mask={"rings": [RING], "size": [6, 8]}), "size", MASKS),
        Refused(objects(mask={"size": [6, 9], "counts": "o1"}), "6 x 9", MASKS),
        Refused(objects(mask={"size": [6, 8], "counts": "o1"}), "no pixels|cover", MASKS),
        Refused(objects(mask={"size": [6, 8], "counts": ""}), "damaged", MASKS),
        Refused(objects(mask={"size": [6, 8], "counts": "\x00\xff"}), "damaged", MASKS),
        Refused(objects(mask={"size": [6, 8], "counts": "é" * 9}), "damaged", MASKS),
        Refused(objects(mask={"size": [6, 8], "counts": "\ud800"}), "object 0", MASKS),
        Refused(objects(mask={"size": [6, 8], "counts": "oooooooooo0"}), "damaged", MASKS),
        Refused(objects(mask={"size": [6, 8], "counts": [8, 40]}), "string", MASKS),
        Refused(objects(mask={"size": [6, True], "counts": "o1"}), "integer", MASKS),
        Refused(objects(mask={"size": [6, 8], "counts": "0" * (labels.MAX_RUNS + 1)}), "at most", MASKS),
    ],
)
def test_what_is_no_label_is_refused(case: Refused) -> None:
    with pytest.raises(InvalidInput, match=case.of) as refused:
        parse_label(case.said, case.project, 8, 6)
    assert len(str(refused.value)) < 300


def test_too_much_is_refused_by_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {"objects": objects()["objects"] * (labels.MAX_OBJECTS + 1)}
    with pytest.raises(InvalidInput, match="at most 10000 items"):
        parse_label(many, BOXES, 8, 6)
    ring = [0.0, 0.0, 1.0, 1.0] * 2_000
    with pytest.raises(InvalidInput, match="10,000 corners together, got 12,000"):
        parse_label({"objects": objects(mask={"rings": [ring]})["objects"] * 3}, MASKS, 8, 6)
    with pytest.raises(InvalidInput, match="at most 20000 items"):
        parse_label(objects(mask={"rings": [[0.0] * 2_000_000]}), MASKS, 8, 6)
    monkeypatch.setattr(labels, "MAX_RUNS", 5)
    with pytest.raises(InvalidInput, match="5 characters together, got 6"):
        parse_label({"objects": objects(mask={"size": [6, 8], "counts": "o01"})["objects"] * 2}, MASKS, 8, 6)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["objects", "box", "label", "mask", "rings", "size", "counts", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(said=anything | st.builds(lambda mask: objects(mask=mask), anything))
def test_whatever_comes_is_a_label_or_refused(said: Any) -> None:
    for project in (CLASSES, BOXES, MASKS):
        try:
            found = parse_label(said, project, 8, 6)
        except InvalidInput:
            continue
        # What is taken survives the way into the database and back.
        assert load_label(json.loads(json.dumps(dump_label(found), allow_nan=False))) == found
        assert parse_label(dump_label(found), project, 8, 6) == found


def test_run_lengths_are_written_as_they_are_kept() -> None:
    label = Objects((Object((1.0, 0.0, 2.0, 2.0), 0, Rle((2, 2), "22"), score=0.5),))
    assert dump_label(label)["objects"][0]["mask"] == {"size": [2, 2], "counts": "22"}
    assert load_label(dump_label(label)) == label

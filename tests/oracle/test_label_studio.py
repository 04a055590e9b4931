"""Label Studio's results, its API on bad days, and its files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import squares
import tiny
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from studio import PERSONAL, TOKEN, Annotator, Studio, fake_studio

from alframe.errors import AlframeError, ConfigurationError, Conflict, NotSignedIn, Unavailable, UnreadableImage
from alframe.functional.regions import decode_region
from alframe.oracle.label_studio import LabelStudio, LabelStudioFiles, oracle
from alframe.oracle.label_studio.answers import Reader
from alframe.oracle.label_studio.brush import decode_brush, encode_brush
from alframe.oracle.label_studio.results import label_of, results_of
from alframe.oracle.label_studio.tasks import Given
from alframe.types import Object, Objects, Polygons, Prediction, Query

IDS = tuple(f"bars/{row:03d}" for row in range(6))
TRUTH = dict(zip(tiny.Bars().table.ids.tolist(), tiny.Bars().table.labels.tolist(), strict=True))
QUERY = Query(1, IDS, None, "Entropy", "model 1")
CLASSES = ("top", "middle", "bottom")


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_any_mask_comes_back_from_the_brush(pixels: Any) -> None:
    packed = encode_brush(pixels)
    assert all(0 <= byte < 256 for byte in packed)
    np.testing.assert_array_equal(decode_brush(packed, *pixels.shape), pixels)


def test_long_runs_are_cut() -> None:
    """A length has 16 bits at most: 65,536 bytes, which are 16,384 pixels."""
    pixels = np.zeros((300, 300), dtype=np.bool_)
    pixels[5:290] = True
    np.testing.assert_array_equal(decode_brush(encode_brush(pixels), 300, 300), pixels)


def test_listed_bytes_are_read_too() -> None:
    """The page lists bytes that do not repeat: packed by hand, one pixel of red, half opaque, and a clear one."""
    bits = f"{8:032b}" + "00111" + "0010001101111111"
    bits += "0" + "00" + "111" + "".join(f"{byte:08b}" for byte in (255, 0, 0, 128, 9, 9, 9, 0))
    padded = bits.ljust(-(-len(bits) // 8) * 8, "0")
    packed = list(int(padded, 2).to_bytes(len(padded) // 8))
    assert decode_brush(packed, 1, 2).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        ([], "end too early"),
        ([255, 255, 255, 255] * 3, "has 4294967295 bytes, and not 4 for each of 2 x 1 pixels"),
        ([0, 0, 0, 8, 57, 27, 248, 157], "end too early"),
        ([0, 0, 0, 8, 57, 27, 255, 255, 255, 255], "beyond its end"),
        ([0, 0, 256], "range"),
    ],
)
def test_brushes_that_cannot_be(packed: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_brush(packed, 1, 2)


@given(
    edges=st.tuples(*[st.floats(0, 1)] * 4),
    size=st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
)
def test_any_box_comes_back(edges: tuple[float, ...], size: tuple[int, int]) -> None:
    """Percentages and pixels, to a millionth of a pixel."""
    (left, right), (top, bottom) = (sorted(edges[place::2]) for place in (0, 1))
    height, width = size
    box = (left * width, top * height, right * width, bottom * height)
    if min(box[2] - box[0], box[3] - box[1]) < 1e-3:
        return
    results = results_of(Objects((Object(box, 1, score=0.5),)), "detection", CLASSES, height, width)
    found = label_of(results, "detection", CLASSES, height, width)
    assert isinstance(found, Objects)
    np.testing.assert_allclose(found.boxes, [box], rtol=0, atol=1e-6)
    assert found.labels.tolist() == [1]


def rectangle(rotation: float = 0, label: str = "top", **value: float) -> dict[str, Any]:
    place = {"x": 50, "y": 50, "width": 20, "height": 10} | value
    return {"type": "rectanglelabels", "value": {**place, "rotation": rotation, "rectanglelabels": [label]}}


def test_boxes_turn_about_their_upper_left_corner() -> None:
    """Clockwise: by a quarter what went right goes down, and what went down goes left; in pixels, not in percent."""
    quarter = label_of([rectangle(90)], "detection", CLASSES, 100, 200)
    assert isinstance(quarter, Objects)
    np.testing.assert_allclose(quarter.boxes, [[90, 50, 100, 90]])
    eighth = label_of([rectangle(45, width=10, height=20)], "detection", CLASSES, 100, 200)
    assert isinstance(eighth, Objects)
    side = 20 / 2**0.5
    np.testing.assert_allclose(eighth.boxes, [[100 - side, 50, 100 + side, 50 + 2 * side]])


def test_shapes_of_segmentation_keep_their_kind() -> None:
    """One ring is a polygon of theirs, several are the pixels that they cover."""
    one, two = (2.0, 2.0, 9.0, 2.0, 9.0, 9.0), (12.0, 12.0, 18.0, 12.0, 18.0, 18.0)
    objects = Objects((Object((2, 2, 9, 9), 0, Polygons((one,))), Object((2, 2, 18, 18), 2, Polygons((one, two)))))
    results = results_of(objects, "segmentation", CLASSES, 20, 30)
    assert [each["type"] for each in results] == ["polygonlabels", "brushlabels"]
    found = label_of(results, "segmentation", CLASSES, 20, 30)
    assert isinstance(found, Objects)
    for before, after in zip(objects, found, strict=True):
        assert before.mask is not None
        assert after.mask is not None
        np.testing.assert_array_equal(decode_region(after.mask, 20, 30), decode_region(before.mask, 20, 30))


@pytest.mark.parametrize(
    ("kind", "result", "message"),
    [
        ("classification", [], "one class is asked for, got none"),
        ("classification", [{"type": "choices", "value": {"choices": ["top", "middle"]}}], "got top, middle"),
        ("classification", [{"type": "choices", "value": {"choices": ["left"]}}], "no class 'left'"),
        ("classification", [{"type": "choices", "value": 3}], "dictionary"),
        ("classification", ["top"], "dictionary"),
        ("detection", [rectangle(label="left")], "no class 'left'"),
        ("detection", [{"type": "rectanglelabels", "value": {"x": 1, "y": 1, "width": 5, "height": 5}}], "got none"),
        ("detection", [rectangle(x=float("nan"))], "finite"),
        ("detection", [rectangle(width=0)], "no area"),
        ("detection", [rectangle(x=150)], "is outside the image"),
        ("segmentation", [rectangle()], "a box and no mask"),
        ("segmentation", [{"type": "polygonlabels", "value": {"points": [], "polygonlabels": ["top"]}}], "no corners"),
        ("segmentation", [{"type": "polygonlabels", "value": {"points": [[1]], "polygonlabels": ["top"]}}], "2 items"),
        (
            "segmentation",
            [{"type": "polygonlabels", "value": {"points": [[1, 1], [2, 2]], "polygonlabels": ["top"]}}],
            "3 corners or more",
        ),
        ("segmentation", [{"type": "brushlabels", "value": {"rle": [0, 1], "brushlabels": ["top"]}}], "end too early"),
    ],
)
def test_results_that_are_no_label(kind: Any, result: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        label_of(result, kind, CLASSES, 100, 200)


def test_what_other_controls_say_is_passed_over() -> None:
    """A comment beside the class."""
    results = [{"type": "textarea", "value": {"text": ["blurred"]}}, {"type": "choices", "value": {"choices": ["top"]}}]
    assert label_of(results, "classification", CLASSES, 8, 8) == 0


def choice(label: str, id: int = 1, **more: Any) -> Given:  # noqa: A002 (what the field is called)
    return Given(
        id, [{"type": "choices", "value": {"choices": [label]}}], updated_at=f"2026-01-01T00:00:{id:02d}", **more
    )


def test_several_annotations_become_one_answer() -> None:
    """What more than half say, nothing where none is, or always the latest; a skip is an answer but has no vote."""
    majority, latest = (Reader("classification", CLASSES, 2, several) for several in ("majority", "latest"))
    votes = [
        choice("top", 1, completed_by=4),
        choice("middle", 2, completed_by={"id": 5, "email": "b@c"}),
        choice("top", 3),
    ]
    assert majority.answer(votes[:1], 8, 8) is None
    answers = [
        reader.answer(part, 8, 8) for reader, part in ((majority, votes), (majority, votes[:2]), (latest, votes[:2]))
    ]
    assert [answer.label for answer in answers if answer] == [0, None, 1]
    assert answers[1] is not None
    assert answers[1].annotator == "label_studio: 5, 4"
    assert answers[1].reason == "people disagree: none of 2 answers is that of more than half"
    skipped = majority.answer([votes[0], Given(9, [], was_cancelled=True)], 8, 8)
    assert skipped is not None
    assert skipped.label == 0
    useless = majority.answer([choice("left"), choice("left", 2)], 8, 8)
    assert useless is not None
    assert useless.label is None
    assert useless.reason == "annotation 2 of Label Studio cannot be used: there is no class 'left' in this run"


def test_boxes_of_several_people_meet() -> None:
    """What two of three drew, at the mean of their places."""
    reader = Reader("detection", CLASSES, 3, "majority")
    drawn = [[rectangle()], [rectangle(x=52)], [rectangle(x=0)]]
    answer = reader.answer([Given(row, result) for row, result in enumerate(drawn)], 100, 100)
    assert answer is not None
    assert isinstance(answer.label, Objects)
    np.testing.assert_allclose(answer.label.boxes, [[51, 50, 71, 60]])


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A fake server, for a client that loses no time."""
    monkeypatch.setattr(oracle, "PAUSES", (0.0,) * 3)
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", TOKEN)
    with fake_studio() as made:
        yield made


@pytest.fixture
def connect(studio: Studio) -> Iterator[Callable[..., LabelStudio]]:
    """Builds oracles that ask there."""
    made: list[LabelStudio] = []

    def make(source: Any = None, **options: Any) -> LabelStudio:
        made.append(LabelStudio(source or tiny.Bars(), options.pop("project", "tiny"), studio.url, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


Connect = Callable[..., LabelStudio]


def label_all(studio: Studio) -> None:
    with Annotator(studio.url) as person:
        for task in studio.tasks:
            name = CLASSES[TRUTH[task["data"]["sample"]]]
            person.submit(task, [{"type": "choices", "value": {"choices": [name]}}])


def failing(
    times: int, method: str, ending: str, *, done: bool = False, status: int = 503
) -> Callable[[str, str], Any]:
    """An accident of so many requests of this kind: they fail, though what they ask for is done or not."""
    left = [times]

    def accident(called: str, path: str) -> tuple[int, Any, bool] | None:
        if called == method and path.endswith(ending) and left[0]:
            left[0] -= 1
            return status, {"detail": "busy"}, done
        return None

    return accident


@pytest.mark.parametrize(
    ("method", "ending"),
    [("POST", "/import"), ("POST", "/api/projects"), ("GET", "/api/tasks"), ("GET", "/file-uploads")],
)
@pytest.mark.parametrize("done", [False, True])
def test_no_request_that_fails_makes_anything_twice(
    studio: Studio, connect: Connect, method: str, ending: str, done: bool
) -> None:
    """Whether the server did it and its answer was lost, or did not: one project, a task a sample, a file an image."""
    studio.accident = failing(2, method, ending, done=done)
    connect().ask(QUERY)
    assert len(studio.projects) == 1
    assert [task["data"]["sample"] for task in studio.tasks] == list(IDS)
    assert len(studio.files) == len({data for _, data in studio.files})


def test_a_server_that_stays_away(studio: Studio, connect: Connect) -> None:
    studio.accident = failing(10**6, "GET", "/api/projects", status=429)
    asked = connect()
    with pytest.raises(Unavailable, match="busy or broken: 429"):
        asked.ask(QUERY)
    assert studio.calls == ["GET /api/projects"] * 4
    gone = LabelStudio(tiny.Bars(), "tiny", "http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="does not answer: ConnectError"):
        gone.collect(QUERY)
    gone.close()


def test_a_redirect_is_not_followed(studio: Studio, connect: Connect) -> None:
    """The token goes to no other host."""
    studio.accident = lambda _method, _path: (302, {}, False)
    with pytest.raises(ConfigurationError, match=r"says to go to https://elsewhere\.example"):
        connect().ask(QUERY)


def test_tokens(studio: Studio, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, a wrong one, and a personal one whose access token runs out in between."""
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", " ")
    with pytest.raises(ConfigurationError, match="LABEL_STUDIO_TOKEN is empty"):
        connect().ask(QUERY)
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", "wrong")
    with pytest.raises(NotSignedIn, match="does not accept the token in LABEL_STUDIO_TOKEN"):
        connect().ask(QUERY)
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", PERSONAL)
    asked = connect()
    asked.ask(QUERY)
    studio.access = "access-2"
    assert asked.collect(QUERY) == []
    assert studio.calls.count("POST /api/token/refresh/") == 2
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", "a.b.c")
    with pytest.raises(NotSignedIn):
        connect().collect(QUERY)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((403, {}), "refuses /api/projects: 403"),
        ((400, {"detail": "odd"}), "400 .*odd"),
        ((200, b"<html>"), "than JSON"),
    ],
)
def test_other_answers_are_passed_on(studio: Studio, connect: Connect, answer: tuple[int, Any], error: str) -> None:
    studio.accident = lambda _method, _path: (*answer, False)
    with pytest.raises(AlframeError, match=error):
        connect().ask(QUERY)


def test_pages_are_read_to_the_end(studio: Studio, connect: Connect) -> None:
    """More tasks than a page has, of which some belong to nobody here."""
    source = tiny.Bars()
    query = replace(QUERY, ids=tuple(source.table.ids[:130].tolist()))
    asked = connect(source)
    asked.ask(query)
    studio.tasks[5]["data"] = {"image": "of somebody else"}
    with Annotator(studio.url) as person:
        for task in studio.tasks:
            person.submit(task, [{"type": "choices", "value": {"choices": ["top"]}}])
    asked.ask(query)
    assert len(studio.tasks) == len(query.ids) + 1
    assert len(asked.collect(query)) == len(query.ids) - 1


def test_rounds_do_not_mix(studio: Studio, connect: Connect) -> None:
    """A sample may be asked about again in a later round, as a task of its own."""
    asked = connect()
    asked.ask(QUERY)
    label_all(studio)
    later = replace(QUERY, round=2)
    asked.ask(later)
    assert len(studio.tasks) == 2 * len(IDS)
    assert len(asked.collect(QUERY)) == len(IDS)
    assert asked.collect(later) == []


def test_an_image_that_cannot_be_read_is_set_aside(studio: Studio, connect: Connect) -> None:
    class Torn(tiny.Bars):
        def read(self, position: int, side: int | None = None) -> Any:
            if position == 3:
                raise UnreadableImage("torn")
            return super().read(position, side)

    asked = connect(Torn())
    asked.ask(QUERY)
    assert [task["data"]["sample"] for task in studio.tasks] == [name for name in IDS if name != IDS[3]]
    (answer,) = asked.collect(QUERY)
    assert (answer.sample_id, answer.label, answer.reason) == (IDS[3], None, "torn")


def test_a_project_that_does_not_fit(studio: Studio, connect: Connect) -> None:
    """Another kind, another interface, two of one title; new classes are added to an interface of ours."""
    connect().ask(QUERY)
    with pytest.raises(ConfigurationError, match="for segmentation it needs BrushLabels called brush, PolygonLabels"):
        connect(squares.Squares()).ask(QUERY)
    with pytest.raises(Conflict, match="was never asked about"):
        connect().collect(replace(QUERY, ids=("bars/010",)))

    fewer: Any = tiny.Bars()
    fewer.classes = CLASSES[:2]
    connect(fewer, project="growing").ask(replace(QUERY, ids=()))
    connect(project="growing").ask(QUERY)
    assert 'value="bottom"' in studio.projects[1]["label_config"]
    studio.projects[1]["label_config"] = studio.projects[1]["label_config"].replace(
        '<Choice value="bottom" />', "<!-- -->"
    )
    with pytest.raises(ConfigurationError, match="this run also has bottom: add them"):
        connect(project="growing").ask(QUERY)
    studio.projects.append(studio.projects[0] | {"id": 3})
    with pytest.raises(Conflict, match="2 projects of Label Studio are called tiny"):
        connect().ask(QUERY)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"poll": 0.0}, "poll"),
        ({"overlap": 0}, "overlap"),
        ({"timeout": 0.0}, "timeout"),
        ({"project": " "}, "project"),
        ({"url": "ftp://host"}, r"oracle\.url"),
        ({"url": "http://name:secret@host"}, "without a name and password"),
        ({"kind": "detection"}, "does not fit bars"),
    ],
)
def test_configurations_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LabelStudio(tiny.Bars(), **({"project": "tiny"} | options))


def test_files_go_there_and_back(tmp_path: Path) -> None:
    """Tasks with their images in them, whole or absent; what an export says of them, and of no other round."""
    asked = LabelStudioFiles(tiny.Bars(), str(tmp_path), wait=False)
    predictions = {name: Prediction(TRUTH[name], (0.2, 0.2, 0.6)) for name in IDS}
    for _ in range(2):
        asked.ask(QUERY, predictions)
    place = tmp_path / "round-001"
    assert sorted(path.name for path in (place / "to_label").iterdir()) == [
        "asked.json",
        "interface.xml",
        "tasks-001.json",
    ]
    assert asked.collect(QUERY) == []
    tasks = json.loads((place / "to_label/tasks-001.json").read_text())
    assert tasks[0]["data"]["image"].startswith("data:image/png;base64,iVBOR")
    assert tasks[0]["predictions"][0]["result"][0]["value"] == {"choices": [CLASSES[TRUTH[IDS[0]]]]}
    for task in tasks[:-1]:
        task["annotations"] = [{"id": 1, "result": task["predictions"][0]["result"], "completed_by": 1}]
    (place / "export.json").write_text(json.dumps(tasks)[:-9])
    with pytest.raises(Unavailable, match=r"export\.json cannot be used: .* is no JSON"):
        asked.collect(QUERY)
    (place / "export.json").write_text(json.dumps(tasks))
    answers = asked.collect(QUERY)
    assert {each.sample_id: each.label for each in answers} == {name: TRUTH[name] for name in IDS[:-1]}
    assert not asked.satisfied(QUERY, answers)
    asked.ask(replace(QUERY, round=2))
    (tmp_path / "round-002/export.json").write_text(json.dumps(tasks))
    with pytest.raises(Unavailable, match="it has bars/000 of round 1, which was not asked here"):
        asked.collect(replace(QUERY, round=2))


def test_large_files_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alframe.oracle.label_studio.files.MAX_PART", 500)
    LabelStudioFiles(tiny.Bars(), str(tmp_path)).ask(QUERY)
    parts = [json.loads(path.read_text()) for path in sorted((tmp_path / "round-001/to_label").glob("tasks-*.json"))]
    assert len(parts) > 1
    assert [task["data"]["sample"] for part in parts for task in part] == list(IDS)

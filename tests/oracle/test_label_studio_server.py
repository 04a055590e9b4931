"""Round trips through Label Studio, as it is and as the fake server imitates it: what people say is what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studio import TOKEN, Annotator, fake_studio, program, real_studio

from alframe.data import Digits, Source, SurfaceDefects
from alframe.data.images import decode_image
from alframe.functional.regions import decode_region, encode_region
from alframe.oracle.label_studio import LabelStudio
from alframe.oracle.label_studio.answers import Reader
from alframe.oracle.label_studio.files import read_export
from alframe.oracle.label_studio.results import results_of
from alframe.types import Object, Objects, Prediction, Query

COUNT = 50
MODEL = "5e1f" * 16


@pytest.fixture(
    scope="module",
    params=[
        "fake",
        pytest.param(
            "real",
            marks=pytest.mark.skipif(
                program() is None, reason="no label-studio on the path, and ALFRAME_LABEL_STUDIO names none"
            ),
        ),
    ],
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on the loopback."""
    if request.param == "fake":
        with fake_studio() as studio:
            yield studio.url
    else:
        with real_studio(tmp_path_factory.mktemp("studio")) as address:
            yield address


@pytest.fixture
def connect(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., LabelStudio]]:
    """Builds oracles that ask there."""
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", TOKEN)
    made: list[LabelStudio] = []

    def make(source: Source, project: str, **options: Any) -> LabelStudio:
        made.append(LabelStudio(source, project, url, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def query_of(source: Source, round: int = 3) -> Query:
    ids = tuple(source.table.ids[~source.table.held_out][:COUNT].tolist())
    return Query(round, ids, None, "Entropy", MODEL)


def test_fifty_classes_come_back(connect: Callable[..., LabelStudio], url: str) -> None:
    """Every third prediction is wrong, and corrected; the rest are accepted as they are. Asked twice is asked once."""
    source = Digits()
    query = query_of(source)
    truth = {name: int(source.table.labels[row]) for row, name in enumerate(source.table.ids.tolist())}
    said = {name: (truth[name] + (row % 3 == 0)) % 10 for row, name in enumerate(query.ids)}
    probs = {name: tuple(0.73 if label == said[name] else 0.03 for label in range(10)) for name in query.ids}
    predictions = {name: Prediction(said[name], probs[name]) for name in query.ids}
    oracle = connect(source, "digits")
    for _ in range(2):
        oracle.ask(query, predictions)
    assert oracle.collect(query) == []
    with Annotator(url) as person:
        tasks = person.tasks("digits")
        assert [task["data"]["sample"] for task in tasks] == list(query.ids)
        for task in tasks:
            name = task["data"]["sample"]
            (prediction,) = task["predictions"]
            assert (prediction["model_version"], prediction["score"]) == (MODEL[:12], pytest.approx(0.73))
            assert prediction["result"][0]["value"] == {"choices": [source.classes[said[name]]]}
            result = prediction["result"]
            if said[name] != truth[name]:
                result = [result[0] | {"value": {"choices": [source.classes[truth[name]]]}}]
            person.submit(task, result)
        row = source.table.ids.tolist().index(query.ids[0])
        shown = decode_image(BytesIO(person.bytes(tasks[0]["data"]["image"])))
        np.testing.assert_array_equal(shown, source.read(row))
    answers = oracle.collect(query)
    assert {each.sample_id: each.label for each in answers} == {name: truth[name] for name in query.ids}
    assert oracle.satisfied(query, answers)
    assert connect(source, "digits").collect(query) == answers
    assert {(each.round, each.model, each.reason) for each in answers} == {(3, MODEL, None)}


@pytest.mark.parametrize("kind", ["detection", "segmentation"])
def test_fifty_images_of_objects_come_back(connect: Callable[..., LabelStudio], url: str, kind: str) -> None:
    """Predictions miss their object by two pixels; what people put right comes back to a millionth of a pixel."""
    source = SurfaceDefects(count=2 * COUNT, size=48)
    query = query_of(source)
    rows = {name: row for row, name in enumerate(source.table.ids.tolist())}
    truth = {name: source.table.labels[rows[name]] for name in query.ids}
    predictions = {name: Prediction(moved(truth[name])) for name in query.ids}
    oracle = connect(source, f"defects {kind}", kind=kind)
    oracle.ask(query, predictions)
    helper = connect(source, "none", kind=kind)
    with Annotator(url) as person:
        for row, task in enumerate(person.tasks(f"defects {kind}")):
            name = task["data"]["sample"]
            result = task["predictions"][0]["result"]
            assert len(result) == len(truth[name])
            if row % 5:
                result = by_hand(truth[name], helper, result)
            person.submit(task, result)
    answers = {each.sample_id: each.label for each in oracle.collect(query)}
    worst = 0.0
    for row, name in enumerate(query.ids):
        wanted, found = truth[name] if row % 5 else moved(truth[name]), answers[name]
        assert isinstance(found, Objects)
        assert found.labels.tolist() == wanted.labels.tolist()
        if kind == "detection":
            worst = max(worst, float(np.abs(found.boxes - wanted.boxes).max(initial=0)))
        else:
            for one, two in zip(found, wanted, strict=True):
                assert one.mask is not None
                assert two.mask is not None
                np.testing.assert_array_equal(decode_region(one.mask, 48, 48), decode_region(two.mask, 48, 48))
    assert worst < 1e-6


def moved(objects: Objects) -> Objects:
    """Two pixels to the left, as far as there is room."""

    def move(found: Object) -> Object:
        left, top, right, bottom = found.box
        step = min(2.0, left)
        assert found.mask is not None
        pixels = np.roll(decode_region(found.mask, 48, 48), -int(step), axis=1)
        return replace(found, box=(left - step, top, right - step, bottom), mask=encode_region(pixels), score=0.5)

    return Objects(tuple(move(each) for each in objects))


def by_hand(truth: Objects, oracle: LabelStudio, predicted: list[Any]) -> list[Any]:
    """Results with the places of the truth, and what the page says of them besides."""
    right = results_of(truth, oracle.kind, oracle.source.classes, 48, 48)
    return [
        old | {"value": new["value"], "origin": "prediction-changed"} for old, new in zip(predicted, right, strict=True)
    ]


def test_skips_drafts_and_second_thoughts(connect: Callable[..., LabelStudio], url: str) -> None:
    """A skip sets aside, a draft is nothing, and what is changed later corrects the ledger under another key."""
    source = Digits()
    query = replace(query_of(source, 1), ids=query_of(source).ids[:3])
    oracle = connect(source, "second thoughts")
    oracle.ask(query)
    with Annotator(url) as person:
        tasks = person.tasks("second thoughts")
        eight = [{"id": "a", "from_name": "class", "to_name": "image", "type": "choices", "value": {"choices": ["8"]}}]
        person.submit(tasks[0], eight)
        person.submit(tasks[1], [], was_cancelled=True)
        answers = oracle.collect(query)
        assert [(each.sample_id, each.label, each.reason) for each in answers] == [
            (query.ids[0], 8, None),
            (query.ids[1], None, "skipped in Label Studio"),
        ]
        assert oracle.corrected(answers) == []
        eight[0]["value"] = {"choices": ["9"]}
        person.submit(tasks[0], eight)
        (corrected,) = connect(source, "second thoughts", several="latest").corrected(answers)
        assert (corrected.sample_id, corrected.label, corrected.round) == (query.ids[0], 9, 1)
        assert corrected.key != answers[0].key


def test_the_export_of_the_server_is_read(connect: Callable[..., LabelStudio], url: str, tmp_path: Path) -> None:
    """The JSON file that people download: what files carry is what the API says."""
    source = Digits()
    query = replace(query_of(source, 2), ids=query_of(source).ids[:2])
    oracle = connect(source, "export")
    oracle.ask(query)
    with Annotator(url) as person:
        tasks = person.tasks("export")
        result = {"id": "a", "from_name": "class", "to_name": "image", "type": "choices", "value": {"choices": ["4"]}}
        person.submit(tasks[0], [result])
        address = f"/api/projects/{tasks[0]['project']}/export"
        exported = person.get(address, exportType="JSON", download_all_tasks="true")
    (tmp_path / "export.json").write_text(json.dumps(exported))
    found = {task.data.sample: task.annotations for task in read_export(tmp_path / "export.json")}
    assert {sample_id: len(given) for sample_id, given in found.items()} == {query.ids[0]: 1, query.ids[1]: 0}
    given = found[query.ids[0]]
    answer = Reader("classification", source.classes, 1, "majority").answer(given, 8, 8)
    (annotation,) = oracle.collect(query)
    assert answer is not None
    assert oracle.annotation(query.ids[0], answer, 2, MODEL) == annotation


def test_a_personal_access_token_is_exchanged(
    connect: Callable[..., LabelStudio], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page calls an access token only gives tokens that live for minutes."""
    with Annotator(url) as person:
        monkeypatch.setenv("MINE", person.post("/api/token/", {})["token"])
    source = Digits()
    query = replace(query_of(source, 5), ids=query_of(source).ids[:1])
    oracle = connect(source, "personal", token_variable="MINE")  # noqa: S106 (a name)
    oracle.ask(query)
    assert oracle.collect(query) == []
    with Annotator(url) as person:
        assert len(person.tasks("personal")) == 1

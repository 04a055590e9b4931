"""A cycle whose people work with another tool: it stops where labels are missing, and the same command goes on."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny
from studio import TOKEN, Annotator, fake_studio

from alframe.cycle import Plan
from alframe.data.formats.cvat_writer import Labelled, cvat_document
from alframe.errors import LabelsPending
from alframe.oracle.cvat import Cvat
from alframe.oracle.label_studio import LabelStudio, LabelStudioFiles
from alframe.pool import Ledger
from alframe.run import run
from alframe.storage import open_database

TRUTH = dict(zip(tiny.Bars().table.ids.tolist(), tiny.Bars().table.labels.tolist(), strict=True))
CLASSES = tiny.Bars.classes


def going_on(folder: Path, oracle: Any, answer: Any) -> None:
    """Two queries, each answered after the command ended; the ledger has the truth, and predictions came along."""
    parts = tiny.parts(oracle=oracle, cycle=Plan(initial=6, batch=4, rounds=1))
    for round, count in enumerate((6, 4)):
        with pytest.raises(LabelsPending, match=f"{count} of the {count} labels of round {round}"):
            run(parts, folder, tiny.CONFIG)
        answer(round)
    run(parts, folder, tiny.CONFIG)
    engine = open_database(f"sqlite:///{folder / 'run.sqlite'}")
    found = {each.annotation.sample_id: each.annotation.label for each in Ledger(engine).entries()}
    engine.dispose()
    assert found == {name: TRUTH[name] for name in found}
    assert len(found) == 10


def test_label_studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", TOKEN)
    with fake_studio() as studio, Annotator(studio.url) as person:

        def answer(round: int) -> None:
            for task in person.tasks("tiny"):
                assert len(task["predictions"]) == (task["data"]["round"] > 0)
                if task["data"]["round"] == round:
                    value = {"choices": [CLASSES[TRUTH[task["data"]["sample"]]]]}
                    person.submit(task, [{"type": "choices", "value": value}])

        oracle = partial(LabelStudio, project="tiny", url=studio.url, wait=False)
        going_on(tmp_path / "run", oracle, answer)
        assert studio.projects[0]["model_version"] == studio.tasks[-1]["predictions"][0]["model_version"]


def test_files_of_label_studio(tmp_path: Path) -> None:
    def answer(round: int) -> None:
        place = tmp_path / "files" / f"round-{round:03d}"
        tasks = json.loads((place / "to_label/tasks-001.json").read_text())
        for task in tasks:
            value = {"choices": [CLASSES[TRUTH[task["data"]["sample"]]]]}
            task["annotations"] = [{"id": 1, "result": [{"type": "choices", "value": value}]}]
        (place / "export.json").write_text(json.dumps(tasks))

    going_on(tmp_path / "run", partial(LabelStudioFiles, folder=str(tmp_path / "files"), wait=False), answer)


def test_files_of_cvat(tmp_path: Path) -> None:
    def answer(round: int) -> None:
        place = tmp_path / "files" / f"round-{round:03d}"
        asked = json.loads((place / "to_label/asked.json").read_text())
        document = cvat_document(CLASSES, [Labelled(name, (8, 8), TRUTH[sample]) for sample, name in asked.items()])
        (place / "annotations.xml").write_bytes(document)

    going_on(tmp_path / "run", partial(Cvat, folder=str(tmp_path / "files"), wait=False), answer)

"""``alframe label``: images and labels into a project and out of it, and how its work goes."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import tiny
from people import hire, work
from PIL import Image
from sqlalchemy import select
from typer.testing import CliRunner, Result

from alframe.cli import app
from alframe.labelling import NewTask, Projects, ProjectSettings, Queue, settle
from alframe.labelling.images import StoredImage
from alframe.labelling.items import Items, NewItem
from alframe.labelling.settling import settlements
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import TaskRow
from alframe.types import Prediction

Command = Callable[..., Result]


@pytest.fixture
def alframe(tmp_path: Path, service_url: str, database: ServiceDatabase) -> Command:
    """Runs a command on a service with a project named tiny."""
    Projects(database).create("tiny", "classification", tiny.Bars.classes, ProjectSettings(cost=0.5), by="root")
    Projects(database).create("other", "detection", ["scratch"], by="root")

    def call(*words: str | Path) -> Result:
        where = ("--service", str(tmp_path / "service"), "--database", service_url)
        return CliRunner().invoke(app, ["label", *map(str, words), *where], env={"COLUMNS": "200"})

    return call


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three images, two of which have labels."""
    folder = tmp_path / "photos"
    (folder / "line 1").mkdir(parents=True)
    for row, name in enumerate(("a.png", "b.png", "line 1/c.png")):
        Image.fromarray(tiny.Bars().pixels[row, ..., 0]).save(folder / name)
    (folder / "labels.csv").write_text("sample,label,group\na.png,top,left\nline 1/c.png,bottom,right\n")
    return folder


def said(result: Result) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", result.output).split())


def test_a_folder_is_imported_once(alframe: Command, photos: Path, database: ServiceDatabase) -> None:
    """Names, groups and labels come along; the same folder, or a ZIP of it, changes nothing."""
    project = Projects(database).named("tiny")
    for _ in range(2):
        done = alframe("import", photos, "--project", "tiny")
        assert done.exit_code == 0, said(done)
        assert "3 images in tiny, 2 of them with a label from here" in said(done)
    with ZipFile(photos.with_suffix(".zip"), "w") as archive:
        for path in photos.rglob("*.*"):
            archive.write(path, path.relative_to(photos))
    assert alframe("import", photos.with_suffix(".zip"), "-p", "tiny").exit_code == 0
    items = Items(database).page(project.id)
    assert {each.sample_id: each.group for each in items} == {"a.png": "left", "b.png": "", "line 1/c.png": "right"}
    holds = settlements.current(database, project.id)
    assert {name: (each.label, each.version) for name, each in holds.items()} == {
        "a.png": (0, 1),
        "line 1/c.png": (2, 1),
    }


def test_what_is_left_out_is_named(alframe: Command, photos: Path) -> None:
    (photos / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (photos / "labels.csv").write_text("sample,label\na.png,purple\n")
    told = said(alframe("import", photos, "-p", "tiny"))
    assert "3 images in tiny, 0 of them" in told
    assert told.count("left out") == 2
    assert "purple" in told
    assert "torn.png" in told


def test_an_export_holds_the_labels_and_comes_back(
    alframe: Command, photos: Path, tmp_path: Path, database: ServiceDatabase
) -> None:
    """With who settled each; imported into another project, the images and labels are the same."""
    alframe("import", photos, "-p", "tiny")
    done = alframe("export", "-p", "tiny", "--images", "-o", tmp_path / "out.zip")
    assert done.exit_code == 0
    assert f"2 labels of tiny: {tmp_path / 'out.zip'}" in said(done)
    with ZipFile(tmp_path / "out.zip") as archive, archive.open("labels.csv") as table:
        lines = {line["sample"]: line for line in csv.DictReader(TextIOWrapper(table, encoding="utf-8"))}
    assert {name: line["label"] for name, line in lines.items()} == {"a.png": "top", "line 1/c.png": "bottom"}
    assert {line["source"] for line in lines.values()} == {"import"}
    Projects(database).create("again", "classification", tiny.Bars.classes, by="root")
    assert "2 of them with a label" in said(alframe("import", tmp_path / "out.zip", "-p", "again"))


def test_coco_is_for_objects(alframe: Command, tmp_path: Path) -> None:
    """Of classes it is refused, and no file is left; of objects it is there."""
    refused = alframe("export", "-p", "tiny", "--format", "coco", "-o", tmp_path / "out.zip")
    assert refused.exit_code == 2
    assert "has classes: export it as csv" in said(refused)
    assert not list(tmp_path.glob("*out.zip*"))
    assert alframe("export", "-p", "other", "--format", "coco", "-o", tmp_path / "out.zip").exit_code == 0
    with ZipFile(tmp_path / "out.zip") as archive:
        assert "annotations/train.json" in archive.namelist()


def test_statistics_are_tables_or_json(alframe: Command, photos: Path, database: ServiceDatabase) -> None:
    """Both say who labelled how much, and what it cost."""
    alframe("import", photos, "-p", "tiny")
    project = Projects(database).named("tiny")
    items = Items(database).page(project.id)
    Queue(database).ask(project.id, 0, [NewTask(each.id) for each in items if each.group], overlap=2)
    work(database, hire(database, "ann", "bob"), lambda _: 0)
    told = said(alframe("stats", "-p", "tiny"))
    assert "ann 2" in told
    assert "bob 2" in told
    assert "4 answers, which cost 2" in told
    assert "left 1 100% 100%" in told
    known = json.loads(alframe("stats", "-p", "tiny", "--json").output)
    assert known["answers"] == 4
    assert known["cost"] == 2.0
    assert [each["name"] for each in known["annotators"]] == ["ann", "bob"]


def test_doubted_labels_are_listed_and_asked_for_again(alframe: Command, database: ServiceDatabase) -> None:
    """One of twenty is wrong, by a model that did not know it; asked for once, and then left alone."""
    pytest.importorskip("cleanlab")
    project = Projects(database).named("tiny")
    images = [NewItem(f"image {row}", StoredImage("0" * 64, 8, 8)) for row in range(20)]
    items = Items(database).add(project.id, images, by="root").values()
    known = [Prediction(row % 3, tuple(0.8 if each == row % 3 else 0.1 for each in range(3))) for row in range(20)]
    Queue(database).ask(project.id, 2, [NewTask(item, 0.0, each) for item, each in zip(items, known, strict=True)])
    work(database, hire(database, "ann"), lambda name: 2 if name == "image 7" else int(name.split()[1]) % 3)
    assert "0 labels of tiny are doubted" in said(alframe("doubts", "-p", "tiny"))
    settle(database, project.id, rng=np.random.default_rng(0))
    told = said(alframe("doubts", "-p", "tiny"))
    assert "image 7 bottom middle 0.10" in told
    assert "1 labels of tiny are doubted" in told
    for new in (1, 0):
        assert f"{new} of them are asked for again" in said(alframe("doubts", "-p", "tiny", "--ask", "5"))
    with database.read() as session:
        (asked,) = session.scalars(select(TaskRow).where(TaskRow.kind == "relabel"))
    assert (asked.item_id, asked.round, asked.state) == (list(items)[7], 2, "open")


@pytest.mark.parametrize("words", [["stats"], ["import", "."], ["export", "-o", "out.zip"]])
def test_projects_are_listed_where_the_name_is_wrong(
    alframe: Command, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = alframe(*words, "--project", "tinny")
    assert told.exit_code == 2
    assert "there is no project 'tinny'; there are other, tiny" in said(told)
    assert not (tmp_path / "out.zip").exists()


def test_what_is_not_there_is_said(alframe: Command, tmp_path: Path) -> None:
    """Neither an archive nor a service is made up."""
    assert "neither a ZIP nor a folder" in said(alframe("import", tmp_path / "nowhere", "-p", "tiny"))
    missing = CliRunner().invoke(app, ["label", "stats", "-p", "tiny", "--service", str(tmp_path / "none")])
    assert missing.exit_code == 2
    assert "there is no labelling service in" in said(missing)

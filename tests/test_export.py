"""alframe export: a source in, the files of a format out."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from alframe.cli import app
from alframe.data import CocoSource, CvatSource, MaskSource, Source, SurfaceDefects, VocSource, YoloSource
from alframe.errors import ConfigurationError, DataError
from alframe.export import Export, export
from alframe.functional.regions import class_map

COUNT, SIZE = 24, 48


@pytest.fixture(scope="module")
def drawn() -> Source:
    return SurfaceDefects(count=COUNT, size=SIZE)


def opened(kind: str, folder: Path) -> Source:
    if kind == "coco":
        files = folder / "annotations"
        return CocoSource(str(folder / "images"), str(files / "train.json"), str(files / "test.json"))
    if kind == "cvat":
        return CvatSource(str(folder / "images"), str(folder / "annotations.xml"))
    if kind == "voc":
        return VocSource(str(folder), test_names="ImageSets/Main/test.txt")
    return YoloSource(str(folder)) if kind == "yolo" else MaskSource(str(folder), test_names="test.txt")


@pytest.mark.parametrize("kind", ["coco", "cvat", "voc", "yolo", "masks"])
def test_the_embedded_set_comes_back(tmp_path: Path, drawn: Source, kind: str) -> None:
    """Exported and opened again: the same images, split, classes and objects, as far as the format has them."""
    folder = export(Export(drawn, kind, str(tmp_path / kind), masks=True, link=False))  # type: ignore[arg-type]
    found = opened(kind, folder)
    assert found.classes == drawn.classes
    rows = {sample_id.removesuffix(".png"): row for row, sample_id in enumerate(found.table.ids.tolist())}
    assert rows.keys() == set(drawn.table.ids.tolist())
    for row, sample_id in enumerate(drawn.table.ids.tolist()):
        other = rows[sample_id]
        assert found.table.held_out[other] == drawn.table.held_out[row]
        np.testing.assert_array_equal(found.read(other), drawn.read(row))
        wanted, objects = drawn.table.labels[row], found.table.labels[other]
        if kind != "masks":
            assert objects.labels.tolist() == wanted.labels.tolist()
            np.testing.assert_allclose(objects.boxes, wanted.boxes, atol=1e-6)
        if kind != "voc":
            np.testing.assert_array_equal(class_map(objects, SIZE, SIZE), class_map(wanted, SIZE, SIZE))


def test_boxes_alone(tmp_path: Path, drawn: Source) -> None:
    """Where masks are not wanted, YOLO's lines are boxes."""
    folder = export(Export(drawn, "yolo", str(tmp_path / "out"), masks=False, link=False))
    found = YoloSource(str(folder))
    assert not found.has_masks
    assert sum(map(len, found.table.labels)) == sum(map(len, drawn.table.labels))


@pytest.mark.parametrize("link", [False, True])
def test_files_are_copied_or_linked(tmp_path: Path, drawn: Source, link: bool) -> None:
    """From one format to another the files are the same ones, byte for byte."""
    first = opened("coco", export(Export(drawn, "coco", str(tmp_path / "coco"), masks=True, link=False)))
    folder = export(Export(first, "voc", str(tmp_path / "voc"), masks=True, link=link))
    name = "surface_defects/00003.png"
    one, two = tmp_path / "coco/images" / name, folder / "JPEGImages" / name
    assert one.read_bytes() == two.read_bytes()
    assert one.samefile(two) == link


def test_nothing_is_overwritten_and_nothing_left_half_done(tmp_path: Path, drawn: Source) -> None:
    """A folder with something in it is refused; a format that cannot have the objects leaves no folder behind."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full/note.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"full is not empty; choose another output"):
        export(Export(drawn, "coco", str(tmp_path / "full"), masks=True, link=False))
    with pytest.raises(DataError, match="objects without a mask"):
        export(Export(drawn, "masks", str(tmp_path / "new"), masks=False, link=False))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]


def command(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    return CliRunner().invoke(app, ["export", *arguments])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default COCO, in a folder named for the data and the format; -q says nothing."""
    result = command(tmp_path, monkeypatch, "-q", "data.count=16", "data.size=32")
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "exports/surface_defects-coco/annotations/test.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data=digits"], "digits has classes, and not objects"),
        (["data=surface_defects", "format=csv"], "format='csv' is no right value"),
        (["data=surface_defects", "mask=false"], "masks"),
    ],
)
def test_mistakes_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    """In one message, with what is right."""
    result = command(tmp_path, monkeypatch, *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output

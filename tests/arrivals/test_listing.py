"""Folders and tables of what is offered: what they say, and what is refused with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from arriving import bar, save

from alframe.arrivals import Evidence, Item, Listing
from alframe.errors import ConfigurationError, DataError

CLASSES = ("cat", "dog")


def listed(folder: Path, text: str, **options: Any) -> list[Item]:
    table = folder / "failures.csv"
    table.write_text(text, encoding="utf-8")
    return Listing(CLASSES, **options).read(table)


def test_a_folder_offers_its_images_in_natural_order(tmp_path: Path) -> None:
    """All with the same evidence; what is no image by its name is passed over."""
    for name in ("img10.png", "img9.png", "deep/img1.png"):
        save(tmp_path / name, bar(1))
    (tmp_path / "notes.svg").write_text("<svg/>")
    items = Listing(CLASSES, kind="drift").read(tmp_path)
    assert [item.path for item in items] == ["deep/img1.png", "img9.png", "img10.png"]
    assert {item.evidence for item in items} == {Evidence("drift", 0.5)}


def test_a_table_says_all_that_is_known(tmp_path: Path) -> None:
    """Each column lands where it belongs; a time with a zone becomes UTC."""
    header = "path,label,group,cost,kind,weight,predicted,confidence,model,comment,captured_at"
    row = "a/x.png,dog,line 3,2.5,gate_failure,3,cat,0.8,v7,blurred,2026-11-21T19:00:00+01:00"
    (item,) = listed(tmp_path, f"{header}\n{row}\n")
    when = datetime(2026, 11, 21, 18, tzinfo=UTC)
    evidence = Evidence("gate_failure", 3.0, "cat", 0.8, "v7", "dog", "blurred", when)
    assert item == Item(tmp_path, "a/x.png", f"{tmp_path / 'failures.csv'}, line 2", "line 3", 2.5, evidence)


def test_what_a_table_leaves_empty_is_the_commands(tmp_path: Path) -> None:
    """The kind's own weight follows the row's kind; a weight that was given holds for all."""
    text = "path,kind,weight,captured_at\nx.png,,,2026-11-21T18:00\ny.png,feedback,,\nz.png,,0,\n"
    by_kind = listed(tmp_path, text, kind="low_confidence")
    assert [(item.evidence.kind, item.evidence.weight) for item in by_kind] == [
        ("low_confidence", 0.5),
        ("feedback", 1.0),
        ("low_confidence", 0.0),
    ]
    assert by_kind[0].evidence.captured_at == datetime(2026, 11, 21, 18, tzinfo=UTC)
    assert [item.evidence.weight for item in listed(tmp_path, text, weight=7.0)] == [7.0, 7.0, 0.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label\ncat\n", "line 1: the header must name path, got 'label'"),
        ("path,lable\nx.png,cat\n", "line 1: the header names lable; known are path, label"),
        ("path\n", "lists no images"),
        ("path,label\nok.png,dog\nx.png,cow\n", "line 3: label 'cow' is none of the classes cat, dog"),
        ("path,predicted\nx.png,cow\n", "line 2: predicted 'cow' is none of"),
        ("path,kind\nx.png,rumour\n", "line 2: kind must be one of feedback, low_confidence.* got 'rumour'"),
        ("path,weight\nx.png,heavy\n", "line 2: weight must be a number or empty, got 'heavy'"),
        ("path,weight\nx.png,-1\n", "line 2: weight must be a number from 0 up, got -1"),
        ("path,weight\nx.png,nan\n", "line 2: weight must be a number from 0 up"),
        ("path,confidence\nx.png,1.5\n", r"line 2: confidence must lie in \[0, 1\], got 1.5"),
        ("path,cost\nx.png,0\n", "line 2: cost must be a positive number"),
        ("path,captured_at\nx.png,yesterday\n", "line 2: captured_at must be a date and time"),
        ("path\n../x.png\n", "line 2: path must name a file below the root"),
        ("path\n/etc/x.png\n", "line 2: path must name a file below the root"),
        ("path,label\nx.png\n", "line 2: expected the values path,label"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """Before anything of it is added."""
    with pytest.raises(DataError, match=message):
        listed(tmp_path, text)


def test_objects_are_not_given_in_a_table(tmp_path: Path) -> None:
    """Where labels are objects a class says nothing of where they are."""
    with pytest.raises(DataError, match="line 2: the labels of this run are objects"):
        listed(tmp_path, "path,label\nx.png,cat\n", with_labels=False)
    assert listed(tmp_path, "path,label\nx.png,\n", with_labels=False)[0].evidence.label == ""


def test_places_with_nothing_in_them_are_refused(tmp_path: Path) -> None:
    """A folder without images, and no file at all."""
    with pytest.raises(DataError, match="no images below"):
        Listing(CLASSES).read(tmp_path)
    with pytest.raises(DataError, match="cannot open the table"):
        Listing(CLASSES).read(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("options", [{"kind": "rumour"}, {"weight": -1.0}, {"weight": float("nan")}])
def test_evidence_that_there_cannot_be_is_refused(options: dict[str, Any]) -> None:
    """What the command line gives is checked before any file is looked at."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Listing(CLASSES, **options)

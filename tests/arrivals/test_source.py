"""A source with what arrived after it: the old positions stand, and the new ones say what is known of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import squares
import tiny
from arriving import bar, item, save

from alframe.arrivals import Arrivals, WithArrivals, with_arrivals
from alframe.data import Source
from alframe.data.images import decode_image
from alframe.errors import RunConflict
from alframe.storage import file_sha256, open_database, sqlite_url
from alframe.types import UNLABELLED


def arrived(folder: Path, base: Source) -> Arrivals:
    """Three images in a run's folder: one with a label, one with a group."""
    arrivals = Arrivals(open_database(sqlite_url(folder / "run.sqlite")), folder)
    paths = [save(folder / f"in/{row}.png", bar(row)) for row in range(3)]
    known = "" if base.table.has_objects else "middle"
    arrivals.add([item(paths[0], label=known), item(paths[1], weight=0.5), item(paths[2], group="night")], base)
    return arrivals


def test_old_positions_stand_and_new_ones_follow(tmp_path: Path) -> None:
    """Images, hashes and columns of the base are as they were; then those of the arrivals, never held out."""
    base = tiny.Bars()
    arrivals = arrived(tmp_path, base)
    source = with_arrivals(base, arrivals)
    assert (source.name, source.classes, source.in_memory) == ("bars", base.classes, False)
    table = source.table
    for name, column in vars(base.table).items():
        if column is not None:
            np.testing.assert_array_equal(getattr(table, name)[:60], column)
    assert table.ids[60:].tolist() == [row.sample_id for row in arrivals.rows()]
    assert table.labels[60:].tolist() == [1, UNLABELLED, UNLABELLED]
    assert table.groups[60:].tolist() == ["arrived", "arrived", "night"]
    assert not table.held_out[60:].any()
    assert table.evidence is not None
    assert table.evidence.tolist() == [0.0] * 60 + [1.0, 0.5, 1.0]
    for position in (0, 59):
        np.testing.assert_array_equal(source.read(position), base.read(position))
        assert source.content_hash(position) == base.content_hash(position)
    for number, row in enumerate(arrivals.rows()):
        np.testing.assert_array_equal(source.read(60 + number), decode_image(tmp_path / row.file))
        assert source.content_hash(60 + number) == file_sha256(tmp_path / row.file)


def test_what_is_said_later_counts(tmp_path: Path) -> None:
    """Of an arrival the last label, of any sample the largest weight; the labels that the run began with stand."""
    base = tiny.Bars()
    arrivals = arrived(tmp_path, base)
    own = save(tmp_path / "own.png", base.pixels[3, ..., 0])
    later = [item(own, label="bottom", weight=2.0), item(tmp_path / "in/1.png", label="top", weight=0.25)]
    arrivals.add([*later, item(tmp_path / "in/0.png", label="bottom", weight=3.0)], base)
    table = with_arrivals(base, arrivals).table
    assert table.labels[60:].tolist() == [2, 0, UNLABELLED]
    np.testing.assert_array_equal(table.labels[:60], base.table.labels)
    assert table.evidence is not None
    assert table.evidence[60:].tolist() == [3.0, 0.5, 1.0]
    assert np.flatnonzero(table.evidence[:60]).tolist() == [3]
    assert table.evidence[3] == 2.0
    weights = with_arrivals(base, arrivals, samples=60).table.evidence
    assert weights is not None
    assert weights[3] == 2.0


def test_a_class_of_later_is_not_known_to_a_round_that_has_begun(tmp_path: Path) -> None:
    """It could not end if what is said of its samples meanwhile named a class beyond its own."""
    base = tiny.Bars()
    arrivals = arrived(tmp_path, base)
    arrivals.add([item(tmp_path / "in/0.png", label="rust")], base, new_classes=["rust"])
    assert with_arrivals(base, arrivals, samples=63, classes=3).table.labels[60] == 1
    assert with_arrivals(base, arrivals).table.labels[60] == 3


def test_it_ends_where_it_is_told_to(tmp_path: Path) -> None:
    """What came later is not there, and neither are the classes of later."""
    base = tiny.Bars()
    arrivals = arrived(tmp_path, base)
    arrivals.add([], base, new_classes=["rust", "pit"])
    assert len(with_arrivals(base, arrivals, samples=62).table) == 62
    assert with_arrivals(base, arrivals, classes=4).classes == (*base.classes, "rust")
    assert with_arrivals(base, arrivals).classes == (*base.classes, "rust", "pit")
    assert with_arrivals(base, arrivals, samples=60, classes=3) is base


def test_objects_are_known_of_none_that_arrived(tmp_path: Path) -> None:
    """Where labels are objects, nobody has drawn any in what came."""
    base = squares.Squares(8)
    table = with_arrivals(base, arrived(tmp_path, base)).table
    assert table.has_objects
    assert table.known.tolist() == [True] * 8 + [False] * 3
    assert with_arrivals(base, arrived(tmp_path, base)).has_masks


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    """An id that the base has, and a label whose class was lost."""
    base = tiny.Bars()
    arrivals = arrived(tmp_path, base)
    name = arrivals.rows()[0].sample_id
    base.table.ids[:] = [f"{row}" for row in range(59)] + [name[:8]]
    arrivals.add([item(save(tmp_path / "x.png", bar(5)), label="rust")], base, new_classes=["rust"])
    (tmp_path / "arrivals/classes.json").unlink()
    with pytest.raises(RunConflict, match="beyond the 3 classes"):
        with_arrivals(base, arrivals)
    with pytest.raises(RunConflict, match="is the name of an arrival"):
        WithArrivals(with_arrivals(base, arrivals, samples=62), arrivals.rows(1), tmp_path)

"""Images that cannot be read, from the start or in the middle of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny

from alframe.cycle import Plan
from alframe.data import Image
from alframe.errors import DataError, LabelsPending, UnreadableImage
from alframe.oracle import Simulated
from alframe.pool import Ledger
from alframe.run import run
from alframe.storage import load_record, open_database
from alframe.types import Annotation, CurvePoint, Query


def start(folder: Path, **changes: Any) -> Path:
    run(tiny.parts(**changes), folder, tiny.CONFIG)
    return folder


def said(folder: Path) -> list[Annotation]:
    return [entry.annotation for entry in Ledger(open_database(f"sqlite:///{folder / 'run.sqlite'}")).entries()]


class Rotting(tiny.Bars):
    """Images that cannot be read: some from the start, some only from a given number of reads on."""

    in_memory = False

    def __init__(self) -> None:
        super().__init__()
        self.lost = {1, 3}
        self.reads = 0

    def read(self, position: int, side: int | None = None) -> Image:
        self.reads += 1
        if position in self.lost or (self.reads > 300 and position in (4, 7, 8)):
            raise UnreadableImage("truncated file")
        return super().read(position, side)


def test_unreadable_images_are_set_aside_whenever_they_turn_up(tmp_path: Path) -> None:
    """Images broken from the start are never queried; images lost in the middle of a run leave it without a crash."""
    folder = start(tmp_path, data=Rotting(), cycle=Plan(initial=6, batch=6, rounds=6))
    aside = {entry.sample_id: entry.reason for entry in said(folder) if entry.label is None}
    assert aside == {f"bars/{position:03d}": "truncated file" for position in (1, 3, 4, 7, 8)}
    asked = {name for path in folder.glob("round-*/query.json") for name in load_record(path, Query).ids}
    assert "bars/001" not in asked
    last = load_record(max(folder.glob("round-*/evaluation.json")), CurvePoint)
    assert last.labels == 45 - 3
    assert last.evaluation.samples == 15 - 2


def test_a_pool_that_cannot_be_read_at_all_is_an_error(tmp_path: Path) -> None:
    """When the disk with the images is gone, nothing is set aside: the same command goes on when it is back."""
    source = Rotting()
    source.lost = set()
    with pytest.raises(LabelsPending):
        start(tmp_path, data=source, oracle=Silent)
    source.lost = set(range(60))
    with pytest.raises(DataError):
        start(tmp_path, data=source)
    assert not said(tmp_path) or all(entry.label is not None for entry in said(tmp_path))


def test_a_disk_that_is_gone_when_the_pool_is_scored_loses_nothing(tmp_path: Path) -> None:
    """The run stops with the pool as it was, and goes on when the disk is back."""

    class Unmounted(tiny.Bars):
        in_memory = False
        gone = True

        def read(self, position: int, side: int | None = None) -> Image:
            if self.gone and (tmp_path / "round-000/evaluation.json").exists():
                raise UnreadableImage("the file is missing")
            return super().read(position, side)

    source = Unmounted()
    with pytest.raises(DataError, match="none of the 39 images of the pool can be read"):
        start(tmp_path, data=source)
    assert all(entry.label is not None for entry in said(tmp_path))
    source.gone = False
    start(tmp_path, data=source)
    assert len(list(tmp_path.glob("round-*/evaluation.json"))) == 3


class Silent(Simulated):
    def collect(self, query: Query) -> list[Annotation]:  # noqa: ARG002 (the oracle's signature)
        return []

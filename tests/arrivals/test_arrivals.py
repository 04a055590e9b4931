"""What comes in, what does not, and that nothing is lost between a file and its row."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import sqlalchemy
import tiny
from arriving import bar, item, save, scene
from filelock import FileLock
from sqlalchemy.orm import Session, SessionTransaction

from alframe.arrivals import Arrivals, Item, Report
from alframe.arrivals.arrivals import LOOKS
from alframe.data import Image, ImageFolder, LongTailed, Source
from alframe.data.files import FileSource
from alframe.data.images import MAX_PIXELS, decode_image
from alframe.errors import ConfigurationError, RunConflict
from alframe.storage import artifacts, file_sha256, open_database, sqlite_url


@pytest.fixture
def pool(tmp_path: Path) -> Arrivals:
    """Of a run to which nothing came yet."""
    folder = tmp_path / "run"
    folder.mkdir()
    return Arrivals(open_database(sqlite_url(folder / "run.sqlite")), folder)


def add(pool: Arrivals, *paths: Path, base: Source | None = None, **options: Any) -> Report:
    return pool.add([item(path) for path in paths], base or tiny.Bars(), **options)


def reasons(report: Report) -> list[str]:
    return [each.why for each in report.admissions]


def files(pool: Arrivals) -> set[str]:
    return {path.name for path in (pool.folder / "arrivals").iterdir()} - {".lock", LOOKS}


def test_what_comes_is_copied_and_kept_in_its_order(pool: Arrivals, tmp_path: Path) -> None:
    """The copies are named by their content and stay when the originals go."""
    paths = [save(tmp_path / f"in/{name}.PNG", bar(row)) for row, name in enumerate("cab")]
    report = add(pool, *paths)
    assert [each.verdict for each in report.admissions] == ["added"] * 3
    shutil.rmtree(tmp_path / "in")
    rows = pool.rows()
    assert pool.count() == len(rows) == 3
    assert [row.sample_id for row in rows] == [each.sample_id for each in report.added]
    for number, row in enumerate(rows):
        np.testing.assert_array_equal(decode_image(pool.folder / row.file)[..., 0], bar(number))
        digest = file_sha256(pool.folder / row.file)
        assert row.file == f"arrivals/{digest}.png"
        assert row.sample_id == f"arrived/{digest[:16]}"
    assert [row.sample_id for row in pool.rows(until=2)] == [row.sample_id for row in rows[:2]]
    assert pool.rows(until=0) == []


def test_the_evidence_comes_back_as_it_was_given(pool: Arrivals, tmp_path: Path) -> None:
    """With its label, as an index of the run's classes."""
    given = item(save(tmp_path / "x.png", bar(1)), label="bottom", weight=2.5, group="night")
    pool.add([given], tiny.Bars())
    ((row,), (told,)) = pool.rows(), pool.reports()
    assert (told.sample_id, told.evidence, told.label) == (row.sample_id, given.evidence, 2)
    assert (row.group, row.cost) == ("night", 1.0)


def test_what_is_said_of_a_known_sample_is_kept(pool: Arrivals, tmp_path: Path) -> None:
    """Of an arrival, a copy of one, and what the run began with; the same words again, as after a kill, are no news."""
    base = tiny.Bars()
    first = save(tmp_path / "a.png", scene(0))
    copy, own = save(tmp_path / "a.jpg", scene(0), quality=90), save(tmp_path / "own.png", base.pixels[3, ..., 0])
    pool.add([item(first)], base)
    said = [item(first, label="top"), item(copy, label="middle"), item(own, weight=2.0), item(first, label="top")]
    report = pool.add([*said, item(first)], base)
    assert [each.verdict for each in report.admissions] == ["duplicate"] * 5
    assert [each.is_news for each in report.admissions] == [True, True, True, False, False]
    name = pool.rows()[0].sample_id
    told = [(each.sample_id, each.label, each.evidence.weight) for each in pool.reports()]
    assert told == [(name, None, 1.0), (name, 0, 1.0), (name, 1, 1.0), ("bars/003", None, 2.0)]
    assert not any(each.is_news for each in pool.add(said, base).admissions)
    assert len(pool.reports()) == 4


def _claims_too_much(path: Path) -> None:
    PIL.Image.new("1", (20_000, MAX_PIXELS // 20_000 + 1)).save(path)


def _cut(path: Path) -> None:
    save(path.with_suffix(".bmp"), bar(1)).rename(path)
    path.write_bytes(path.read_bytes()[:-20])


def _leads_out(path: Path) -> None:
    path.symlink_to(save(path.parent.parent / "secret.png", bar(1)))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_claims_too_much, "too large: the header claims"),
        (_cut, "damaged"),
        (lambda path: path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>"), "not an image in a format"),
        (lambda path: path.write_bytes(b""), "not an image in a format"),
        (lambda _: None, "there is no such file"),
        (lambda path: path.mkdir(), "there is no such file"),
        (os.mkfifo, "there is no such file"),
        (_leads_out, "a link leads out of"),
    ],
    ids=["bomb", "cut off", "SVG", "empty", "missing", "folder", "pipe", "link"],
)
def test_what_is_no_image_of_the_folder_is_refused(
    pool: Arrivals, tmp_path: Path, make: Callable[[Path], Any], why: str
) -> None:
    """With a reason, and without a trace in the run; what comes after it is added."""
    path = tmp_path / "in/x.png"
    path.parent.mkdir()
    make(path)
    report = add(pool, path, save(tmp_path / "in/y.png", bar(2)))
    assert [each.verdict for each in report.admissions] == ["refused", "added"]
    assert why in report.refused[0].why
    assert len(files(pool)) == pool.count() == 1


def test_a_link_inside_the_folder_is_followed(pool: Arrivals, tmp_path: Path) -> None:
    """To the file that is meant."""
    save(tmp_path / "in/deep/x.png", bar(1))
    (tmp_path / "in/y.png").symlink_to("deep/x.png")
    assert len(add(pool, tmp_path / "in/y.png").added) == 1


def test_the_same_file_is_added_once(pool: Arrivals, tmp_path: Path) -> None:
    """Under any name, in one command or the next; the first one is named."""
    first, second = save(tmp_path / "a.png", bar(1)), save(tmp_path / "b.png", bar(1))
    report = add(pool, first, second)
    assert [each.verdict for each in report.admissions] == ["added", "duplicate"]
    again = add(pool, second, keep := save(tmp_path / "c.png", bar(2)), distance=None)
    assert keep.exists()
    assert reasons(again) == ["the same file arrived before", ""]
    assert {each.sample_id for each in (*report.admissions, again.admissions[0])} == {report.added[0].sample_id}
    assert pool.count() == 2


def test_what_looks_the_same_is_added_once_unless_it_is_to_be_kept(pool: Arrivals, tmp_path: Path) -> None:
    """A picture sent again through another compression is a duplicate, and another picture is not."""
    first = save(tmp_path / "a.png", scene(0))
    again, other = save(tmp_path / "a.jpg", scene(0), quality=80), save(tmp_path / "b.png", scene(1))
    report = add(pool, first, again, other)
    assert [each.verdict for each in report.admissions] == ["added", "duplicate", "added"]
    assert "of 64 bits differ" in report.duplicates[0].why
    assert report.duplicates[0].sample_id == report.added[0].sample_id
    assert len(add(pool, again, distance=None).added) == 1


def test_tiny_images_are_compared_byte_by_byte(pool: Arrivals, tmp_path: Path) -> None:
    """Bars that a hash could not tell apart are all added, at any distance."""
    paths = [save(tmp_path / f"{row}.png", bar(row, seed=row)) for row in range(6)]
    assert len(add(pool, *paths, distance=20).added) == 6


def test_what_the_run_began_with_does_not_come_again(pool: Arrivals, tmp_path: Path) -> None:
    """Of a source in memory by its pixels, held-out images too, which would leak; through another source as well."""
    base = tiny.Bars()
    path = save(tmp_path / "x.bmp", base.pixels[3, ..., 0])
    for source in (base, LongTailed(base, ratio=1.0)):
        report = add(pool, path, base=source)
        assert report.duplicates[0].sample_id == "bars/003"
        assert reasons(report) == ["the run began with the same image"]
    assert pool.count() == 0


def test_of_files_only_those_of_one_length_are_read(
    pool: Arrivals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the base source is found by its bytes, without hashing the others."""
    for number in range(12):
        save(tmp_path / f"base/{'ab'[number % 2]}/{number}.bmp", np.zeros((8 + number, 8), dtype=np.uint8))
    base = ImageFolder(str(tmp_path / "base"))
    hashed: list[str] = []
    real = FileSource.content_hash

    def watched(self: FileSource, position: int) -> str:
        hashed.append(str(self.table.ids[position]))
        return real(self, position)

    monkeypatch.setattr(FileSource, "content_hash", watched)
    report = add(pool, tmp_path / "base/a/4.bmp", save(tmp_path / "new.bmp", bar(1)), base=base)
    assert [each.verdict for each in report.admissions] == ["duplicate", "added"]
    assert report.duplicates[0].sample_id == "a/4.bmp"
    assert set(hashed) == {"a/4.bmp", "a/0.bmp"}


@pytest.mark.parametrize("side", [64, 400])
def test_a_copy_in_another_format_of_what_the_run_began_with_does_not_come_in(
    side: int, pool: Arrivals, tmp_path: Path
) -> None:
    """Held out or not: the gate and validation sets are drawn of the same samples. Another picture comes in."""
    for number in range(4):
        save(tmp_path / f"base/{'ab'[number % 2]}/{number}.jpg", scene(number, side), quality=90)
    base = ImageFolder(str(tmp_path / "base"), held_out=0.5)
    paths = [save(tmp_path / f"in/{number}.png", scene(number, side)) for number in (3, 2, 9)]
    report = add(pool, *paths, base=base)
    assert [each.sample_id for each in report.duplicates] == ["b/3.jpg", "a/2.jpg"]
    assert [each.item.path for each in report.added] == ["9.png"]
    assert "of 64 bits differ" in report.duplicates[0].why
    assert len(add(pool, paths[0], base=base, distance=None).added) == 1


def test_what_the_run_began_with_is_looked_at_once(
    pool: Arrivals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle of a line, the next command goes on after the one before; damaged files are passed over."""
    for number in range(6):
        save(tmp_path / f"base/{'ab'[number % 2]}/{number}.png", scene(number))
    (tmp_path / "base/a/4.png").write_bytes(b"damaged")
    base = ImageFolder(str(tmp_path / "base"))
    decoded: list[str] = []
    real = FileSource.read

    def watched(self: FileSource, position: int, side: int | None = None) -> Image:
        decoded.append(str(self.table.ids[position]))
        return real(self, position, side)

    monkeypatch.setattr(FileSource, "read", watched)
    path = save(tmp_path / "x.jpg", scene(3), quality=95)
    assert add(pool, path, base=base).duplicates[0].sample_id == "b/3.png"
    assert sorted(set(decoded)) == sorted(base.table.ids.tolist())
    kept = pool.folder / "arrivals/looks.jsonl"
    lines = kept.read_bytes()
    kept.write_bytes(lines[:-5])
    decoded.clear()
    assert add(pool, path, base=base).duplicates[0].sample_id == "b/3.png"
    assert decoded == [base.table.ids[-1], "b/3.png"]
    assert kept.read_bytes() == lines


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("place", "name", "there"),
    [(artifacts, "_flush", 1), (Session, "add", 2), (SessionTransaction, "commit", 2)],
    ids=["file not whole", "file without row", "row not committed"],
)
def test_killed_at_any_moment_it_goes_on(tmp_path: Path, place: Any, name: str, there: int) -> None:
    """Never a row without its file; a file without a row is taken up by the next command (SIGKILL, SQLite)."""
    paths = [save(tmp_path / f"in/{row}.png", bar(row)) for row in range(4)]
    run = tmp_path / "run"

    def attempt(*offered: Path) -> Report:
        run.mkdir(exist_ok=True)
        return add(Arrivals(open_database(sqlite_url(run / "run.sqlite")), run), *offered)

    attempt(paths[0])
    process = os.fork()
    if process == 0:
        setattr(place, name, die)
        attempt(*paths[1:])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
    after = Arrivals(open_database(sqlite_url(run / "run.sqlite")), run)
    assert after.count() == len(after.reports()) == 1
    assert len([name for name in files(after) if not name.startswith(".")]) == there
    assert [each.verdict for each in attempt(*paths).admissions] == ["duplicate", "added", "added", "added"]
    assert {row.file.removeprefix("arrivals/") for row in after.rows()} == files(after)


def test_a_left_over_file_of_another_content_is_replaced(pool: Arrivals, tmp_path: Path) -> None:
    """Its name promises a content."""
    path = save(tmp_path / "x.png", bar(1))
    left = pool.folder / f"arrivals/{file_sha256(path)}.png"
    save(left, bar(2))
    add(pool, path)
    assert file_sha256(left) == file_sha256(path)


def test_a_file_that_changes_while_it_is_read_is_refused(
    pool: Arrivals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at is not what would be kept."""
    path, other = save(tmp_path / "x.png", bar(1)), save(tmp_path / "y.png", bar(2))
    real = shutil.copyfile
    monkeypatch.setattr(shutil, "copyfile", lambda _, target: real(other, target))
    assert reasons(add(pool, path)) == ["it changed while it was read"]
    assert files(pool) == set()


def test_rows_are_only_added(pool: Arrivals, tmp_path: Path) -> None:
    """The database refuses to change or delete what arrived."""
    add(pool, save(tmp_path / "x.png", bar(1)))
    changes = ("UPDATE arrivals SET cost = 2", "UPDATE evidence SET label = 1")
    for change in (*changes, "DELETE FROM arrivals", "DELETE FROM evidence"):
        with (
            pool._engine.begin() as connection,
            pytest.raises(sqlalchemy.exc.IntegrityError, match="append-only"),
        ):
            connection.execute(sqlalchemy.text(change))


def test_classes_are_appended_once_and_in_order(pool: Arrivals, tmp_path: Path) -> None:
    """Given again, as after a kill, they stay where they are; those of the run are no news."""
    path = save(tmp_path / "x.png", bar(1))
    add(pool, new_classes=["rust"])
    pool.add([item(path, label="pit")], tiny.Bars(), new_classes=["rust", "top", "pit", "pit"])
    assert pool.new_classes() == ("rust", "pit")
    assert [told.label for told in pool.reports()] == [4]
    with pytest.raises(ConfigurationError, match="must name each class once"):
        add(pool, new_classes=[""])


def test_one_command_adds_at_a_time(pool: Arrivals) -> None:
    """A second one is told to wait, instead of taking the same place in the order."""
    (pool.folder / "arrivals").mkdir()
    with FileLock(pool.folder / "arrivals/.lock"), pytest.raises(RunConflict, match="another process"):
        add(pool)


@pytest.mark.parametrize("distance", [-1, 64])
def test_a_distance_that_is_none_is_refused(pool: Arrivals, distance: int) -> None:
    """There are 64 bits."""
    with pytest.raises(ConfigurationError, match=r"0\.\.63"):
        add(pool, distance=distance)


def test_items_that_leave_their_root_are_refused(pool: Arrivals, tmp_path: Path) -> None:
    """Whoever made the item."""
    path = save(tmp_path / "x.png", bar(1))
    (tmp_path / "in").mkdir()
    offered = item(path)
    escaped = Item(tmp_path / "in", "../x.png", "test", "", 1.0, offered.evidence)
    assert "leads out of" in pool.add([escaped], tiny.Bars()).refused[0].why

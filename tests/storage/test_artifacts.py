from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from alframe.storage import file_sha256, whole_file


def test_file_appears_whole(tmp_path: Path) -> None:
    """Until the block has ended there is no file under the final name; afterwards it is complete."""
    path = tmp_path / "new folder" / "data.json"
    with whole_file(path) as unfinished:
        unfinished.write_text("first")
        assert not path.exists()
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """A block that raises changes nothing and leaves no litter."""
    path = tmp_path / "data.json"
    path.write_text("old")

    def fail(unfinished: Path) -> None:
        unfinished.write_text("half of the n")
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="disk on fire"), whole_file(path) as unfinished:
        fail(unfinished)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_sha256_is_the_one_of_the_bytes(tmp_path: Path) -> None:
    """The digest equals hashlib's over the whole content."""
    path = tmp_path / "data.bin"
    path.write_bytes(b"x" * 300_000)
    assert file_sha256(path) == hashlib.sha256(b"x" * 300_000).hexdigest()

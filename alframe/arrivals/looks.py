"""What the images that a run began with look like: their perceptual hashes, computed once."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from alframe.arrivals.similarity import SMALLEST, perceptual_hash
from alframe.data import Source
from alframe.errors import UnreadableImage
from alframe.progress import bar

ENOUGH = 4 * SMALLEST
"""The shorter side, in pixels, that is enough for a hash: photographs are large, and need not be decoded whole."""


def looks(source: Source, path: Path) -> list[str]:
    """The perceptual hash of each sample of ``source``, in its order; empty of what is too small or cannot be read.

    Args:
        source: what a run began with.
        path: the file that keeps them, a line of JSON with id and hash for each. It is only appended to; whoever was
            killed meanwhile goes on after the last whole line.
    """
    ids, known = source.table.ids.tolist(), _kept(path)
    missing = [row for row, name in enumerate(ids) if name not in known]
    with path.open("a", encoding="utf-8") as file, bar("look", total=len(missing)) as advance:
        for row in missing:
            known[ids[row]] = ""
            with suppress(UnreadableImage):
                known[ids[row]] = perceptual_hash(source.read(row, ENOUGH))
            file.write(json.dumps([ids[row], known[ids[row]]]) + "\n")
            advance(1)
    return [known[name] for name in ids]


def _kept(path: Path) -> dict[str, str]:
    """What was found before, by id; a last line that is not whole is cut off."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return dict(map(json.loads, whole.decode().splitlines()))

"""Sources whose images are files, decoded each time they are read."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from alframe.data.images import decode_image
from alframe.data.source import Image, Source
from alframe.errors import UnreadableImage
from alframe.types import SampleTable


class FileSource(Source):
    """Image files below ``root``; a sample's id is its path from there, with ``/`` on every system."""

    def __init__(self, name: str, classes: tuple[str, ...], root: Path, table: SampleTable) -> None:
        self.name = name
        self.classes = classes
        self.table = table
        self._root = root

    def read(self, position: int, side: int | None = None) -> Image:
        """Decode the file of row ``position``, see ``decode_image``."""
        return decode_image(self._path(position), side)

    def content_hash(self, position: int) -> str:
        """SHA-256 of the bytes of the file of row ``position``.

        Raises:
            UnreadableImage: the file cannot be opened.
        """
        try:
            with self._path(position).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableImage(f"the file cannot be opened: {error.strerror}") from error

    def _path(self, position: int) -> Path:
        return self._root / str(self.table.ids[position])


def natural_key(name: str) -> tuple[list[tuple[str, int]], str]:
    """Sort key under which numbers inside names count as numbers.

    >>> sorted(["img10", "img9", "Img1"], key=natural_key)
    ['Img1', 'img9', 'img10']
    """
    runs = re.findall(r"([^0-9]*)([0-9]*)", name.casefold())
    return [(text, int(number or -1)) for text, number in runs], name

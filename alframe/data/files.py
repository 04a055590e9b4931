"""Sources whose images are files, decoded each time they are read."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from alframe.data.images import SUFFIXES, decode_image
from alframe.data.source import Image, Source
from alframe.errors import ConfigurationError, UnreadableImage
from alframe.types import SampleTable


class FileSource(Source):
    """Image files below ``root``; ``paths`` from there have ``/`` on every system, and are the ids if ``None``."""

    def __init__(
        self,
        name: str,
        classes: tuple[str, ...],
        root: Path,
        table: SampleTable,
        paths: NDArray[np.str_] | None = None,
    ) -> None:
        self.name = name
        self.classes = classes
        self.table = table
        self._root = root
        self._paths = table.ids if paths is None else paths

    def read(self, position: int, side: int | None = None) -> Image:
        """Decode the file of row ``position``, see ``decode_image``."""
        return decode_image(self.path(position), side)

    def content_hash(self, position: int) -> str:
        """SHA-256 of the bytes of the file of row ``position``.

        Raises:
            UnreadableImage: the file cannot be opened.
        """
        try:
            with self.path(position).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableImage(f"the file cannot be opened: {error.strerror}") from error

    def path(self, position: int) -> Path:
        """The file of row ``position``."""
        return self._root / str(self._paths[position])


def natural_key(name: str) -> tuple[list[tuple[str, int]], str]:
    """Sort key under which numbers inside names count as numbers.

    >>> sorted(["img10", "img9", "Img1"], key=natural_key)
    ['Img1', 'img9', 'img10']
    """
    runs = re.findall(r"([^0-9]*)([0-9]*)", name.casefold())
    return [(text, int(number or -1)) for text, number in runs], name


def inside_root(path: str) -> str:
    """``path`` without detours, with ``/``.

    Raises:
        ValueError: it is empty, absolute or leaves the root.
    """
    plain = PurePath(os.path.normpath(path)) if path else PurePath()
    if not plain.parts or plain.is_absolute() or plain.parts[0] == "..":
        raise ValueError(f"path must name a file below the root, got {path!r}; write it relative to the root")
    return plain.as_posix()


def image_names(folder: Path) -> list[str]:
    """Paths from ``folder``, with ``/``, of the images anywhere below it, in natural order.

    Hidden files and folders are passed over; links to folders are not followed.
    """
    found, suffixes = [], tuple(SUFFIXES)
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        place = Path(parent)
        below = "" if place == folder else f"{place.relative_to(folder).as_posix()}/"
        shown = (name for name in files if not name.startswith(".") and name.lower().endswith(suffixes))
        found += [f"{below}{name}" for name in shown if (place / name).is_file()]
    return sorted(found, key=natural_key)


def check_classes(classes: Sequence[str]) -> tuple[str, ...]:
    """Class names as a source has them.

    Raises:
        ConfigurationError: a name that is empty or that another class has.
    """
    if "" in classes or len(set(classes)) < len(classes):
        raise ConfigurationError(f"data.classes must name each class once, got {list(classes)}")
    return tuple(classes)

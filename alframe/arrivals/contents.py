"""Which sample of a source is an exact copy of an image, as far as that can be told without decoding the source."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from alframe.data import Image, Source
from alframe.data.arrays import array_sha256
from alframe.data.files import FileSource
from alframe.errors import UnreadableImage


class Contents:
    """The samples of ``source`` by what is stored for each.

    Where all images are in memory their pixels are compared; of files those are read that are as long as the other one.
    Of a source that is neither, no sample is known.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    def copy_of(self, path: Path, sha256: str, image: Image) -> str | None:
        """The first sample with the same bytes or pixels as the image in the file ``path``; ``None`` if there is none.

        Args:
            path: the file.
            sha256: of its bytes.
            image: decoded.
        """
        if self._source.in_memory:
            return self._by_pixels.get(array_sha256(image))
        for position in self._by_length.get(path.stat().st_size, ()):
            with suppress(UnreadableImage):
                if self._source.content_hash(position) == sha256:
                    return str(self._source.table.ids[position])
        return None

    @cached_property
    def _by_pixels(self) -> dict[str, str]:
        """Ids by hash of the pixels; of equal images the first."""
        ids = self._source.table.ids.tolist()
        return {array_sha256(self._source.read(row)): ids[row] for row in reversed(range(len(ids)))}

    @cached_property
    def _by_length(self) -> dict[int, list[int]]:
        """Positions by number of bytes."""
        found: dict[int, list[int]] = defaultdict(list)
        if isinstance(self._source, FileSource):
            for position in range(len(self._source.table)):
                with suppress(OSError):
                    found[self._source.path(position).stat().st_size].append(position)
        return found

"""Which images may come in: such as can be read, lie where they should, and are not there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from alframe.arrivals.contents import Contents
from alframe.arrivals.listing import Item
from alframe.arrivals.similarity import Lookalikes, perceptual_hash
from alframe.data import Source
from alframe.data.images import decode_image, image_size
from alframe.errors import UnreadableImage
from alframe.storage import file_sha256


@dataclass(frozen=True)
class Admission:
    """What became of an image that was offered.

    Attributes:
        item: the image.
        verdict: whether it was added.
        sample_id: the sample that it became, or that it is a duplicate of; empty if it was refused.
        why: the reason that it was not added; empty if it was.
        is_news: whether its evidence was kept, because nobody had said the same of this sample.
    """

    item: Item
    verdict: Literal["added", "duplicate", "refused"]
    sample_id: str = ""
    why: str = ""
    is_news: bool = False


@dataclass(frozen=True)
class Report:
    """What became of all images that were offered, in their order."""

    admissions: tuple[Admission, ...]

    @property
    def added(self) -> tuple[Admission, ...]:
        """Those that are in the pool now."""
        return tuple(each for each in self.admissions if each.verdict == "added")

    @property
    def duplicates(self) -> tuple[Admission, ...]:
        """Those that the pool had already, or that look like one that it had."""
        return tuple(each for each in self.admissions if each.verdict == "duplicate")

    @property
    def refused(self) -> tuple[Admission, ...]:
        """Those that cannot be used."""
        return tuple(each for each in self.admissions if each.verdict == "refused")


@dataclass(frozen=True)
class Picture:
    """What is known of an image that may come in.

    Attributes:
        path: its file.
        sha256: of the file.
        digits: its perceptual hash; empty if it is too small for one.
    """

    path: Path
    sha256: str
    digits: str


class Door:
    """Looks at images one by one, and remembers those that came in.

    Args:
        base: what the run began with.
        hashes: the perceptual hash of each of its images.
        distance: in how many bits hashes of images that look the same may differ; ``None`` if looks do not count.
        most: how many images will have come in at most.
    """

    def __init__(self, base: Source, hashes: Sequence[str], distance: int | None, most: int) -> None:
        self._contents = Contents(base)
        self._distance = distance
        self._names: dict[str, str] = {}
        self._lookalikes = Lookalikes(most + len(hashes))
        for row, (name, digits) in enumerate(zip(base.table.ids.tolist(), hashes, strict=False)):
            self._lookalikes.add(name, digits, partial(base.read, row))

    def remember(self, name: str, sha256: str, digits: str, path: Path) -> None:
        """The sample ``name``, with these hashes, is in, at ``path``."""
        self._names[sha256] = name
        self._lookalikes.add(name, digits, partial(decode_image, path))

    def look(self, item: Item) -> Picture | Admission:
        """The image, or why it does not come in."""
        try:
            return self._look(item, _inside(item))
        except UnreadableImage as error:
            return Admission(item, "refused", why=str(error))
        except OSError as error:
            return Admission(item, "refused", why=f"the file cannot be read: {error.strerror}")

    def _look(self, item: Item, path: Path) -> Picture | Admission:
        image_size(path)  # what its header claims, before anything else of it is read
        sha256 = file_sha256(path)
        if sha256 in self._names:
            return Admission(item, "duplicate", self._names[sha256], "the same file arrived before")
        image = decode_image(path)
        if name := self._contents.copy_of(path, sha256, image):
            return Admission(item, "duplicate", name, "the run began with the same image")
        digits = perceptual_hash(image)
        if self._distance is not None and (found := self._lookalikes.find(image, digits, self._distance)):
            name, bits = found
            return Admission(item, "duplicate", name, f"it looks the same: {bits} of 64 bits differ")
        return Picture(path, sha256, digits)


def _inside(item: Item) -> Path:
    """The file, which lies in its root even where links lead.

    Raises:
        UnreadableImage: it is no file, or lies elsewhere.
    """
    path = item.root / item.path
    if not path.is_file():
        raise UnreadableImage("there is no such file")
    if not path.resolve().is_relative_to(item.root.resolve()):
        raise UnreadableImage(f"a link leads out of {item.root}; copy the file there")
    return path

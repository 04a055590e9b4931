"""The images of the service: files named for their content, and what leaves the server of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil, floor
from pathlib import Path

import numpy as np
import PIL.Image
from filelock import FileLock
from numpy.typing import NDArray
from PIL.Image import Resampling

from alframe.data.images import decode_image, opened_image
from alframe.errors import InvalidInput, NotFound, UnreadableImage
from alframe.labelling.settings import Privacy
from alframe.storage import whole_file
from alframe.storage.service.tables import ItemRow

RECIPE = 1
"""Of how images are shown; another one has other ETags."""

MAX_PIXELS = 50_000_000
"""Larger files are refused; to decode one of this size takes some 400 MB, and a file of 50 kB can claim it."""

LOSSLESS = 1_000_000
"""Images of up to so many pixels are sent as PNG, larger ones as JPEG."""

CELLS = 4
"""What is left of a blurred region: so many colours along each side at most, each the mean of many pixels. Mosaics that
leave more can be read again (Hill et al. 2016, On the (In)effectiveness of Mosaicing and Blurring)."""

CELL_SIDE = 8
"""Each of those colours is the mean of at least so many pixels along each side, where the region has them."""


@dataclass(frozen=True)
class StoredImage:
    """An image that the store has: the SHA-256 of its file, and its size in pixels, upright."""

    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Shown:
    """What leaves the server of an image; ``etag`` names its content, whoever sees it."""

    data: bytes
    media_type: str
    etag: str


class ImageStore:
    """Images as files under ``folder``, each once, named for its content and written whole.

    What came is kept, byte for byte; what is shown is encoded anew, so that nothing but pixels leaves the server: no
    EXIF, no comment, no colour profile, nothing behind a mask.

    Args:
        folder: made where it is missing.
        max_pixels: larger images are refused before a pixel of them is decoded.
    """

    def __init__(self, folder: Path, max_pixels: int = MAX_PIXELS) -> None:
        self.folder = folder
        self.max_pixels = max_pixels

    def put_array(self, image: NDArray[np.uint8]) -> StoredImage:
        """Keep (H, W, 1) grey or (H, W, 3) RGB pixels, as PNG.

        Raises:
            InvalidInput: not such an array.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in {1, 3} or not image.size:
            raise InvalidInput(f"an image is (H, W, 1) or (H, W, 3) uint8, not {image.shape} {image.dtype}")
        height, width, _ = image.shape
        return StoredImage(self._keep(_encoded(_picture(image), "PNG")), width, height)

    def put_bytes(self, data: bytes) -> StoredImage:
        """Keep a file that somebody sent; nothing is kept of one that is refused.

        Raises:
            InvalidInput: it is none that can be kept; see ``measure``.
        """
        width, height = self.measure(data)
        return StoredImage(self._keep(data), width, height)

    def measure(self, data: bytes) -> tuple[int, int]:
        """Width and height, in pixels and upright, of a file that could be kept.

        Raises:
            InvalidInput: not an image in one of ``data.images.FORMATS`` (by its content; its name does not count), one
                with too many pixels, or a damaged one.
        """
        try:
            with opened_image(BytesIO(data)) as opened:
                self._check_size(*opened.size)
            height, width, _ = decode_image(BytesIO(data)).shape
        except UnreadableImage as error:
            raise InvalidInput(f"this image cannot be used: {error}") from error
        return width, height

    def path(self, sha256: str) -> Path:
        """The file of an image, which may be of any of the formats.

        Raises:
            NotFound: there is no such image.
        """
        path = self._place(sha256)
        if not path.is_file():
            raise NotFound(f"there is no image {sha256}")
        return path

    def etag(self, item: ItemRow, privacy: Privacy) -> str:
        """Names what ``shown`` gives, without looking at the image: for who has it already.

        Raises:
            NotFound: the item is held.
        """
        if item.held:
            raise NotFound(f"item {item.id} is held: nobody is shown it")
        said = [RECIPE, item.image, item.masks, privacy.model_dump()]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]

    def shown(self, item: ItemRow, privacy: Privacy) -> Shown:
        """The image of ``item`` for somebody's eyes: upright, masked, and as large as ``privacy`` allows.

        Labels are in pixels of the item, ``item.width`` by ``item.height``, however small it is shown.

        Raises:
            NotFound: the item is held, or its image is missing.
        """
        etag = self.etag(item, privacy)
        pixels = np.array(decode_image(self.path(item.image)))
        for box in item.masks:
            _cover(pixels, box, blur=privacy.blur_masks)
        picture = _picture(pixels)
        if privacy.longest_side is not None:
            # Only what was covered is left in the pixels that a smaller one is made of.
            picture.thumbnail((privacy.longest_side, privacy.longest_side), Resampling.LANCZOS, reducing_gap=None)
        kind = "PNG" if picture.width * picture.height <= LOSSLESS else "JPEG"
        return Shown(_encoded(picture, kind), f"image/{kind.lower()}", etag)

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self.max_pixels:
            raise UnreadableImage(f"{width} x {height} pixels are more than {self.max_pixels:,}; scale it down")

    def _place(self, sha256: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise NotFound(f"{sha256!r} is no image's SHA-256")
        return self.folder / sha256[:2] / sha256

    def _keep(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._place(sha256)
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            # Two that send the same file at once would write to the same unfinished one.
            with FileLock(self.folder / ".lock"), whole_file(path) as unfinished:
                unfinished.write_bytes(data)
        return sha256


def _cover(pixels: NDArray[np.uint8], box: Sequence[float], *, blur: bool) -> None:
    """Take what every pixel that ``box`` touches shows out of (H, W, C) ``pixels``, in place."""
    left, top, right, bottom = box
    region = pixels[max(floor(top), 0) : max(ceil(bottom), 0), max(floor(left), 0) : max(ceil(right), 0)]
    if not region.size:
        return
    if not blur:
        region[:] = 0
        return
    height, width, _ = region.shape
    few = tuple(min(CELLS, max(side // CELL_SIDE, 1)) for side in (width, height))
    means = _picture(region).resize(few, Resampling.BOX)
    region[:] = np.asarray(means.resize((width, height), Resampling.BICUBIC)).reshape(region.shape)


def _picture(pixels: NDArray[np.uint8]) -> PIL.Image.Image:
    return PIL.Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _encoded(picture: PIL.Image.Image, kind: str) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, quality=92, subsampling=0)  # settings that PNG has not, and ignores
    return buffer.getvalue()

"""Decode one image file, whatever it holds, or say why that cannot be done."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL.Image
from PIL import ImageOps

from alframe.data.source import Image
from alframe.errors import UnreadableImage

FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
"""What is decoded. Of a file with several pages the first is read; animations (GIF) are not images."""

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""The file names, in lower case, that a folder is searched for."""

MAX_PIXELS = 100_000_000
"""Larger images are refused unread: so many pixels take 300 MB, and a file of 50 bytes can claim them."""

ORIENTATION = 0x0112
SIDEWAYS = frozenset({5, 6, 7, 8})
"""The EXIF tag that says how a camera was held, and its values for on its side."""

MARGIN = 2
"""A JPEG is decoded to at least so many times the side that is enough. What the decoder drops is not quite an average
over areas; a final resize that still averages four of its pixels leaves 0.4 to 1.1 grey levels of that, for most of the
time saved, where a margin of 1 leaves 1 to 2."""


def decode_image(path: Path | BinaryIO, side: int | None = None) -> Image:
    """Decode the image at ``path``, upright, (H, W, 1) grey or (H, W, 3) RGB, uint8 and read-only.

    The EXIF orientation is applied. 16-bit grey keeps its high byte, transparent pixels are laid on white,
    palettes and CMYK become RGB.

    Args:
        path: the file, or one in memory.
        side: the shorter side, in pixels, that is enough. A JPEG is then decoded at 1/2, 1/4 or 1/8 of its size, as
            long as that leaves ``MARGIN`` times as many; other files are decoded whole, and so are JPEGs if ``None``.

    Raises:
        UnreadableImage: the file is missing, not an image in one of ``FORMATS``, damaged, larger than
            ``MAX_PIXELS`` (its header says so, no pixel is decoded), or made of 32-bit pixels, whose range is
            anybody's guess.
    """
    with opened_image(path) as opened:
        if side is not None:
            opened.draft(None, (MARGIN * side, MARGIN * side))  # nothing happens in other formats
        return _to_array(ImageOps.exif_transpose(opened))


def image_size(path: Path) -> tuple[int, int]:
    """Height and width that ``decode_image`` gives, read from the file's header.

    Raises:
        UnreadableImage: as ``decode_image``, of what the header tells.
    """
    with opened_image(path) as opened:
        width, height = opened.size
        # Of a TIFF Pillow gives the upright size already; a PNG it would decode to look for a tag behind the pixels,
        # where nobody writes one.
        tagged = opened.format in {"JPEG", "WEBP"} or (opened.format == "PNG" and "exif" in opened.info)
        turned = tagged and opened.getexif().get(ORIENTATION) in SIDEWAYS
        return (width, height) if turned else (height, width)


@contextmanager
def opened_image(path: Path | BinaryIO) -> Iterator[PIL.Image.Image]:
    """Open the image at ``path`` for the block, no pixel decoded yet.

    Raises:
        UnreadableImage: see ``decode_image``; also for what goes wrong in the block.
    """
    try:
        # Pillow warns of odd metadata and of sizes below its own limit; ours is checked on the next line.
        with warnings.catch_warnings(action="ignore"), PIL.Image.open(path, formats=FORMATS) as opened:
            _check_size(*opened.size)
            yield opened
    except UnreadableImage:
        raise
    except FileNotFoundError as error:
        raise UnreadableImage("the file is missing") from error
    except PIL.UnidentifiedImageError as error:
        raise UnreadableImage(f"not an image in a format that is read ({', '.join(FORMATS)})") from error
    except PIL.Image.DecompressionBombError as error:
        raise UnreadableImage(f"too large: {error}") from error
    except Exception as error:
        # Decoders meet damaged bytes with whatever exception these lead to.
        raise UnreadableImage(f"damaged: {error}") from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImage(
            f"too large: the header claims {width} x {height} pixels, more than {MAX_PIXELS:,}; scale it down"
        )


def _to_array(image: PIL.Image.Image) -> Image:
    if image.mode in {"I", "F"}:
        raise UnreadableImage(f"32-bit pixels (mode {image.mode}) have no agreed range; convert them to 8 bits")
    if image.mode.startswith("I;16"):
        return (np.asarray(image) >> 8).astype(np.uint8)[..., None]
    target = "L" if image.mode in {"1", "L", "LA"} else "RGB"
    if image.has_transparency_data:
        background = PIL.Image.new("RGBA", image.size, "white")
        background.alpha_composite(image.convert("RGBA"))
        image = background
    array: Image = np.asarray(image.convert(target))
    return array if array.ndim == 3 else array[..., None]

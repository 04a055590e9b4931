"""One image file, whatever it holds, becomes an array or a reason."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import PIL.Image
import PIL.ImageFile
import pytest

from alframe.data.images import MAX_PIXELS, decode_image, image_size
from alframe.errors import UnreadableImage


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", ["bmp", "png", "tiff", "webp"])
def test_lossless_formats_keep_every_pixel(tmp_path: Path, suffix: str) -> None:
    """What was written is what is read, in RGB order."""
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    path = tmp_path / f"image.{suffix}"
    PIL.Image.fromarray(pixels).save(path, lossless=True)  # WebP alone needs to be told
    np.testing.assert_array_equal(decode_image(path), pixels)


def test_grey_has_one_channel(save_image: Callable[..., Path]) -> None:
    """A grey file is (H, W, 1): height first, and no colour is invented."""
    image = decode_image(save_image("grey.png", shade=77, size=(12, 10)))
    np.testing.assert_array_equal(image, np.full((10, 12, 1), 77))


def test_sixteen_bits_keep_the_high_byte(tmp_path: Path) -> None:
    """16-bit grey is divided by 256, not clipped at 255."""
    values = np.array([[0, 255, 256, 4095], [32768, 40000, 65280, 65535]], dtype=np.uint16)
    path = tmp_path / "deep.png"
    PIL.Image.fromarray(values).save(path)
    np.testing.assert_array_equal(decode_image(path)[..., 0], values // 256)


def test_palette_becomes_its_colours(tmp_path: Path) -> None:
    """Palette indices are looked up, not taken for grey values."""
    image = PIL.Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    path = tmp_path / "palette.png"
    image.save(path)
    np.testing.assert_array_equal(decode_image(path), [[[255, 0, 0], [0, 0, 255]]])


@pytest.mark.parametrize(
    ("mode", "pixel", "expected"),
    [
        ("RGBA", (9, 9, 9, 0), (255, 255, 255)),
        ("RGBA", (9, 8, 7, 255), (9, 8, 7)),
        ("LA", (9, 0), (255,)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
        ("1", 1, (255,)),
    ],
)
def test_other_modes(tmp_path: Path, mode: str, pixel: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Transparent pixels show white, whatever colour hides there; CMYK and bilevel images are converted."""
    path = tmp_path / "image.tiff"
    PIL.Image.new(mode, (3, 2), pixel).save(path)
    np.testing.assert_array_equal(decode_image(path), np.broadcast_to(expected, (2, 3, len(expected))))


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    """A photograph taken on its side (orientation 6) is turned clockwise, as a viewer shows it."""
    stored = np.zeros((8, 16), dtype=np.uint8)
    stored[:, :8] = 255
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.png"
    PIL.Image.fromarray(stored).save(path, exif=exif)
    np.testing.assert_array_equal(decode_image(path)[..., 0], np.rot90(stored, -1))


def test_bomb_is_refused_from_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 57 bytes that claims 50,000 x 50,000 pixels is refused, and no pixel is decoded."""

    def explode(*_: object) -> NoReturn:
        pytest.fail("the pixels were decoded")

    monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", explode)
    monkeypatch.setattr("PIL.Image.core.new", explode)
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(50_000, 50_000))
    with pytest.raises(UnreadableImage, match="too large"):
        decode_image(path)


def test_own_limit_is_exact(tmp_path: Path) -> None:
    """A row of pixels above the limit is too large; at the limit a file without pixels is only damaged."""
    path = tmp_path / "large.png"
    path.write_bytes(png_header(10_000, MAX_PIXELS // 10_000 + 1))
    with pytest.raises(UnreadableImage, match=r"too large: the header claims 10000 x 10001 pixels"):
        decode_image(path)
    path.write_bytes(png_header(10_000, MAX_PIXELS // 10_000))
    with pytest.raises(UnreadableImage, match="damaged"):
        decode_image(path)


def test_truncated_jpeg_is_damaged(tmp_path: Path) -> None:
    """Half a JPEG is refused, not filled up with grey."""
    path = tmp_path / "whole.jpg"
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableImage, match=r"damaged.*truncated"):
        decode_image(path)


def test_every_truncation_has_a_reason(tmp_path: Path) -> None:
    """Wherever a file breaks off, the outcome is an image or UnreadableImage, never another exception."""
    path = tmp_path / "cut.tiff"
    for suffix in ("jpg", "png", "tiff", "webp", "bmp"):
        whole = tmp_path / f"whole.{suffix}"
        PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(whole)
        content = whole.read_bytes()
        for length in range(0, len(content), max(1, len(content) // 40)):
            path.write_bytes(content[:length])
            try:
                decode_image(path)
            except UnreadableImage as error:
                assert str(error)  # noqa: PT017 (an image is a right outcome too)


def test_what_is_no_image(tmp_path: Path) -> None:
    """Text under an image's name, a missing file and a folder each get their own reason."""
    text = tmp_path / "text.png"
    text.write_text("not an image")
    with pytest.raises(UnreadableImage, match="not an image"):
        decode_image(text)
    with pytest.raises(UnreadableImage, match="missing"):
        decode_image(tmp_path / "nowhere.png")
    with pytest.raises(UnreadableImage, match="directory"):
        decode_image(tmp_path)


def test_animations_are_not_images(tmp_path: Path) -> None:
    """A GIF is refused even under another name, since no one of its frames is the image."""
    path = tmp_path / "moving.png"
    PIL.Image.new("L", (4, 4)).save(path, format="GIF")
    with pytest.raises(UnreadableImage, match="not an image in a format that is read"):
        decode_image(path)


def test_thirty_two_bits_are_not_guessed(tmp_path: Path) -> None:
    """Float pixels have no known range, so they are refused with advice."""
    path = tmp_path / "float.tiff"
    PIL.Image.new("F", (4, 4), 0.5).save(path)
    with pytest.raises(UnreadableImage, match="convert them to 8 bits"):
        decode_image(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
def test_the_size_in_the_header_is_that_of_the_image(tmp_path: Path, orientation: int, suffix: str) -> None:
    """However the camera was held."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"image.{suffix}"
    PIL.Image.new("RGB", (12, 7)).save(path, exif=exif)
    assert image_size(path) == decode_image(path).shape[:2]


def test_a_size_is_refused_as_the_image_would_be(tmp_path: Path) -> None:
    """A header that claims too much, and a file that is not there."""
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(50_000, 50_000))
    with pytest.raises(UnreadableImage, match="too large"):
        image_size(path)
    with pytest.raises(UnreadableImage, match="missing"):
        image_size(tmp_path / "nowhere.png")

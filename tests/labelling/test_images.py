from __future__ import annotations

import hashlib
import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.data.images import FORMATS
from alframe.errors import InvalidInput, NotFound
from alframe.labelling.images import CELL_SIDE, CELLS, LOSSLESS, ImageStore, StoredImage
from alframe.labelling.settings import Privacy
from alframe.storage.service.tables import ItemRow

PLAIN = Privacy()
SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><script>alert(1)</script></svg>'
)
HTML = b"<!doctype html><html><body><script>alert(1)</script></body></html>"
SECRET = b"48.2082 N, 16.3738 E"


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def noise(height: int = 40, width: int = 60, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Bright pixels, each of which would be known again."""
    return np.random.default_rng(seed).integers(128, 256, (height, width, channels), dtype=np.uint8)


def encoded(image: NDArray[np.uint8], kind: str = "PNG", **settings: Any) -> bytes:
    buffer = BytesIO()
    PIL.Image.fromarray(image.squeeze(-1) if image.shape[2] == 1 else image).save(buffer, kind, **settings)
    return buffer.getvalue()


def decoded(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(PIL.Image.open(BytesIO(data)))


def an_item(image: StoredImage, masks: tuple[tuple[float, ...], ...] = (), held: str = "") -> ItemRow:
    boxes = [list(box) for box in masks]
    return ItemRow(id=1, image=image.sha256, width=image.width, height=image.height, masks=boxes, held=held)


def a_png(width: int, height: int, pixels: bytes) -> bytes:
    """A grey PNG whose header claims that size, whatever its (compressed) pixels are."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    whole = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(whole)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_come_back_as_they_were(store: ImageStore, channels: int) -> None:
    image = noise(channels=channels)
    stored = store.put_array(image)
    assert (stored.width, stored.height) == (60, 40)
    shown = store.shown(an_item(stored), PLAIN)
    assert shown.media_type == "image/png"
    np.testing.assert_array_equal(decoded(shown.data), image.squeeze())
    assert store.put_array(image) == stored


@pytest.mark.parametrize("kind", FORMATS)
def test_files_are_kept_as_they_came_under_their_hash(store: ImageStore, kind: str) -> None:
    data = encoded(noise(), kind)
    stored = store.put_bytes(data)
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert store.path(stored.sha256).read_bytes() == data
    assert (stored.width, stored.height) == (60, 40)


GIF = encoded(noise(channels=1), "GIF")
REFUSED = {
    "nothing": b"",
    "SVG with a script": SVG,
    "a page": HTML,
    "an animation": GIF,
    "PostScript, which Pillow would have a program draw": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
    "a truncated PNG": encoded(noise())[:-200],
    "a truncated JPEG": encoded(noise(), "JPEG")[:-200],
    "a PNG of 900 megapixels": a_png(30_000, 30_000, zlib.compress(bytes(9999))),
    "a PNG of 4 billion pixels a side": a_png(2**31 - 1, 2**31 - 1, b""),
    "a PNG whose pixels are missing": a_png(300, 300, zlib.compress(bytes(9999))),
    "floats, whose range nobody knows": b"",  # filled in below: Pillow writes them as TIFF
}
_buffer = BytesIO()
PIL.Image.fromarray(np.zeros((8, 8), np.float32)).save(_buffer, "TIFF")
REFUSED["floats, whose range nobody knows"] = _buffer.getvalue()


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_image_is_refused_and_leaves_nothing(store: ImageStore, data: bytes) -> None:
    with pytest.raises(InvalidInput, match="this image cannot be used"):
        store.put_bytes(data)
    assert not store.folder.exists()


def test_scripts_behind_an_image_do_not_leave_the_server(store: ImageStore) -> None:
    """A file may be an image and a page at once; what is sent is an image only."""
    stored = store.put_bytes(encoded(noise()) + HTML)
    assert b"script" not in store.shown(an_item(stored), PLAIN).data


@given(st.data())
def test_any_damage_is_refused_or_harmless(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever bytes of a file are changed: it is refused as it should be, or it can be shown afterwards."""
    store = ImageStore(tmp_path_factory.getbasetemp() / "damaged")
    kind = data.draw(st.sampled_from(FORMATS))
    file = bytearray(encoded(noise(6, 8), kind))
    for place in data.draw(st.lists(st.integers(0, len(file) - 1), min_size=1, max_size=4)):
        file[place] = data.draw(st.integers(0, 255))
    try:
        stored = store.put_bytes(bytes(file))
    except InvalidInput:
        return
    height, width = decoded(store.shown(an_item(stored), PLAIN).data).shape[:2]
    assert (width, height) == (stored.width, stored.height)


def test_an_image_too_large_is_refused_before_a_pixel_is_decoded(store: ImageStore) -> None:
    """A whole PNG of 900 megapixels in 900 kB: memory peaks less than 32 MB above what it was; decoded it takes 900."""
    data = a_png(30_000, 30_000, zeros(30_001 * 30_000))
    before = peak_memory(reset=True)
    with pytest.raises(InvalidInput, match="too large"):
        store.put_bytes(data)
    assert peak_memory() - before < 32 << 20


def zeros(count: int) -> bytes:
    """So many zeros as zlib writes them, without going through them all: one block again and again."""
    shrink = zlib.compressobj(wbits=-15)
    block = shrink.compress(bytes(count // 300)) + shrink.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\x9c" + block * 300 + shrink.flush() + struct.pack(">I", count % 65_521 << 16 | 1)


def peak_memory(*, reset: bool = False) -> int:
    """Bytes that this process has had at once since the last reset, as far as the system tells (Linux)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    line = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert line
    return int(line[1]) * 1024


def test_a_store_may_take_smaller_images_only(tmp_path: Path) -> None:
    store = ImageStore(tmp_path, max_pixels=60 * 40)
    assert store.put_bytes(encoded(noise())).width == 60
    with pytest.raises(InvalidInput, match="61 x 40 pixels are more than 2,400"):
        store.put_bytes(encoded(noise(40, 61)))


@pytest.mark.parametrize("image", [np.zeros((4, 4)), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_an_array_that_is_no_image_is_refused(store: ImageStore, image: Any) -> None:
    with pytest.raises(InvalidInput, match="an image is"):
        store.put_array(image)


@pytest.mark.parametrize("name", ["../secret", "../../etc/passwd", "0" * 63, "g" * 64, "0" * 64, "", "0" * 64 + "\n"])
def test_only_images_are_found(store: ImageStore, name: str) -> None:
    with pytest.raises(NotFound):
        store.path(name)


def test_many_who_send_the_same_image_at_once_store_it_once(store: ImageStore) -> None:
    data = encoded(noise())
    with ThreadPoolExecutor(8) as pool:
        (stored,) = set(pool.map(store.put_bytes, [data] * 24))
    files = [path for path in store.folder.rglob("*") if path.is_file() and path.name != ".lock"]
    assert files == [store.path(stored.sha256)]
    assert files[0].read_bytes() == data


def with_secrets(image: NDArray[np.uint8], kind: str, orientation: int = 1) -> bytes:
    """A file that says where it was taken in every place it has for that."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[0x001D] = SECRET.decode()
    settings: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": SECRET}
    if kind == "JPEG":
        settings["comment"] = SECRET
    if kind == "WEBP":
        settings |= {"xmp": SECRET, "lossless": True}
    return encoded(image, kind, **settings)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("large", [False, True])
def test_nothing_but_pixels_leaves_the_server(store: ImageStore, kind: str, large: bool) -> None:
    """Not where it was taken, not by what: neither in what is sent as PNG nor in what is sent as JPEG."""
    image = np.full((1001, 1000, 3) if large else (40, 60, 3), 200, np.uint8)
    assert (image[..., 0].size > LOSSLESS) == large
    data = with_secrets(image, kind)
    assert SECRET in data
    stored = store.put_bytes(data)
    shown = store.shown(an_item(stored), PLAIN)
    assert shown.media_type == ("image/jpeg" if large else "image/png")
    assert SECRET not in shown.data
    opened = PIL.Image.open(BytesIO(shown.data))
    opened.load()
    assert not opened.getexif()
    assert {"exif", "icc_profile", "comment", "xmp"}.isdisjoint(opened.info)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_an_image_is_shown_upright_and_measured_so(store: ImageStore, kind: str) -> None:
    """A camera held on its side: what was 60 wide and 40 high is 40 wide and 60 high, and the left edge is the top."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :30] = 255
    stored = store.put_bytes(with_secrets(image, kind, orientation=6))
    assert (stored.width, stored.height) == (40, 60)
    shown = decoded(store.shown(an_item(stored), PLAIN).data)
    assert shown.shape[:2] == (60, 40)
    assert shown[:28].min() > 200
    assert shown[32:].max() < 50


def test_no_masked_pixel_leaves_the_server(store: ImageStore) -> None:
    """Every pixel that a mask touches is black, those beside it are as they were; masks may reach over the edge."""
    image = noise()
    masks = ((5.2, 10.0, 20.0, 15.5), (-4.0, -4.0, 3.0, 2.0), (50.5, 30.0, 1e9, 1e9), (-9.0, -9.0, -1.0, -1.0))
    stored = store.put_array(image)
    shown = decoded(store.shown(an_item(stored, masks), PLAIN).data)
    expected = image.copy()
    expected[10:16, 5:20] = 0
    expected[0:2, 0:3] = 0
    expected[30:, 50:] = 0
    np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize("privacy", [Privacy(), Privacy(longest_side=40)])
def test_what_is_shown_does_not_depend_on_what_is_masked(store: ImageStore, privacy: Privacy) -> None:
    """Not even along the edges of the mask, where a smaller image mixes neighbours."""
    one = noise(96, 128)
    other = one.copy()
    other[16:64, 16:80] = noise(48, 64, seed=1)
    items = [an_item(store.put_array(image), ((16.0, 16.0, 80.0, 64.0),)) for image in (one, other)]
    first, second = (store.shown(item, privacy).data for item in items)
    assert first == second


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (1, 90), (7, 40), (16, 16), (15, 90), (80, 64)])
def test_a_blurred_region_keeps_the_means_of_its_cells_only(
    store: ImageStore, size: tuple[int, int], channels: int
) -> None:
    """What was behind it may be anything with these means: 4 x 4 of at least 8 x 8 pixels each, or of all there are."""
    height, width = size
    image = noise(96, 128, channels)
    region = image[3 : 3 + height, 5 : 5 + width]
    rows, columns = (np.array_split(np.arange(side), min(CELLS, max(side // CELL_SIDE, 1))) for side in size)
    other = image.copy()
    for row in rows:
        for column in columns:
            cell = region[np.ix_(row, column)]
            other[np.ix_(row + 3, column + 5)] = (
                np.random.default_rng(1).permuted(cell.reshape(-1, channels), axis=0).reshape(cell.shape)
            )
    item, twin = (an_item(store.put_array(each), ((5.0, 3.0, 5.0 + width, 3.0 + height),)) for each in (image, other))
    shown = decoded(store.shown(item, Privacy(blur_masks=True)).data).reshape(image.shape)
    same = decoded(store.shown(twin, Privacy(blur_masks=True)).data).reshape(image.shape)
    # Single pixels differ by up to 127; means by what is rounded, and by pixels that lie in two cells.
    assert np.abs(shown.astype(int) - same.astype(int)).max() <= 8
    beside = np.ones(image.shape, bool)
    beside[3 : 3 + height, 5 : 5 + width] = False
    np.testing.assert_array_equal(shown[beside], image[beside])
    if len(rows) * len(columns) > 1:
        assert shown[3 : 3 + height, 5 : 5 + width].std() < region.std() / 2


def test_a_large_image_is_made_smaller_and_labels_stay_in_its_own_pixels(store: ImageStore) -> None:
    image = np.zeros((200, 400, 3), np.uint8)
    image[:, 200:] = 255
    stored = store.put_array(image)
    item = an_item(stored)
    shown = decoded(store.shown(item, Privacy(longest_side=100)).data)
    assert shown.shape == (50, 100, 3)
    assert (item.width, item.height) == (400, 200)
    assert shown[:, 51:].min() > 200
    assert shown[:, :49].max() < 50
    small = noise(10, 20)
    np.testing.assert_array_equal(
        decoded(store.shown(an_item(store.put_array(small)), Privacy(longest_side=100)).data), small
    )
    assert decoded(store.shown(an_item(store.put_array(noise(1, 400))), Privacy(longest_side=16)).data).shape == (
        1,
        16,
        3,
    )


def test_an_etag_changes_with_whatever_changes_what_is_shown(store: ImageStore) -> None:
    one, other = store.put_array(noise(seed=1)), store.put_array(noise(seed=2))
    mask = (0.0, 0.0, 4.0, 4.0)
    settings = [Privacy(), Privacy(longest_side=16), Privacy(blur_masks=True)]
    seen = [(an_item(image, masks), each) for image in (one, other) for masks in ((), (mask,)) for each in settings]
    etags = [store.etag(*each) for each in seen]
    assert len(set(etags)) == len(seen) == 12
    assert [store.shown(*each).etag for each in seen] == etags


def test_what_is_held_is_shown_to_nobody(store: ImageStore) -> None:
    held = an_item(store.put_array(noise()), held="no consent")
    with pytest.raises(NotFound, match="held"):
        store.shown(held, PLAIN)
    with pytest.raises(NotFound, match="held"):
        store.etag(held, PLAIN)


def test_an_image_that_is_gone_is_not_found(store: ImageStore) -> None:
    with pytest.raises(NotFound, match="there is no image"):
        store.shown(an_item(StoredImage("0" * 64, 8, 8)), PLAIN)

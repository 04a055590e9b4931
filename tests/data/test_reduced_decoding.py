"""JPEGs that are decoded at a fraction of their size, where a small image is enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL.Image
import PIL.ImageFile
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray
from sklearn.datasets import load_sample_image

from alframe.data import ImageData, ImageFolder, Transforms
from alframe.data.images import MARGIN, MAX_PIXELS, decode_image
from alframe.errors import UnreadableImage

CONFIGS = Path(__file__).parents[2] / "configs"
SIDE = 50
PHOTOGRAPHS = [load_sample_image("china.jpg"), load_sample_image("flower.jpg")]  # 427 x 640, in colour


def shrunk(image: NDArray[np.uint8], size: int = SIDE, channels: Literal[1, 3] = 3) -> NDArray[np.float32]:
    """What a learner is given of an image, in grey levels."""
    pipeline = Transforms(size, channels, [0.0] * channels, [1.0] * channels).for_evaluation()
    return pipeline([image], seed=0)[0].numpy() * 255


def saved(path: Path, pixels: NDArray[np.uint8], **options: Any) -> Path:
    PIL.Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("photograph", PHOTOGRAPHS, ids=["china", "flower"])
@pytest.mark.parametrize(
    "options",
    [{"quality": 90}, {"quality": 90, "subsampling": 0}, {"quality": 75, "progressive": True}],
    ids=["usual", "full colour", "progressive"],
)
def test_reduced_and_whole_photographs_look_alike(
    tmp_path: Path, photograph: NDArray[np.uint8], options: dict[str, Any]
) -> None:
    """After the final resize they differ by less than two grey levels on average, and hardly anywhere by over 16."""
    path = saved(tmp_path / "photograph.jpg", photograph, **options)
    reduced, whole = decode_image(path, SIDE), decode_image(path)
    assert whole.shape == photograph.shape
    assert reduced.shape == (107, 160, 3)
    difference = np.abs(shrunk(reduced) - shrunk(whole))
    assert difference.mean() < 2
    assert np.quantile(difference, 0.99) < 16


def test_a_smooth_image_is_hardly_changed(tmp_path: Path) -> None:
    """Where there is no detail to lose, one grey level is the most that is lost, and colours stay in their order."""
    rows, columns = np.mgrid[0:960, 0:1280]
    pixels = np.stack([rows * 0.2, columns * 0.15, 200 - rows * 0.1], axis=-1).astype(np.uint8)
    path = saved(tmp_path / "smooth.jpg", pixels, quality=95, subsampling=0)
    assert decode_image(path, SIDE).shape == (120, 160, 3)
    assert np.abs(shrunk(decode_image(path, SIDE)) - shrunk(pixels)).max() < 3


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((801, 403), (201, 101)),  # a quarter, rounded up
        ((403, 801), (101, 201)),
        ((399, 4000), (200, 2000)),  # the shorter side decides
        ((2 * MARGIN * SIDE, 2 * MARGIN * SIDE), (MARGIN * SIDE, MARGIN * SIDE)),
        ((2 * MARGIN * SIDE - 1, 2 * MARGIN * SIDE), (2 * MARGIN * SIDE - 1, 2 * MARGIN * SIDE)),
        ((30, 17), (30, 17)),  # too small already
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_odd_sizes_keep_the_margin(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int], channels: int
) -> None:
    """The largest reduction that leaves ``MARGIN`` times the side is taken; grey stays grey, colour stays colour."""
    pixels = np.full((*size, channels), 77, dtype=np.uint8)
    image = decode_image(saved(tmp_path / "odd.jpg", pixels[..., 0] if channels == 1 else pixels), SIDE)
    assert image.shape == (*expected, channels)
    assert np.abs(image.astype(int) - 77).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_still_applied(tmp_path: Path, orientation: int) -> None:
    """A reduced image lies as the whole one does, whichever way the camera was held."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "turned.jpg", PHOTOGRAPHS[0], exif=exif, quality=90)
    reduced, whole = decode_image(path, SIDE), decode_image(path)
    assert reduced.shape == ((107, 160, 3) if orientation < 5 else (160, 107, 3))
    assert np.abs(shrunk(reduced) - shrunk(whole)).mean() < 2


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    """Four inks are mixed to the colour that the whole image has."""
    path = tmp_path / "print.jpg"
    PIL.Image.new("CMYK", (800, 800), (10, 200, 60, 30)).save(path)
    reduced, whole = decode_image(path, SIDE), decode_image(path)
    assert reduced.shape == (100, 100, 3)
    assert np.abs(reduced.mean((0, 1)) - whole.mean((0, 1))).max() < 1


def test_several_pictures_in_one_file_give_the_first(tmp_path: Path) -> None:
    """Telephones store a second picture behind the photograph; it is reduced like any other JPEG."""
    path = tmp_path / "two.jpg"
    first, second = (PIL.Image.new("RGB", (800, 600), colour) for colour in ("red", "blue"))
    first.save(path, format="MPO", save_all=True, append_images=[second])
    image = decode_image(path, SIDE)
    assert image.shape == (150, 200, 3)
    assert image[0, 0].tolist() == decode_image(path)[0, 0].tolist()


@pytest.mark.parametrize("suffix", ["bmp", "png", "tiff", "webp"])
def test_other_formats_are_decoded_whole(tmp_path: Path, suffix: str) -> None:
    """Every pixel of a lossless file is kept, whatever would be enough."""
    path = saved(tmp_path / f"image.{suffix}", PHOTOGRAPHS[0], lossless=True)
    np.testing.assert_array_equal(decode_image(path, side=1), PHOTOGRAPHS[0])


def test_the_header_is_checked_before_it_is_reduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb that would be small enough at an eighth of its size is refused by the size that it claims."""
    path = saved(tmp_path / "bomb.jpg", np.zeros((64, 64), dtype=np.uint8))
    content = bytearray(path.read_bytes())
    frame = content.index(b"\xff\xc0") + 5
    content[frame : frame + 4] = (12_000).to_bytes(2) * 2
    path.write_bytes(content)
    monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", lambda _: pytest.fail("the pixels were decoded"))
    assert 12_000**2 > MAX_PIXELS > 1_500**2
    with pytest.raises(UnreadableImage, match="the header claims 12000 x 12000 pixels"):
        decode_image(path, SIDE)


def test_a_truncated_file_is_damaged_at_any_size(tmp_path: Path) -> None:
    """Reading less detail does not overlook that the end is missing."""
    path = saved(tmp_path / "cut.jpg", PHOTOGRAPHS[0])
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UnreadableImage, match="damaged"):
        decode_image(path, SIDE)


@pytest.mark.parametrize("name", ["image_folder", "csv", "unlabelled_folder", "parquet"])
def test_what_is_shipped_for_photographs_reads_them_reduced(tmp_path: Path, name: str) -> None:
    """Half of a large photograph gives nearly the tensor of the whole: within two grey levels on average."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        transforms = instantiate(compose(f"transforms/{name}").transforms, _convert_="all")
    pipeline = transforms.for_evaluation()
    large = np.asarray(PIL.Image.fromarray(PHOTOGRAPHS[0]).resize((1400, 1000), PIL.Image.Resampling.BICUBIC))
    path = saved(tmp_path / "large.jpg", large, quality=90)
    reduced, whole = decode_image(path, pipeline.side), decode_image(path)
    assert whole.shape == (1000, 1400, 3)
    assert reduced.shape == (500, 700, 3)
    grey_levels = 255 * torch.tensor(pipeline.std)[:, None, None]
    difference = (pipeline([reduced], seed=0) - pipeline([whole], seed=0)).abs() * grey_levels
    assert difference.mean() < 2
    assert difference.flatten().quantile(0.99) < 16


@pytest.mark.parametrize(
    ("steps", "side"),
    [
        ([], 8),
        ([{"SmallestMaxSize": {"max_size": 12}}, {"CenterCrop": {"height": 8, "width": 8}}], 12),
        ([{"CenterCrop": {"height": 8, "width": 8}}], None),  # as many pixels of a smaller image are more of the scene
        ([{"HorizontalFlip": {"p": 1}}, {"SmallestMaxSize": {"max_size": 12}}], None),
        ([{"SmallestMaxSize": {"max_size": 12, "p": 0.5}}], None),
        ([{"SmallestMaxSize": {"max_size": [12, 16]}}], None),
        ([{"SmallestMaxSize": {"max_size_hw": [12, None]}}], None),
        ([{"LongestMaxSize": {"max_size": 12}}], None),
    ],
)
def test_reduced_images_are_enough_if_the_first_step_shrinks_them_all(steps: Any, side: int | None) -> None:
    """Every image, and to one shorter side; then later steps see the same image from either."""
    assert Transforms(8, 3, [0.0] * 3, [1.0] * 3, evaluation=steps).for_evaluation().side == side


def test_training_reads_whole_images() -> None:
    """A random crop may be any part of the image, and small."""
    shrink: Any = [{"SmallestMaxSize": {"max_size": 12}}]
    assert Transforms(8, 3, [0.0] * 3, [1.0] * 3, train=shrink).for_training().side is None


def test_who_reads_reduced_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prediction and inspection, where the evaluation steps allow it; never training."""
    for name in ("cat/0", "cat/1", "dog/0", "dog/1"):
        path = tmp_path / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        PIL.Image.new("RGB", (64, 64)).save(path)
    source = ImageFolder(str(tmp_path), held_out=0.5)
    asked: list[int | None] = []
    read = source.read

    def watched(position: int, side: int | None = None) -> NDArray[np.uint8]:
        asked.append(side)
        return read(position, side)

    monkeypatch.setattr(source, "read", watched)
    crop: Any = [{"CenterCrop": {"height": 8, "width": 8}}]
    for steps, expected in (([], 8), (crop, None)):
        data = ImageData(source, Transforms(8, 3, [0.0] * 3, [1.0] * 3, evaluation=steps), workers=0)
        data.inspect(np.arange(4))
        data.predict_on(np.arange(4))
        list(data.predict_dataloader())
        assert asked == [expected] * 8
        asked.clear()
        data.fit_on(np.arange(4), source.table.labels, seed=0)
        list(data.train_dataloader())
        assert asked == [None] * 4
        asked.clear()

"""Real image files for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest

SaveImage = Callable[..., Path]


@pytest.fixture
def save_image(tmp_path: Path) -> SaveImage:
    """Write an image of one grey shade below ``tmp_path`` and return its path."""

    def save(name: str, shade: int = 128, size: tuple[int, int] = (12, 10)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("L", size, shade).save(path)
        return path

    return save

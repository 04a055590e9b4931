"""What annotation files say, whatever their format: images with their objects, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alframe.types import Objects


@dataclass(frozen=True, slots=True)
class Problem:
    """An annotation that cannot be right.

    Attributes:
        place: where it is: the file, and the line in it or what the format calls the thing.
        message: what is wrong.
        image: the image that has it; ``None`` if it belongs to none.
    """

    place: str
    message: str
    image: str | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class AnnotatedImage:
    """One image and what is in it.

    Attributes:
        path: below the root, with ``/``.
        size: height and width in pixels; zeros if the image cannot be opened.
        objects: what is in it; ``None`` where nobody has said, or where what was said is a problem.
        group: a slice (a camera, a site), empty where there is none.
        held_out: whether it is for testing; ``None`` where nobody says.
    """

    path: str
    size: tuple[int, int]
    objects: Objects | None
    group: str = ""
    held_out: bool | None = None


@dataclass(frozen=True)
class Annotations:
    """What the annotation files of a data set say.

    Attributes:
        root: the folder that the images' paths start from.
        classes: their names; a label is an index into them.
        images: with distinct paths.
        problems: what was found wrong; an image that has a problem has no objects.
    """

    root: Path
    classes: tuple[str, ...]
    images: tuple[AnnotatedImage, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def known(self) -> list[tuple[AnnotatedImage, Objects]]:
        """The images of which somebody has said what is in them, and what that is."""
        return [(image, image.objects) for image in self.images if image.objects is not None]

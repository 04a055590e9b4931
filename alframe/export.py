"""A data source written as files that other tools read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import PIL.Image
from rich.markup import escape

from alframe.data import Source
from alframe.data.files import FileSource, inside_root
from alframe.data.formats import AnnotatedImage, Annotations, write_coco, write_cvat, write_masks, write_voc, write_yolo
from alframe.data.images import image_size
from alframe.errors import ConfigurationError, DataError, UnreadableImage
from alframe.progress import bar, say
from alframe.types import Objects

WRITERS = {
    "coco": (write_coco, "images"),
    "cvat": (write_cvat, "images"),
    "masks": (write_masks, "images"),
    "voc": (write_voc, "JPEGImages"),
    "yolo": (write_yolo, "images"),
}
"""What writes each format, and the folder that the format has for images."""


@dataclass(frozen=True)
class Export:
    """What is exported and how: the top-level keys of ``configs/export.yaml``.

    Attributes:
        data: the source.
        format: what its annotations become.
        output: the folder to write, which is empty or not there.
        masks: whether masks are written; boxes alone if not.
        link: whether image files are linked to and not copied, where both are on one file system; who changes one then
            changes the other.
    """

    data: Source
    format: Literal["coco", "cvat", "masks", "voc", "yolo"]
    output: str
    masks: bool
    link: bool


def export(job: Export) -> Path:
    """Write the images whose objects are known, and their annotations, and return the folder, which is whole or absent.

    Files are copied as they are; images that are no files become PNGs. The source's split is written too.

    Raises:
        ConfigurationError: a source of classes, or a folder that is not empty.
        DataError: no such image, or objects that the format cannot have.
    """
    folder, table = Path(job.output), job.data.table
    if not table.has_objects:
        raise ConfigurationError(f"{job.data.name} has classes, and not objects: choose other data")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder} is not empty; choose another output")
    write, images = WRITERS[job.format]
    written = []
    with _whole_folder(folder) as unfinished:
        with bar("export", total=len(table)) as advance:
            for position, objects in enumerate(table.labels):
                if objects is not None and (image := _write_image(job, position, objects, unfinished / images)):
                    written.append(image)
                advance(1)
        if not written:
            raise DataError(f"{job.data.name} has no image that can be read and whose objects are known")
        no_words = write(Annotations(unfinished / images, job.data.classes, tuple(written)), unfinished)
    if no_words:
        say(f"[yellow]{no_words} objects to be ignored are left out[/]: {job.format} has no word for them")
    if len(written) < len(table):
        say(f"[yellow]{len(table) - len(written)} images are left out[/]: unreadable, or nobody knows what is in them")
    say(f"{len(written)} images: {escape(str(folder))}")
    return folder


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Give another folder to write to, which takes the place of ``folder`` when the block ends well."""
    unfinished = folder.with_name(f".unfinished-{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_image(job: Export, position: int, objects: Objects, folder: Path) -> AnnotatedImage | None:
    """Write one image below ``folder`` and say what is in it; ``None`` if it cannot be read."""
    source, table = job.data, job.data.table
    try:
        if isinstance(source, FileSource):
            path = inside_root(str(table.ids[position]))
            size = image_size(source.path(position))
            _take_file(source.path(position), _ready(folder / path), link=job.link)
        else:
            path = inside_root(f"{table.ids[position]}.png")
            pixels = source.read(position)
            size = pixels.shape[:2]
            PIL.Image.fromarray(pixels.squeeze()).save(_ready(folder / path))
    except UnreadableImage:
        return None
    if not job.masks:
        objects = Objects(tuple(replace(each, mask=None) for each in objects))
    return AnnotatedImage(
        path, (size[0], size[1]), objects, str(table.groups[position]), bool(table.held_out[position])
    )


def _ready(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _take_file(source: Path, target: Path, *, link: bool) -> None:
    if link:
        try:
            os.link(source.resolve(), target)
        except OSError:  # another file system, or one without links
            pass
        else:
            return
    shutil.copyfile(source, target)

"""Images with objects, as annotation files of any of the common formats list them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from rich.markup import escape

from alframe.data.files import FileSource
from alframe.data.formats import (
    Annotations,
    PixelValues,
    Problem,
    read_coco,
    read_cvat,
    read_masks,
    read_voc,
    read_yolo,
)
from alframe.data.source import Image
from alframe.data.splits import held_out_images
from alframe.errors import DataError, UnreadableImage
from alframe.progress import say
from alframe.types import SampleTable, label_array

log = logging.getLogger(__name__)

OnBad: TypeAlias = Literal["refuse", "set_aside"]
"""What to do with images whose annotations cannot be right."""

SHOWN = 20


class AnnotatedImages(FileSource):
    """The images of annotations; ids are their paths.

    Where the annotations do not say which images are held out, a seeded share of those that have annotations is, drawn
    from the images of each rarest class and from those without objects. An image that is set aside has no label, and
    reading it says why.

    Args:
        name: a short name for folders and titles.
        annotations: what the files say.
        held_out: share of the images that is held out, where nothing says which.
        split_seed: which images that are.
        on_bad: refuse, or set aside the images with problems.

    Raises:
        DataError: problems, with the first ``SHOWN`` of them; no images, or too few to hold some out.
    """

    def __init__(
        self, name: str, annotations: Annotations, *, held_out: float, split_seed: int, on_bad: OnBad = "refuse"
    ) -> None:
        images, problems = annotations.images, annotations.problems
        if problems and on_bad == "refuse":
            raise DataError(_refusal(name, problems))
        if not images:
            raise DataError(f"{name} lists no images")
        self._aside = _set_aside(name, annotations) if problems else {}
        labels = label_array(image.objects for image in images)
        known = [objects for _, objects in annotations.known]
        self.has_masks = any(map(len, known)) and all(each.mask is not None for objects in known for each in objects)
        said = any(image.held_out is not None for image in images)
        super().__init__(
            name=name,
            classes=annotations.classes,
            root=annotations.root,
            table=SampleTable(
                ids=np.array([image.path for image in images]),
                labels=labels,
                held_out=np.array([bool(image.held_out) for image in images])
                if said or not known
                else held_out_images(labels, held_out, split_seed),
                groups=np.array([image.group for image in images]),
                costs=np.ones(len(images)),
            ),
        )

    def read(self, position: int, side: int | None = None) -> Image:
        """Decode the image of row ``position``, see ``decode_image``; one that is set aside is unreadable."""
        if position in self._aside:
            raise UnreadableImage(self._aside[position])
        return super().read(position, side)


def _refusal(name: str, problems: Sequence[Problem]) -> str:
    more = [f"... and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
    lines = "\n  ".join([*map(str, problems[:SHOWN]), *more])
    return (
        f"{name} has {len(problems)} bad annotations:\n  {lines}\n"
        "correct them, or go without the images that have them: data.on_bad=set_aside"
    )


def _set_aside(name: str, annotations: Annotations) -> dict[int, str]:
    """The images with problems by row, with the first of them; all are logged, and their number is said."""
    reasons: dict[str | None, str] = {}
    for problem in annotations.problems:
        log.warning("bad annotation: %s", problem)
        reasons.setdefault(problem.image, f"its annotation is set aside: {problem}")
    aside = {row: reasons[image.path] for row, image in enumerate(annotations.images) if image.path in reasons}
    say(
        f"[yellow]{escape(name)}: {len(annotations.problems)} bad annotations[/]; "
        f"{len(aside)} of {len(annotations.images)} images are set aside"
    )
    return aside


class CocoSource(AnnotatedImages):
    """Images and a COCO file of boxes, and masks if it has them, see ``read_coco``.

    Args:
        root: the folder that the file's names start from.
        annotations: the JSON file.
        test_annotations: another such file, of the images that are held out.
        held_out: share of the images that is held out, where there is no such file.
        split_seed: which images that are.
        on_bad: refuse, or set aside the images with problems.

    Raises:
        DataError: a file that cannot be read, bad annotations, too few images to split.
    """

    def __init__(
        self,
        root: str,
        annotations: str,
        test_annotations: str | None = None,
        held_out: float = 0.2,
        split_seed: int = 0,
        on_bad: OnBad = "refuse",
    ) -> None:
        file, folder = Path(annotations).expanduser(), _folder(root)
        test = None if test_annotations is None else Path(test_annotations).expanduser()
        found = read_coco(file, folder, test)
        super().__init__(file.stem, found, held_out=held_out, split_seed=split_seed, on_bad=on_bad)


class CvatSource(AnnotatedImages):
    """Images and an XML file of "CVAT for images 1.1", see ``read_cvat``.

    Args:
        root: the folder that the file's names start from.
        annotations: the XML file.
        held_out: share of the images that is held out, where the file has no subsets.
        split_seed: which images that are.
        on_bad: refuse, or set aside the images with problems.

    Raises:
        DataError: a file that cannot be read, bad annotations, too few images to split.
    """

    def __init__(
        self,
        root: str,
        annotations: str,
        held_out: float = 0.2,
        split_seed: int = 0,
        on_bad: OnBad = "refuse",
    ) -> None:
        folder = _folder(root)
        found = read_cvat(Path(annotations).expanduser(), folder)
        super().__init__(folder.resolve().name, found, held_out=held_out, split_seed=split_seed, on_bad=on_bad)


class VocSource(AnnotatedImages):
    """A folder with ``JPEGImages`` and, in ``Annotations``, Pascal VOC's files of boxes, see ``read_voc``.

    Args:
        root: the folder.
        classes: their names, in order; those in ``classes.txt``, or else those that occur, if ``None``.
        test_names: a file in the folder with the names of the held-out images, such as ``ImageSets/Main/test.txt``.
        held_out: share of the images that is held out, where there is no such file.
        split_seed: which images that are.
        on_bad: refuse, or set aside the images with problems.

    Raises:
        DataError: no images, bad annotations, too few images to split.
    """

    def __init__(
        self,
        root: str,
        classes: Sequence[str] | None = None,
        test_names: str | None = None,
        held_out: float = 0.2,
        split_seed: int = 0,
        on_bad: OnBad = "refuse",
    ) -> None:
        folder = _folder(root)
        found = read_voc(folder, classes, None if test_names is None else folder / test_names)
        super().__init__(folder.resolve().name, found, held_out=held_out, split_seed=split_seed, on_bad=on_bad)


class YoloSource(AnnotatedImages):
    """A folder with YOLO's label files of boxes or outlines, see ``read_yolo``.

    Args:
        root: the folder.
        names: ``data.yaml``, or a file with the name of a class on each line; ``data.yaml`` or ``classes.txt`` in the
            folder if ``None``.
        test: the part of ``data.yaml`` that is held out.
        held_out: share of the images that is held out, where ``data.yaml`` has no such part.
        split_seed: which images that are.
        on_bad: refuse, or set aside the images with problems.

    Raises:
        DataError: a file that cannot be read, no images, bad annotations, too few images to split.
    """

    def __init__(
        self,
        root: str,
        names: str | None = None,
        test: Literal["val", "test"] = "val",
        held_out: float = 0.2,
        split_seed: int = 0,
        on_bad: OnBad = "refuse",
    ) -> None:
        folder = _folder(root)
        found = read_yolo(folder, None if names is None else Path(names).expanduser(), test)
        super().__init__(folder.resolve().name, found, held_out=held_out, split_seed=split_seed, on_bad=on_bad)


class MaskSource(AnnotatedImages):
    """A folder with ``images`` and, in ``masks``, a PNG of classes for each, see ``read_masks``.

    Args:
        root: the folder.
        values: the class of each pixel value; what ``values.yaml`` in the folder says of values, ``background`` and
            ``ignored`` if ``None``.
        background: values of no class.
        ignored: values of what is to be passed over.
        test_names: a file in the folder with the names of the held-out images, one a line.
        held_out: share of the images that is held out, where there is no such file.
        split_seed: which images that are.
        on_bad: refuse, or set aside the images with problems.

    Raises:
        ConfigurationError: a value with two meanings.
        DataError: no images, bad masks, too few images to split.
    """

    def __init__(
        self,
        root: str,
        values: Mapping[int, str] | None = None,
        background: Sequence[int] = (0,),
        ignored: Sequence[int] = (255,),
        test_names: str | None = None,
        held_out: float = 0.2,
        split_seed: int = 0,
        on_bad: OnBad = "refuse",
    ) -> None:
        folder = _folder(root)
        meant = None if values is None else PixelValues(values, background, ignored)
        found = read_masks(folder, meant, None if test_names is None else folder / test_names)
        super().__init__(folder.resolve().name, found, held_out=held_out, split_seed=split_seed, on_bad=on_bad)


def _folder(root: str) -> Path:
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise DataError(f"no folder at {folder}; set root to the folder of the images")
    return folder

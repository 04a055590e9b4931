"""Images sorted into one folder per class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alframe.data.files import FileSource, image_names, natural_key
from alframe.data.images import SUFFIXES
from alframe.data.splits import held_out_mask
from alframe.errors import DataError
from alframe.types import SampleTable


class ImageFolder(FileSource):
    """Class folders under ``root/train`` and ``root/test``, or directly under ``root``.

    In the first form the test images are held out and other folders of ``root`` are ignored; in the second a
    seeded share of each class is held out. Images may lie in subfolders of their class. Hidden files, and
    folders without an image, are passed over. Rows are in natural order (``2.png`` before ``10.png``).

    Args:
        root: the folder.
        held_out: share of each class that is held out, where there is no ``test`` folder.
        split_seed: which samples that are.

    Raises:
        DataError: no such folder, no images in it, ``train`` without ``test``, a test class that ``train``
            lacks, a class too small to split.
    """

    def __init__(self, root: str, held_out: float = 0.2, split_seed: int = 0) -> None:
        folder = Path(root).expanduser()
        if not folder.is_dir():
            raise DataError(f"no folder at {folder}; set root to the folder that holds the class folders")
        given_split = _has_split(folder)
        train = _class_files(folder / "train" if given_split else folder)
        test = _class_files(folder / "test") if given_split else {}
        if strangers := [name for name in test if name not in train]:
            raise DataError(f"{folder}/test has classes that train lacks: {', '.join(strangers)}; remove them")

        classes = tuple(train)
        index = {name: label for label, name in enumerate(classes)}
        rows = [
            (file.relative_to(folder).as_posix(), index[name], part is test)
            for part in (train, test)
            for name, files in part.items()
            for file in files
        ]
        labels = np.array([label for _, label, _ in rows], dtype=np.int64)
        tested = np.array([is_test for _, _, is_test in rows])
        table = SampleTable(
            ids=np.array([sample_id for sample_id, _, _ in rows]),
            labels=labels,
            held_out=tested if given_split else held_out_mask(labels, classes, held_out, split_seed),
            groups=np.full(len(rows), ""),
            costs=np.ones(len(rows)),
        )
        super().__init__(folder.resolve().name, classes, folder, table)


def _has_split(folder: Path) -> bool:
    present = [name for name in ("train", "test") if (folder / name).is_dir()]
    if len(present) == 1:
        raise DataError(
            f"{folder} has a folder {present[0]!r} alone; give both train and test, "
            "or put the class folders directly under it to have a share held out"
        )
    return bool(present)


def _class_files(folder: Path) -> dict[str, list[Path]]:
    """The images of each class, both in natural order; at least one."""
    names = (entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    found = {
        name: [folder / name / file for file in image_names(folder / name)] for name in sorted(names, key=natural_key)
    }
    classes = {name: files for name, files in found.items() if files}
    if not classes:
        raise DataError(
            f"no images under {folder}: looked in {len(found)} class folders for files in "
            f"{' '.join(sorted(SUFFIXES))}; sort the images into one folder per class"
        )
    return classes

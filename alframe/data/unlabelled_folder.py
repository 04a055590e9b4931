"""A folder of images of which nothing more is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alframe.data.files import FileSource, check_classes, image_names
from alframe.data.images import SUFFIXES
from alframe.errors import DataError
from alframe.types import UNLABELLED, SampleTable


class UnlabelledFolder(FileSource):
    """Every image below ``root``, however deep, in natural order: a pool without labels and without a test set.

    Hidden files and folders are passed over; links to folders are not followed.

    Args:
        root: the folder.
        classes: names of the classes that the images may have, in order; none are known if empty.

    Raises:
        ConfigurationError: class names that are empty or repeated.
        DataError: no such folder, no images below it.
    """

    def __init__(self, root: str, classes: Sequence[str] = ()) -> None:
        folder = Path(root).expanduser()
        if not folder.is_dir():
            raise DataError(f"no folder at {folder}; set root to the folder that holds the images")
        names = image_names(folder)
        if not names:
            raise DataError(f"no images below {folder}: looked for files in {' '.join(sorted(SUFFIXES))}")
        super().__init__(
            name=folder.resolve().name,
            classes=check_classes(classes),
            root=folder,
            table=SampleTable(
                ids=np.array(names),
                labels=np.full(len(names), UNLABELLED, dtype=np.int64),
                held_out=np.zeros(len(names), dtype=np.bool_),
                groups=np.full(len(names), ""),
                costs=np.ones(len(names)),
            ),
        )

"""CVAT is the oracle, through the files that it imports and exports.

CVAT is a dozen services, and no server of it was there to test against. Its formats are documented and change little;
how its API exports has changed several times. So people carry files, and the files are what is tested.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Literal
from zipfile import ZIP_STORED, ZipFile

from alframe.data import Source
from alframe.data.formats.cvat import CvatImage, parse_cvat
from alframe.data.formats.cvat_writer import FILE, Labelled, cvat_document
from alframe.data.formats.reading import read_text
from alframe.errors import DataError
from alframe.labelling.exchange.archives import opened_archive, read_entry
from alframe.oracle.exchange import Exchange
from alframe.oracle.tool import Answer
from alframe.types import Prediction, Query

MAX_XML = 512 * 2**20
"""Bytes of a file that is read as a whole."""


class Cvat(Exchange):
    """Asks people through files of CVAT: images and labels for a task, and its export as "CVAT for images 1.1".

    ``to_label`` has ``images.zip``, the data of a task; ``labels.json``, to be pasted as its labels; and
    ``annotations.xml``, the champion's predictions, to be uploaded as annotations of the format CVAT 1.1. The export,
    XML or ZIP, with or without images, is read when it lies beside. An image of it without shapes has no objects, so
    that a task is exported when it is done; one without a tag is not labelled yet.

    Args:
        source: where the images are, and the names of the classes.
        folder: of the files.
        kind: what people give; by default masks where the source has them, boxes where it has objects, else classes.
        wait: whether the command waits; otherwise it ends, and the same command goes on later.
        poll: seconds between two looks.
    """

    suffixes = (".xml", ".zip")

    def __init__(
        self,
        source: Source,
        folder: str,
        kind: Literal["classification", "detection", "segmentation"] | None = None,
        wait: bool = True,
        poll: float = 10.0,
    ) -> None:
        super().__init__(source, "cvat", folder, kind, wait=wait, poll=poll)
        self._labels = {name: label for label, name in enumerate(source.classes)}

    def write(self, query: Query, predictions: Mapping[str, Prediction], folder: Path) -> dict[str, str]:
        """Write the images, in the order in which they are wanted, the labels and the predictions."""
        shown: dict[str, str] = {}
        with ZipFile(folder / "images.zip", "w", ZIP_STORED) as archive:
            for sample_id, image in self.images(query.ids):
                shown[sample_id] = _name(query, sample_id)
                archive.writestr(shown[sample_id], image)
        predicted = [
            Labelled(name, self.size(sample_id), predictions[sample_id].label)
            for sample_id, name in shown.items()
            if sample_id in predictions
        ]
        if predicted:
            (folder / FILE).write_bytes(cvat_document(self.source.classes, predicted))
        labels = [{"name": name, "attributes": []} for name in self.source.classes]
        (folder / "labels.json").write_text(json.dumps(labels, indent=2), encoding="utf-8")
        return shown

    def read(self, file: Path, query: Query, asked: Mapping[str, str]) -> dict[str, Answer]:
        """The answers of an export; what cannot be used sets its image aside with the reason."""
        samples = {name: sample_id for sample_id, name in asked.items()}
        answers: dict[str, Answer] = {}
        for image in parse_cvat(_text(file)).images:
            sample_id = samples.get(PurePosixPath(image.name).name)
            if sample_id is None:
                raise DataError(f"it has an image {image.name}, which round {query.round} did not ask about")
            try:
                answer = self._answer(image, sample_id)
            except ValueError as error:
                answer = Answer(None, self.tool, f"the annotation of CVAT cannot be used: {error}")
            if answer is not None:
                answers[sample_id] = answer
        return answers

    def _answer(self, image: CvatImage, sample_id: str) -> Answer | None:
        size = self.size(sample_id)
        if image.size != size:
            raise ValueError(f"it is of {image.size[1]} x {image.size[0]} pixels, the image has {size[1]} x {size[0]}")
        if self.kind != "classification":
            objects = image.objects(self._labels, *size)
            if self.kind == "segmentation" and any(each.mask is None for each in objects):
                raise ValueError("an object has a box and no mask")
            return Answer(objects, self.tool)
        if not image.tags:
            return None
        if len(image.tags) > 1 or image.tags[0] not in self._labels:
            raise ValueError(f"one tag of the run's classes is asked for, got {', '.join(image.tags)}")
        return Answer(self._labels[image.tags[0]], self.tool)


def _name(query: Query, sample_id: str) -> str:
    """What the image of a sample is called in CVAT: in the order of the query, and so that no other sample is meant."""
    return f"{query.ids.index(sample_id):05d}-{hashlib.sha256(sample_id.encode()).hexdigest()[:16]}.png"


def _text(file: Path) -> str:
    """The XML of an export, which may come in a ZIP: both are a stranger's."""
    if file.suffix.lower() == ".xml":
        if file.stat().st_size > MAX_XML:
            raise DataError(f"it has more than {MAX_XML:,} bytes; export the task in parts")
        return read_text(file)
    with file.open("rb") as stream, opened_archive(stream) as (archive, infos):
        found = [info for info in infos if info.filename == FILE]
        if not found:
            raise DataError(f"there is no {FILE} in it; export the task as CVAT for images 1.1")
        return read_entry(archive, found[0]).decode("utf-8-sig")

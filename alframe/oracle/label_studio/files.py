"""Label Studio is the oracle, through files: tasks that it imports, and the JSON that it exports."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from alframe.data import Source
from alframe.data.formats.reading import read_text
from alframe.errors import DataError
from alframe.oracle.exchange import Exchange
from alframe.oracle.label_studio.answers import Reader, Several
from alframe.oracle.label_studio.results import label_config
from alframe.oracle.label_studio.tasks import Given, Task, new_task, prediction_of, tasks_of
from alframe.oracle.tool import Answer
from alframe.types import Prediction, Query

MAX_PART = 50 * 2**20
"""Characters of one file of tasks; a server takes 250 MB by default, and people's browsers less."""


class LabelStudioFiles(Exchange):
    """Asks people through files of Label Studio: tasks with their images in them, as JSON, and the JSON export.

    ``to_label`` has ``interface.xml``, to be pasted as the labelling interface, and ``tasks-001.json``, ..., to be
    imported with the images and predictions in them.

    Args:
        source: where the images are, and the names of the classes.
        folder: of the files.
        kind: what people give; by default masks where the source has them, boxes where it has objects, else classes.
        overlap: people who annotate or skip each task before it counts.
        several: what several annotations come to: what more than half of them say, or the latest.
        wait: whether the command waits; otherwise it ends, and the same command goes on later.
        poll: seconds between two looks.
    """

    suffixes = (".json",)

    def __init__(
        self,
        source: Source,
        folder: str,
        kind: Literal["classification", "detection", "segmentation"] | None = None,
        overlap: int = 1,
        several: Several = "majority",
        wait: bool = True,
        poll: float = 10.0,
    ) -> None:
        super().__init__(source, "label_studio", folder, kind, wait=wait, poll=poll)
        self._reader = Reader(self.kind, source.classes, overlap, several)

    def write(self, query: Query, predictions: Mapping[str, Prediction], folder: Path) -> dict[str, str]:
        """Write the labelling interface, and the tasks in parts."""
        config = label_config(self.kind, self.source.classes)
        (folder / "interface.xml").write_text(config, encoding="utf-8")
        asked: dict[str, str] = {}
        parts: list[int] = []
        part: list[str] = []
        for sample_id, task in self._tasks(query, predictions):
            if part and sum(map(len, part)) + len(task) > MAX_PART:
                parts.append(_write_part(folder, len(parts) + 1, part))
                part = []
            part.append(task)
            asked[sample_id] = sample_id
        _write_part(folder, len(parts) + 1, part)
        return asked

    def read(self, file: Path, query: Query, asked: Mapping[str, str]) -> dict[str, Answer]:
        """The answers of a JSON export; tasks that nobody did have none."""
        given: dict[str, list[Given]] = {}
        for task in read_export(file):
            if task.data.round != query.round or task.data.sample not in asked:
                raise DataError(f"it has {task.data.sample} of round {task.data.round}, which was not asked here")
            given.setdefault(task.data.sample, []).extend(task.annotations)
        answers = {sample_id: self._reader.answer(said, *self.size(sample_id)) for sample_id, said in given.items()}
        return {sample_id: answer for sample_id, answer in answers.items() if answer is not None}

    def _tasks(self, query: Query, predictions: Mapping[str, Prediction]) -> Iterator[tuple[str, str]]:
        for sample_id, image in self.images(query.ids):
            address = f"data:image/png;base64,{base64.b64encode(image).decode('ascii')}"
            said = predictions.get(sample_id)
            predicted = prediction_of(said, query, self.kind, self.source.classes, self.size(sample_id))
            yield sample_id, json.dumps(new_task(query, sample_id, address, predicted))


def read_export(file: Path) -> list[Task]:
    """The tasks of ours in a JSON export of Label Studio.

    Raises:
        DataError: no such file, or one that is no list of tasks.
    """
    try:
        found = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is no JSON: {error}") from error
    if not isinstance(found, list):
        raise DataError(f"{file} is no JSON export of Label Studio, which is a list of tasks")
    return tasks_of(found)


def _write_part(folder: Path, number: int, tasks: Iterable[str]) -> int:
    (folder / f"tasks-{number:03d}.json").write_text(f"[{', '.join(tasks)}]", encoding="utf-8")
    return number

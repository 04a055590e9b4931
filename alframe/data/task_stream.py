"""A source whose classes come a few at a time, for studies of learning that goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alframe.data.source import Image, Source
from alframe.errors import ConfigurationError
from alframe.functional.randomness import generator


class TaskStream(Source):
    """Another source whose classes are split evenly into tasks, which are its groups: ``task 1``, ``task 2``, ...

    With ``candidates=next_group`` round r looks for labels in the r-th of them alone. Every sample that has a class is
    in its class's task, held-out ones too; groups of the other source are not kept.

    Args:
        source: the other source.
        tasks: how many.
        seed: shuffles the classes before they are split; ``None`` leaves them in their order.

    Raises:
        ConfigurationError: fewer than two tasks, more than classes, or labels that are objects.

    Source: van de Ven, Tuytelaars & Tolias, "Three types of incremental learning", Nature Machine Intelligence 2022
    (class-incremental).
    """

    def __init__(self, source: Source, tasks: int = 5, seed: int | None = None) -> None:
        if source.table.has_objects:
            raise ConfigurationError(f"tasks are made of classes, and the labels of {source.name} are objects")
        classes = np.arange(len(source.classes))
        if not 2 <= tasks <= len(classes):
            raise ConfigurationError(f"{len(classes)} classes make between 2 and {len(classes)} tasks, got {tasks}")
        self.name = f"split_{source.name}"
        self.classes = source.classes
        self.in_memory = source.in_memory
        self._source = source
        order = classes if seed is None else generator(seed, "tasks").permutation(classes)
        width = len(str(tasks))
        names = np.full(len(classes) + 1, "", dtype=f"<U{len('task ') + width}")  # the last is of no class
        for task, members in enumerate(np.array_split(order, tasks), start=1):
            names[members] = f"task {task:0{width}}"
        self.table = replace(source.table, groups=names[source.table.labels])

    def read(self, position: int, side: int | None = None) -> Image:
        """The other source's image."""
        return self._source.read(position, side)

    def content_hash(self, position: int) -> str:
        """The other source's hash."""
        return self._source.content_hash(position)

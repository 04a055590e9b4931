"""People are the oracle, and files are all that goes there and back: for tools that cannot be reached."""

from __future__ import annotations

import json
import shutil
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from alframe.data import Source
from alframe.errors import AlframeError, ConfigurationError, DataError, Unavailable
from alframe.labelling.settings import Kind
from alframe.oracle.tool import Answer, Tool
from alframe.types import Prediction, Query

TO_LABEL, ASKED = "to_label", "asked.json"


class Exchange(Tool):
    """Writes each round's files to a folder, and reads what somebody puts beside them.

    ``FOLDER/round-003/to_label`` is what to take to the tool. Its export is put into ``FOLDER/round-003``, in one file
    or in several, such as of several jobs.

    Args:
        source: where the images are, and the names of the classes.
        tool: its name, for keys and messages.
        folder: of the files.
        kind: what people give; by default masks where the source has them, boxes where it has objects, else classes.
        wait: whether the command waits; otherwise it ends, and the same command goes on later.
        poll: seconds between two looks.

    Attributes:
        suffixes: what exported files end in.
    """

    suffixes: ClassVar[tuple[str, ...]]

    def __init__(self, source: Source, tool: str, folder: str, kind: Kind | None, *, wait: bool, poll: float) -> None:
        super().__init__(source, tool, kind, wait=wait, poll=poll)
        if not folder.strip():
            raise ConfigurationError("oracle.folder must name the folder of the files")
        self.folder = Path(folder)

    @abstractmethod
    def write(self, query: Query, predictions: Mapping[str, Prediction], folder: Path) -> dict[str, str]:
        """Write what to take to the tool, and return what each sample in it is called there."""

    @abstractmethod
    def read(self, file: Path, query: Query, asked: Mapping[str, str]) -> dict[str, Answer]:
        """The answers of an exported file.

        Args:
            file: that somebody put there.
            query: that asked.
            asked: what ``write`` returned.

        Raises:
            AlframeError: a file that is no export of this round.
            ValueError: likewise.
        """

    def ask(self, query: Query, predictions: Mapping[str, Prediction] | None = None) -> None:
        """Write the files of a round; they are whole or absent, and those of an earlier attempt are kept."""
        place = self._place(query) / TO_LABEL
        if place.is_dir():
            return
        with _whole_folder(place) as unfinished:
            asked = self.write(query, predictions or {}, unfinished)
            (unfinished / ASKED).write_text(json.dumps(asked), encoding="utf-8")

    def look(self, query: Query) -> tuple[Collection[str], Mapping[str, Answer]]:
        """The samples whose images were written, and the answers of all files that were put beside them.

        Raises:
            Unavailable: a file that cannot be used (yet): half copied, of another round, against another file.
        """
        place = self._place(query)
        try:
            asked: dict[str, str] = json.loads((place / TO_LABEL / ASKED).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return (), {}
        answers: dict[str, Answer] = {}
        for file in sorted(path for path in place.iterdir() if path.suffix.lower() in self.suffixes):
            try:
                for sample_id, answer in self.read(file, query, asked).items():
                    if answers.setdefault(sample_id, answer) != answer:
                        raise DataError(f"another file says something else of {sample_id}; take one of them away")
            except (AlframeError, ValueError, OSError) as error:
                raise Unavailable(f"{file} cannot be used: {error}") from error
        return asked, answers

    def where(self) -> str:
        """The folder, and what is to be put there."""
        return f"{self.folder}: take to_label to the tool, and put its export ({', '.join(self.suffixes)}) beside it"

    def _place(self, query: Query) -> Path:
        return self.folder / f"round-{query.round:03d}"


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Give another folder to write to, which becomes ``folder`` when the block ends well."""
    unfinished = folder.with_name(f".unfinished-{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)

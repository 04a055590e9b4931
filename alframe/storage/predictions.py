"""Predictions of any number of samples on disk: appended block by block, read as memory-mapped arrays."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alframe.configuration import flatten
from alframe.errors import InvalidInput, RunConflict
from alframe.storage.artifacts import file_sha256, whole_file
from alframe.storage.growing_array import append_bytes, append_rows, close_rows, cut_rows, whole_rows
from alframe.storage.records import load_record, save_record
from alframe.types import Floats, Ids, Predictions

MANIFEST = "manifest.json"
REQUEST = "request.json"
BLOCKS = "blocks.jsonl"
HASHED = 8192  # ids at once

Precision = Literal["float32", "float16"]


@dataclass(frozen=True)
class Request:
    """Which predictions are asked for: equal requests have equal answers.

    Attributes:
        model: the version of the learner, such as the SHA-256 of its weights.
        seed: of the posterior's draws.
        samples: how many are asked for.
        samples_sha256: over their ids, in order, each with a line feed behind it.
        needs: the arrays, sorted by name.
        precision: of arrays with several numbers a sample; those with one keep float32.
        setup: what else decides them and no other record holds, by its key in the configuration.
    """

    model: str
    seed: int
    samples: int
    samples_sha256: str
    needs: tuple[str, ...]
    precision: Precision = "float32"
    setup: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        ids: Ids,
        needs: Iterable[str],
        *,
        model: str,
        seed: int,
        precision: Precision,
        setup: Mapping[str, Any] | None = None,
    ) -> Request:
        """The request for ``needs`` of the samples called ``ids``."""
        digest = sha256()
        for start in range(0, len(ids), HASHED):
            digest.update("".join(f"{name}\n" for name in ids[start : start + HASHED].tolist()).encode())
        return cls(model, seed, len(ids), digest.hexdigest(), tuple(sorted(needs)), precision, dict(setup or {}))


@dataclass(frozen=True)
class Manifest:
    """What a finished folder of predictions holds.

    Attributes:
        request: what was asked for.
        rows: how many samples could be read.
        arrays: SHA-256 of each array's file, by name.
        unreadable: why the other samples could not be read, by id.
    """

    request: Request
    rows: int
    arrays: Mapping[str, str]
    unreadable: Mapping[str, str]


@dataclass(frozen=True)
class _Block:
    asked: int
    rows: int
    arrays: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)


class PredictionStore:
    """The predictions that one request asks for, in a folder of their own.

    A block counts once its rows are on disk and its line in ``blocks.jsonl`` is. Whoever opens the folder again cuts
    off what came after the last block that the lines and all arrays have whole, and goes on there: killed at any moment
    or not, the files end up the same, byte for byte. Arrays are NumPy files; nothing is held in memory.

    Args:
        folder: made where it is missing.
        request: what will be written.

    Raises:
        RunConflict: the folder holds predictions that another request asked for.
    """

    def __init__(self, folder: Path, request: Request) -> None:
        self._folder = folder
        self._request = request
        if (folder / REQUEST).exists():
            _agree(folder, load_record(folder / REQUEST, Request), request)
        else:
            with whole_file(folder / REQUEST) as path:
                save_record(path, request)
        self._blocks = self._recover()

    @property
    def asked(self) -> int:
        """How many of the samples, from the first on, are dealt with: go on with the next."""
        return sum(block.asked for block in self._blocks)

    @property
    def unreadable(self) -> dict[str, str]:
        """Why samples so far could not be read, by id."""
        return {name: reason for block in self._blocks for name, reason in block.unreadable.items()}

    def append(self, predictions: Predictions, unreadable: Mapping[str, str]) -> None:
        """Write the next block: the samples that could be read, and why others could not, by id.

        Raises:
            InvalidInput: a number that the request's precision cannot hold; nothing is written then.
        """
        found = _arrays(predictions) if len(predictions) else {}
        arrays = {name: self._stored(name, values) for name, values in found.items()}
        for name, values in arrays.items():
            append_rows(self._folder / f"{name}.npy", values)
        block = _Block(len(predictions) + len(unreadable), len(predictions), sorted(arrays), dict(unreadable))
        append_bytes(self._folder / BLOCKS, json.dumps(asdict(block)).encode() + b"\n")
        self._blocks.append(block)

    def finish(self, manifest: Path, head: Floats | None = None) -> None:
        """Close the arrays and write what there is to ``manifest``, which is to become the folder's ``MANIFEST``.

        Raises:
            RunConflict: samples are still missing.
        """
        if self.asked != self._request.samples:
            raise RunConflict(
                f"{self._folder} has {self.asked} of {self._request.samples} samples; score the others too"
            )
        for path in self._array_files():
            close_rows(path, self._rows)
        if head is not None:
            with whole_file(self._folder / "head.npy") as path:
                np.save(path, head)
        digests = {path.stem: file_sha256(path) for path in sorted(self._array_files())}
        save_record(manifest, Manifest(self._request, self._rows, digests, self.unreadable))

    @property
    def _rows(self) -> int:
        return sum(block.rows for block in self._blocks)

    def _array_files(self) -> list[Path]:
        return [path for path in self._folder.glob("*.npy") if path.stem in {each.name for each in fields(Predictions)}]

    def _stored(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        if values.ndim < 2 or values.dtype.kind != "f":
            return values
        with np.errstate(over="ignore"):
            stored = values.astype(self._request.precision, copy=False)
        lost = np.isinf(stored) & np.isfinite(values)
        if lost.any():
            raise InvalidInput(
                f"{name} go up to {np.abs(values[lost]).max():.6g}, and {stored.dtype} ends at "
                f"{np.finfo(stored.dtype).max:.6g}: choose scoring.precision=float32, and a folder of its own for it"
            )
        return stored

    def _recover(self) -> list[_Block]:
        """The blocks that the journal and every array hold whole; everything after them is cut off."""
        journal = self._folder / BLOCKS
        lines = journal.read_bytes().splitlines(keepends=True) if journal.exists() else []
        blocks = [_Block(**json.loads(line)) for line in lines if line.endswith(b"\n")]
        names = {name for block in blocks for name in block.arrays}
        held = min((whole_rows(self._folder / f"{name}.npy") for name in names), default=0)
        blocks = blocks[: bisect_right(list(accumulate(block.rows for block in blocks)), held)]
        if len(blocks) < len(lines):
            os.truncate(journal, sum(map(len, lines[: len(blocks)])))
        rows = sum(block.rows for block in blocks)
        for path in self._array_files():
            if rows and path.stem in names:
                cut_rows(path, rows)
            else:
                path.unlink()
        return blocks


def read_predictions(folder: Path) -> Predictions:
    """What a finished ``folder`` holds, memory-mapped, read-only, its content checked.

    Raises:
        RunConflict: the folder is not finished, or a file is gone or was changed.
    """
    manifest = read_manifest(folder)
    arrays = {}
    for name, digest in manifest.arrays.items():
        path = folder / f"{name}.npy"
        if not path.is_file() or file_sha256(path) != digest:
            raise RunConflict(
                f"{path} is not what was written (SHA-256 {digest}): restore it, or score again elsewhere"
            )
        empty = manifest.rows == 0 or name == "head"
        arrays[name] = np.load(path, mmap_mode=None if empty else "r", allow_pickle=False)
    return Predictions(**({"ids": np.empty(0, dtype=np.str_)} | arrays))


def read_manifest(folder: Path) -> Manifest:
    """What a finished ``folder`` says of itself.

    Raises:
        RunConflict: it holds no finished predictions.
    """
    if not (folder / MANIFEST).is_file():
        raise RunConflict(f"{folder} holds no finished predictions: let the command that writes them come to its end")
    return load_record(folder / MANIFEST, Manifest)


def _agree(folder: Path, was: Request, wanted: Request) -> None:
    there, yours = flatten(asdict(was)), flatten(asdict(wanted))
    changed = [key for key in there | yours if there.get(key) != yours.get(key)]
    if changed:
        lines = [
            f"  {key.removeprefix('setup.')}: {there.get(key, '(not set)')} -> {yours.get(key, '(not set)')}"
            for key in changed
        ]
        raise RunConflict(
            f"{folder} holds predictions that were asked for otherwise (there -> yours):\n"
            + "\n".join(lines)
            + "\nGive these a folder of their own (output=...), or delete the folder."
        )


def _arrays(predictions: Predictions) -> dict[str, NDArray[Any]]:
    arrays = {each.name: getattr(predictions, each.name) for each in fields(predictions) if each.name != "head"}
    return {name: values for name, values in arrays.items() if values is not None}

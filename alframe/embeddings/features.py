"""What a frozen network makes of images: computed once for each content."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule, Trainer
from torch import nn

from alframe import __version__
from alframe.data import Batch, ImageData
from alframe.embeddings.base import Embedded
from alframe.embeddings.files import RowStore, claim, rows_at
from alframe.errors import InvalidInput, UnreadableImage
from alframe.learner import Advance, interruptible
from alframe.progress import bar
from alframe.types import Positions


def features(
    network: nn.Module,
    data: ImageData,
    positions: Positions,
    folder: Path,
    make_trainer: Callable[..., Trainer],
    *,
    name: str,
) -> Embedded:
    """What ``network`` makes of the images at ``positions``, from ``folder`` where it is known.

    Args:
        network: images (B, channels, S, S) -> (B, D), always the same for the same image in evaluation mode.
        data: reads the images.
        positions: (N,) rows of the source's table.
        folder: the cache; this network has a folder in it that is named for what the network is.
        make_trainer: builds a Trainer, given ``callbacks``.
        name: what that folder's name begins with.
    """
    contents = content_hashes(data, positions)
    with torch.inference_mode():
        width = network.eval()(torch.zeros(1, *data.image_shape)).shape[1]
    home = folder / f"{name}-{identity(network, data)}"
    with claim(home):
        store = RowStore(home, width)
        unknown = np.flatnonzero((store.find(contents) < 0) & (contents != b""))
        _, firsts = np.unique(contents[unknown], return_index=True)
        new = unknown[np.sort(firsts)]
        if len(new):
            _compute(network, data, positions[new], contents[new], store, make_trainer)
        rows = store.find(contents)
        found = store.mapped()
    known = rows >= 0
    return Embedded(positions[known], rows_at(found, rows[known], home))


def content_hashes(data: ImageData, positions: Positions) -> NDArray[np.bytes_]:
    """SHA-256 of what is stored for each sample, (N,) of 64 characters; empty, and noted, where it cannot be read."""
    hashes = np.zeros(len(positions), dtype="S64")
    with bar("hash", total=len(positions)) as advance:
        for row, position in enumerate(positions.tolist()):
            try:
                hashes[row] = data.source.content_hash(position).encode()
            except UnreadableImage as error:
                data.note_unreadable(position, str(error))
            advance(1)
    return hashes


def identity(network: nn.Module, data: ImageData, *further: object) -> str:
    """16 hexadecimal digits for all that decides a network's features: layers, weights, transforms, this version."""
    digest = sha256()
    for part in (__version__, network, data.image_shape, data.transforms.for_evaluation(), *further):
        digest.update(f"{part!r}\n".encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _compute(
    network: nn.Module,
    data: ImageData,
    positions: Positions,
    contents: NDArray[np.bytes_],
    store: RowStore,
    make_trainer: Callable[..., Trainer],
) -> None:
    data.predict_on(positions)
    with bar("embed", total=len(data.predict_dataloader())) as advance, interruptible():
        trainer = make_trainer(callbacks=[Advance(advance)])
        trainer.predict(_Pass(network, positions, contents, store), datamodule=data, return_predictions=False)


class _Pass(LightningModule):
    def __init__(self, network: nn.Module, positions: Positions, contents: NDArray[np.bytes_], store: RowStore) -> None:
        super().__init__()
        self.network = network
        self._contents = dict(zip(positions.tolist(), contents, strict=True))
        self._store = store

    def predict_step(self, batch: Batch, batch_idx: int) -> int:  # noqa: ARG002 (Lightning's signature)
        read = batch.positions.tolist()
        if read:
            rows = self.network(batch.images).float().cpu().numpy()
            if not np.isfinite(rows).all():
                raise InvalidInput("an embedding is not finite; compute in full precision: trainer.precision=32-true")
            self._store.append(np.array([self._contents[position] for position in read]), rows)
        return len(read)  # Lightning warns of None

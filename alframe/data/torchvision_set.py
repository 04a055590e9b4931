"""The public data sets that torchvision knows how to fetch."""

from __future__ import annotations

import gzip
import shutil
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torchvision import datasets
from torchvision.datasets import VisionDataset

from alframe.data.arrays import ArraySource
from alframe.errors import DataError

DatasetName = Literal["MNIST", "FashionMNIST", "KMNIST", "CIFAR10", "CIFAR100", "SVHN"]

_IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_FILES = {
    "MNIST": "MNIST/raw/*-ubyte or *-ubyte.gz",
    "FashionMNIST": "FashionMNIST/raw/*-ubyte or *-ubyte.gz",
    "KMNIST": "KMNIST/raw/*-ubyte or *-ubyte.gz",
    "CIFAR10": "cifar-10-batches-py/*",
    "CIFAR100": "cifar-100-python/*",
    "SVHN": "train_32x32.mat and test_32x32.mat",
}


class TorchvisionSet(ArraySource):
    """One of torchvision's sets, in memory as uint8: the training part is the pool, the test part held out.

    Files that are there are used as they are; the ``.gz`` files of the MNIST family need not be unpacked, and
    nothing is written beside them.

    Args:
        dataset: torchvision's name of the set.
        root: the folder that torchvision's layout starts from.
        download: whether to fetch the set into ``root`` when it is not there.

    Raises:
        DataError: the set is not there and was not or could not be downloaded, or its files are damaged.
    """

    def __init__(self, dataset: DatasetName, root: str, download: bool = True) -> None:
        name = dataset.lower()
        parts = _open(dataset, Path(root).expanduser(), download)
        images, labels = zip(*map(_arrays, parts), strict=True)
        pool, tested = map(len, labels)
        super().__init__(
            name=name,
            classes=_class_names(dataset, parts[0]),
            images=np.concatenate(images),
            ids=[
                *(f"{name}/train/{row:05d}" for row in range(pool)),
                *(f"{name}/test/{row:05d}" for row in range(tested)),
            ],
            labels=np.concatenate(labels),
            held_out=np.arange(pool + tested) >= pool,
        )


def _open(dataset: DatasetName, root: Path, download: bool) -> list[VisionDataset]:
    """The training and the test part, as torchvision's objects."""
    try:
        return _load(dataset, root, download=False)
    except RuntimeError:  # torchvision's word for files that are missing or damaged
        pass
    raw = root / dataset / "raw"
    if all((raw / f"{file}.gz").is_file() for file in _IDX_FILES):
        return _load_packed(dataset, raw)
    wanted = f"{dataset} is not complete under {root}: looked for {_FILES[dataset]}"
    if not download:
        raise DataError(f"{wanted}; put the files there or set download=true")
    try:
        return _load(dataset, root, download=True)
    except (RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{wanted}, and the download failed: {reason}; put the files there by hand") from error


def _load(dataset: DatasetName, root: Path, download: bool) -> list[VisionDataset]:
    kind = getattr(datasets, dataset)
    if dataset == "SVHN":
        return [kind(root, split=part, download=download) for part in ("train", "test")]
    return [kind(root, train=part, download=download) for part in (True, False)]


def _load_packed(dataset: DatasetName, raw: Path) -> list[VisionDataset]:
    """Unpack elsewhere: torchvision would unpack beside the files, which may lie where nobody may write."""
    with TemporaryDirectory() as folder:
        unpacked = Path(folder, dataset, "raw")
        unpacked.mkdir(parents=True)
        for file in _IDX_FILES:
            try:
                with gzip.open(raw / f"{file}.gz") as packed, (unpacked / file).open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
            except (OSError, EOFError, zlib.error) as error:
                raise DataError(f"cannot unpack {raw / file}.gz: {error}; remove it and set download=true") from error
        return _load(dataset, Path(folder), download=False)


def _arrays(part: VisionDataset) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, H, W, 1 or 3) and labels (N,) of one part."""
    images = np.asarray(part.data)
    if isinstance(part, datasets.SVHN):
        return np.ascontiguousarray(images.transpose(0, 2, 3, 1)), np.asarray(part.labels, dtype=np.int64)
    labels = np.asarray(part.targets, dtype=np.int64)
    return (images if images.ndim == 4 else images[..., None]), labels


def _class_names(dataset: DatasetName, part: VisionDataset) -> tuple[str, ...]:
    if dataset in {"MNIST", "SVHN"}:  # torchvision says "7 - seven" for the one and nothing for the other
        return tuple("0123456789")
    return tuple(part.classes)

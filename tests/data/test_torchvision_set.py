"""Public data sets, on tiny files in their real formats."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from numpy.typing import NDArray
from torchvision import datasets

from alframe.data import TorchvisionSet
from alframe.errors import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (7, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9, 2], dtype=np.uint8)


def idx(values: NDArray[np.uint8]) -> bytes:
    """The IDX format of MNIST's files (LeCun's description): magic number, sizes, values."""
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


def write_mnist(raw: Path, packed: bool) -> None:
    """Five training and two test images."""
    raw.mkdir(parents=True)
    for part, rows in (("train", slice(0, 5)), ("t10k", slice(5, 7))):
        for name, values in ((f"{part}-images-idx3-ubyte", IMAGES), (f"{part}-labels-idx1-ubyte", LABELS)):
            content = idx(values[rows])
            if packed:
                (raw / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (raw / name).write_bytes(content)


@pytest.mark.parametrize("packed", [True, False])
def test_mnist_files_are_read_where_they_lie(tmp_path: Path, packed: bool) -> None:
    """Packed or not, the files are read without network, and nothing is written beside them."""
    raw = tmp_path / "MNIST" / "raw"
    write_mnist(raw, packed)
    before = sorted(tmp_path.rglob("*"))
    source = TorchvisionSet("MNIST", str(tmp_path), download=True)

    np.testing.assert_array_equal([source.read(row)[..., 0] for row in range(7)], IMAGES)
    np.testing.assert_array_equal(source.table.labels, LABELS)
    np.testing.assert_array_equal(source.table.held_out, [False] * 5 + [True] * 2)
    assert source.table.ids[[0, 4, 5]].tolist() == [
        "mnist/train/00000",
        "mnist/train/00004",
        "mnist/test/00000",
    ]
    assert source.classes == tuple("0123456789")
    assert sorted(tmp_path.rglob("*")) == before


def test_damaged_archive_is_named(tmp_path: Path) -> None:
    """An archive that breaks off is an error that names the file."""
    raw = tmp_path / "FashionMNIST" / "raw"
    write_mnist(raw, packed=True)
    broken = raw / "train-images-idx3-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(DataError, match=r"cannot unpack .*train-images-idx3-ubyte\.gz"):
        TorchvisionSet("FashionMNIST", str(tmp_path))


def test_missing_files_are_listed(tmp_path: Path) -> None:
    """Without files and without download the error says what was looked for, where, and what to do."""
    with pytest.raises(DataError, match=r"KMNIST is not complete under .*KMNIST/raw/.*download=true"):
        TorchvisionSet("KMNIST", str(tmp_path), download=False)


def test_failed_download_is_an_error_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no mirror answers, the error says so instead of a traceback."""
    monkeypatch.setattr(datasets.MNIST, "mirrors", [(tmp_path / "no-mirror").as_uri() + "/"])
    with pytest.raises(DataError, match=r"the download failed: .*put the files there by hand"):
        TorchvisionSet("MNIST", str(tmp_path / "root"), download=True)


def test_cifar_channels_are_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFAR's planes (channel, row, column) become (H, W, RGB), and its class names are read."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    planes = RNG.integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    contents = {
        "data_batch_1": {"data": planes[:2].reshape(2, -1), "labels": [1, 0]},
        "test_batch": {"data": planes[2:].reshape(1, -1), "labels": [1]},
        "batches.meta": {"label_names": ["airplane", "cat"]},
    }
    sums = {}
    for name, content in contents.items():
        (folder / name).write_bytes(pickle.dumps(content))
        sums[name] = hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [["data_batch_1", sums["data_batch_1"]]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)

    source = TorchvisionSet("CIFAR10", str(tmp_path), download=False)
    np.testing.assert_array_equal(source.read(2), planes[2].transpose(1, 2, 0))
    assert source.table.labels.tolist() == [1, 0, 1]
    assert source.table.ids.tolist() == ["cifar10/train/00000", "cifar10/train/00001", "cifar10/test/00000"]
    assert source.classes == ("airplane", "cat")


def test_svhn_zero_is_class_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SVHN stores (H, W, RGB, N) and calls the digit zero 10; here it is class 0."""
    images = RNG.integers(0, 256, (32, 32, 3, 2), dtype=np.uint8)
    files = {}
    for part in ("train", "test"):
        path = tmp_path / f"{part}_32x32.mat"
        scipy.io.savemat(path, {"X": images, "y": np.array([[10], [7]], dtype=np.uint8)})
        files[part] = ["", path.name, hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()]
    monkeypatch.setattr(datasets.SVHN, "split_list", files)

    source = TorchvisionSet("SVHN", str(tmp_path), download=False)
    np.testing.assert_array_equal(source.read(1), images[..., 1])
    assert source.table.labels.tolist() == [0, 7, 0, 7]

"""Images listed in a Parquet file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alframe.data import CsvTable, ParquetTable
from alframe.errors import ConfigurationError, DataError
from alframe.types import UNLABELLED

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

SaveImage = Callable[..., Path]
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write columns to a table and return its path."""

    def write_columns(**columns: Any) -> str:
        path = tmp_path / "table.parquet"
        parquet.write_table(pyarrow.table(columns), path, row_group_size=2)
        return str(path)

    return write_columns


def test_all_columns_are_carried(write: Write, save_image: SaveImage) -> None:
    """Id, label, held-out part, group and cost of each row arrive; null means unlabelled, no group and cost 1."""
    save_image("x/a.png", shade=7)
    source = ParquetTable(
        write(
            image=["x/../x/a.png", "b.png", "c.png"],
            id=[30, 20, 10],
            label=pyarrow.array(["cat", None, "ant"]).dictionary_encode(),
            held_out=[False, False, True],
            group=["site 1", None, "site 2"],
            cost=[2.5, None, 1000.0],
            width=[1, 2, 3],
        )
    )
    assert source.classes == ("ant", "cat")
    assert source.table.ids.tolist() == ["30", "20", "10"]
    assert source.table.labels.tolist() == [1, UNLABELLED, 0]
    assert source.table.held_out.tolist() == [False, False, True]
    assert source.table.groups.tolist() == ["site 1", "", "site 2"]
    assert source.table.costs.tolist() == [2.5, 1.0, 1000.0]
    assert (source.read(0) == 7).all()


def test_it_is_the_source_that_the_same_csv_file_is(tmp_path: Path, write: Write, save_image: SaveImage) -> None:
    """The same rows in either file give the same table, down to the share that is held out."""
    save_image("0.png")
    names = [f"{row}.png" for row in range(60)]
    labels = [("x", "y", "")[row % 3] for row in range(60)]
    (tmp_path / "table.csv").write_text(
        "path,label\n" + "".join(f"{name},{label}\n" for name, label in zip(names, labels, strict=True))
    )
    expected = CsvTable(str(tmp_path / "table.csv"), held_out=0.25, split_seed=1)
    found = ParquetTable(write(image=names, label=[label or None for label in labels]), held_out=0.25, split_seed=1)
    assert found.classes == expected.classes
    for name, column in vars(expected.table).items():
        np.testing.assert_array_equal(getattr(found.table, name), column)
    assert found.table.held_out.sum() == 10


def test_columns_may_have_other_names(tmp_path: Path, write: Write, save_image: SaveImage) -> None:
    """Names that are given are looked for; classes that are given keep their order, and numbers are names too."""
    save_image("photos/a.png", shade=9)
    source = ParquetTable(
        write(
            file=["a.png", "b.png", "c.png"],
            species=[7, 10, None],
            test=[True, False, False],
            label=[1.0, 2.0, 3.0],
        ),
        root=str(tmp_path / "photos"),
        classes=["10", "8", "7"],
        image_column="file",
        label_column="species",
        held_out_column="test",
    )
    assert source.classes == ("10", "8", "7")
    assert source.table.labels.tolist() == [2, 0, UNLABELLED]
    assert (source.read(0) == 9).all()


@pytest.mark.parametrize("columns", [{}, {"held_out": [False, False]}], ids=["paths alone", "none held out"])
def test_a_pool_needs_no_labels(write: Write, save_image: SaveImage, columns: dict[str, Any]) -> None:
    """Without a column of labels every row belongs to the pool, of classes that nobody knows or that are given."""
    save_image("b.png")
    path = write(image=["a.png", "b.png"], **columns)
    for classes, expected in ((None, ()), (["x", "y"], ("x", "y"))):
        source = ParquetTable(path, classes=classes)
        assert source.classes == expected
        assert source.table.labels.tolist() == [UNLABELLED, UNLABELLED]
        assert not source.table.held_out.any()


TWO = {"image": ["a.png", "b.png"], "label": ["x", "y"]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": ["a.png", "../b.png"]}, r"table\.parquet, row 2: path must name a file below the root"),
        ({"image": ["/etc/passwd"]}, "row 1: path must name a file below the root"),
        ({"image": ["a.png", None]}, "row 2: path must name a file below the root, got ''"),
        ({"image": ["a.png", "b.png", "c.png", "./a.png"]}, r"row 4: a\.png is on row 1 already"),
        (TWO | {"id": [1, 1]}, "row 2: 1 is on row 1 already"),
        (TWO | {"id": ["1", None]}, "row 2: id must not be empty"),
        (TWO | {"cost": [1.0, -1.0]}, r"row 2: cost must be a positive number or empty, got '-1\.0'"),
        (TWO | {"cost": [float("nan"), 1.0]}, "row 1: cost must be a positive number"),
        ({"image": ["a.png"], "held_out": [True]}, "row 1: a test image needs a label"),
        (TWO | {"held_out": [True, None]}, "row 2: held_out must be true or false, got null"),
        (TWO | {"held_out": [True, True]}, "every row of .* has the split test"),
        ({"image": pyarrow.array([], pyarrow.string())}, "lists no images"),
        ({"image": ["a.png"], "label": pyarrow.nulls(1)}, "no row of .* has a label"),
        ({"image": ["b.png"]}, "none of the 1 files listed"),
        ({"path": ["a.png"]}, "has no column 'image', but path; set image_column"),
        ({"image": [{"bytes": b"1", "path": "a.png"}]}, "column image of .* holds struct<.* must hold text"),
        (TWO | {"label": [1.0, 2.0]}, "column label of .* holds double, but must hold text or whole numbers"),
        (TWO | {"held_out": [0, 1]}, "column held_out of .* holds int64, but must hold true or false"),
        (TWO | {"cost": ["1", "2"]}, "column cost of .* holds string, but must hold whole numbers or numbers"),
    ],
)
def test_errors_name_file_and_row(write: Write, save_image: SaveImage, columns: dict[str, Any], message: str) -> None:
    """A row or a column that cannot be used stops the opening, and the message says where it is."""
    save_image("a.png")
    with pytest.raises(DataError, match=message):
        ParquetTable(write(**columns))


def test_arguments_that_do_not_fit_the_table(write: Write, save_image: SaveImage) -> None:
    """A column that is asked for by name must be there, and every label must be a class, each class named once."""
    save_image("a.png")
    path = write(**TWO)
    with pytest.raises(DataError, match="has no column 'klass', but image, label; set label_column"):
        ParquetTable(path, label_column="klass")
    with pytest.raises(DataError, match="none of the classes x, z: y; correct them or name them in classes"):
        ParquetTable(path, classes=["x", "z"])
    with pytest.raises(ConfigurationError, match="must name each class once"):
        ParquetTable(path, classes=["x", "x"])


def test_files_that_are_no_tables(tmp_path: Path, write: Write, save_image: SaveImage) -> None:
    """A wrong path, another kind of file and half a table each get a reason."""
    save_image("a.png")
    with pytest.raises(DataError, match=r"cannot open the table .*nowhere\.parquet"):
        ParquetTable(str(tmp_path / "nowhere.parquet"))
    with pytest.raises(DataError, match="cannot be read as a Parquet file"):
        ParquetTable(str(tmp_path / "a.png"))
    whole = Path(write(image=[f"{row}.png" for row in range(1000)]))
    whole.write_bytes(whole.read_bytes()[:4000])
    with pytest.raises(DataError, match="cannot be read as a Parquet file"):
        ParquetTable(str(whole))


def test_without_pyarrow_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this source needs it, and says how to get it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'alframe\[parquet\]'"):
        ParquetTable("table.parquet")

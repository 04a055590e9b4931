"""Images listed in a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alframe.data import CsvTable
from alframe.errors import DataError
from alframe.types import UNLABELLED

SaveImage = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write the lines of a table and return its path."""

    def write_lines(*lines: str) -> str:
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return write_lines


def test_all_columns_are_carried(write: Callable[..., str], save_image: SaveImage) -> None:
    """Label, group, cost and split of each row arrive; empty ones mean unlabelled, no group and cost 1."""
    save_image("a.png", shade=7)
    path = write(
        "split,path,label,cost,group,width",
        "train,a.png,cat,2.5,site 1,12",
        "train,sub/b.png,,,,",
        'test,"c, d.png",ant,1e3,site 2,',
    )
    source = CsvTable(path)
    assert source.classes == ("ant", "cat")
    assert source.table.ids.tolist() == ["a.png", "sub/b.png", "c, d.png"]
    assert source.table.labels.tolist() == [1, UNLABELLED, 0]
    assert source.table.groups.tolist() == ["site 1", "", "site 2"]
    assert source.table.costs.tolist() == [2.5, 1.0, 1000.0]
    assert source.table.held_out.tolist() == [False, False, True]
    assert (source.read(0) == 7).all()


def test_only_labelled_rows_are_held_out(write: Callable[..., str], save_image: SaveImage) -> None:
    """Without a split column the share is drawn per class from labelled rows, by the seed."""
    save_image("0.png")
    path = write("path,label", *(f"{row}.png,{['x', 'y', ''][row % 3]}" for row in range(60)))
    table = CsvTable(path, held_out=0.25).table
    assert np.bincount(table.labels[table.held_out]).tolist() == [5, 5]
    np.testing.assert_array_equal(table.held_out, CsvTable(path, held_out=0.25).table.held_out)
    assert (table.held_out != CsvTable(path, held_out=0.25, split_seed=1).table.held_out).any()


def test_root_moves_the_images_not_the_ids(tmp_path: Path, write: Callable[..., str], save_image: SaveImage) -> None:
    """Paths start from root where one is given, and detours within it do not make another id."""
    save_image("pictures/a.png", shade=9)
    source = CsvTable(
        write("path,label,split", "x/../a.png,0,train", "./b.png,0,test"), root=str(tmp_path / "pictures")
    )
    assert source.table.ids.tolist() == ["a.png", "b.png"]
    assert (source.read(0) == 9).all()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["path,label", "a.png,0", "../secret.png,0"],
            r"table\.csv, line 3: path must name a file below the root",
        ),
        (["path,label", "/etc/passwd,0"], r"line 2: path must name a file below the root"),
        (["path,label", "a/../../b.png,0"], r"line 2: path must name a file below the root"),
        (["path,label", ",0"], r"line 2: path must name a file below the root, got ''"),
        (["path,label", "a.png,0", "b.png,0", "./a.png,1"], r"line 4: a\.png is on line 2 already"),
        (["path,label,cost", "a.png,0,-1"], r"line 2: cost must be a positive number or empty, got '-1'"),
        (["path,label,cost", "a.png,0,nan"], r"line 2: cost must be a positive number"),
        (["path,label,cost", "a.png,0,cheap"], r"line 2: cost must be a positive number"),
        (["path,label,split", "a.png,0,val"], r"line 2: split must be train or test, got 'val'"),
        (["path,label,split", "a.png,,test"], r"line 2: a test image needs a label"),
        (["path,label,split", "a.png,0,train"], r"every row of .* has the split train"),
        (["path,label", "a.png"], r"line 2: expected the values path,label"),
        (["path,label", "a.png,0,1"], r"line 2: expected the values path,label"),
        (["file,class", "a.png,0"], r"line 1: the header must name path and label, got 'file,class'"),
        (["path,label"], "lists no images"),
        (["path,label", "a.png,"], "no row of .* has a label"),
        (["path,label", 'a.png,"0'], "no CSV file in UTF-8"),
        (["path,label", "b.png,0"], "none of the 1 files listed"),
    ],
)
def test_errors_name_file_and_line(
    write: Callable[..., str], save_image: SaveImage, lines: list[str], message: str
) -> None:
    """A row that cannot be used stops the opening, and the message says where it is."""
    save_image("a.png")
    with pytest.raises(DataError, match=message):
        CsvTable(write(*lines))


def test_missing_table(tmp_path: Path) -> None:
    """A wrong path is named."""
    with pytest.raises(DataError, match=r"cannot open the table .*nowhere\.csv"):
        CsvTable(str(tmp_path / "nowhere.csv"))

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alframe.errors import DataError
from alframe.gate import Recorded, read_predictions


def read(folder: Path, text: str) -> Recorded:
    path = folder / "predictions.csv"
    path.write_text(text, encoding="utf-8")
    return read_predictions(path)


def test_what_both_said_is_held_against_the_truth(tmp_path: Path) -> None:
    """Right is 1, wrong is 0; without a truth, or without an answer, nothing is known. Other columns do not matter."""
    found = read(
        tmp_path,
        "id,note,champion,challenger,truth\na,x,pit,scratch,pit\nb,,pit,pit,pit\nc,,pit,pit,\nd,,,pit,pit\ne,,pit,,pit\n"
        "f,,,,pit\n",
    )
    assert found.ids.tolist() == ["a", "b", "c", "d", "e", "f"]
    np.testing.assert_equal(found.champion, [1, 1, np.nan, 0, 1, np.nan])
    np.testing.assert_equal(found.challenger, [0, 1, np.nan, 1, 0, np.nan])
    assert found.measured.tolist() == [True, True, False, True, True, False]


def test_scores_are_taken_as_they_are(tmp_path: Path) -> None:
    """Before any truth; an empty one is not known."""
    found = read(tmp_path, "id,champion_score,challenger_score,champion,challenger,truth\na,-1.5,2,x,x,x\nb,0,,x,x,x\n")
    np.testing.assert_equal(found.champion, [-1.5, 0])
    np.testing.assert_equal(found.challenger, [2, np.nan])


def test_samples_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    """Whatever the zone they are told in; equal times keep the file's order."""
    found = read(
        tmp_path,
        "id,time,champion_score,challenger_score\n"
        "late,2026-01-02T00:00:00,0,0\n"
        "noon,2026-01-01T12:00:00+00:00,0,0\n"
        "same,2026-01-01T13:00:00+01:00,0,0\n"
        "dawn,2026-01-01 06:00:00Z,0,0\n",
    )
    assert found.ids.tolist() == ["dawn", "noon", "same", "late"]


def test_a_header_alone_is_a_file_without_samples(tmp_path: Path) -> None:
    """As before the first of them has come."""
    assert len(read(tmp_path, "id,champion,challenger,truth\n")) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,champion\na,x\n", "line 1: the header must name"),
        ("champion,challenger,truth\nx,x,x\n", "line 1: the header must name"),
        ("", "line 1"),
        ("id,champion,challenger,truth\na,x,x\n", "line 2: expected the values id,champion,challenger,truth"),
        ("id,champion,challenger,truth\na,x,x,x\na,x,x,x\n", "line 3: each sample needs an id of its own, got 'a'"),
        ("id,champion,challenger,truth\n,x,x,x\n", "line 2: each sample needs an id"),
        ("id,champion_score,challenger_score\na,1,many\n", "line 2: 'many' is no number"),
        ("id,champion_score,challenger_score\na,1,nan\n", "line 2: 'nan' is no number"),
        ("id,time,champion_score,challenger_score\na,noon,1,1\n", "line 2: time must be a date and time"),
        ('id,champion,challenger,truth\n"a,x,x,x\n', "no CSV file"),
    ],
)
def test_what_is_no_record_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """A missing column, a missing value, an id twice, what is no number or no time."""
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The message has the path."""
    with pytest.raises(DataError, match="nowhere"):
        read_predictions(tmp_path / "nowhere.csv")

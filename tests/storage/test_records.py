from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alframe.errors import RunConflict
from alframe.storage import load_arrays, load_record, save_arrays, save_record
from alframe.types import Classification, CurvePoint, PoolView, Predictions, Query, Reliability

BINS = Reliability((None, 0.1 + 0.2), (None, 1 / 3), (0, 10))
BEFORE = Classification(10, 1, 0.5, 1.5, 0.2, (None, 0.5), BINS)


@pytest.mark.parametrize(
    "record",
    [
        Query(3, ("a", "b"), (0.25, 1e-17), "Entropy", "abc"),
        Query(0, ("ü/1.png",), None, "Random", ""),
        CurvePoint(1, 20, Classification(10, 1, 0.5, 1.25, 0.1, (None, 0.5), BINS, uncalibrated=BEFORE)),
        CurvePoint(1, 20, Classification(10, 1, 0.5, 1.25, 0.1, (0.5,), BINS, {"a": 0.5, "b": None}), ("a", "b")),
    ],
)
def test_a_record_comes_back_equal(tmp_path: Path, record: object) -> None:
    """Every field survives the way through JSON, floats to the last bit."""
    save_record(tmp_path / "record.json", record)
    assert load_record(tmp_path / "record.json", type(record)) == record


def test_a_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    """The error names the file, the kind of record, and the field."""
    path = tmp_path / "query.json"
    path.write_text('{"round": "first"}')
    with pytest.raises(RunConflict, match=r"query\.json does not hold a Query[\s\S]*round"):
        load_record(path, Query)


def test_predictions_come_back_equal(tmp_path: Path) -> None:
    """Arrays survive bit for bit; an array that is not there stays away."""
    rng = np.random.default_rng(0)
    given = Predictions(ids=np.array(["a", "bc"]), embeddings=rng.normal(size=(2, 3)).astype(np.float32))
    save_arrays(tmp_path / "predictions.npz", given)
    found = load_arrays(tmp_path / "predictions.npz", Predictions)
    assert found.ids.tolist() == ["a", "bc"]
    assert found.probs is None
    np.testing.assert_array_equal(found.embeddings, given.embeddings)


def test_numbers_among_arrays_come_back_as_numbers(tmp_path: Path) -> None:
    """A view of the pool names its round."""
    view = PoolView(3, np.array(["a", "b"]), np.array([1, 0]), np.array([0.5, 0.25]))
    save_arrays(tmp_path / "view.npz", view)
    found = load_arrays(tmp_path / "view.npz", PoolView)
    assert found.round == 3
    assert found.ids.tolist() == ["a", "b"]
    assert found.classes.tolist() == [1, 0]

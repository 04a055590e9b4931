from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import InvalidInput
from alframe.functional import detected
from alframe.types import Objects

BOXES = np.array([[2, 3, 5, 9], [0, 0, 4, 4], [1, 1, 2, 2], [np.nan] * 4], dtype=np.float32)
PROBS = np.array([[0.1, 0.7, 0.2], [0.3, 0.3, 0.4], [0.05, 0.0, 0.95], [np.nan] * 3], dtype=np.float32)


def test_class_and_score_are_those_of_the_most_probable_class_that_is_not_background() -> None:
    """Background is last and never a class, however probable; of equal classes the first counts."""
    found = detected(BOXES, PROBS)
    assert [each.label for each in found] == [1, 0, 0]
    assert [each.score for each in found] == pytest.approx([0.7, 0.3, 0.05])
    np.testing.assert_array_equal(found.boxes, BOXES[:3])


def test_a_score_at_the_threshold_is_in_and_rows_of_nan_never_are() -> None:
    """A threshold of 0 takes every detection there is."""
    assert len(detected(BOXES, PROBS, threshold=float(PROBS[1, 0]))) == 2
    assert detected(BOXES[3:], PROBS[3:], threshold=0.0) == Objects()
    assert detected(BOXES[:0], PROBS[:0]) == Objects()


@pytest.mark.parametrize(
    ("boxes", "probs"), [((3, 3), (3, 2)), ((3, 4), (2, 2)), ((3, 4), (3, 1)), ((1, 3, 4), (3, 2))]
)
def test_arrays_that_are_not_of_one_image_are_refused(boxes: tuple[int, ...], probs: tuple[int, ...]) -> None:
    """The message names the shapes."""
    with pytest.raises(InvalidInput, match="box_probs"):
        detected(np.zeros(boxes), np.zeros(probs))

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import InvalidInput
from alframe.functional import found_at_false_alarms


@given(
    st.lists(st.tuples(st.sampled_from([0, 0.125, 0.25, 0.5, 0.75, 1]), st.booleans()), min_size=2, max_size=30),
    st.sampled_from([0, 0.05, 0.1, 0.29, 0.5, 0.9]),
)
def test_the_lowest_score_that_keeps_false_alarms_few(images: list[tuple[float, bool]], false_alarms: float) -> None:
    """Of all scores that keep them few, tried one after the other, the lowest; found is what exceeds it."""
    scores = np.array([score for score, _ in images])
    defective = np.array([is_defective for _, is_defective in images])
    if defective.all() or not defective.any():
        return
    found, alarm_score = found_at_false_alarms(scores, defective, false_alarms)
    sound = scores[~defective]
    few = [score for score in (0, *scores) if (sound > score).mean() <= false_alarms + 1e-9]
    assert (scores[defective] > alarm_score).mean() == found == (scores[defective] > min(few)).mean()
    assert (sound > alarm_score).mean() <= false_alarms + 1e-9


def test_a_share_that_is_a_whole_number_of_images_is_not_rounded_down() -> None:
    """0.29 of 100 images are 29, though 0.29 * 100 is less in floating point."""
    scores = np.concatenate([np.arange(100) / 100, [0.705]])
    defective = np.arange(101) == 100
    assert found_at_false_alarms(scores, defective, 0.29) == (1.0, 0.7)


@pytest.mark.parametrize(
    ("scores", "defective", "false_alarms", "message"),
    [
        ([0.5, 0.5], [True, True], 0.05, "both kinds"),
        ([0.5, 0.5], [False, False], 0.05, "both kinds"),
        ([0.5, 0.5], [True, False], 1.0, "false_alarms"),
        ([0.5, -0.5], [True, False], 0.05, "from 0 up"),
        ([0.5, np.nan], [True, False], 0.05, "from 0 up"),
        ([0.5], [True, False], 0.05, "2 images"),
    ],
)
def test_what_makes_no_rate_is_refused(scores: Any, defective: Any, false_alarms: float, message: str) -> None:
    """Each with what was there."""
    with pytest.raises(InvalidInput, match=message):
        found_at_false_alarms(np.array(scores), np.array(defective), false_alarms)

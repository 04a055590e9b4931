"""Floors, drops, calibration and latency, on figures that are made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from alframe.gate import Limits
from alframe.types import Check, Floats, GateMetric, Outcomes


class Figures(Outcomes):
    """Outcomes that have these figures."""

    task = "classification"

    def __init__(
        self,
        classes: dict[str, float | None],
        groups: dict[str, float] | None = None,
        calibration: float | None = None,
        seconds: float = 1.0,
    ) -> None:
        self.classes, self.seconds = tuple(classes), seconds
        self.ids = self.groups = np.array(list(groups or {}), dtype=np.str_)
        self._of_classes, self._of_groups, self._calibration = tuple(classes.values()), groups or {}, calibration

    def values(self, metric: GateMetric, counts: Floats) -> Floats:
        assert metric == "accuracy"
        return np.asarray(counts @ np.array(list(self._of_groups.values())) / counts.sum(axis=1))

    def by_class(self) -> tuple[float | None, ...]:
        return self._of_classes

    def calibration_error(self) -> float | None:
        return self._calibration


def checked(challenger: Figures, champion: Figures | None = None, **limits: Any) -> dict[str, Check]:
    return {check.name: check for check in Limits(**limits).checks("accuracy", challenger, champion)}


def test_without_limits_nothing_is_checked() -> None:
    """Whatever the figures."""
    assert checked(Figures({"pit": 0.0}), Figures({"pit": 1.0})) == {}


def test_a_floor_for_all_holds_for_the_classes_that_there_are_samples_of() -> None:
    """One is met to the point, one missed, and one cannot be told."""
    found = checked(Figures({"pit": 0.5, "scratch": 0.4, "stain": None}), class_floor=0.5)
    assert {name: check.passed for name, check in found.items()} == {
        "class floor: pit": True,
        "class floor: scratch": False,
    }
    assert found["class floor: scratch"].note == "class scratch reaches 0.400, and its floor is 0.5"
    assert found["class floor: pit"].limit == 0.5


def test_a_floor_that_names_a_class_has_to_be_shown_to_be_met() -> None:
    """A rare class without gate samples does not pass; classes that are not named have no floor."""
    found = checked(Figures({"pit": 0.1, "stain": None}), class_floor={"stain": 0.2})
    assert list(found) == ["class floor: stain"]
    assert not found["class floor: stain"].passed
    assert "no gate sample" in found["class floor: stain"].note


def test_a_class_that_is_called_a_number_can_be_named_by_it() -> None:
    """As Hydra reads ``gate.class_floor={7:0.5}``."""
    found = checked(Figures({"7": 0.6, "8": 0.1}), class_floor={7: 0.5})
    assert {name: check.passed for name, check in found.items()} == {"class floor: 7": True}


def test_no_class_may_lose_more_than_the_drop() -> None:
    """Against the champion's figures; there is nothing to lose against none."""
    challenger, champion = Figures({"pit": 0.7, "scratch": 0.45}), Figures({"pit": 0.8, "scratch": 0.6})
    found = checked(challenger, champion, class_drop=0.125)
    assert [check.passed for check in found.values()] == [True, False]
    assert (found["class drop: pit"].champion, found["class drop: pit"].limit) == (0.8, -0.125)
    assert checked(challenger, None, class_drop=0.125) == {}


def test_slices_are_held_to_the_metric() -> None:
    """A floor for all and a drop: each group that has a name."""
    challenger, champion = Figures({}, {"north": 0.9, "south": 0.5}), Figures({}, {"north": 0.8, "south": 0.7})
    found = checked(challenger, champion, slice_floor=0.45, slice_drop=0.1)
    assert {name: check.passed for name, check in found.items()} == {
        "slice floor: north": True,
        "slice floor: south": True,
        "slice drop: north": True,
        "slice drop: south": False,
    }


@pytest.mark.parametrize(
    ("limits", "passed"),
    [
        ({"calibration": 0.05}, True),
        ({"calibration": 0.04}, False),
        ({"latency": 1.5}, True),
        ({"latency": 1.4}, False),
        ({"latency_ratio": 1.5}, True),
        ({"latency_ratio": 1.25}, False),
    ],
)
def test_calibration_and_latency(limits: dict[str, float], passed: bool) -> None:
    """Absolute, or against what the champion takes."""
    challenger, champion = Figures({}, calibration=0.05, seconds=1.5), Figures({}, calibration=0.5, seconds=1.0)
    (check,) = checked(challenger, champion, **limits).values()
    assert check.passed == passed


def test_a_ratio_needs_a_champion_and_a_calibration_a_task_that_has_one() -> None:
    """The first model passes the one; what cannot be measured does not pass the other."""
    assert checked(Figures({}), None, latency_ratio=1.0) == {}
    (check,) = checked(Figures({}), None, calibration=0.1).values()
    assert not check.passed

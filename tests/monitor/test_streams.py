"""Detectors of changes in a series of values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from alframe.errors import ConfigurationError
from alframe.monitor import Adwin, Detector, PageHinkley

pytest.importorskip("river")

DETECTORS: dict[str, Callable[..., Detector]] = {
    "adwin": Adwin,
    "page_hinkley": lambda **chosen: PageHinkley(threshold=10.0, slack=0.02, **chosen),
}


def answers(*accuracies: float, count: int = 600) -> list[float]:
    """Right and wrong answers, at one accuracy after the other."""
    rng = np.random.default_rng(0)
    return [float(right) for accuracy in accuracies for right in rng.random(count) < accuracy]


@pytest.mark.parametrize("name", DETECTORS)
def test_a_fall_is_noticed_after_it_happened_and_once(name: str) -> None:
    """Within 200 values of a fall from 0.95 to 0.6; nothing before, and nothing when all is settled."""
    alarms = DETECTORS[name]()(answers(0.95, 0.6))
    assert [600 <= alarm < 800 for alarm in alarms] == [True]
    assert DETECTORS[name]()(answers(0.95, 0.95)) == []
    assert DETECTORS[name]()([]) == []


@pytest.mark.parametrize("name", DETECTORS)
def test_only_changes_in_the_wanted_direction_count(name: str) -> None:
    """Down and up again."""
    values = answers(0.95, 0.5, 0.95)
    found = {direction: DETECTORS[name](direction=direction)(values) for direction in ("down", "up", "both")}
    assert 600 <= found["down"][0] < 800
    assert max(found["down"]) < 1200 <= found["up"][0] < 1400
    assert found["both"][0] == found["down"][0]
    assert max(found["both"]) >= 1200


def test_page_and_hinkley_s_sum() -> None:
    """Against the sum written out: how far it has fallen from its highest, of values and their mean so far."""
    values = answers(0.9, 0.4, count=60)
    total, highest, first = 0.0, -np.inf, None
    for index, value in enumerate(values):
        mean = float(np.mean(values[: index + 1]))
        total = (1 - 1e-4) * total + value - mean + 0.01
        highest = max(highest, total)
        if first is None and index >= 9 and highest - total > 3:
            first = index
    alarms = PageHinkley(slack=0.01, threshold=3.0, minimum=10, direction="down")(values)
    assert alarms[0] == first


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adwin(delta=0.0), "delta must lie between 0 and 1"),
        (lambda: Adwin(clock=0), "clock must be at least 1"),
        (lambda: PageHinkley(slack=-1.0), "slack must be finite and not negative"),
        (lambda: PageHinkley(threshold=np.inf), "threshold must be finite and not negative"),
        (lambda: PageHinkley(minimum=0), "minimum must be at least 1"),
    ],
)
def test_numbers_that_make_no_detector_are_refused(make: Callable[[], Detector], message: str) -> None:
    """When it is made."""
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_without_river_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything runs."""
    monkeypatch.setattr("alframe.monitor.streams.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"alframe\[streams\]"):
        Adwin()

"""Triggers that are held back, over many evaluations, and the log that they read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import ConfigurationError
from alframe.storage import claim_folder
from alframe.trigger import (
    AllOf,
    AnyOf,
    Arrivals,
    Cooldown,
    DriftFound,
    Evaluated,
    Hysteresis,
    Manual,
    MetricDrop,
    NewLabels,
    Schedule,
    Signals,
    Trigger,
    TriggerLog,
    settle,
)
from alframe.types import Cause, Drift

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOTHING = Signals(now=NOW, last_cycle=NOW)


def over_time(trigger: Trigger, labels: list[int]) -> list[bool]:
    """Whether it fires at each evaluation, every one of which is logged."""
    past: list[Evaluated] = []
    fired = []
    for place, count in enumerate(labels):
        causes = trigger.causes(replace(NOTHING, labels=count, past=tuple(past)))
        past += settle(causes, key=str(place), round=1, at=NOW)
        fired.append(any(cause.fired for cause in causes))
    return fired


def slowly(found: list[bool], times: int, *, rearm: bool) -> list[bool]:
    """Hysteresis as a state machine that remembers for itself."""
    row, armed, fired = 0, True, []
    for each in found:
        row = row + 1 if each else 0
        armed = armed or not each
        fires = row >= times and (armed or not rearm)
        armed = armed and not fires
        fired.append(fires)
    return fired


@given(found=st.lists(st.booleans(), max_size=20), times=st.integers(1, 3), rearm=st.booleans())
def test_hysteresis_remembers_through_the_log(found: list[bool], times: int, *, rearm: bool) -> None:
    """As a state machine does, alone and as one of several under another name."""
    held_back = Hysteresis(inner=NewLabels(count=1), times=times, rearm=rearm)
    labels = [int(each) for each in found]
    expected = slowly(found, times, rearm=rearm)
    assert over_time(held_back, labels) == expected
    assert over_time(AnyOf(triggers={"asked": Manual(), "steady": held_back}), labels) == expected


def test_hysteresis_under_a_cooldown_keeps_its_own_count() -> None:
    """Its past is a part of the cooldown's."""
    trigger = Cooldown(inner=Hysteresis(inner=NewLabels(count=1), times=3), hours=1.0)
    labels = [1, 1, 1, 1, 0, 1, 1, 1]
    fired = [False, False, True, False, False, False, False, True]
    past: list[Evaluated] = []
    for count, expected in zip(labels, fired, strict=True):
        (cause,) = trigger.causes(replace(NOTHING, last_cycle=None, labels=count, past=tuple(past)))
        past += settle([cause], key=str(len(past)), round=1, at=NOW)
        assert cause.fired == expected


@pytest.mark.parametrize(
    "outer",
    [
        lambda steady: Cooldown(inner=steady, hours=9.5),
        lambda steady: AllOf(triggers={"steady": steady, "many": Arrivals(count=10)}),
        lambda steady: AnyOf(triggers={"both": AllOf(triggers={"steady": steady, "many": Arrivals(count=10)})}),
        lambda steady: Cooldown(inner=AllOf(triggers={"steady": steady, "many": Arrivals(count=5)}), hours=9.5),
    ],
)
def test_what_another_trigger_held_back_has_not_fired(outer: Callable[[Trigger], Trigger]) -> None:
    """Of 200 hours in which a trigger fires, but for the first after a cycle, ten make one cycle, hour after hour."""
    trigger, past, last, began = outer(Hysteresis(inner=NewLabels(count=1))), list[Evaluated](), NOW, 0
    cycles: list[int] = []
    for hour in range(1, 201):
        now = NOW + timedelta(hours=hour)
        known = Signals(now, last, arrivals=hour - began, labels=int(hour > began + 1), past=tuple(past))
        settled = settle(trigger.causes(known), key=str(hour), round=len(cycles) + 1, at=now)
        past += settled
        if any(entry.round is not None for entry in settled):
            cycles.append(hour)
            last, began = now, hour
    assert cycles == list(range(10, 201, 10))


def nested(name: str) -> Trigger:
    """A drift trigger, or one around it."""
    around: dict[str, Trigger] = {
        "alone": DriftFound(),
        "cooldown": Cooldown(inner=DriftFound(), hours=0.5),
        "all_of": AllOf(triggers={"drift": DriftFound(), "weekly": Schedule(hours=1, days=0)}),
    }
    return around[name]


@pytest.mark.parametrize("name", ["alone", "cooldown", "all_of"])
def test_the_same_block_again_is_the_same_finding(name: str) -> None:
    """Blocks of arrivals that are each looked at several times; the third that drifted in a row is enough."""
    blocks = [(30, True), (30, True), (60, False), (90, True), (90, True), (120, True), (120, True), (150, True)]
    trigger, past, times = Hysteresis(inner=nested(name), times=3), list[Evaluated](), list[object]()
    for hour, (end, drifted) in enumerate(blocks, start=1):
        drift = Drift("kernel", drifted, 0.3, 0.05, 0.01, (90, 30), end=end)
        now = NOW + timedelta(hours=hour)
        (cause,) = trigger.causes(Signals(now, NOW, drift=(drift,), past=tuple(past)))
        past += settle([cause], key=str(hour), round=1, at=now)
        times.append(cause.inputs["times"])
        assert cause.fired == (hour == len(blocks))
    assert times == [1, 1, 0, 1, 1, 2, 2, 3]


def test_a_metric_without_new_values_is_the_same_finding() -> None:
    """Looked at more often than it is measured."""
    trigger, past = Hysteresis(inner=MetricDrop(values=1, reference=0.9), times=2), list[Evaluated]()
    for values, fired in (([0.5], False), ([0.5], False), ([0.5, 0.5], True)):
        (cause,) = trigger.causes(replace(NOTHING, metrics={"accuracy": values}, past=tuple(past)))
        past += settle([cause], key=str(len(past)), round=1, at=NOW)
        assert cause.fired == fired


def test_other_triggers_and_other_names_in_the_log_do_not_count() -> None:
    """A log of an earlier configuration tells a trigger nothing of itself."""
    fired = Cause("new_labels", True, "of another configuration")
    past = tuple(settle([fired], key="old", round=1, at=NOW))
    trigger = Hysteresis(inner=NewLabels(count=1), times=2)
    (cause,) = trigger.causes(replace(NOTHING, labels=1, past=past))
    assert not cause.fired
    assert cause.inputs == {"times": 1, "of": 2}


@pytest.mark.parametrize(("hours", "fired"), [(None, True), (5.9, False), (6.0, True)])
def test_after_a_cycle_it_is_silent_for_a_while(hours: float | None, fired: bool) -> None:
    """Whatever started that cycle; what the trigger found is kept as a part."""
    last = None if hours is None else NOW - timedelta(hours=hours)
    known = replace(NOTHING, last_cycle=last, labels=9)
    found = Cooldown(inner=NewLabels(count=9), hours=6.0).evaluate(known)
    assert found.fired == fired
    assert found.parts[0].fired
    assert "9 new labels" in found.why


def test_what_holds_back_reads_drift_if_the_trigger_does() -> None:
    """A pass over the arrivals is made for it."""
    assert Cooldown(inner=DriftFound()).reads_drift
    assert Hysteresis(inner=DriftFound()).reads_drift
    assert not Cooldown(inner=Manual()).reads_drift


def test_five_triggers_at_once_start_one_cycle() -> None:
    """The first that fired starts it, the others are merged into it, a silent one is not due."""
    trigger = AnyOf(
        triggers={
            "silent": MetricDrop(),
            "labels": NewLabels(count=1),
            "arrivals": Arrivals(count=1),
            "drift": DriftFound(),
            "weekly": Schedule(),
            "asked": Manual(),
        }
    )
    drift = Drift("kernel", True, 0.3, 0.05, 0.01, (90, 90))
    known = Signals(NOW, None, labels=1, arrivals=1, drift=(drift,), requests=("audit",))
    settled = settle(trigger.causes(known), key="2026-01-31", round=4, at=NOW)
    assert [(each.key, each.outcome, each.round) for each in settled] == [
        ("2026-01-31/silent", "not due", None),
        ("2026-01-31/labels", "starts round 4", 4),
        ("2026-01-31/arrivals", "merged into round 4", 4),
        ("2026-01-31/drift", "merged into round 4", 4),
        ("2026-01-31/weekly", "merged into round 4", 4),
        ("2026-01-31/asked", "merged into round 4", 4),
    ]
    assert {each.outcome for each in settle(trigger.causes(NOTHING), key="k", round=4, at=NOW)} == {"not due"}


def test_the_log_keeps_causes_with_parts_and_meets_a_key_once(tmp_path: Path) -> None:
    """What is read again is what was written; an evaluation that is settled again, after a kill, adds nothing."""
    trigger = Hysteresis(inner=NewLabels(count=1), times=1)
    settled = settle(trigger.causes(replace(NOTHING, labels=3)), key="first", round=2, at=NOW)
    other = settle(trigger.causes(NOTHING), key="first", round=3, at=NOW + timedelta(hours=1))
    with claim_folder(tmp_path / "run", {}) as engine:
        log = TriggerLog(engine)
        log.append(settled)
        log.append(settled)
        log.append(other)
        assert log.entries() == tuple(settled)
        later = settle(trigger.causes(replace(NOTHING, past=log.entries())), key="second", round=3, at=NOW)
        log.append([*settled, *later])
        assert log.entries() == (*settled, *later)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cooldown(inner=Manual(), hours=0.0), "hours must be positive and finite"),
        (lambda: Hysteresis(inner=Manual(), times=0), "times must be at least 1"),
    ],
)
def test_numbers_that_hold_nothing_back_are_refused(make: Callable[[], Trigger], message: str) -> None:
    """When it is made."""
    with pytest.raises(ConfigurationError, match=message):
        make()

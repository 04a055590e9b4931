"""Each trigger where it should just fire, where it should just not, and where it knows too little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from choices import CONFIGS
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from pydantic import TypeAdapter

from alframe import configuration
from alframe.errors import ConfigurationError
from alframe.trigger import (
    AllOf,
    AnyOf,
    Arrivals,
    DriftFound,
    Manual,
    MetricDrop,
    MetricShift,
    NewLabels,
    Schedule,
    Signals,
    Stagnation,
    Trigger,
)
from alframe.types import Cause, Classification, CurvePoint, Drift, Reliability

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
BINS = Reliability(confidence=(0.75,), accuracy=(0.5,), count=(10,))
NAMES = sorted(path.stem for path in (CONFIGS / "trigger").glob("*.yaml"))


def signals(**known: Any) -> Signals:
    """Of which only this is known."""
    return replace(Signals(now=NOW, last_cycle=None), **known)


def evaluated(*accuracies: float) -> tuple[CurvePoint, ...]:
    """A learning curve."""
    return tuple(
        CurvePoint(round, 20 * round, Classification(10, 0, accuracy, 1.0, 0.2, (accuracy,), BINS))
        for round, accuracy in enumerate(accuracies)
    )


def drift(name: str, p_value: float | None, *, drifted: bool) -> Drift:
    """What a monitor found."""
    return Drift(name, drifted, 0.31, 0.05, p_value, (500, 120))


def made(name: str) -> Trigger:
    """The trigger of one file, checked as the command checks it."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(f"trigger/{name}")
    plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    configuration.check(plain, lambda trigger: trigger)
    trigger: Trigger = instantiate(config["trigger"], _convert_="all")
    return trigger


@pytest.mark.parametrize("name", NAMES)
def test_each_file_makes_a_trigger_that_says_why_it_is_silent(name: str) -> None:
    """Just after a cycle, when nothing has happened; what it says can be written down."""
    if name in ("adwin", "page_hinkley"):
        pytest.importorskip("river")
    found = made(name).evaluate(signals(last_cycle=NOW))
    assert not found.fired
    assert len(found.why) > 5
    assert found.inputs or found.parts or name == "drift_found"
    kept = TypeAdapter(Cause)
    assert kept.validate_json(kept.dump_json(found)) == found


@pytest.mark.parametrize(
    ("trigger", "known", "why"),
    [
        (NewLabels(count=50), {"labels": 50}, "50 new labels since the last cycle began, of 50"),
        (Arrivals(count=50), {"arrivals": 51}, "51 new samples since the last cycle began, of 50"),
        (
            Schedule(days=1, hours=6),
            {"last_cycle": NOW - timedelta(hours=30)},
            "30 hours since the last cycle, of 30",
        ),
        (Schedule(), {}, "there was no cycle yet"),
        (Manual(), {"requests": ("new camera", "audit")}, "asked for: new camera; audit"),
        (
            DriftFound(),
            {"drift": (drift("kernel", 0.5, drifted=False), drift("classes", 0.004, drifted=True))},
            "classes found drift in 120 samples (p = 0.004, limit 0.05)",
        ),
        (
            MetricDrop(by=0.02, values=2),
            {"metrics": {"accuracy": [0.1, 0.87, 0.89]}, "champion": evaluated(0.9)[0]},
            "accuracy is 0.88 over the last 2 values and should be 0.9: worse by 0.02, of 0.02",
        ),
        (
            MetricDrop(metric="latency", by=5.0, reference=20.0, values=1, worse="higher"),
            {"metrics": {"latency": [26.0]}},
            "latency is 26 over the last 1 values and should be 20: worse by 6, of 5",
        ),
        (
            Stagnation(rounds=2, least_gain=0.01),
            {"curve": evaluated(0.5, 0.8, 0.7, 0.805)},
            "accuracy gained 0.005 in the last 2 rounds; less than 0.01 stands still",
        ),
    ],
)
def test_it_fires_and_says_why(trigger: Trigger, known: dict[str, Any], why: str) -> None:
    """At the limit or just beyond it."""
    found = trigger.evaluate(signals(**known))
    assert found.fired
    assert found.why == why
    assert found.trigger == trigger.name


@pytest.mark.parametrize(
    ("trigger", "known"),
    [
        (NewLabels(count=50), {"labels": 49}),
        (Arrivals(count=50), {"arrivals": 49}),
        (Schedule(days=1), {"last_cycle": NOW - timedelta(hours=23.9)}),
        (Manual(), {}),
        (DriftFound(), {"drift": (drift("kernel", 0.5, drifted=False),)}),
        (DriftFound(), {}),
        (MetricDrop(by=0.02, values=2), {"metrics": {"accuracy": [0.1, 0.89, 0.89]}, "champion": evaluated(0.9)[0]}),
        (MetricDrop(by=0.02, values=3), {"metrics": {"accuracy": [0.1, 0.1]}, "champion": evaluated(0.9)[0]}),
        (MetricDrop(by=0.02, values=1), {"metrics": {"accuracy": [0.1]}}),
        (MetricDrop(metric="clicks", values=1), {"metrics": {"clicks": [0.1]}, "champion": evaluated(0.9)[0]}),
        (MetricDrop(values=1, worse="higher"), {"metrics": {"accuracy": [0.1]}, "champion": evaluated(0.9)[0]}),
        (MetricDrop(values=1), {"champion": evaluated(0.9)[0]}),
        (Stagnation(rounds=2, least_gain=0.01), {"curve": evaluated(0.5, 0.8, 0.7, 0.82)}),
        (Stagnation(rounds=2), {"curve": evaluated(0.5, 0.5)}),
        (Stagnation(), {}),
    ],
)
def test_it_is_silent_below_its_limit_and_where_it_knows_too_little(trigger: Trigger, known: dict[str, Any]) -> None:
    """Also where there is no champion, no metric of that name, or a curve too short."""
    assert not trigger.evaluate(signals(**known)).fired


def test_a_metric_is_watched_by_any_detector() -> None:
    """It is given the values since the last cycle, and its alarms are counted."""
    seen = []

    def detector(values: Any) -> list[int]:
        seen.append(list(values))
        return [2] if len(values) > 2 else []

    trigger = MetricShift(metric="agreement", detector=detector)
    found = trigger.evaluate(signals(metrics={"agreement": [0.9, 0.9, 0.1], "other": [0.0]}))
    assert found.fired
    assert found.why == "function raised 1 alarms in 3 values of agreement, the last at value 3"
    assert not trigger.evaluate(signals()).fired
    assert seen == [[0.9, 0.9, 0.1], []]


@pytest.mark.parametrize("name", ["adwin", "page_hinkley"])
def test_the_detectors_of_the_files_notice_a_fall_and_no_rise(name: str) -> None:
    """On right and wrong answers."""
    pytest.importorskip("river")
    good, bad = [1.0] * 300, [0.0] * 300
    trigger = made(name)
    assert trigger.evaluate(signals(metrics={"accuracy": good + bad})).fired
    assert not trigger.evaluate(signals(metrics={"accuracy": bad + good})).fired


def test_triggers_combine() -> None:
    """One is enough for any, all have to fire for all; they nest, keep their parts, and say who reads drift."""
    parts: dict[str, Trigger] = {"labels": NewLabels(count=5), "asked": Manual()}
    any_of, all_of = AnyOf(triggers=parts), AllOf(triggers=parts)
    one, both = signals(labels=5), signals(labels=5, requests=("audit",))
    assert [trigger.evaluate(known).fired for trigger in (any_of, all_of) for known in (signals(), one, both)] == [
        *(False, True, True),
        *(False, False, True),
    ]
    assert [part.trigger for part in all_of.evaluate(one).parts] == ["labels", "asked"]
    assert any_of.evaluate(one).why == "labels: 5 new labels since the last cycle began, of 5"
    assert all_of.evaluate(one).why == "asked: nobody asked for a cycle"
    nested = AnyOf(triggers={"both": all_of, "drift": DriftFound()})
    assert nested.evaluate(both).fired
    assert [trigger.reads_drift for trigger in (any_of, all_of, nested)] == [False, False, True]


def test_any_of_several_can_start_a_cycle_and_all_of_them_only_together() -> None:
    """What is logged: a cause for each of any, under its name, and one for all."""
    parts: dict[str, Trigger] = {"labels": NewLabels(count=5), "asked": Manual()}
    known = signals(labels=5)
    assert [(cause.trigger, cause.fired) for cause in AnyOf(triggers=parts).causes(known)] == [
        ("labels", True),
        ("asked", False),
    ]
    assert [(cause.trigger, cause.fired) for cause in AllOf(triggers=parts).causes(known)] == [("all_of", False)]


def test_one_trigger_more_is_a_word_on_the_command_line(tmp_path: Path) -> None:
    """As for stopping rules; those held back take any other."""
    (tmp_path / "root.yaml").write_text(
        f"defaults: [trigger: manual, _self_]\nhydra: {{searchpath: ['file://{CONFIGS}']}}\n"
    )
    more = ["trigger=any_of", "+trigger@trigger.triggers.labels=new_labels", "trigger.triggers.labels.count=7"]
    inner = ["trigger=cooldown", "trigger@trigger.inner=any_of", "+trigger@trigger.inner.triggers.late=schedule"]
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        config, held_back = compose("root", more), compose("root", inner)
    assert list(config.trigger.triggers) == ["drift", "requests", "labels"]
    trigger = instantiate(config.trigger, _convert_="all")
    assert [cause.fired for cause in trigger.causes(signals(labels=7))] == [False, False, True]
    assert instantiate(held_back.trigger, _convert_="all").evaluate(signals()).fired


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NewLabels(count=0), "count must be at least 1, got 0"),
        (lambda: Arrivals(count=-1), "count must be at least 1, got -1"),
        (lambda: Schedule(days=0.0, hours=0.0), "days and hours must be finite, and positive together"),
        (lambda: Schedule(days=-1.0, hours=48.0), "days and hours must be finite"),
        (lambda: MetricDrop(by=0.0), "by must be positive and finite"),
        (lambda: MetricDrop(values=0), "values must be at least 1"),
        (lambda: Stagnation(rounds=0), "rounds must be at least 1"),
        (lambda: Stagnation(least_gain=-0.1), "least_gain must be finite and not negative"),
        (lambda: AnyOf(triggers={}), "triggers is empty"),
        (lambda: AllOf(triggers={}), "triggers is empty"),
    ],
)
def test_numbers_that_make_no_trigger_are_refused(make: Callable[[], Trigger], message: str) -> None:
    """When it is made, with the name of the argument."""
    with pytest.raises(ConfigurationError, match=message):
        make()

"""Each rule where it should just stop, where it should just not, and where it knows too little."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import told
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import ConfigurationError
from alframe.run import run
from alframe.stopping import (
    AllOf,
    AnyOf,
    ClassificationChange,
    LabelBudget,
    MinimumExpectedGain,
    Never,
    OverallUncertainty,
    StabilisingPredictions,
    StoppingRule,
    TargetMetric,
)
from alframe.stopping.goals import ERRORS, MEASURED, Metric
from alframe.strategy import Random
from alframe.types import (
    Classification,
    CurvePoint,
    Detection,
    Objects,
    PoolView,
    Progress,
    Reliability,
    Segmentation,
    Task,
    label_array,
)

NOTHING: dict[str, Any] = {"curve": (), "views": (), "gain": None, "labels": 0, "cost": 0.0}
BINS = Reliability(confidence=(0.75,), accuracy=(0.5,), count=(10,))


def progress(**known: Any) -> Progress:
    """A run of which only this is known."""
    return Progress(**(NOTHING | known))


def view(classes: dict[str, int], entropy: float = 0.5) -> PoolView:
    """What one learner said."""
    predicted = np.array(list(classes.values()), dtype=np.int64)
    return PoolView(1, np.array(list(classes)), predicted, np.full(len(predicted), entropy))


def views(*rows: list[int]) -> tuple[PoolView, ...]:
    """Learners that all saw the same pool."""
    return tuple(view({f"{position:03}": name for position, name in enumerate(row)}) for row in rows)


def evaluated(accuracy: float = 0.5, nll: float = 1.0, calibration_error: float = 0.2) -> CurvePoint:
    """The end of a learning curve."""
    return CurvePoint(1, 20, Classification(10, 0, accuracy, nll, calibration_error, (accuracy,), BINS))


ALL: list[StoppingRule] = [
    Never(),
    StabilisingPredictions(),
    ClassificationChange(),
    OverallUncertainty(),
    MinimumExpectedGain(),
    TargetMetric(),
    LabelBudget(labels=1),
    AnyOf(rules={"a": TargetMetric(), "b": OverallUncertainty()}),
    AllOf(rules={"a": TargetMetric(), "b": OverallUncertainty()}),
]


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: type(rule).__name__)
def test_nothing_known_is_no_reason_to_stop(rule: StoppingRule) -> None:
    """Before the first label every rule goes on."""
    assert rule.reason(progress()) is None
    assert rule.allows(progress()) > 0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_kappa_is_agreement_beyond_chance(pairs: list[tuple[int, int]]) -> None:
    """Just met by its own value, just missed by a little more: (observed - expected) / (1 - expected), by counting."""
    first, second = (np.array(column) for column in zip(*pairs, strict=True))
    observed = float(np.mean(first == second))
    expected = float(sum(np.mean(first == c) * np.mean(second == c) for c in range(3)))
    kappa = (observed - expected) / (1 - expected) if expected < 1 else 0.0
    known = progress(views=views(first.tolist(), second.tolist()))
    if kappa > 0.001:
        assert StabilisingPredictions(kappa=kappa - 1e-9, window=1).reason(known) is not None
    if kappa < 0.999:
        assert StabilisingPredictions(kappa=max(kappa + 1e-9, 1e-9), window=1).reason(known) is None


def test_predictions_have_to_be_stable_for_the_whole_window() -> None:
    """The mean over exactly the last pairs counts: an early disagreement is forgotten, a late one is not."""
    steady, other = [0, 1, 0, 1], [1, 0, 1, 0]
    rule = StabilisingPredictions(kappa=0.9, window=2)
    assert rule.reason(progress(views=views(steady, steady))) is None
    reason = rule.reason(progress(views=views(other, steady, steady, steady)))
    assert reason == "predictions have stabilised: mean kappa 1.0000 over the last 2 pairs of learners"
    assert rule.reason(progress(views=views(steady, steady, steady, other))) is None
    assert (
        StabilisingPredictions(kappa=0.4, window=2).reason(progress(views=views(other, [0, 1, 0, 0], steady))) is None
    )


def test_learners_that_know_one_class_only_have_not_stabilised() -> None:
    """They agree on everything, by chance."""
    constant = [1, 1, 1, 1]
    assert StabilisingPredictions(window=1).reason(progress(views=views(constant, constant))) is None


def test_only_samples_that_both_learners_saw_are_compared() -> None:
    """What was labelled in between is gone, and ids count, not places."""
    earlier = view({"c": 0, "a": 1, "gone": 2, "b": 0})
    later = view({"a": 1, "b": 0, "c": 0})
    known = progress(views=(earlier, later))
    assert StabilisingPredictions(kappa=1.0, window=1).reason(known) is not None
    assert ClassificationChange(share=0.0, window=1).reason(known) is not None
    nothing_shared = progress(views=(view({"a": 0}), view({"b": 1})))
    assert StabilisingPredictions(window=1).reason(nothing_shared) is None


def test_few_changes_of_class_in_every_pair_are_needed() -> None:
    """One of four changes: a quarter is allowed and less is not; the worst pair of the window decides."""
    start, one, two = [0, 1, 2, 3], [0, 1, 2, 0], [0, 1, 0, 1]
    known = progress(views=views(start, start, one))
    reason = ClassificationChange(share=0.25, window=2).reason(known)
    assert reason == "predicted classes hardly change: 25.00% at most, over 2 pairs of learners"
    assert ClassificationChange(share=0.2, window=2).reason(known) is None
    assert ClassificationChange(share=0.25, window=3).reason(known) is None
    assert ClassificationChange(share=0.25, window=2).reason(progress(views=views(start, two, two))) is None


def test_the_latest_view_has_to_be_certain() -> None:
    """The mean entropy decides, at the threshold too."""
    rule = OverallUncertainty(threshold=0.25)
    doubtful, certain = view({"a": 0, "b": 1}, entropy=0.26), view({"a": 0, "b": 1}, entropy=0.25)
    reason = rule.reason(progress(views=(doubtful, certain)))
    assert reason == "little is left to be unsure of: the pool's mean entropy is 0.25 nats"
    assert rule.reason(progress(views=(certain, doubtful))) is None


def test_a_query_has_to_promise_something() -> None:
    """At the bound it is still worth asking; no score says nothing about it, nor does the first set."""
    rule, curve = MinimumExpectedGain(gain=0.5), (evaluated(),)
    reason = rule.reason(progress(gain=0.4, curve=curve))
    assert reason == "no sample promises enough: the highest score is 0.4, below 0.5"
    assert rule.reason(progress(gain=0.5, curve=curve)) is None
    assert rule.reason(progress(gain=None, curve=curve)) is None
    assert rule.reason(progress(gain=0.4)) is None


@pytest.mark.parametrize(
    ("rule", "reached", "missed"),
    [
        (TargetMetric(metric="accuracy", value=0.9), {"accuracy": 0.9}, {"accuracy": 0.89}),
        (TargetMetric(metric="nll", value=1.5), {"nll": 1.5}, {"nll": 1.51}),
        (TargetMetric(metric="calibration_error", value=0.1), {"calibration_error": 0.1}, {"calibration_error": 0.11}),
    ],
)
def test_an_accuracy_is_reached_from_below_and_an_error_from_above(
    rule: TargetMetric, reached: dict[str, float], missed: dict[str, float]
) -> None:
    """The latest evaluation counts; a peak before it does not."""
    assert rule.reason(progress(curve=(evaluated(**missed), evaluated(**reached)))) is not None
    assert rule.reason(progress(curve=(evaluated(**reached), evaluated(**missed)))) is None


EVALUATIONS: dict[Task, Any] = {
    "classification": Classification(10, 0, 0.6, 0.6, 0.6, (0.6,), BINS),
    "detection": Detection(10, 0, 0.6, 0.6, 0.6, {}, 0.6, (0.6,), None, None, 0.05, ((1, 0), (0, 0))),
    "segmentation": Segmentation(10, 0, 0.6, 0.6, 0.6, (0.6, 0.6), (0.6, 0.6), ((1, 0), (0, 1))),
}


@pytest.mark.parametrize(("task", "metric"), [(task, metric) for task in MEASURED for metric in MEASURED[task]])
def test_every_metric_of_every_task_can_be_a_target(task: Task, metric: Metric) -> None:
    """What evaluations measure and what rules wait for have the same names; all but errors are better the higher."""
    evaluation = EVALUATIONS[task]
    assert tuple(evaluation.metrics) == MEASURED[task]
    known = progress(curve=(CurvePoint(1, 20, evaluation),))
    easy, hard = (0.7, 0.5) if metric in ERRORS else (0.5, 0.7)
    TargetMetric(metric=metric, value=easy).check(task)
    assert TargetMetric(metric=metric, value=easy).reason(known) is not None
    assert TargetMetric(metric=metric, value=hard).reason(known) is None


def test_a_metric_of_another_task_is_refused() -> None:
    """In a rule made of rules too; a rule that reads no metric fits every task."""
    rule = TargetMetric(metric="mean_iou", value=0.8)
    rule.check("segmentation")
    for refusing in (rule, AnyOf(rules={"budget": LabelBudget(labels=9), "good": rule})):
        with pytest.raises(ConfigurationError, match=r"mean_iou.* detection .*average_precision_50"):
            refusing.check("detection")
    LabelBudget(labels=9).check("detection")


def test_a_run_asks_before_it_begins(tmp_path: Path) -> None:
    """There is no folder then."""
    with pytest.raises(ConfigurationError, match="mean_iou"):
        run(tiny.parts(stopping=TargetMetric(metric="mean_iou")), tmp_path / "run", tiny.CONFIG)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("rule", [StabilisingPredictions(), OverallUncertainty()])
def test_rules_that_read_classes_are_for_classifiers(tmp_path: Path, rule: StoppingRule) -> None:
    """A detector says no class of an image; that is said before a run begins."""
    source = told.Numbered(label_array([Objects()] * 8))
    parts = {"data": source, "learner": lambda *_: told.ToldDetector({}), "strategy": Random(), "stopping": rule}
    with pytest.raises(ConfigurationError, match=f"{type(rule).__name__} needs probs and this ToldDetector gives none"):
        run(tiny.parts(**parts), tmp_path / "run", tiny.CONFIG)


def test_a_budget_is_spent_in_labels_or_in_costs() -> None:
    """Whichever ends first; what is left of the labels bounds the next query, and costs cannot."""
    rule = LabelBudget(labels=100, cost=30.0)
    assert rule.reason(progress(labels=99, cost=29.9)) is None
    assert rule.reason(progress(labels=100)) == "the label budget is spent: 100 labels of 100"
    assert rule.reason(progress(labels=9, cost=31.5)) == "the label budget is spent: a cost of 31.5 of 30"
    assert [rule.allows(progress(labels=given)) for given in (0, 93, 100, 105)] == [100, 7, 0, 0]
    assert LabelBudget(cost=30.0).allows(progress(labels=93)) == math.inf


def test_rules_combine() -> None:
    """One reason is enough for any, and every rule has to give one for all; they nest, and share their needs."""
    metric, budget = TargetMetric(value=0.9), LabelBudget(labels=50)
    good, spent = progress(curve=(evaluated(0.95),)), progress(labels=50)
    both = progress(curve=(evaluated(0.95),), labels=50)
    any_of, all_of = (kind(rules={"metric": metric, "budget": budget}) for kind in (AnyOf, AllOf))
    assert [rule.reason(known) is not None for rule in (any_of, all_of) for known in (good, spent, both)] == [
        *(True, True, True),
        *(False, False, True),
    ]
    assert all_of.reason(both) == f"{metric.reason(good)}; {budget.reason(spent)}"
    assert [any_of.allows(progress(labels=30)), all_of.allows(progress(labels=30))] == [20, math.inf]
    nested = AnyOf(rules={"both": all_of, "sure": OverallUncertainty()})
    assert nested.reason(both) == all_of.reason(both)
    assert [rule.needs for rule in (any_of, all_of, nested)] == [frozenset(), frozenset(), frozenset({"probs"})]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StabilisingPredictions(kappa=0.0), r"^kappa must lie in \(0, 1\], got 0.0"),
        (lambda: StabilisingPredictions(window=0), "^window must be at least 1, got 0"),
        (lambda: ClassificationChange(share=1.0), r"^share must lie in \[0, 1\), got 1.0"),
        (lambda: OverallUncertainty(threshold=-0.1), "^threshold must be finite and not negative"),
        (lambda: OverallUncertainty(threshold=math.nan), "^threshold must be finite"),
        (lambda: MinimumExpectedGain(gain=math.nan), "^gain must be finite, got nan"),
        (lambda: TargetMetric(value=1.5), "^value=1.5 is no accuracy to reach"),
        (lambda: TargetMetric(metric="nll", value=0.0), "^value=0.0 is no nll to reach"),
        (lambda: TargetMetric(value=math.nan), "^value=nan is no accuracy to reach"),
        (lambda: LabelBudget(), "set labels or cost"),
        (lambda: LabelBudget(labels=0), "^labels must be null, or positive and finite, got 0"),
        (lambda: LabelBudget(cost=math.nan), "^cost must be null, or positive and finite, got nan"),
        (lambda: AnyOf(rules={}), "^rules is empty"),
    ],
)
def test_numbers_that_make_no_rule_are_refused(make: Callable[[], StoppingRule], message: str) -> None:
    """Before anything runs, with the name of the argument and no path to it: a rule may be one of several."""
    with pytest.raises(ConfigurationError, match=message):
        make()

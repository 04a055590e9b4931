"""What the gate decides, on classifiers whose answers are made up."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import tiny
from numpy.typing import NDArray
from scipy import stats

from alframe.errors import ConfigurationError, DataError
from alframe.evaluation import ClassifierOutcomes, DetectorOutcomes, SegmenterOutcomes
from alframe.functional import predicted_power
from alframe.gate import PairedBootstrap, Rule, Trial
from alframe.types import Decision, Floats, Object, Objects

CLASSES = ("top", "middle", "bottom")


def outcomes(
    right: NDArray[np.bool_], groups: NDArray[np.str_] | None = None, seconds: float = 1.0, sure: float = 0.9
) -> ClassifierOutcomes:
    """A classifier that is right on these samples, whose classes take turns; ``sure`` of what it says."""
    count = len(right)
    labels = np.arange(count) % 3
    said = np.where(right, labels, (labels + 1) % 3)
    probs = np.full((count, 3), (1 - sure) / 2)
    probs[np.arange(count), said] = sure
    ids = np.array([str(row) for row in range(count)])
    none = np.full(count, "")
    return ClassifierOutcomes(ids, none if groups is None else groups, CLASSES, seconds, probs=probs, labels=labels)


def pair(count: int, wins: int, losses: int, **challenger: Any) -> Trial:
    """A challenger that is right on ``wins`` samples more than the champion, and wrong on ``losses`` others."""
    champion = np.arange(count) >= count // 5
    better = champion.copy()
    better[:wins] = True
    better[count - losses :] = False
    return Trial(outcomes(better, **challenger), outcomes(champion, challenger.get("groups")))


def decide(trial: Trial, **options: Any) -> Decision:
    return PairedBootstrap(**({"resamples": 999} | options)).decide(lambda: trial, np.random.default_rng(0))


def test_better_worse_and_neither() -> None:
    """Forty against five of 300 samples is an improvement, the reverse a loss, and twenty against fifteen neither."""
    better, worse, neither = (decide(pair(300, *counts)) for counts in ((40, 5), (5, 40), (20, 15)))
    assert [found.verdict for found in (better, worse, neither)] == ["better", "worse", "inconclusive"]
    assert [found.promoted for found in (better, worse, neither)] == [True, False, False]
    assert [found.samples for found in (better, worse, neither)] == [300] * 3
    assert better.needed is worse.needed is None
    (check,) = better.checks
    assert (check.name, check.passed, check.limit) == ("accuracy", True, 0)
    assert check.champion == pytest.approx(0.8)
    assert check.challenger == pytest.approx(0.8 + 35 / 300)
    assert check.interval is not None
    assert 0 < check.interval[0] < 35 / 300 < check.interval[1]
    assert "accuracy 0.9167 against the champion's 0.8000" in better.reason
    assert "is an improvement" in better.reason
    assert "is a loss" in worse.reason


def test_an_inconclusive_comparison_says_how_many_samples_would_tell() -> None:
    """By the formula for a paired difference of 5 of 300, where 35 differ; and in the sentence how many more."""
    found = decide(pair(300, 20, 15), resamples=9999)
    error = np.std([1] * 20 + [-1] * 15 + [0] * 265) / np.sqrt(300)
    quantiles = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert found.needed == pytest.approx(300 * (quantiles * error / (5 / 300)) ** 2, rel=0.05)
    assert "if it is what it seems, about 2,900 more would tell" in found.reason


def test_equals_are_inconclusive_and_no_number_would_tell() -> None:
    """Two that say the same have an interval of no width, which does not lie above zero."""
    found = decide(pair(300, 0, 0))
    assert (found.verdict, found.promoted, found.needed) == ("inconclusive", False, None)
    assert found.checks[0].interval == (0, 0)


def test_a_margin_lets_pass_what_is_hardly_worse() -> None:
    """Three against five of 1,000: not an improvement, but surely no loss of 2 points; one of 5 points is."""
    assert decide(pair(1000, 3, 5)).verdict == "inconclusive"
    found = decide(pair(1000, 3, 5), margin=0.02)
    assert (found.verdict, found.promoted, found.checks[0].limit) == ("better", True, -0.02)
    assert "at worst 0.02 worse" in found.reason
    assert decide(pair(1000, 5, 55), margin=0.02).verdict == "worse"


def test_too_few_samples_tell_nothing() -> None:
    """However clear they seem: that of 29 samples all differ, and one is needed more."""
    trial = Trial(outcomes(np.ones(29, dtype=np.bool_)), outcomes(np.zeros(29, dtype=np.bool_)))
    found = decide(trial)
    assert (found.verdict, found.needed, found.checks[0].interval) == ("inconclusive", 30, None)


def test_other_metrics_are_compared_as_well() -> None:
    """Being less sure of wrong answers changes the likelihood alone; balanced accuracy is no mean over samples."""
    modest = pair(900, 0, 0, sure=0.8)
    likelihood = decide(modest, metric="log_likelihood")
    assert likelihood.verdict == "better"
    assert decide(modest).verdict == "inconclusive"
    balanced = decide(pair(300, 40, 5), metric="balanced_accuracy")
    assert (balanced.verdict, balanced.checks[0].name) == ("better", "balanced_accuracy")


def detector(misses: int) -> DetectorOutcomes:
    """One that does not see the pit in so many of 90 images."""
    ids, pit = np.array([str(row) for row in range(90)]), Object((0, 0, 8, 8), 0)
    seen = Object((0, 0, 8, 8), 0, score=0.5)
    found = [Objects(() if row < misses else (seen,)) for row in range(90)]
    return DetectorOutcomes(ids, np.full(90, ""), ("pit",), 1.0, truth=[Objects((pit,))] * 90, found=found)


def segmenter(misses: int) -> SegmenterOutcomes:
    """One that takes half of each pit for background in so many of 90 images."""
    ids = np.array([str(row) for row in range(90)])
    right, half = np.array([[8, 0], [0, 8]]), np.array([[8, 0], [4, 4]])
    confusions = np.stack([half if row < misses else right for row in range(90)])
    return SegmenterOutcomes(ids, np.full(90, ""), ("pit",), 1.0, confusions=confusions)


@pytest.mark.parametrize(("make", "metric"), [(detector, "average_precision_50"), (segmenter, "mean_iou")])
def test_detectors_and_segmenters_are_compared_by_metrics_of_whole_sets(make: Any, metric: str) -> None:
    """Ten misses against forty, the reverse, and ten against eleven that hide in the same images."""
    few, more, many = make(10), make(11), make(40)
    verdicts = [decide(Trial(*pair)).verdict for pair in ((few, many), (many, few), (few, more))]
    assert verdicts == ["better", "worse", "inconclusive"]
    (check,) = decide(Trial(few, many), class_drop=0.1).checks[:1]
    assert check.name == metric
    assert check.challenger == few.value(metric)
    assert not decide(Trial(few, None), class_floor=0.95).promoted


def test_equal_draws_decide_equally() -> None:
    """The figures of a decision that is made again are the same to the last digit."""
    first, again = (decide(pair(300, 25, 10)) for _ in range(2))
    assert first == again


def test_the_first_model_has_only_limits() -> None:
    """Without any it is promoted; below a floor it is not."""
    only = Trial(pair(300, 0, 0).challenger, None)
    found = decide(only)
    assert (found.verdict, found.promoted, found.checks, found.samples) == ("better", True, (), 300)
    low = decide(only, class_floor=0.9)
    assert (low.verdict, low.promoted, len(low.checks)) == ("worse", False, 3)
    assert "class top reaches 0.800, and its floor is 0.9" in low.reason


def test_outcomes_that_are_no_pairs_are_refused() -> None:
    """Of other samples, or the same in another order."""
    few, many = pair(60, 0, 0).challenger, pair(90, 0, 0).challenger
    with pytest.raises(DataError, match="60 gate samples and the champion on 90"):
        Trial(few, many)


@pytest.mark.parametrize("wrong", [{"confidence": 1.0}, {"margin": -0.1}, {"resamples": 10}, {"class_drop": -1.0}])
def test_what_no_gate_can_be_is_refused(wrong: dict[str, Any]) -> None:
    """When it is built."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        PairedBootstrap(**wrong)


@pytest.mark.parametrize(
    ("options", "samples", "message"),
    [
        ({}, 0, "cycle.gate=200"),
        ({}, 29, "at least 30"),
        ({"metric": "mean_iou"}, 200, "accuracy, log_likelihood"),
        ({"class_floor": {"left": 0.5}}, 200, "top, middle, bottom"),
        ({"slice_drop": 0.1}, 200, "the data has none"),
    ],
)
def test_what_the_gate_cannot_decide_on_is_refused_before_a_run(
    options: dict[str, Any], samples: int, message: str
) -> None:
    """Too few samples, another task's metric, a class that there is not, groups where there are none."""
    gate = PairedBootstrap(**options)
    with pytest.raises(ConfigurationError, match=message):
        gate.check("classification", tiny.Bars(), samples)


def test_calibration_is_for_classifiers() -> None:
    """A detector's is not defined."""
    with pytest.raises(ConfigurationError, match="calibration_limit"):
        PairedBootstrap(calibration_limit=0.1).check("detection", tiny.Bars(), 200)


def mean_of(scores: Floats, counts: Floats) -> Floats:
    means: Floats = counts @ scores / len(scores)
    return means


def promoted(pairs: int, count: int, wins: float, losses: float, seed: int) -> float:
    """The share of simulated pairs that is promoted; a sample is won and lost with these probabilities."""
    rng, rule, found = np.random.default_rng(seed), Rule(resamples=400), 0
    for _ in range(pairs):
        gain = rng.choice([1.0, -1.0, 0.0], p=[wins, losses, 1 - wins - losses], size=count)
        found += rule.judge("gain", partial(mean_of, gain), partial(mean_of, 0 * gain), count, rng).verdict == "better"
    return found / pairs


@pytest.mark.parametrize(("count", "differ"), [(30, 0.4), (200, 0.1)])
def test_hardly_any_challenger_that_is_no_better_is_promoted(count: int, differ: float) -> None:
    """Of 300 without a true difference 2.5 % are expected; more than 5 % would be a fault, up to what chance does."""
    assert promoted(300, count, differ / 2, differ / 2, seed=1) <= stats.binom.ppf(0.999, 300, 0.05) / 300


def test_a_true_difference_is_found_as_often_as_predicted() -> None:
    """Two points on 1,000 samples of which 8 % differ: the share that is found is that of normal theory."""
    error = np.sqrt((0.08 - 0.02**2) / 1000)
    expected = predicted_power(0.02, error)
    assert 0.5 < expected < 0.8
    low, high = stats.binom.ppf([0.001, 0.999], 200, expected) / 200
    assert low - 0.02 <= promoted(200, 1000, 0.05, 0.03, seed=2) <= high + 0.02

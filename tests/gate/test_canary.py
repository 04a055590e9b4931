"""Every path of a rollout, on scores that are made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from alframe.errors import ConfigurationError, RunConflict
from alframe.functional import hashed_shares
from alframe.gate import CanaryRecord, Recorded, Rollout, begin_rollout, continue_rollout
from alframe.storage import load_record, save_record

SMALL = Rollout(samples=50, resamples=400)


def stream(count: int, *, gain: float = 0.0, after: int = 0, seed: int = 0, **known: Any) -> Recorded:
    """Scores of a champion that is right in 8 of 10 cases, and of a challenger as good; from ``after`` on it gains."""
    rng = np.random.default_rng(seed)
    champion = (rng.random(count) < 0.8).astype(np.float64)
    differ = rng.random(count) < 0.1
    champion[differ] = rng.random(differ.sum()) < 0.5
    challenger = np.where(differ, 1 - champion, champion)
    sure = np.arange(count) >= after
    challenger[sure & (rng.random(count) < abs(gain))] = float(gain > 0)
    unknown = known.get("unknown", slice(0, 0))
    challenger[unknown] = np.nan
    return Recorded(np.array([f"sample/{row}" for row in range(count)]), champion, challenger)


def rolled(recorded: Recorded, rollout: Rollout = SMALL) -> CanaryRecord:
    return continue_rollout(begin_rollout(recorded, 3, rollout), recorded, lambda _record: None)


def never(record: CanaryRecord) -> None:
    pytest.fail(f"there was nothing to do: {record}")


def outcomes(record: CanaryRecord) -> list[tuple[float, str]]:
    return [(stage.share, stage.outcome) for stage in record.stages]


def test_a_challenger_that_is_no_worse_ends_by_serving_everything() -> None:
    """Four stages, one after the other on the stream, each on as many scored samples as it takes."""
    recorded = stream(2000)
    found = rolled(recorded)
    assert found.status == "passed"
    assert outcomes(found) == [(0, "passed"), (5, "passed"), (25, "passed"), (100, "passed")]
    assert [stage.measured for stage in found.stages] == [50] * 4
    assert found.stages[0].first == 0
    assert [stage.first for stage in found.stages[1:]] == [stage.end for stage in found.stages[:-1]]
    shadow, *_, full = found.stages
    assert (shadow.end, full.end - full.first) == (50, 50)
    assert found.stages[1].end - found.stages[1].first == pytest.approx(50 / 0.05, rel=0.4)


def test_a_stage_compares_on_the_samples_that_the_challenger_serves() -> None:
    """Those are chosen by the hash of their ids; the figures are the means over them alone."""
    recorded = stream(2000)
    stage = rolled(recorded).stages[1]
    rows = np.arange(stage.first, stage.end)
    rows = rows[hashed_shares(recorded.ids[rows]) < 0.05]
    assert stage.served == len(rows) == 50
    assert stage.check is not None
    assert stage.check.challenger == pytest.approx(recorded.challenger[rows].mean())
    assert stage.check.champion == pytest.approx(recorded.champion[rows].mean())


def test_a_regression_is_found_in_the_shadow_before_anybody_is_served() -> None:
    """And nothing comes after it."""
    found = rolled(stream(2000, gain=-0.5))
    assert found.status == "regression"
    assert outcomes(found) == [(0, "regression")]
    assert "is a loss" in found.stages[0].note


def test_a_regression_that_begins_later_is_found_at_its_stage() -> None:
    """The challenger breaks when a quarter of the samples is its own."""
    whole = rolled(stream(2000))
    found = rolled(stream(2000, gain=-0.6, after=whole.stages[2].first))
    assert found.status == "regression"
    assert outcomes(found) == [(0, "passed"), (5, "passed"), (25, "regression")]


def test_a_margin_lets_a_small_loss_pass() -> None:
    """Shown to be worse, but by no more than it may be."""
    wide = replace(SMALL, samples=400)
    recorded = stream(40_000, gain=-0.08)
    assert rolled(recorded, wide).status == "regression"
    assert rolled(recorded, replace(wide, margin=0.2)).status == "passed"


def test_it_pauses_for_samples_and_goes_on_with_more() -> None:
    """What has ended stands; the stage that waited begins where it began; the end is that of the whole stream."""
    whole, part = stream(2000), stream(2000)
    short = Recorded(part.ids[:300], part.champion[:300], part.challenger[:300])
    paused = rolled(short)
    assert (paused.status, outcomes(paused)) == ("paused", [(0, "passed"), (5, "waiting")])
    assert "too few samples yet" in paused.stages[-1].note
    assert paused.stages[-1].check is None
    assert continue_rollout(paused, whole, lambda _record: None) == rolled(whole)


def test_it_pauses_where_scores_are_missing_and_goes_on_when_they_come() -> None:
    """As many are served as a stage takes, and hardly any has a score."""
    whole, silent = stream(2000), stream(2000, unknown=slice(60, None))
    paused = rolled(silent)
    assert (paused.status, outcomes(paused)) == ("paused", [(0, "passed"), (5, "waiting")])
    assert "scores are missing" in paused.stages[-1].note
    assert continue_rollout(paused, whole, lambda _record: None) == rolled(whole)


@pytest.mark.parametrize(("known", "status"), [(0.45, "paused"), (0.55, "passed")])
def test_it_pauses_where_too_large_a_share_has_no_score(known: float, status: str) -> None:
    """However many scores there are: what has none may be what is hard."""
    unknown = np.arange(6000) % 100 >= 100 * known
    found = rolled(stream(6000, unknown=unknown), replace(SMALL, shares=(50.0, 100.0), missing=0.5))
    assert found.status == status
    if status == "paused":
        assert outcomes(found) == [(0, "waiting")]
        assert "of the 105 served have no score, and 50 % may have none" in found.stages[0].note
        assert continue_rollout(found, stream(6000), lambda _record: None).status == "passed"


def test_it_refuses_to_begin_without_any_metric() -> None:
    """No sample has both scores."""
    with pytest.raises(ConfigurationError, match="no metric is attached: none of the 100"):
        rolled(stream(100, unknown=slice(None)))


def test_what_is_settled_stays_settled() -> None:
    """Given again, with more samples or the same, a rollout that has ended looks at nothing."""
    for recorded in (stream(2000), stream(2000, gain=-0.5)):
        found = rolled(recorded)
        assert continue_rollout(found, recorded, never) == found


def test_other_samples_are_noticed() -> None:
    """A rollout does not go on with a file that is not the one it began with."""
    paused = rolled(stream(300))
    other = stream(2000)
    swapped = Recorded(other.ids[::-1], other.champion, other.challenger)
    with pytest.raises(RunConflict, match="has looked at 50 samples"):
        continue_rollout(paused, swapped, never)


class Killed(Exception):
    pass


@pytest.mark.parametrize("gain", [0.0, -0.3])
def test_killed_after_any_stage_it_ends_as_if_undisturbed(tmp_path: Path, gain: float) -> None:
    """Its record is saved after every stage and read again; the last one is that of a rollout nobody disturbed."""
    recorded, path = stream(2000, gain=gain, after=60), tmp_path / "record.json"

    def save_and_die(record: CanaryRecord) -> None:
        save_record(path, record)
        raise Killed

    whole = rolled(recorded)
    record = begin_rollout(recorded, 3, SMALL)
    for stages in range(1, len(whole.stages) + 1):
        with pytest.raises(Killed):
            continue_rollout(record, recorded, save_and_die)
        record = load_record(path, CanaryRecord)
        assert record.stages == whole.stages[:stages]
        assert record.status == ("paused" if stages < len(whole.stages) else whole.status)
    assert continue_rollout(record, recorded, never) == whole


def test_hardly_any_challenger_that_is_no_worse_is_rolled_back() -> None:
    """Of 150 rollouts of four stages, 2.5 % are expected at most: the level is divided among the stages."""
    rollout = Rollout(shares=(50, 75, 100), samples=60, resamples=300)
    back = sum(rolled(stream(600, seed=seed), rollout).status == "regression" for seed in range(150))
    assert back <= stats.binom.ppf(0.999, 150, 0.025)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shares": ()}, "5,25,100"),
        ({"shares": (25.0, 5.0, 100.0)}, "ascend"),
        ({"shares": (5.0, 25.0)}, "ascend to 100"),
        ({"shares": (0.0, 100.0)}, "ascend"),
        ({"samples": 10}, "at least 30"),
        ({"confidence": 1.5}, "confidence"),
        ({"margin": -1.0}, "margin"),
        ({"missing": 1.0}, "missing"),
    ],
)
def test_what_no_rollout_can_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    """When it is made."""
    with pytest.raises(ConfigurationError, match=message):
        Rollout(**wrong)


def test_names_fall_evenly_and_in_the_same_place() -> None:
    """A twentieth of many names falls below 0.05, all of it below 0.25, whatever else is asked beside."""
    names = np.array([f"image/{row}" for row in range(20_000)])
    found = hashed_shares(names)
    assert stats.kstest(found, "uniform").pvalue > 0.001
    assert (hashed_shares(names[::-1]) == found[::-1]).all()

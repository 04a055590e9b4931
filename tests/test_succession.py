"""How champions follow one another: on a tiny run with a gate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from alframe.cycle import Plan
from alframe.data import ImageData
from alframe.errors import ConfigurationError
from alframe.evaluation import outcomes
from alframe.functional import derive_seed, generator
from alframe.gate import Gate, PairedBootstrap, Trial
from alframe.learner import load_weights
from alframe.pool import Ledger, Pool, State
from alframe.registry import LocalRegistry, ModelVersion, PromotionLog
from alframe.run import opened, run
from alframe.storage import file_sha256, load_record, open_database
from alframe.training import FromScratch
from alframe.types import UNLABELLED, Beginning, Decision, Query

PLAN = Plan(initial=6, batch=4, rounds=2, gate=30)


def source(count: int = 100) -> tiny.Bars:
    return tiny.Bars(count)


def start(folder: Path, gate: Gate, **changes: Any) -> Path:
    run(tiny.parts(**({"gate": gate, "cycle": PLAN, "data": source()} | changes)), folder, tiny.CONFIG)
    return folder


def records(folder: Path, name: str, kind: type[Any]) -> list[Any]:
    return [load_record(path, kind) for path in sorted(folder.glob(f"round-*/{name}.json"))]


def bases(folder: Path) -> list[int | None]:
    return [beginning.base for beginning in records(folder, "beginning", Beginning)]


def log_of(folder: Path) -> PromotionLog:
    return PromotionLog(open_database(f"sqlite:///{folder / 'run.sqlite'}"))


def promotions(folder: Path) -> list[tuple[int, int | None, str]]:
    return [(entry.round, entry.former, entry.kind) for entry in log_of(folder).entries()]


class Scripted(Gate):
    """Promotes as the script says, round by round, and remembers whether there was a champion to compare with."""

    def __init__(self, *promote: bool, then: Callable[[], object] = lambda: None) -> None:
        self._script, self._then = list(promote), then
        self.had_champion: list[bool] = []

    def decide(self, trial: Callable[[], Trial], rng: np.random.Generator) -> Decision:  # noqa: ARG002
        pair = trial()
        self.had_champion.append(pair.champion is not None)
        promoted = self._script.pop(0)
        if not self._script:
            self._then()
        return Decision("better" if promoted else "inconclusive", promoted, "as the script says")


def test_an_inconclusive_challenger_leaves_the_champion_in_place(tmp_path: Path) -> None:
    """The next round queries through the champion and begins from it; what the gate saw is in the round's record."""
    folder = start(tmp_path, PairedBootstrap(confidence=0.999999, resamples=999))
    assert bases(folder) == [None, 0, 0]
    assert promotions(folder) == [(0, None, "promotion")]
    first, second, third = records(folder, "decision", Decision)
    assert (first.verdict, first.promoted, first.samples, first.checks) == ("better", True, 30, ())
    for decision in (second, third):
        assert (decision.verdict, decision.promoted, decision.samples) == ("inconclusive", False, 30)
        (check,) = decision.checks
        assert check.interval[0] <= check.challenger - check.champion <= check.interval[1]
        assert decision.reason == check.note
    champion = file_sha256(folder / "round-000/weights.safetensors")
    assert [query.model for query in records(folder, "query", Query)] == ["", champion, champion]


class Remembering(LocalRegistry):
    """Keeps what it is given."""

    def __init__(self, folder: Path, versions: list[ModelVersion]) -> None:
        super().__init__(folder)
        self.versions = versions

    def register(self, version: ModelVersion) -> str:
        self.versions.append(version)
        return super().register(version)


def test_a_version_says_what_its_cycle_did_otherwise(tmp_path: Path) -> None:
    """Its configuration is the run's: the words that changed it are among its tags, as a command line has them.

    Its files are those that ``alframe models show`` lists.
    """
    versions: list[ModelVersion] = []
    parts = tiny.parts(registry=lambda folder: Remembering(folder, versions), cycle=Plan(initial=6, batch=4, rounds=0))
    run(parts, tmp_path, tiny.CONFIG)
    with opened(parts, tmp_path, tiny.CONFIG) as cycle:
        cycle.go_on("by hand", changes=("training=fine_tune", "strategy.name=a b"))
    files = {"beginning.json", "replay.json", "weights.safetensors", "evaluation.json", "decision.json"}
    assert [version.files.keys() for version in versions] == [files] * 2
    assert [version.tags["changes"] for version in versions] == ["", "training=fine_tune 'strategy.name=a b'"]


def test_a_better_challenger_is_promoted_with_its_figures(tmp_path: Path) -> None:
    """Six labels and no training against forty and some: the record has both accuracies on the gate samples."""
    training = FromScratch(epochs=12, epoch_size=64)
    plan = Plan(initial=2, batch=40, rounds=1, gate=60)
    folder = start(tmp_path, PairedBootstrap(resamples=999), data=source(200), cycle=plan, training=training)
    assert promotions(folder) == [(0, None, "promotion"), (1, 0, "promotion")]
    decision = records(folder, "decision", Decision)[1]
    (check,) = decision.checks
    pool = Pool(source(200).table, Ledger(tiny.memory_engine()), validation=0, rng=generator(0, "validation"), gate=60)
    held_out = pool.in_state(State.GATE)
    asked = {name for query in records(folder, "query", Query) for name in query.ids}
    assert not asked & set(source(200).table.ids[held_out].tolist())
    for value, round in ((check.champion, 0), (check.challenger, 1)):
        learner = tiny.learner()((1, 8, 8), 3)
        load_weights(learner, folder / f"round-{round:03d}/weights.safetensors")
        data = ImageData(source(200), tiny.transforms(), evaluation_batch_size=16)
        found = outcomes(learner.eval(), data, held_out, tiny.parts().trainer, seed=derive_seed(0, "gate"))
        assert value == pytest.approx(found.value("accuracy"))


def test_no_model_is_champion_before_one_is_good_enough(tmp_path: Path) -> None:
    """Rounds go on from the latest; each is held to the floors alone, and the first that keeps to them is champion."""
    gate = Scripted(False, False, True, False)
    folder = start(tmp_path, gate, cycle=Plan(initial=6, batch=4, rounds=3, gate=30))
    assert bases(folder) == [None, 0, 1, 2]
    assert gate.had_champion == [False, False, False, True]
    assert promotions(folder) == [(2, None, "promotion")]


def test_floors_alone_decide_over_the_first_model(tmp_path: Path) -> None:
    """One that no six labels reach: nothing is promoted, and every round says why."""
    folder = start(tmp_path, PairedBootstrap(class_floor=1.0))
    assert promotions(folder) == []
    decisions = records(folder, "decision", Decision)
    assert [(each.verdict, each.promoted) for each in decisions] == [("worse", False)] * 3
    assert all("its floor is 1" in each.reason for each in decisions)


def test_a_rollback_while_a_round_runs_is_respected(tmp_path: Path) -> None:
    """The champion that the challenger was held against is gone: it is not promoted, and the next round begins anew."""

    def roll_back() -> None:
        log_of(tmp_path).roll_back(key="by hand", reason="it was a mistake")

    folder = start(tmp_path, Scripted(True, True, True, then=roll_back))
    assert promotions(folder) == [(0, None, "promotion"), (1, 0, "promotion"), (0, 1, "rollback")]
    with opened(tiny.parts(gate=Scripted(True), cycle=PLAN, data=source()), folder, tiny.CONFIG) as cycle:
        cycle.go_on("by hand")
    assert bases(folder) == [None, 0, 1, 0]
    assert promotions(folder)[3:] == [(3, 0, "promotion")]


def test_a_gate_that_has_nothing_to_compare_on_is_refused_before_the_run(tmp_path: Path) -> None:
    """Too few samples are held out, or fewer have a label than are to be; the first leaves no folder."""
    with pytest.raises(ConfigurationError, match=r"cycle\.gate is 0: .* as cycle\.gate=200"):
        start(tmp_path / "none", PairedBootstrap(), cycle=Plan())
    assert not (tmp_path / "none").exists()
    poor = source()
    poor.table.labels[np.flatnonzero(~poor.table.held_out)[20:]] = UNLABELLED
    with pytest.raises(ConfigurationError, match="cannot hold out 30 gate samples: the training part has 20"):
        start(tmp_path / "few", PairedBootstrap(), data=poor)


def test_a_gate_that_is_killed_decides_the_same_again(tmp_path: Path) -> None:
    """The step is done again from its seed: with the same figures to the last digit."""
    gate = PairedBootstrap(resamples=999)
    plan = Plan(initial=6, batch=4, rounds=1, gate=30)
    whole, killed = start(tmp_path / "whole", gate, cycle=plan), tmp_path / "killed"

    class Dying(PairedBootstrap):
        rounds = 0

        def decide(self, trial: Callable[[], Trial], rng: np.random.Generator) -> Decision:
            decision = super().decide(trial, rng)
            Dying.rounds += 1
            if Dying.rounds in (1, 3):
                raise KeyboardInterrupt
            return decision

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            start(killed, Dying(resamples=999), cycle=plan)
    start(killed, gate, cycle=plan)
    assert records(killed, "decision", Decision) == records(whole, "decision", Decision)
    assert promotions(killed) == promotions(whole)

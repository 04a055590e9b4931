from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from alframe.cycle import Plan
from alframe.data import ImageData
from alframe.errors import ConfigurationError, DataError, LabelsPending, RunConflict
from alframe.learner import PointEstimate, quiet_trainer
from alframe.oracle import Noisy, Simulated
from alframe.pool import Ledger, LedgerEntry
from alframe.run import run
from alframe.storage import Journal, file_sha256, load_record, open_database
from alframe.strategy import Bald, CoreSet, KMeans, Random
from alframe.types import UNLABELLED, Annotation, CurvePoint, Query


def start(folder: Path, **changes: Any) -> Path:
    run(tiny.parts(**changes), folder, tiny.CONFIG)
    return folder


def queries(folder: Path) -> list[Query]:
    return [load_record(path, Query) for path in sorted(folder.glob("round-*/query.json"))]


def points(folder: Path) -> list[CurvePoint]:
    return [load_record(path, CurvePoint) for path in sorted(folder.glob("round-*/evaluation.json"))]


def ledger(folder: Path) -> list[LedgerEntry]:
    return Ledger(open_database(f"sqlite:///{folder / 'run.sqlite'}")).entries()


def said(folder: Path) -> list[Annotation]:
    return [entry.annotation for entry in ledger(folder)]


def test_a_run_asks_for_what_the_plan_says(tmp_path: Path) -> None:
    """Round 0 has the first set, each further round a batch: no sample twice, none held out, all in the ledger."""
    folder = start(tmp_path)
    asked = [query.ids for query in queries(folder)]
    assert [len(ids) for ids in asked] == [6, 4, 4]
    flat = [sample_id for ids in asked for sample_id in ids]
    table = tiny.Bars().table
    truth = dict(zip(table.ids.tolist(), table.labels.tolist(), strict=True))
    assert len(set(flat)) == 14
    assert not set(flat) & set(table.ids[table.held_out].tolist())
    assert [(entry.sample_id, entry.label) for entry in said(folder)] == [(i, truth[i]) for i in flat]
    assert [(point.round, point.labels, point.evaluation.samples) for point in points(folder)] == [
        (0, 6, 15),
        (1, 10, 15),
        (2, 14, 15),
    ]


def test_a_query_names_the_model_that_it_looked_through(tmp_path: Path) -> None:
    """Each query and its ledger entries carry the SHA-256 of the weights trained the round before."""
    folder = start(tmp_path)
    versions = ["", *(file_sha256(folder / f"round-{round:03d}/weights.safetensors") for round in (0, 1))]
    assert [query.model for query in queries(folder)] == versions
    assert {(entry.round, entry.model) for entry in said(folder)} == set(enumerate(versions))


def test_equal_seeds_decide_equally(tmp_path: Path) -> None:
    """Two runs of one seed agree in every query and weight; another seed differs from the first set on."""
    first, again = start(tmp_path / "first"), start(tmp_path / "again")
    other = start(tmp_path / "other", seed=1)
    assert queries(first) == queries(again)
    assert file_sha256(first / "round-002/weights.safetensors") == file_sha256(again / "round-002/weights.safetensors")
    assert set(queries(first)[0].ids) != set(queries(other)[0].ids)


def test_killed_at_every_step_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    """SIGKILL before the rename, before the row and after the row of every step, resumed each time.

    Queries, ledger, evaluations and weights are those of the undisturbed run.
    """
    script = Path(__file__).parent / "kill_at_every_step.py"
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = subprocess.run(
        [sys.executable, str(script), str(whole), str(killed)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) >= 3 * 30
    assert queries(killed) == queries(whole)
    assert said(killed) == said(whole)
    assert points(killed) == points(whole)
    for round in range(3):
        weights = f"round-{round:03d}/weights.safetensors"
        assert file_sha256(killed / weights) == file_sha256(whole / weights)
    assert not list(killed.rglob(".unfinished-*"))


def test_a_finished_run_does_nothing_again(tmp_path: Path) -> None:
    """Starting a finished run again adds no step and no ledger entry."""
    folder = start(tmp_path)
    engine = open_database(f"sqlite:///{folder / 'run.sqlite'}")
    before = Journal(engine, folder).entries(), ledger(folder)
    start(folder)
    assert (Journal(engine, folder).entries(), ledger(folder)) == before


def test_a_slow_oracle_pauses_the_run(tmp_path: Path) -> None:
    """While labels are missing the run stops without training; what has come is kept; later it goes on."""

    class Slow(Simulated):
        answered = 4

        def collect(self, query: Query) -> list[Annotation]:
            return super().collect(query)[: self.answered]

    with pytest.raises(LabelsPending, match="2 of the 6 labels of round 0"):
        start(tmp_path, oracle=Slow)
    assert len(ledger(tmp_path)) == 4
    assert not points(tmp_path)
    Slow.answered = 100
    assert [point.labels for point in points(start(tmp_path, oracle=Slow))] == [6, 10, 14]


def test_training_follows_the_ledger(tmp_path: Path) -> None:
    """An oracle that is always wrong makes a model that is nearly always wrong on the true test labels."""
    folder = start(
        tmp_path,
        oracle=partial(Noisy, annotators={"liar": [[0, 1, 0], [0, 0, 1], [1, 0, 0]]}, seed=0),
        cycle=Plan(initial=40, batch=1, rounds=0),
        training=replace_training(epochs=20),
    )
    assert points(folder)[0].evaluation.metrics["accuracy"] < 0.3


def replace_training(**options: Any) -> Any:
    from alframe.training import FromScratch

    return FromScratch(**({"epoch_size": 64} | options))


@pytest.mark.parametrize("cold_start", [Random(), KMeans(), CoreSet()])
def test_the_first_set_is_a_choice(tmp_path: Path, cold_start: Any) -> None:
    """Random and diverse strategies can choose the first set, before there is a learner."""
    folder = start(tmp_path, cold_start=cold_start, cycle=Plan(initial=6, batch=1, rounds=0))
    assert queries(folder)[0].strategy == type(cold_start).__name__
    assert len(set(queries(folder)[0].ids)) == 6


def test_core_set_keeps_away_from_the_labelled(tmp_path: Path) -> None:
    """The labelled samples reach the strategy as centres: a pool of copies of one labelled image is asked last."""
    source = tiny.Bars(count=80)
    source.pixels[:40] = source.pixels[0]
    source.table.labels[:40] = source.table.labels[0]
    folder = start(tmp_path, data=source, strategy=CoreSet(), cycle=Plan(initial=10, batch=25, rounds=1))
    first, second = (set(query.ids) for query in queries(folder))
    copies = {f"bars/{position:03d}" for position in range(40)}
    distinct = set(source.table.ids[~source.table.held_out].tolist()) - copies
    assert first & copies, "the seed's first set must have a copy for this test to say anything"
    assert second >= distinct - first


def test_parts_that_do_not_fit_are_refused_before_any_work(tmp_path: Path) -> None:
    """A strategy that needs draws over a learner without any, and a cold start that needs a learner."""
    with pytest.raises(ConfigurationError, match="choose learner/posterior=mc_dropout"):
        start(tmp_path, strategy=Bald(), learner=tiny.learner(posterior=PointEstimate()))
    with pytest.raises(ConfigurationError, match="cold_start cannot need bald"):
        start(tmp_path, cold_start=Bald())
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_test_images_is_refused(tmp_path: Path) -> None:
    """There is nothing to measure progress on."""
    source = tiny.Bars()
    source.table = replace(source.table, held_out=np.zeros(60, dtype=np.bool_))
    with pytest.raises(DataError, match="no readable test sample"):
        start(tmp_path, data=source)


def test_workers_change_nothing(tmp_path: Path) -> None:
    """Reading images in two processes gives the same queries and weights as reading them in one."""
    plan = Plan(initial=6, batch=4, rounds=1)
    alone = start(tmp_path / "alone", cycle=plan)
    helped = start(
        tmp_path / "helped",
        cycle=plan,
        loader=partial(ImageData, batch_size=16, evaluation_batch_size=16, workers=2),
    )
    assert queries(alone) == queries(helped)
    assert file_sha256(alone / "round-001/weights.safetensors") == file_sha256(helped / "round-001/weights.safetensors")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"initial": 0}, "cycle.initial must be at least 1, got 0"),
        ({"rounds": -1}, "cycle.rounds must be at least 0, got -1"),
    ],
)
def test_plans_that_make_no_run_are_refused(wrong: dict[str, Any], message: str) -> None:
    """The message names the key of the configuration."""
    with pytest.raises(ConfigurationError, match=message):
        Plan(**wrong)


def test_balanced_classes_survive_a_resume(tmp_path: Path) -> None:
    """Weights of the loss belong to a training set: a learner that had them can be loaded into a fresh one."""
    plan = Plan(initial=6, batch=4, rounds=0)
    start(tmp_path, learner=tiny.learner(class_weights="balanced"), cycle=plan)
    start(tmp_path, learner=tiny.learner(class_weights="balanced"), cycle=replace(plan, rounds=1))
    assert [point.labels for point in points(tmp_path)] == [6, 10]


def test_a_round_that_gains_no_label_does_not_break_the_report(tmp_path: Path) -> None:
    """Samples that nobody can label are set aside; the curve has each number of labels once."""
    source = tiny.Bars()
    source.table.labels[np.flatnonzero(~source.table.held_out)[8:]] = UNLABELLED
    folder = start(tmp_path, data=source, strategy=Random(), cycle=Plan(initial=20, batch=5, rounds=4))
    assert len(points(folder)) == 5
    counts = [int(row.split(",")[1]) for row in (folder / "curve.csv").read_text().splitlines()[1:]]
    assert counts == sorted({point.labels for point in points(folder)})
    assert len(counts) < 5


def test_one_class_is_refused_before_any_work(tmp_path: Path) -> None:
    """There is nothing to classify; the message says which class there is."""
    source = tiny.Bars()
    source.classes = ("cat",)  # type: ignore[assignment]  # Bars has three
    source.table.labels[:] = 0
    with pytest.raises(DataError, match=r"at least two classes, bars has \['cat'\]"):
        start(tmp_path, data=source)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_data_source_is_noticed(tmp_path: Path) -> None:
    """A run does not go on with another test set or other labels."""
    start(tmp_path, cycle=Plan(initial=6, batch=4, rounds=0))
    with pytest.raises(RunConflict, match="data_sha256"):
        start(tmp_path, data=tiny.Bars(seed=1))


def test_other_precisions_resume_alike(tmp_path: Path) -> None:
    """A learner of doubles is loaded as doubles: the second half of a run equals that of an undisturbed one."""
    double = partial(quiet_trainer, accelerator="cpu", precision="64-true")
    whole = start(tmp_path / "whole", trainer=double, cycle=Plan(initial=6, batch=4, rounds=1))
    start(tmp_path / "halves", trainer=double, cycle=Plan(initial=6, batch=4, rounds=0))
    halves = start(tmp_path / "halves", trainer=double, cycle=Plan(initial=6, batch=4, rounds=1))
    assert queries(halves) == queries(whole)
    assert points(halves) == points(whole)

"""What belongs together and what it is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alframe.errors import ConfigurationError
from alframe.report import RunFolder
from alframe.report.grouping import group_runs

MakeRun = Callable[..., Path]


def test_seeds_belong_together(make_run: MakeRun) -> None:
    """Runs that differ in seed and name are one group, ordered by seed; the strategy alone is its name."""
    runs = [RunFolder.load(make_run(strategy, seed)) for strategy in ("random", "entropy") for seed in (1, 0)]
    groups = group_runs(runs)
    assert [(group.label, group.baseline, [run.seed for run in group.runs]) for group in groups] == [
        ("entropy", "random", [0, 1]),
        ("random", None, [0, 1]),
    ]


def test_what_else_differs_is_named_and_the_baseline_shares_it(make_run: MakeRun) -> None:
    """With two batch sizes each strategy is two groups, each with the random choice of its own size."""
    paths = [
        make_run(strategy, folder=f"{strategy}{batch}", config={"cycle": {"batch": batch}})
        for strategy in ("random", "bald")
        for batch in (10, 20)
    ]
    groups = group_runs([RunFolder.load(path) for path in paths])
    assert [(group.label, group.baseline) for group in groups] == [
        ("bald, cycle.batch=10", "random, cycle.batch=10"),
        ("bald, cycle.batch=20", "random, cycle.batch=20"),
        ("random, cycle.batch=10", None),
        ("random, cycle.batch=20", None),
    ]


def test_a_parameter_of_the_strategy_is_named_where_it_does_not_follow(make_run: MakeRun) -> None:
    """Two values under one strategy are two groups; random, which has no such parameter, keeps its name."""
    paths = [
        make_run("mix", folder=f"mix{share}", config={"strategy": {"_target_": "Mix", "share": share}})
        for share in (0.1, 0.5)
    ]
    groups = group_runs([RunFolder.load(path) for path in [*paths, make_run("random")]])
    assert [(group.label, group.baseline) for group in groups] == [
        ("mix, strategy.share=0.1", "random"),
        ("mix, strategy.share=0.5", "random"),
        ("random", None),
    ]


def test_a_nested_choice_is_named_once(make_run: MakeRun) -> None:
    """Keys in the section of a choice that follow from it are not repeated beside it."""
    paths = [
        make_run(
            folder=name,
            choices={"learner/backbone": name},
            config={"learner": {"dropout": 0.5, "backbone": {"_target_": name}}},
        )
        for name in ("resnet", "vit")
    ]
    groups = group_runs([RunFolder.load(path) for path in paths])
    assert [group.label for group in groups] == [
        "entropy, learner/backbone=resnet",
        "entropy, learner/backbone=vit",
    ]


def test_a_key_that_is_the_seed_does_not_divide(make_run: MakeRun) -> None:
    """A configuration that passes the seed on to a part differs in nothing else."""
    runs = [RunFolder.load(make_run(seed=seed, config={"oracle": {"seed": seed}})) for seed in (0, 1)]
    assert [group.label for group in group_runs(runs)] == ["entropy"]


def test_other_data_is_refused(make_run: MakeRun) -> None:
    """The message says which keys differ and how."""
    other = make_run(folder="other", choices={"data": "seven"})
    with pytest.raises(ConfigurationError, match=r"same data.*choices\.data \('six', 'seven'\)"):
        group_runs([RunFolder.load(make_run()), RunFolder.load(other)])


def test_the_same_run_twice_is_refused(make_run: MakeRun) -> None:
    """Two folders with the same configuration and seed would count one result twice."""
    copies = [RunFolder.load(make_run(folder=name)) for name in ("a", "b")]
    with pytest.raises(ConfigurationError, match="the same run"):
        group_runs(copies)

"""The files under ``configs/strategy`` and ``configs/cold_start`` say what the classes are."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest
from choices import CONFIGS, STRATEGIES, made

import alframe.strategy
from alframe.functional import REDUCTIONS
from alframe.strategy import Strategy
from alframe.strategy.committee.disagreement import Disagreement

COLD_STARTS = sorted(path.stem for path in (CONFIGS / "cold_start").glob("*.yaml"))
CHOICES = [("strategy", name) for name in STRATEGIES] + [("cold_start", name) for name in COLD_STARTS]


def _subclasses(base: type) -> Iterator[type]:
    child: type
    for child in base.__subclasses__():
        yield child
        yield from _subclasses(child)


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_each_file_makes_a_strategy_and_names_its_needs(group: str, name: str) -> None:
    """It is built without arguments, and its first line says what it is and which arrays it needs."""
    strategy = made(name, group)
    about = (CONFIGS / group / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert isinstance(strategy, Strategy)
    assert about.startswith("# ")
    assert all(("samples" if need in REDUCTIONS else need) in about for need in strategy.needs)
    assert ("Needs nothing" in about) == (not strategy.needs)


def test_each_strategy_has_one_file_and_is_exported() -> None:
    """Every concrete class that a module of the room defines can be imported from it and chosen by one name."""
    for module in pkgutil.walk_packages(alframe.strategy.__path__, "alframe.strategy."):
        importlib.import_module(module.name)
    defined = {
        child
        for child in _subclasses(Strategy)
        if child.__module__.startswith("alframe.strategy.") and not inspect.isabstract(child)
    } - {Disagreement}
    exported = {getattr(alframe.strategy, name) for name in alframe.strategy.__all__}
    configured = [type(made(name)) for name in STRATEGIES]
    assert len(configured) == len(set(configured))
    assert set(configured) == defined
    assert defined <= exported


@pytest.mark.parametrize("name", COLD_STARTS)
def test_a_first_set_needs_no_trained_learner(name: str) -> None:
    """Before there is a label there are embeddings of pixels at most, and no probabilities."""
    assert made(name, "cold_start").needs <= {"embeddings"}

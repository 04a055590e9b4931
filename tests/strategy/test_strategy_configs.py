"""The files under ``configs/strategy`` and ``configs/cold_start`` say what the classes are."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

import alframe.strategy
from alframe.strategy import Strategy

CONFIGS = Path(__file__).parents[2] / "configs"
FILES = sorted(path for group in ("strategy", "cold_start") for path in (CONFIGS / group).glob("*.yaml"))


def _made(path: Path) -> Strategy:
    strategy: Strategy = instantiate(OmegaConf.load(path))
    return strategy


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_each_file_makes_a_strategy_and_names_its_needs(path: Path) -> None:
    """It is built without arguments, and its first line says what it is and which arrays it needs."""
    strategy, about = _made(path), path.read_text(encoding="utf-8").splitlines()[0]
    assert isinstance(strategy, Strategy)
    assert about.startswith("# ")
    assert all(need in about for need in strategy.needs)
    assert ("Needs nothing" in about) == (not strategy.needs)


def test_each_strategy_has_a_file() -> None:
    """What is exported can be chosen on the command line, once."""
    exported = {getattr(alframe.strategy, name) for name in alframe.strategy.__all__}
    concrete = {thing for thing in exported if inspect.isclass(thing) and not inspect.isabstract(thing)}
    configured = [type(_made(path)) for path in FILES if path.parent.name == "strategy"]
    assert len(configured) == len(set(configured))
    assert set(configured) == concrete


def test_a_first_set_needs_no_trained_learner() -> None:
    """Before there is a label there are embeddings of pixels at most, and no probabilities."""
    for path in FILES:
        if path.parent.name == "cold_start":
            assert _made(path).needs <= {"embeddings"}

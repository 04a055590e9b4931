"""Monitors: what they find, what they let pass, and what they say of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from choices import CONFIGS
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf
from pydantic import TypeAdapter
from scipy import stats

from alframe import configuration
from alframe.errors import ConfigurationError, InvalidInput
from alframe.monitor import (
    AnyOf,
    DomainClassifier,
    KolmogorovSmirnov,
    MaximumMeanDiscrepancy,
    Monitor,
    PopulationStability,
)
from alframe.types import Drift, Need, Predictions

NAMES = sorted(path.stem for path in (CONFIGS / "monitor").glob("*.yaml"))


def predictions(embeddings: NDArray[np.float64]) -> Predictions:
    """Samples with these embeddings; the first four are the logits."""
    probs = np.exp(embeddings[:, :4])
    ids = np.arange(len(embeddings)).astype(np.str_)
    return Predictions(ids, probs / probs.sum(axis=1, keepdims=True), embeddings)


def drawn(count: int, rng: np.random.Generator, shift: float = 0.0) -> Predictions:
    """Normal embeddings, the first dimension moved."""
    embeddings = rng.normal(size=(count, 6))
    embeddings[:, 0] += shift
    return predictions(embeddings)


def made(name: str) -> Monitor:
    """The monitor of one file, checked as the command checks it."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(f"monitor/{name}")
    plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    configuration.check(plain, lambda monitor: monitor)
    monitor: Monitor = instantiate(config["monitor"], _convert_="all")
    return monitor


@pytest.mark.parametrize("name", NAMES)
def test_each_file_makes_a_monitor_that_finds_a_shift_and_names_its_needs(name: str) -> None:
    """It goes by the file's name, reads what its first line says, and its findings can be written down."""
    rng, monitor = np.random.default_rng(0), made(name)
    found = monitor.compare(drawn(200, rng), drawn(100, rng, shift=3.0), rng)
    assert found.monitor == name
    assert found.drifted
    assert found.p_value is not None
    assert found.p_value <= found.threshold == 0.05
    assert found.samples == (200, 100)
    assert not monitor.compare(drawn(200, rng), drawn(100, rng), rng).drifted
    about = (CONFIGS / "monitor" / f"{name}.yaml").read_text().splitlines()[0]
    assert all(need in about for need in monitor.needs)
    kept = TypeAdapter(Drift)
    assert kept.validate_json(kept.dump_json(found)) == found


@pytest.mark.parametrize("name", NAMES)
def test_too_few_samples_on_either_side_are_no_drift(name: str) -> None:
    """However far away they are; the details say how many it takes."""
    rng, monitor = np.random.default_rng(0), made(name)
    for sides in ((19, 100), (100, 19), (0, 100), (100, 0)):
        found = monitor.compare(drawn(sides[0], rng), drawn(sides[1], rng, shift=9.0), rng)
        assert not found.drifted
        assert found.p_value is None
        assert found.samples == sides
        assert 20 in found.details.values()
    assert monitor.compare(drawn(20, rng), drawn(20, rng, shift=9.0), rng).p_value is not None


ALL: dict[str, Callable[[], Monitor]] = {
    "kolmogorov_smirnov": lambda: KolmogorovSmirnov(level=0.1),
    "simes": lambda: KolmogorovSmirnov(level=0.1, correction="benjamini_hochberg"),
    "maximum_mean_discrepancy": lambda: MaximumMeanDiscrepancy(level=0.1, permutations=59),
    "domain_classifier": lambda: DomainClassifier(level=0.1),
    "population_stability": lambda: PopulationStability(level=0.1, limit=0.0, permutations=99),
    "any_of": lambda: AnyOf(
        monitors={
            "dimensions": KolmogorovSmirnov(level=0.1),
            "kernel": MaximumMeanDiscrepancy(level=0.1, permutations=59),
            "classes": PopulationStability(level=0.1, limit=0.0, permutations=99),
        },
        level=0.1,
    ),
}


@pytest.mark.parametrize("name", ALL)
def test_false_alarms_keep_to_the_stated_level(name: str) -> None:
    """Of 200 windows without drift, no more than a binomial at the level exceeds once in 10,000 times.

    ``experiments/drift_monitors`` has 1,000 windows of two kinds.
    """
    rng, monitor = np.random.default_rng(2), ALL[name]()
    alarms = sum(monitor.compare(drawn(40, rng), drawn(25, rng), rng).drifted for _ in range(200))
    assert alarms <= stats.binom.isf(1e-4, 200, 0.1)


def test_a_change_of_classes_has_to_matter_and_to_be_no_chance() -> None:
    """In a small window the index passes its limit by chance; in a large one a small index is no chance."""

    def classes(*counts: int) -> Predictions:
        labels = np.repeat(np.arange(len(counts)), counts)
        return Predictions(labels.astype(np.str_), np.eye(len(counts))[labels])

    rng, monitor = np.random.default_rng(0), PopulationStability()
    chance = monitor.compare(classes(50, 50, 50, 50, 50), classes(8, 3, 5, 2, 2), rng)
    trifle = monitor.compare(classes(50_000, 50_000), classes(26_000, 24_000), rng)
    change = monitor.compare(classes(500, 500), classes(400, 100), rng)
    assert chance.statistic > 0.2 > trifle.statistic
    assert chance.p_value is not None
    assert trifle.p_value is not None
    assert chance.p_value > 0.05 > trifle.p_value
    assert [chance.drifted, trifle.drifted, change.drifted] == [False, False, True]


class Told(Monitor):
    """Finds what it was told."""

    name = "told"
    needs: frozenset[Need] = frozenset({"probs"})

    def __init__(self, p_value: float | None, *, drifted: bool) -> None:
        self._found = Drift(self.name, drifted, 0.5, 0.05, p_value, (1, 1), {"figure": 7.0})

    def compare(self, reference: Predictions, window: Predictions, rng: np.random.Generator) -> Drift:  # noqa: ARG002
        """As it was told."""
        return self._found


@pytest.mark.parametrize(
    ("found", "drifted", "p_value"),
    [
        ([Told(0.02, drifted=True), Told(0.4, drifted=False)], True, 0.04),
        ([Told(0.03, drifted=True), Told(0.4, drifted=False)], False, 0.06),
        ([Told(0.02, drifted=False), Told(0.4, drifted=False)], False, 0.04),
        ([Told(None, drifted=False), Told(0.02, drifted=True)], True, 0.04),
        ([Told(None, drifted=False), Told(None, drifted=False)], False, None),
        ([Told(None, drifted=True)], True, None),
    ],
)
def test_together_they_keep_one_level(found: list[Monitor], drifted: bool, p_value: float | None) -> None:
    """Each p-value counts as often as there are monitors; what a monitor itself lets pass stays passed."""
    monitor = AnyOf(monitors={f"m{place}": each for place, each in enumerate(found)}, level=0.05)
    nothing, rng = Predictions(np.empty(0, np.str_)), np.random.default_rng(0)
    drift = monitor.compare(nothing, nothing, rng)
    assert (drift.drifted, drift.p_value) == (drifted, p_value)
    assert drift.details["m0.figure"] == 7.0
    assert monitor.needs == {"probs"}


def test_what_was_not_predicted_is_refused() -> None:
    """With the monitor's name and what it reads."""
    rng = np.random.default_rng(0)
    window = drawn(30, rng)
    with pytest.raises(InvalidInput, match="kolmogorov_smirnov reads embeddings"):
        KolmogorovSmirnov().compare(Predictions(window.ids), window, rng)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: KolmogorovSmirnov(level=0.0), "level must lie between 0 and 1"),
        (lambda: DomainClassifier(minimum=1), "minimum must be at least 2"),
        (lambda: MaximumMeanDiscrepancy(permutations=18), "make permutations at least 19"),
        (lambda: MaximumMeanDiscrepancy(permutations=-1), "make permutations at least 19"),
        (lambda: PopulationStability(limit=-0.1), "limit must be finite and not negative"),
        (lambda: AnyOf(monitors={}), "monitors is empty"),
        (lambda: AnyOf(monitors={"a": DomainClassifier()}, level=2.0), "level must lie between 0 and 1"),
        (
            lambda: AnyOf(monitors={"a": DomainClassifier(), "b": MaximumMeanDiscrepancy(permutations=19)}),
            "b shows no p-value under 0.05, and one of 2 monitors needs 0.025",
        ),
    ],
)
def test_numbers_that_make_no_monitor_are_refused(make: Callable[[], Monitor], message: str) -> None:
    """When it is made, with what would do."""
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_one_monitor_more_is_a_word_on_the_command_line(tmp_path: Path) -> None:
    """As for stopping rules."""
    (tmp_path / "root.yaml").write_text(
        f"defaults: [monitor: kolmogorov_smirnov, _self_]\nhydra: {{searchpath: ['file://{CONFIGS}']}}\n"
    )
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        config = compose("root", ["monitor=any_of", "+monitor@monitor.monitors.third=domain_classifier"])
    assert list(config.monitor.monitors) == ["embeddings", "classes", "third"]
    assert isinstance(instantiate(config.monitor, _convert_="all"), AnyOf)

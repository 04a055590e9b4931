"""Runs that differ in nothing but their seed belong together; what else differs is what is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alframe.configuration import flatten
from alframe.errors import ConfigurationError
from alframe.report.run_folder import RunFolder
from alframe.storage.run_folder import INCIDENTAL

NOT_COMPARED = INCIDENTAL | {"seed", "name", "data.root", "data.source.root", "trainer.accelerator", "trainer.devices"}
"""Keys that say which repetition a run is, or where it is computed, and not what it is."""

BASELINE = "random"
"""The strategy that savings are measured against."""


@dataclass(frozen=True)
class Group:
    """Runs of one strategy (or of one configuration), one per seed.

    Attributes:
        label: what sets it apart: "entropy", or "bald, cycle.batch=20" where more than the strategy differs.
        baseline: the label of its counterpart with random choice; ``None`` if it is one itself.
        runs: in the order of seeds.
    """

    label: str
    baseline: str | None
    runs: tuple[RunFolder, ...]


def group_runs(runs: Sequence[RunFolder]) -> list[Group]:
    """Put together the runs whose configurations differ only in the seed, in alphabetical order of labels.

    Raises:
        ConfigurationError: the runs are on different data, or two of them are repetitions with the same seed.
    """
    configs = [flatten(run.config) for run in runs]
    keys = _distinguishing(configs, [run.seed for run in runs])
    other_data = [key for key in keys if key in {"choices.data", "data_sha256"} or key.startswith("data.")]
    if other_data:
        raise ConfigurationError(
            "only runs on the same data can be compared; these differ in "
            + "; ".join(f"{key} ({', '.join(_values(configs, key))})" for key in other_data)
            + ": compare them in separate calls"
        )
    members: dict[str, list[RunFolder]] = {}
    baselines: dict[str, str | None] = {}
    for run, config in zip(runs, configs, strict=True):
        strategy = run.choices["strategy"]
        label = _label(strategy, config, keys)
        members.setdefault(label, []).append(run)
        shared = [key for key in keys if not key.startswith("strategy.")]
        baselines[label] = None if strategy == BASELINE else _label(BASELINE, config, shared)
    return [Group(label, baselines[label], _by_seed(label, members[label])) for label in sorted(members)]


def _distinguishing(configs: Sequence[Mapping[str, Any]], seeds: Sequence[int]) -> list[str]:
    """The keys that differ between configurations, without those that only follow from another."""
    keys = [key for key in dict.fromkeys(key for config in configs for key in config) if key not in NOT_COMPARED]
    differ = [key for key in keys if len(set(_values(configs, key))) > 1]
    differ = [key for key in differ if [config.get(key) for config in configs] != list(seeds)]
    choices = [key for key in differ if key.startswith("choices.")]
    return [key for key in differ if key in choices or not any(_follows(configs, key, choice) for choice in choices)]


def _follows(configs: Sequence[Mapping[str, Any]], key: str, choice: str) -> bool:
    """Whether ``key`` lies in the section of ``choice`` and has one value for each value of it."""
    section = choice.removeprefix("choices.").replace("/", ".")
    if not key.startswith(f"{section}."):
        return False
    pairs = set(zip(_values(configs, choice), _values(configs, key), strict=True))
    return len(pairs) == len(set(_values(configs, choice)))


def _label(strategy: str, config: Mapping[str, Any], keys: Sequence[str]) -> str:
    others = [key for key in keys if key in config and key != "choices.strategy"]
    return ", ".join([strategy, *(f"{key.removeprefix('choices.')}={config[key]}" for key in others)])


def _by_seed(label: str, runs: Sequence[RunFolder]) -> tuple[RunFolder, ...]:
    seen: dict[int, RunFolder] = {}
    for run in runs:
        if run.seed in seen:
            raise ConfigurationError(
                f"{seen[run.seed].path} and {run.path} are the same run ({label}, seed {run.seed}): "
                "counting it twice would make differences look surer than they are; give only one of them"
            )
        seen[run.seed] = run
    return tuple(seen[seed] for seed in sorted(seen))


def _values(configs: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return [repr(config[key]) if key in config else "not set" for config in configs]

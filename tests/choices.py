"""The strategies that ``configs/strategy`` names, made as the command makes them."""

from __future__ import annotations

from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from alframe.strategy import Strategy

CONFIGS = Path(__file__).parents[1] / "configs"
STRATEGIES = sorted(path.stem for path in (CONFIGS / "strategy").glob("*.yaml"))


def made(name: str, group: str = "strategy") -> Strategy:
    """The strategy of one file, with its defaults."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(f"{group}/{name}")
    strategy: Strategy = instantiate(config[group], _convert_="all")
    return strategy

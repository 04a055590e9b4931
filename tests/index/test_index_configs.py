from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from alframe import configuration
from alframe.index import Index

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONFIGS / "index").glob("*.yaml")))
def test_every_choice_is_an_index(name: str) -> None:
    """Each file names arguments that its class takes, all of them, and the index it makes can search."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(f"index/{name}").index
    plain: Any = OmegaConf.to_container(config)
    configuration.check({"index": plain}, lambda index: index)
    index: Index = instantiate(config)
    assert set(index.arguments) <= set(plain)
    index.build(np.eye(5))
    assert index.search(np.eye(5), 1)[1].ravel().tolist() == [0, 1, 2, 3, 4]

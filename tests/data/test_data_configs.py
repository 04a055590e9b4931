"""The configuration files of the data sets."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, cast

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from alframe.data import Digits, Source

FILES = sorted((Path(__file__).parents[2] / "configs" / "data").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_names_every_argument(path: Path) -> None:
    """A file shows all that can be set: the arguments of its source, with the constructor's defaults."""
    with initialize_config_dir(str(path.parents[1]), version_base="1.3"):
        composed = compose(f"data/{path.stem}")
    config = cast("dict[str, Any]", OmegaConf.to_container(composed.data))
    source = get_class(config["_target_"])
    assert issubclass(source, Source)
    parameters = inspect.signature(source).parameters
    assert set(config) - {"_target_"} == set(parameters)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty:
            assert config[name] == "???" or name in {"dataset", "root", "source"}
        else:
            given = tuple(config[name]) if isinstance(config[name], list) else config[name]
            assert given == parameter.default


def test_the_default_needs_no_download() -> None:
    """The digits are built from their file as it is."""
    (path,) = (path for path in FILES if path.stem == "digits")
    assert isinstance(instantiate(OmegaConf.load(path)), Digits)

"""What every function in ``alframe.functional`` has."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

import alframe.functional

INSIDE = {
    "blocks",
    "checks",
    "consensus.known",
    "consensus.maximisation",
    "geometry.clustering",
    "coverage.bounds",
    "detection.overlaps",
    "detection.padding",
    "detection.truth",
    "coverage.farthest_first",
    "coverage.k_center_torch",
    "geometry.distances",
    "geometry.gram",
    "greedy",
    "hybrid.badge_torch",
    "hybrid.gradients",
    "hybrid.rejection",
    "geometry.neighbors",
    "spread",
    "tensors",
}
"""Modules that serve the others and are not exported."""


def public_functions() -> dict[str, tuple[str, Callable[..., Any]]]:
    """Every public function that a module of the room defines, with the module's name."""
    found: dict[str, tuple[str, Callable[..., Any]]] = {}
    for info in pkgutil.walk_packages(alframe.functional.__path__, "alframe.functional."):
        module = importlib.import_module(info.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                found[name] = (info.name.removeprefix("alframe.functional."), function)
    return found


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_every_public_function_has_an_example(name: str) -> None:
    """The example runs as a test with ``--doctest-modules``."""
    _, function = public_functions()[name]
    assert ">>> " in (function.__doc__ or "")


def test_every_public_function_is_exported() -> None:
    """``from alframe.functional import bald``: no caller needs to know the module."""
    exported = {name for name, (module, _) in public_functions().items() if module not in INSIDE}
    assert exported | {"REDUCTIONS"} == set(alframe.functional.__all__)

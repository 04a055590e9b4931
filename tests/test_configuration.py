from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from alframe.configuration import check
from alframe.errors import ConfigurationError


@dataclass
class Engine:
    """A part with one argument of each kind."""

    kind: Literal["diesel", "petrol"]
    power: float = 1.0
    gears: int = 5
    rates: Mapping[str, float | Sequence[Sequence[float]]] | None = None


@dataclass
class Car:
    """What the root of a configuration describes."""

    engine: Engine | Callable[[], Engine]
    seats: int = 4
    spares: Mapping[str, Engine] | Sequence[Engine] = ()


TARGET = {"_target_": f"{__name__}.Engine"}


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__, __import__("types").ModuleType(__name__)))
    monkeypatch.setattr(sys.modules[__name__], "Engine", Engine, raising=False)


def checked(engine: dict[str, Any], **root: Any) -> None:
    check({"engine": TARGET | engine, **root}, Car)


def test_right_values_pass() -> None:
    """A whole number where any number will do, nested lists, and ``None`` where it is allowed."""
    checked({"kind": "diesel", "power": 2, "gears": 6, "rates": {"a": 0.1, "b": [[1, 0], [0, 1]]}}, seats=2)
    checked({"kind": "petrol", "rates": None, "_partial_": True})


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        (
            {"kind": "diesel", "powr": 2},
            r"has no 'engine.powr'; did you mean engine.power\?",
        ),
        ({"kind": "steam"}, r"engine.kind='steam' is no right value: .*'diesel' or 'petrol'"),
        ({"kind": "diesel", "gears": 2.5}, r"engine.gears=2.5 is no right value: .*integer"),
        ({"kind": "diesel", "gears": True}, r"engine.gears=True is no right value"),
        ({"kind": "diesel", "gears": "many"}, r"engine.gears='many' is no right value"),
        ({"kind": "diesel", "rates": {"a": "often"}}, r"engine.rates=.* is no right value"),
        (
            {"_target_": "alframe.nowhere.Engine"},
            r"engine._target_ names 'alframe.nowhere.Engine', which cannot be imported",
        ),
    ],
)
def test_wrong_keys_and_values_are_refused_with_what_is_right(engine: dict[str, Any], message: str) -> None:
    """The message has the full key, what was given, and the nearest right name or the kind of value."""
    with pytest.raises(ConfigurationError, match=message):
        checked(engine)


def test_the_root_is_checked_as_well() -> None:
    """A section that the run does not know is refused with the nearest one."""
    with pytest.raises(ConfigurationError, match=r"'seat'; did you mean seats\?"):
        checked({"kind": "diesel"}, seat=2)


def test_a_foreign_class_that_cannot_be_described_is_left_to_its_constructor() -> None:
    """Torch's optimisers take tensors too: their hints are no obstacle, their parameter names are still checked."""
    sgd = {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.1}
    check({"engine": sgd}, Car)
    with pytest.raises(ConfigurationError, match=r"did you mean engine\.momentum"):
        check({"engine": sgd | {"momentun": 0.9}}, Car)


@pytest.mark.parametrize(
    ("spares", "place"), [(lambda part: {"boot": part}, "spares.boot"), (lambda part: [part], "spares.0")]
)
def test_parts_in_mappings_and_lists_are_checked_where_they_lie(spares: Callable[[Any], Any], place: str) -> None:
    """A part among others, by name or by number, is held against its own constructor; so is a value without parts."""
    checked({"kind": "diesel"}, spares=spares(TARGET | {"kind": "petrol"}))
    with pytest.raises(ConfigurationError, match=rf"no '{place}.gear'; did you mean {place}.gears\?"):
        checked({"kind": "diesel"}, spares=spares(TARGET | {"kind": "petrol", "gear": 5}))
    with pytest.raises(ConfigurationError, match=r"spares=.* is no right value"):
        checked({"kind": "diesel"}, spares=spares({"kind": "petrol"}))

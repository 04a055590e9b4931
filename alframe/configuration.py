"""Configurations as plain values: flattened to dotted keys, and checked against the constructors that they name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, get_type_hints

from pydantic import ConfigDict, PydanticSchemaGenerationError, TypeAdapter, ValidationError

from alframe.errors import ConfigurationError

HYDRA_KEYS = frozenset({"_target_", "_partial_", "_convert_", "_args_", "_recursive_"})


def check(config: Mapping[str, Any], target: Callable[..., Any], path: str = "") -> None:
    """Check that ``config`` holds arguments of ``target``, and everything below it those of its own ``_target_``.

    Args:
        config: plain values, as resolved from the configuration files.
        target: the class or function that takes them.
        path: where ``config`` lies in the configuration, for messages.

    Raises:
        ConfigurationError: an unknown key, with the nearest right one; a wrong value, with what is right.
    """
    parameters = inspect.signature(target).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    hints = get_type_hints(target.__init__ if inspect.isclass(target) else target)
    for key, value in config.items():
        if key in HYDRA_KEYS:
            continue
        here = f"{path}.{key}" if path else key
        if key not in parameters and not open_ended:
            raise ConfigurationError(unknown(here, [f"{path}.{name}" if path else name for name in parameters]))
        parts = dict(_parts(value, here))
        for place, part in parts.items():
            check(part, _resolve(part["_target_"], place), place)
        if not parts:
            _check_value(value, hints.get(key, Any), here)


def unknown(key: str, known: list[str]) -> str:
    """What to say of a key that is not among the known ones."""
    parent, _, name = key.rpartition(".")
    siblings = {other.rpartition(".")[2]: other for other in known if other.rpartition(".")[0] == parent}
    nearest = [siblings[match] for match in get_close_matches(name, siblings)] or get_close_matches(key, known)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"known are {', '.join(sorted(known))}"
    return f"the configuration has no {key!r}; {hint}"


def flatten(config: Mapping[str, Any]) -> dict[str, Any]:
    """Nested keys as dotted ones; an empty mapping stays a value.

    >>> flatten({"cycle": {"batch": 10, "budget": None}, "seed": 0})
    {'cycle.batch': 10, 'cycle.budget': None, 'seed': 0}
    """
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= {f"{key}.{name}": below for name, below in flatten(value).items()}
        else:
            flat[key] = value
    return flat


def _resolve(name: str, path: str) -> Callable[..., Any]:
    module, _, attribute = name.rpartition(".")
    try:
        found: Callable[..., Any] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{path}._target_ names {name!r}, which cannot be imported: {error}") from error
    return found


def _check_value(value: Any, hint: Any, path: str) -> None:
    try:
        TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value, strict=True)
    except PydanticSchemaGenerationError:
        return  # a foreign type without a schema: its constructor will say
    except ValidationError as error:
        expected = "; ".join(sorted({problem["msg"] for problem in error.errors()}))
        raise ConfigurationError(f"{path}={value!r} is no right value: {expected}") from error


def _parts(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The nearest mappings with a ``_target_``, at or below ``value``, and where they lie."""
    if isinstance(value, Mapping) and "_target_" in value:
        yield path, value
    elif isinstance(value, Mapping | list | tuple):
        for key, below in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _parts(below, f"{path}.{key}")

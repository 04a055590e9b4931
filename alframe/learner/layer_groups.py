"""The layers of a network in groups, from the image on: what is frozen, or learns more slowly, goes by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from torch import nn

LayerGroups: TypeAlias = Mapping[str, Sequence[nn.Module]]
"""Modules by the name of their group, in the order in which an image meets them; each is listed without those in it."""

HEAD = "head"
"""The last group: what follows the backbone."""


def groups_of(children: Iterable[tuple[str, nn.Module]]) -> dict[str, list[nn.Module]]:
    """A group for each of these modules by its name, and for each layer of one that is but a row of layers.

    >>> layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3))
    >>> list(groups_of([("body", layers), ("neck", nn.Linear(2, 2))]))
    ['body.0', 'body.2', 'neck']
    """
    groups: dict[str, list[nn.Module]] = {}
    for name, module in children:
        if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict):
            groups |= {f"{name}.{part}": list(layer.modules()) for part, layer in module.named_children()}
        else:
            groups[name] = list(module.modules())
    return {name: modules for name, modules in groups.items() if any(list(part.parameters()) for part in modules)}


def merged(each: Iterable[LayerGroups]) -> dict[str, list[nn.Module]]:
    """The groups of several networks of one architecture, side by side."""
    groups: dict[str, list[nn.Module]] = {}
    for own in each:
        for name, modules in own.items():
            groups.setdefault(name, []).extend(modules)
    return groups

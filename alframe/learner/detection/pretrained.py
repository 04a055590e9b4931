"""Whole detectors of torchvision with their weights."""

from __future__ import annotations

from typing import Any

from torchvision.models import detection, get_model, list_models

from alframe.errors import ConfigurationError


def pretrained(name: str, family: str, **settings: object) -> Any:
    """The detector that torchvision calls so, with its best weights, which are downloaded on first use.

    Args:
        name: torchvision's, such as ``fasterrcnn_resnet50_fpn_v2``.
        family: what the names of its kind begin with.
        settings: further arguments of its constructor.

    Raises:
        ConfigurationError: none of the family is called so.
    """
    names = [known for known in list_models(detection) if known.startswith(family)]
    if name not in names:
        raise ConfigurationError(f"learner.architecture.weights={name!r} is none of {', '.join(names)}")
    return get_model(name, weights="DEFAULT", **settings)

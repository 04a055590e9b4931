"""Steps of a way from image to tensor: built from what a configuration says, and taken. Albumentations is here."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
from pydantic import ValidationError

from alframe.data.source import Image
from alframe.errors import ConfigurationError

# Importing it would otherwise ask the internet for a newer release.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A

__all__ = ["A", "build_step", "take_step"]


def build_step(step: Mapping[str, Mapping[str, Any]]) -> A.BasicTransform:
    """The transform of Albumentations that a step names, with its arguments.

    Raises:
        ConfigurationError: more or less than one, one that does not exist, arguments that it does not take.
    """
    if len(step) != 1:
        raise ConfigurationError(f"transforms: one transform with its arguments is a step, got {dict(step)}")
    ((name, arguments),) = step.items()
    transform: Any = getattr(A, name, None)
    if not _is_transform(transform):
        nearest = get_close_matches(name, [each for each in dir(A) if _is_transform(getattr(A, each))])
        hint = f"did you mean {' or '.join(nearest)}?" if nearest else "its documentation lists them"
        raise ConfigurationError(f"transforms: Albumentations {A.__version__} has no transform {name!r}; {hint}")
    try:
        with warnings.catch_warnings(action="error"):  # of an unknown argument it only warns
            return transform(**arguments)
    except (TypeError, ValueError, UserWarning) as error:
        raise ConfigurationError(
            f"transforms: {name} refuses {dict(arguments)}: {_reason(error)}; "
            f"it takes {', '.join(inspect.signature(transform).parameters)}"
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error.__cause__, ValidationError):
        problems = error.__cause__.errors(include_url=False)
        return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems)
    return str(error)


def _is_transform(found: object) -> bool:
    bases = {A.BasicTransform, A.DualTransform, A.ImageOnlyTransform}
    return inspect.isclass(found) and issubclass(found, A.BasicTransform) and found not in bases


def take_step(step: A.BasicTransform, image: Image) -> Image:
    """The image after the step.

    Raises:
        ConfigurationError: the step refuses the image, or makes something of it that is none.
    """
    name = type(step).__name__
    try:
        stepped: Image = step(image=image)["image"]
    except Exception as error:  # each transform has its own ways to refuse an image
        raise ConfigurationError(
            f"transforms: {name} cannot be applied to an image of shape {image.shape}: {error}; "
            "put a step before it that brings images to size"
        ) from error
    if stepped.dtype != np.uint8 or stepped.shape[2:] != image.shape[2:]:
        raise ConfigurationError(
            f"transforms: {name} makes {stepped.dtype} {tuple(stepped.shape)} of an image, but a step "
            "must keep uint8 and the channels; leave it out: normalising comes after all steps"
        )
    return stepped

"""Images to tensors: the one module that knows Albumentations."""

from __future__ import annotations

import inspect
import os
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np
import PIL.Image
import torch
from pydantic import ValidationError

from alframe.data.source import Image
from alframe.errors import ConfigurationError

# Importing it would otherwise ask the internet for a newer release.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A


@dataclass(frozen=True, eq=False)
class Pipeline:
    """Images of any size in, one normalised tensor out; can be pickled.

    Attributes:
        steps: applied to each image in turn.
        resize: brings images of another size to the final one.
        channels: 1 for grey, 3 for RGB.
        mean: per channel, on the scale 0 to 1.
        std: per channel, on the scale 0 to 1.
        side: an image whose shorter side has at least so many pixels is as good as a larger one; ``None`` if images are
            needed whole.
    """

    steps: tuple[A.BasicTransform, ...]
    resize: A.Resize
    channels: Literal[1, 3]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    side: int | None = None

    def __call__(self, images: Sequence[Image], seed: int) -> torch.Tensor:
        """Transform ``images``, any number of (H, W, 1 or 3) uint8, to (B, channels, size, size) float32.

        Args:
            images: may differ in size and in channels.
            seed: of the random steps; the same images under the same seed give the same tensor.

        Raises:
            ConfigurationError: a step cannot be applied to one of the images.
        """
        # Both generators are shared by the steps, so that one step's draws say nothing of another's.
        generators = np.random.default_rng(seed), random.Random(seed)  # noqa: S311 (no secret is made)
        for step in self.steps:
            step.set_random_state(*generators)
        size = (self.resize.height, self.resize.width, self.channels)
        pixels = np.empty((len(images), *size), dtype=np.uint8)
        for row, image in enumerate(images):
            pixels[row] = self._apply(image, size)
        mean, std = (torch.tensor(values).view(-1, 1, 1) * 255 for values in (self.mean, self.std))
        batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
        return batch.to(torch.float32).sub_(mean).div_(std)

    def _apply(self, image: Image, size: tuple[int, int, int]) -> Image:
        if image.shape[2] != self.channels:
            image = _recolour(image, self.channels)
        for step in self.steps:
            image = _take_step(step, image)
        return image if image.shape == size else self.resize(image=image)["image"]


class Transforms:
    """The way from an image to a tensor, for training and for evaluation.

    Images are brought to ``channels``, taken through the listed steps, resized to ``image_size`` where no
    step has done so, and normalised.

    Args:
        image_size: height and width of the tensor, in pixels.
        channels: 1 for grey, 3 for RGB.
        mean: per channel, on the scale 0 to 1.
        std: per channel, on the scale 0 to 1.
        train: steps in training, each a transform of Albumentations with its arguments, such as
            ``{HorizontalFlip: {p: 0.5}}``.
        evaluation: steps in evaluation.

    Raises:
        ConfigurationError: an unknown transform (with the nearest right name), arguments that it does not
            take, a mean and std that do not fit the channels.
    """

    def __init__(
        self,
        image_size: int,
        channels: Literal[1, 3],
        mean: Sequence[float],
        std: Sequence[float],
        train: Sequence[Mapping[str, Mapping[str, Any]]] = (),
        evaluation: Sequence[Mapping[str, Mapping[str, Any]]] = (),
    ) -> None:
        if image_size < 1:
            raise ConfigurationError(f"transforms.image_size must be at least 1, got {image_size}")
        if not len(mean) == len(std) == channels or min(std) <= 0:
            raise ConfigurationError(
                f"transforms.mean and transforms.std need a value for each of {channels} channels, "
                f"every std above 0; got {list(mean)} and {list(std)}"
            )
        self.image_size = image_size
        self.channels = channels
        self._mean = tuple(mean)
        self._std = tuple(std)
        self._train = tuple(map(_build_step, train))
        self._evaluation = tuple(map(_build_step, evaluation))

    def for_training(self) -> Pipeline:
        """The training steps and the fixed ending, for whole images."""
        return self._pipeline(self._train)

    def for_evaluation(self) -> Pipeline:
        """The evaluation steps and the fixed ending; where these begin by shrinking, smaller images are enough."""
        return self._pipeline(self._evaluation, side=_side_enough(self._evaluation, self.image_size))

    def _pipeline(self, steps: tuple[A.BasicTransform, ...], side: int | None = None) -> Pipeline:
        # Averaging over areas keeps a strongly shrunk image free of aliasing.
        resize = A.Resize(self.image_size, self.image_size, area_for_downscale="image")
        return Pipeline(steps, resize, self.channels, self._mean, self._std, side)


def _side_enough(steps: tuple[A.BasicTransform, ...], image_size: int) -> int | None:
    """The shorter side that the steps leave of any larger image before they do anything else, if there is one."""
    if not steps:
        return image_size
    first = steps[0]
    if isinstance(first, A.SmallestMaxSize) and isinstance(first.max_size, int) and first.p == 1:
        return first.max_size
    return None


def _recolour(image: Image, channels: Literal[1, 3]) -> Image:
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    return np.asarray(PIL.Image.fromarray(image).convert("L"))[..., None]


def _take_step(step: A.BasicTransform, image: Image) -> Image:
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


def _build_step(step: Mapping[str, Mapping[str, Any]]) -> A.BasicTransform:
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

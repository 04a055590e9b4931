"""Images to tensors, and what is known of an image along with it: only ``steps`` imports Albumentations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from alframe.data.transforms.objects import ObjectPipeline, Target
from alframe.data.transforms.pipeline import Pipeline
from alframe.data.transforms.steps import A, build_step
from alframe.errors import ConfigurationError

__all__ = ["ObjectPipeline", "Pipeline", "Target", "Transforms"]


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
        self._train = tuple(map(build_step, train))
        self._evaluation = tuple(map(build_step, evaluation))

    def for_training(self) -> Pipeline:
        """The training steps and the fixed ending, for whole images."""
        return self._pipeline(self._train)

    def for_evaluation(self) -> Pipeline:
        """The evaluation steps and the fixed ending; where these begin by shrinking, smaller images are enough."""
        return self._pipeline(self._evaluation, side=_side_enough(self._evaluation, self.image_size))

    @property
    def evaluates_whole_images(self) -> bool:
        """Whether no evaluation step moves pixels: a tensor is its image, only stretched."""
        return all(isinstance(step, A.ImageOnlyTransform) for step in self._evaluation)

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

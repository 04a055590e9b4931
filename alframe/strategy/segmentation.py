"""Strategies that ask for the images in whose pixels the learner is unsure."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from alframe.errors import ConfigurationError
from alframe.functional import map_boundary, map_mean, map_region, map_top
from alframe.strategy.base import ScoreStrategy, required
from alframe.types import Floats, Need, Predictions

Aggregation = Literal["mean", "top", "boundary", "region"]


class _PixelScore(ScoreStrategy):
    """A number for every cell of an image, and the image's score made of these.

    Args:
        aggregation: ``mean`` over the image; ``top``, the mean of its highest cells; ``boundary``, the mean along the
            borders between predicted classes; ``region``, the highest mean over what hangs together of the predicted
            foreground. An image without a border, or without foreground, is scored by its mean under these two.
        fraction: of the cells that ``top`` counts.
        width: of the band of ``boundary``, in cells to either side.

    Raises:
        ConfigurationError: a fraction outside (0, 1], a width under one, an aggregation that there is not.
    """

    @property
    @abstractmethod
    def cells(self) -> Need:
        """The array that has a number for every cell."""

    def __init__(self, aggregation: Aggregation = "mean", fraction: float = 0.1, width: int = 2) -> None:
        if aggregation not in ("mean", "top", "boundary", "region"):
            raise ConfigurationError(f"strategy.aggregation is mean, top, boundary or region, not {aggregation!r}")
        if not 0 < fraction <= 1:
            raise ConfigurationError(f"strategy.fraction must lie in (0, 1], got {fraction}")
        if width < 1:
            raise ConfigurationError(f"strategy.width must be at least 1, got {width}")
        self.needs = frozenset({self.cells})
        if aggregation in ("boundary", "region"):
            self.needs |= {"pixel_classes"}
        self._aggregation = aggregation
        self._fraction = fraction
        self._width = width

    def score(self, predictions: Predictions) -> Floats:
        """The cells of each image made one number, (N,)."""
        maps = required(predictions, self.cells)
        match self._aggregation:
            case "mean":
                return map_mean(maps)
            case "top":
                return map_top(maps, self._fraction)
            case "boundary":
                return map_boundary(maps, required(predictions, "pixel_classes"), self._width)
            case "region":
                return map_region(maps, required(predictions, "pixel_classes"))


class PixelEntropy(_PixelScore):
    """The images whose pixels have class distributions of most entropy."""

    cells: Need = "pixel_entropy"


class PixelMargin(_PixelScore):
    """The images whose pixels have two classes that are nearly as probable."""

    cells: Need = "pixel_margin"


class PixelBald(_PixelScore):
    """The images on the class of whose pixels the draws disagree most (Houlsby et al. 2011; Gal et al. 2017)."""

    cells: Need = "pixel_bald"

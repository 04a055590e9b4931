"""Where a segmenter's draws come from: masks, networks or views."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from alframe.errors import ConfigurationError
from alframe.learner.segmentation.draws import FLIPS, ChannelMasks, Draws, FlipDraws, LastBlockDraws
from alframe.learner.segmentation.network import SegmentationNetwork, keep_all


class Posterior:
    """How a segmenter's networks are turned into draws: by default each network is one.

    Attributes:
        members: how many networks a segmenter has.
        offers_samples: whether there is more than one draw, so that disagreement between draws means something.
    """

    members: int = 1
    offers_samples: bool = True

    def check(self, dropout: float) -> None:
        """Refuse a segmenter with this dropout, if nothing could be drawn from it."""

    def draws(
        self,
        networks: Sequence[SegmentationNetwork],
        dropout: float,  # noqa: ARG002 (of posteriors that drop)
        generator: torch.Generator,  # noqa: ARG002 (nothing is random)
    ) -> Draws:
        """T draws for the weights as they are.

        Args:
            networks: trained.
            dropout: probability of dropping a channel that they were trained with.
            generator: of what is random, on the CPU.
        """
        return LastBlockDraws(networks, [[keep_all]] * len(networks))


class PointEstimate(Posterior):
    """One network, no draws: the cheapest, for strategies that do not ask for ``pixel_bald``."""

    offers_samples = False


class MCDropout(Posterior):
    """Dropout kept on (Gal and Ghahramani 2016; for segmentation Kendall et al. 2017), the same for every image.

    Whole channels are dropped before and in the last block: neighbouring pixels say much the same, so that dropping
    single values would hide little (Tompson et al. 2015). All that comes before runs once per image.

    Args:
        draws: T.
    """

    def __init__(self, draws: int = 10) -> None:
        if draws < 2:
            raise ConfigurationError(f"MC dropout needs at least 2 draws, got learner.posterior.draws={draws}")
        self._draws = draws

    def check(self, dropout: float) -> None:
        """Nothing can be drawn without dropout."""
        if dropout == 0:
            raise ConfigurationError(
                "MC dropout has nothing to draw: set learner.dropout above 0, "
                "or choose learner/segmenter/posterior=none"
            )

    def draws(self, networks: Sequence[SegmentationNetwork], dropout: float, generator: torch.Generator) -> Draws:
        """Each network under T masks."""
        masks = [
            [ChannelMasks(network.droppable, dropout, generator) for _ in range(self._draws)] for network in networks
        ]
        return LastBlockDraws(networks, masks)


class Ensemble(Posterior):
    """Networks trained from different initial weights (Lakshminarayanan et al. 2017), one draw each.

    Args:
        members: T.
    """

    def __init__(self, members: int = 5) -> None:
        if members < 2:
            raise ConfigurationError(f"an ensemble needs at least 2 members, got learner.posterior.members={members}")
        self.members = members


class Flips(Posterior):
    """One network on the image and on its mirror images (test-time augmentation, Wang et al. 2019).

    Args:
        vertical: whether the image is turned upside down too: four draws, and else two.
    """

    def __init__(self, vertical: bool = True) -> None:
        self._flips = FLIPS if vertical else FLIPS[:1]

    def draws(self, networks: Sequence[SegmentationNetwork], dropout: float, generator: torch.Generator) -> Draws:  # noqa: ARG002
        """The image as it is, then its mirror images."""
        return FlipDraws(networks, self._flips)

"""What a backbone is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from torch import Tensor, nn

from alframe.learner.layer_groups import LayerGroups


class Backbone(nn.Module, ABC):
    """Maps images (B, channels, S, S) to features (B, ``width``), without randomness in evaluation mode.

    Attributes:
        width: of the features.
        hidden: widths of the hidden layers that the classifier's head should have on top.
        channel_axis: where the channels lie in what one stage hands to the next: 1, or -1 for last.
    """

    width: int
    hidden: tuple[int, ...] = ()
    channel_axis: int = 1

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Features of a batch of images."""

    def stages(self) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """The forward pass cut into stages, by name, each fed what the one before gives; empty if it cannot be cut."""
        return {}

    def layer_groups(self) -> LayerGroups:
        """The modules of each stage; all together as ``backbone`` where stages are none, or are no modules."""
        stages = self.stages()
        found = {name: list(stage.modules()) for name, stage in stages.items() if isinstance(stage, nn.Module)}
        return found if found and len(found) == len(stages) else {"backbone": list(self.modules())}

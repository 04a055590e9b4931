"""A backbone that drops whole channels from one of its stages on."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from alframe.errors import ConfigurationError
from alframe.learner.backbone import Backbone
from alframe.learner.layer_groups import LayerGroups


class ChannelDropout(Backbone):
    """``backbone`` with dropout of whole channels before one of its stages and before every later one, in training.

    Neighbours in a feature map say much the same, so that dropping single values would hide little (Tompson et al.
    2015). What lies before the first dropout is the trunk, which is without randomness.

    Args:
        backbone: one that has stages.
        from_stage: name of the first stage whose input loses channels; any but the first, which reads the image.
        rate: probability of dropping a channel.

    Raises:
        ConfigurationError: a backbone without stages, or without this one.
    """

    def __init__(self, backbone: Backbone, from_stage: str, rate: float) -> None:
        super().__init__()
        names = list(backbone.stages())[1:]
        if not names:
            raise ConfigurationError(
                f"{type(backbone).__name__} has no stages that dropout could begin from: leave out "
                "learner.posterior.from_stage, or choose learner/backbone=small_cnn or one of torchvision's, as resnet"
            )
        if from_stage not in names:
            raise ConfigurationError(
                f"dropout cannot begin from stage {from_stage!r} of this backbone: "
                f"learner.posterior.from_stage is one of {', '.join(names)}, head, last_layer"
            )
        self.backbone = backbone
        self.width, self.hidden, self.channel_axis = backbone.width, backbone.hidden, backbone.channel_axis
        self.rate = rate
        self._trunk = names.index(from_stage) + 1

    def forward(self, images: Tensor) -> Tensor:
        """Features (B, width)."""
        return self.rest(self.trunk(images))

    def trunk(self, images: Tensor) -> Tensor:
        """What goes into the first stage that loses channels."""
        values = images
        for stage in list(self.backbone.stages().values())[: self._trunk]:
            values = stage(values)
        return values

    def rest(self, values: Tensor, thin: Callable[[str, Tensor], Tensor] | None = None) -> Tensor:
        """Features (B, width) for what ``trunk`` gives.

        Args:
            values: from the trunk.
            thin: given each further stage's name and input, returns what it reads instead; by default dropout in
                training, and else nothing is dropped.
        """
        for name, stage in list(self.backbone.stages().items())[self._trunk :]:
            values = stage(self._dropout(values) if thin is None else thin(name, values))
        return values

    def layer_groups(self) -> LayerGroups:
        """Those of the backbone."""
        return self.backbone.layer_groups()

    def masks_shape(self, count: int, values: Tensor) -> list[int]:
        """Shape of ``count`` masks over channels, such that they multiply ``values`` sample by sample."""
        shape = [count] + [1] * (values.ndim - 1)
        shape[self.channel_axis] = values.shape[self.channel_axis]
        return shape

    def _dropout(self, values: Tensor) -> Tensor:
        if not self.training:
            return values
        return values * F.dropout(values.new_ones(self.masks_shape(len(values), values)), self.rate)

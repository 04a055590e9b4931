"""One network: a backbone under a head, and a head for the loss where one is asked for."""

from __future__ import annotations

from torch import Tensor, nn

from alframe.errors import ConfigurationError
from alframe.learner.backbone import Backbone
from alframe.learner.head import Head
from alframe.learner.layer_groups import HEAD, LayerGroups
from alframe.learner.loss_prediction import LossHead


class Network(nn.Module):
    """A backbone under a head, and a head for the loss where one is asked for: images (B, channels, S, S) -> logits."""

    loss_head: LossHead | None

    def __init__(self, backbone: Backbone, head: Head) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.loss_head = None

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        logits: Tensor = self.head(self.backbone(images))
        return logits

    def layer_groups(self) -> LayerGroups:
        """Those of the backbone, and the head."""
        head = [self.head] if self.loss_head is None else [self.head, self.loss_head]
        return {**self.backbone.layer_groups(), HEAD: [part for module in head for part in module.modules()]}

    def predict_loss(self, features: Tensor, embeddings: Tensor) -> Tensor:
        """Predicted loss (B,) for the backbone's features (B, width) and the head's embeddings (B, D)."""
        if self.loss_head is None:
            raise ConfigurationError("this learner has no head for its loss; make it with predicts_loss=True")
        predicted: Tensor = self.loss_head([features, embeddings])
        return predicted

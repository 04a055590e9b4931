"""The small convolutional network of the BatchBALD paper's MNIST experiments."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from alframe.errors import ConfigurationError
from alframe.learner.backbone import Backbone

LARGEST = 64


class SmallCNN(Backbone):
    """Two 5x5 convolutions (32 and 64 wide), each with 2x2 max-pooling and ReLU; the head adds a hidden layer of 128.

    After Kirsch et al. 2019 (BatchBALD), with the dropout gathered in the head so that everything below it is
    computed once for all posterior draws; theirs between the convolutions is MC dropout from ``conv2`` on. Images
    under 16 pixels are padded, since nothing would be left of them.

    Args:
        image_shape: (channels, height, width) of the images.

    Raises:
        ConfigurationError: images so large that the head would have tens of millions of weights.
    """

    hidden = (128,)

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, *sides = image_shape
        if max(sides) > LARGEST:
            raise ConfigurationError(
                f"small_cnn is for images of up to {LARGEST} pixels, these have {max(sides)}: "
                "choose learner/backbone=resnet, or a smaller transforms.image_size"
            )
        padding = 2 if min(sides) < 16 else 0
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 32, kernel_size=5, padding=padding),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=5, padding=padding),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
        )
        height, width = (((side - 4 + 2 * padding) // 2 - 4 + 2 * padding) // 2 for side in sides)
        self.width = 64 * height * width

    def forward(self, images: Tensor) -> Tensor:
        """Features (B, width)."""
        features: Tensor = self.layers(images)
        return features

    def stages(self) -> Mapping[str, Callable[[Tensor], Tensor]]:
        """The two convolutions, each with what follows it."""
        return {"conv1": self.layers[:3], "conv2": self.layers[3:]}

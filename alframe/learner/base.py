"""What every learner is: a Lightning module that is trained on a batch and says what is asked of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from alframe.data import Batch
from alframe.errors import ConfigurationError
from alframe.learner.distributed import alone
from alframe.types import Labels, Need, Task

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
ScheduleFactory = Callable[[Optimizer, int], LRScheduler]


class Learner(LightningModule, ABC):
    """Everything that turns images into predictions.

    Args:
        optimizer: builds the optimiser over the parameters.
        schedule: builds the learning-rate schedule over an optimiser and the number of its steps.

    Attributes:
        task: what it learns, and so how it is evaluated.
        shows: the arrays of ``Predictions`` that a picture of what it sees is drawn from; none, if there is none.
        usual: those that most strategies read.
    """

    task: ClassVar[Task]
    shows: ClassVar[frozenset[Need]] = frozenset()
    usual: ClassVar[frozenset[Need]]

    def __init__(self, *, optimizer: OptimizerFactory, schedule: ScheduleFactory) -> None:
        super().__init__()
        self.make_optimizer = optimizer
        self.make_schedule = schedule
        self.steps = 0  # of the fit that is running; known when its optimiser is made

    @property
    @abstractmethod
    def gives(self) -> frozenset[Need]:
        """The arrays of ``Predictions`` that it can compute."""

    @property
    def whole_course(self) -> bool:
        """Whether training has to run to its last step."""
        return False

    @property
    def reads_training_set(self) -> bool:
        """Whether ``fit_posterior`` is to be called after training."""
        return False

    def prepare(self, labels: Labels) -> None:
        """Look at the labels that training is about to begin with."""

    def fit_posterior(self, embeddings: Tensor, labels: Tensor) -> None:
        """Learn from embeddings (n, D) and labels (n,) of the training set after training."""

    @abstractmethod
    def draws(self, generator: torch.Generator) -> Any:
        """The posterior's draws for the weights as they are: for ``outputs``."""

    @abstractmethod
    def outputs(self, images: Tensor, draws: Any, needs: Collection[Need]) -> dict[Need, Tensor]:
        """What is needed of a batch of images (B, channels, S, S), each array with B rows.

        Boxes are in pixels of the tensor: only those who read the images know how large these were.
        """

    def linear_head(self) -> Tensor:
        """The linear layer from ``embeddings`` to logits, (C, D + 1), its bias last."""
        raise ConfigurationError(f"{type(self).__name__} has no linear head over its embeddings")

    def trained_parameters(self) -> Iterable[nn.Parameter]:
        """The parameters that training changes."""
        return self.parameters()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser over the parameters that are trained, and its schedule step by step."""
        optimizer = self.make_optimizer(self.trained_parameters())
        self.steps = int(self.trainer.estimated_stepping_batches)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.scheduled(optimizer), "interval": "step"}}

    def scheduled(self, optimizer: Optimizer) -> LRScheduler:
        """The schedule over this optimiser."""
        return self.make_schedule(optimizer, self.steps)

    def log_loss(self, name: str, loss: Tensor, batch: Batch) -> None:
        """Log the mean over an epoch; what one process logs all have to, because they add up what they have."""
        self.log(name, loss, on_step=False, on_epoch=True, batch_size=len(batch.positions), sync_dist=True)

    def loss_without_images(self, batch: Batch) -> Tensor | None:
        """The loss of a batch without images: none, or none to speak of where other processes wait for gradients."""
        if alone():
            return None
        loss = 0 * torch.stack([weights.sum() for weights in self.trained_parameters()]).sum()
        self.log_loss("train_loss", loss, batch)
        return loss

"""What every learner is: a Lightning module that is trained on a batch and says what is asked of it."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from alframe.data import Batch
from alframe.errors import ConfigurationError, RunConflict
from alframe.learner.classes import ClassRows, with_new_classes
from alframe.learner.distributed import alone
from alframe.learner.layer_groups import HEAD, LayerGroups
from alframe.types import Labels, Need, Task

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

OptimizerFactory = Callable[[Iterable[nn.Parameter] | Iterable[dict[str, Any]]], Optimizer]
ScheduleFactory = Callable[[Optimizer, int], LRScheduler]
Penalty: TypeAlias = Callable[[Batch, int, Tensor], Tensor]
"""Given a batch, the number of a network and its logits (B, C, ...), what is added to the loss of that network."""


class Learner(LightningModule, ABC):
    """Everything that turns images into predictions.

    Args:
        optimizer: builds the optimiser over the parameters.
        schedule: builds the learning-rate schedule over an optimiser and the number of its steps.

    Attributes:
        task: what it learns, and so how it is evaluated.
        shows: the arrays of ``Predictions`` that a picture of what it sees is drawn from; none, if there is none.
        usual: those that most strategies read.
        distils: whether it has logits that a ``penalty`` can be made of.
        num_classes: C.
        unlearnt: how many of the classes, the last, came after its weights.
        penalty: added to the loss of each of its networks while a fit lasts; ``None`` adds nothing.
    """

    task: ClassVar[Task]
    shows: ClassVar[frozenset[Need]] = frozenset()
    usual: ClassVar[frozenset[Need]]
    distils: ClassVar[bool] = False
    num_classes: int
    unlearnt: int = 0
    penalty: Penalty | None = None

    def __init__(self, *, optimizer: OptimizerFactory, schedule: ScheduleFactory) -> None:
        super().__init__()
        self.make_optimizer = optimizer
        self.make_schedule = schedule
        self.steps = 0  # of the fit that is running; known when its optimiser is made
        self._rates: Mapping[str, float] = {}
        self._still: list[nn.Module] = []
        self._frozen: list[nn.Parameter] = []

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

    def take_on(self, base: Learner, learnt: Tensor) -> None:
        """Begin with the weights of ``base``, and in the last layer with those that are there for classes new to it.

        Args:
            base: left as it is.
            learnt: (C,) which classes it has learnt.

        Raises:
            RunConflict: ``base`` is of another architecture, or has more classes.
        """
        state = with_new_classes(self, base.state_dict(), learnt)
        try:
            self.load_state_dict(state)
        except RuntimeError as error:
            raise RunConflict(f"training cannot go on from a learner of another architecture: {error}") from error

    def logits_of(self, network: int, images: Tensor) -> Tensor:  # noqa: ARG002 (it has none)
        """Logits (B, C, ...), after background if that counts, of one network for images (B, channels, S, S)."""
        raise ConfigurationError(f"{type(self).__name__} has no logits to be distilled")

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:  # noqa: ARG002 (it knows of none)
        """What of its state has rows for classes, by name, and for which, if there were so many classes."""
        return {}

    def layer_groups(self) -> LayerGroups:
        """The layers of its networks in groups, from the image on; the last is the head."""
        return {HEAD: list(self.modules())}

    def learn_at(self, rates: Mapping[str, float]) -> None:
        """Train at these shares of the optimiser's learning rate from now on, by layer group; elsewhere at the whole.

        At 0 a group stays as it is: its weights, and what its normalisation has seen.
        """
        for weights in self._frozen:
            weights.requires_grad_(True)
        groups = self.layer_groups()
        self._rates = rates
        self._still = [module for name, rate in rates.items() if rate == 0 for module in groups[name]]
        own = (weights for module in self._still for weights in module.parameters(recurse=False))
        self._frozen = [weights for weights in own if weights.requires_grad]
        for weights in self._frozen:
            weights.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation; what stays as it is, is always in evaluation."""
        super().train(mode)
        for module in self._still:
            module.training = False
        return self

    def on_fit_start(self) -> None:
        """Keep Lightning from asking whether what stays as it is, is in evaluation on purpose."""
        if self._still:
            warnings.filterwarnings("ignore", r"Found \d+ module\(s\) in eval mode", UserWarning)

    def trained_parameters(self) -> Iterable[nn.Parameter]:
        """The parameters that training changes."""
        return (weights for weights in self.parameters() if weights.requires_grad)

    def penalised(self, loss: Tensor, batch: Batch, network: int, logits: Tensor) -> Tensor:
        """The loss of one network, and what ``penalty`` adds to it."""
        return loss if self.penalty is None else loss + self.penalty(batch, network, logits)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser over the parameters that are trained, each at its rate, and its schedule step by step."""
        groups = self._by_rate()
        optimizer = self.make_optimizer([{"params": parameters} for parameters in groups.values()])
        for group, rate in zip(optimizer.param_groups, groups, strict=True):
            group["lr"] = group["lr"] * rate
        self.steps = int(self.trainer.estimated_stepping_batches)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.scheduled(optimizer), "interval": "step"}}

    def scheduled(self, optimizer: Optimizer) -> LRScheduler:
        """The schedule over this optimiser."""
        return self.make_schedule(optimizer, self.steps)

    def _by_rate(self) -> dict[float, list[nn.Parameter]]:
        """The parameters that are trained, by the share of the learning rate."""
        groups = self.layer_groups()
        rates = {
            weights: rate
            for name, rate in self._rates.items()
            for module in groups[name]
            for weights in module.parameters(recurse=False)
        }
        found: dict[float, list[nn.Parameter]] = {}
        for weights in self.trained_parameters():
            found.setdefault(rates.get(weights, 1.0), []).append(weights)
        return found

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

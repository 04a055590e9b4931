"""The classifier: one or more networks that are trained together and give probabilities, embeddings and draws."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from alframe.data import Batch
from alframe.errors import ConfigurationError
from alframe.functional import REDUCTIONS
from alframe.learner.backbone import Backbone
from alframe.learner.base import Learner, OptimizerFactory, ScheduleFactory
from alframe.learner.classes import ClassRows, in_networks, rows_of
from alframe.learner.distributed import alone
from alframe.learner.head import Head
from alframe.learner.layer_groups import LayerGroups, merged
from alframe.learner.loss_prediction import LossHead, ranking_loss
from alframe.learner.network import Network
from alframe.learner.posterior import Draws, Posterior
from alframe.learner.scaling import Scaling
from alframe.types import Labels, Need


class Classifier(Learner):
    """Networks of one architecture with a posterior over their predictions.

    Args:
        image_shape: (channels, height, width).
        num_classes: C.
        backbone: builds a backbone for an image shape.
        posterior: where draws come from; says how many networks there are.
        optimizer: builds the optimiser over the parameters.
        schedule: builds the learning-rate schedule over an optimiser and the number of its steps.
        dropout: probability of dropping a unit in the head, in training and under MC dropout.
        label_smoothing: share of the target spread over all classes.
        class_weights: weights of the classes in the loss: ``balanced`` (inverse frequency among the training
            labels), one number per class, or ``None`` for all alike.
        predicts_loss: whether to learn to predict the loss too, for strategies that need ``predicted_loss``; the rest
            of the model is trained as it would be without, unless gradients are clipped by a norm that counts it in.
    """

    task = "classification"
    usual = frozenset[Need]({"probs", "embeddings"})
    distils = True

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int,
        *,
        backbone: Callable[[tuple[int, int, int]], Backbone],
        posterior: Posterior,
        optimizer: OptimizerFactory,
        schedule: ScheduleFactory,
        dropout: float = 0.5,
        label_smoothing: float = 0.0,
        class_weights: Literal["balanced"] | Sequence[float] | None = None,
        predicts_loss: bool = False,
    ) -> None:
        super().__init__(optimizer=optimizer, schedule=schedule)
        for name, share in (("dropout", dropout), ("label_smoothing", label_smoothing)):
            if not 0 <= share < 1:
                raise ConfigurationError(f"learner.{name} must lie in [0, 1), got {share}")
        if isinstance(class_weights, Sequence) and class_weights != "balanced" and len(class_weights) != num_classes:
            raise ConfigurationError(
                f"learner.class_weights has {len(class_weights)} numbers for {num_classes} classes"
            )
        self.posterior = posterior
        self.num_classes = num_classes
        self.scaling = Scaling(num_classes)
        self.networks = nn.ModuleList(
            _network(backbone(image_shape), num_classes, dropout) for _ in range(posterior.members)
        )
        for network in self._each_network():
            posterior.prepare(network)
        if predicts_loss:
            # The global generator is left where it was: initial weights and dropout are those of a learner without.
            with torch.random.fork_rng(devices=[]):
                for network in self._each_network():
                    network.loss_head = LossHead([network.backbone.width, network.head.embedding_width])
        for network in set(self._each_network()).difference(self._trained()):
            network.requires_grad_(False)  # processes that train together would wait for its gradients
        self._class_weights = class_weights
        self._label_smoothing = label_smoothing
        self._loss_weights: Tensor | None
        self.register_buffer("_loss_weights", None, persistent=False)

    @property
    def gives(self) -> frozenset[Need]:
        """What the networks and their posterior can say."""
        needs: set[Need] = {"probs", "embeddings", "head", "history"}
        if self.posterior.offers_samples:
            needs.update(("samples", *cast("Mapping[Need, object]", REDUCTIONS)))
        if all(network.loss_head is not None for network in self._each_network()):
            needs.add("predicted_loss")
        return frozenset(needs)

    @property
    def whole_course(self) -> bool:
        """Whether the posterior gathers networks until the last step."""
        return self.posterior.whole_course

    @property
    def reads_training_set(self) -> bool:
        """Whether the posterior learns from the embeddings of the training set."""
        return self.posterior.reads_training_set

    def prepare(self, labels: Labels) -> None:
        """Set the weights of the classes in the loss for these training labels."""
        if self._class_weights is None:
            return
        weights = np.zeros(self.num_classes)
        if self._class_weights == "balanced":
            present = np.unique(labels)
            weights[present] = compute_class_weight("balanced", classes=present, y=labels)
        else:
            weights[:] = self._class_weights
        self._loss_weights = torch.tensor(weights, dtype=torch.float32, device=self.device)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of every network's mean prediction, (B, members, C)."""
        return self.posterior.predictive(torch.stack([network(images) for network in self.networks], dim=1))

    def loss(self, logits: Tensor, labels: Tensor, progress: float = 1.0) -> Tensor:
        """The posterior's mean loss of logits (B, C) for labels (B,), after this share of training, as configured."""
        smoothing = self._label_smoothing
        return self.posterior.loss(
            logits, labels, weights=self._loss_weights, label_smoothing=smoothing, progress=progress
        )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:  # noqa: ARG002 (Lightning's signature)
        """Sum of the networks' losses, so that each has the gradient of its own."""
        if len(batch.labels) == 0:
            return self.loss_without_images(batch)
        losses, ranking = [], []
        progress = self.trainer.global_step / self.steps if self.steps else 0.0
        for number, network in enumerate(self._trained()):
            features = network.backbone(batch.images)
            embeddings = network.head.embed(features)
            logits = network.head.classify(embeddings)
            loss = self.loss(logits, batch.labels, progress)
            losses.append(self.penalised(loss, batch, number, self.posterior.predictive(logits)))
            if network.loss_head is not None:
                each = cross_entropy(self.posterior.predictive(logits.detach()), batch.labels, reduction="none")
                ranking.append(ranking_loss(network.predict_loss(features, embeddings), each))
        loss = torch.stack(losses).sum()
        self.log_loss("train_loss", loss / len(losses), batch)
        return loss + torch.stack(ranking).sum() if ranking else loss

    def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 (Lightning's signature)
        """Let the posterior know how far training is."""
        self.posterior.after_step(list(self._each_network()), self.trainer.global_step, self.steps)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Log the mean cross entropy of the networks as ``val_loss``; every class counts alike."""
        if len(batch.labels):
            logits = self(batch.images)
            loss = cross_entropy(logits.flatten(0, 1), batch.labels.repeat_interleave(logits.shape[1]))
            self.log_loss("val_loss", loss, batch)
        elif not alone():
            self.log_loss("val_loss", torch.zeros((), device=self.device), batch)

    def take_on(self, base: Learner, learnt: Tensor) -> None:
        """Begin with the weights of ``base``, without its calibration, which would not be of the weights to come."""
        super().take_on(base, learnt)
        self.scaling.reset()

    def logits_of(self, network: int, images: Tensor) -> Tensor:
        """Logits (B, C) of the mean prediction of one network."""
        return self.posterior.predictive(self.networks[network](images))

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """The last layer of each network with what the posterior keeps of it, and the scaling.

        The scaling's offset is what keeps a class silent: what it does to the other classes stays the same.
        """
        rows = rows_of(classes)
        scaling = {"scaling.factor": ClassRows(rows), "scaling.offset": ClassRows(rows, silenced=True)}
        last = f"head.layers.{len(next(self._each_network()).head.layers) - 1}"
        layer = {f"{last}.weight": ClassRows(rows), f"{last}.bias": ClassRows(rows)}
        each = ({**layer, **self.posterior.class_rows(network, classes)} for network in self._each_network())
        return {**scaling, **in_networks(each)}

    def layer_groups(self) -> LayerGroups:
        """The stages of the backbones of the networks that the posterior trains, and their heads."""
        return merged(network.layer_groups() for network in self._trained())

    def trained_parameters(self) -> Iterable[nn.Parameter]:
        """Those of the networks that the posterior trains."""
        each = (weights for network in self._trained() for weights in network.parameters())
        return (weights for weights in each if weights.requires_grad)

    def scheduled(self, optimizer: Optimizer) -> LRScheduler:
        """The schedule that the posterior makes of the one it is given."""
        return self.posterior.schedule(self.make_schedule, optimizer, self.steps)

    def fit_posterior(self, embeddings: Tensor, labels: Tensor) -> None:
        """Let the posterior of these trained networks learn from embeddings (n, D) and labels (n,)."""
        self.posterior.fit(list(self._each_network()), embeddings, labels, self._loss_weights)

    def draws(self, generator: torch.Generator) -> Draws:
        """The posterior's draws for the weights as they are: for ``outputs``."""
        return self.posterior.draws(list(self._each_network()), generator)

    def outputs(self, images: Tensor, draws: Draws, needs: Collection[Need]) -> dict[Need, Tensor]:
        """What is needed of a batch, from one pass through each trunk.

        Args:
            images: (B, channels, S, S).
            draws: from ``draws``.
            needs: which of ``probs`` (B, C), the mean over the draws; ``samples`` (B, T, C), each draw;
                ``embeddings`` (B, D), penultimate features without dropout, of all networks side by side; and
                ``predicted_loss`` (B,), the mean over the networks.
        """
        trunk = draws.trunk(images)
        found: dict[Need, Tensor] = {}
        if "embeddings" in needs or "predicted_loss" in needs:
            embeddings = draws.embeddings(trunk)
            found["embeddings"] = torch.cat(list(embeddings), dim=1).float()
            if "predicted_loss" in needs:
                each = zip(self._each_network(), draws.features(trunk), embeddings, strict=True)
                losses = torch.stack([network.predict_loss(*layers) for network, *layers in each])
                found["predicted_loss"] = losses.float().mean(dim=0)
        if "probs" in needs or "samples" in needs:
            samples = self.scaling(draws.logits(trunk).float()).softmax(dim=-1)
            found |= {"samples": samples, "probs": samples.mean(dim=1)}
        return {need: found[need] for need in needs}

    def linear_head(self) -> Tensor:
        """The linear layer from ``embeddings`` to mean logits over the networks, (C, D + 1), its bias last."""
        layers = [cast("nn.Linear", network.head.layers[-1]) for network in self._each_network()]
        bias = torch.stack([layer.bias for layer in layers]).mean(dim=0)
        head = torch.cat([*(layer.weight / len(layers) for layer in layers), bias[:, None]], dim=1)
        return self.scaling.of_linear(head).detach()

    def _trained(self) -> Sequence[Network]:
        return self.posterior.trained(list(self._each_network()))

    def _each_network(self) -> Iterator[Network]:
        return cast("Iterator[Network]", iter(self.networks))


def _network(backbone: Backbone, num_classes: int, dropout: float) -> Network:
    return Network(backbone, Head(backbone.width, backbone.hidden, num_classes, dropout))

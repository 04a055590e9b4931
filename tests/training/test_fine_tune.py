"""Training that goes on from the champion."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import finders
import numpy as np
import pytest
import squares
import tiny
import torch
from pytorch_lightning import Trainer
from torch import Tensor

from alframe.data import ImageData
from alframe.errors import ConfigurationError, RunConflict
from alframe.learner import Learner, Segmenter, quiet_trainer, schedules
from alframe.learner.posterior import Ensemble, Evidential, LastLayerLaplace, MCDropout, SnapshotEnsemble
from alframe.learner.segmentation import PointEstimate as OneMap
from alframe.learner.segmentation import UNet
from alframe.training import DarkExperience, Distillation, FineTune, FromScratch, Training
from alframe.types import TrainingSet

trainer = partial(quiet_trainer, accelerator="cpu")
NONE = np.empty(0, dtype=np.int64)
TASKS = ("classification", "detection", "segmentation")


def data_of(task: str) -> ImageData:
    if task == "classification":
        return ImageData(tiny.Bars(count=160), tiny.transforms(), batch_size=16, workers=0)
    return finders.data(squares.Squares(24, finders.SIDE))


def maker(task: str, data: ImageData, **changes: Any) -> Any:
    """Builds a learner of the task."""
    make: Any = {
        "classification": tiny.learner(),
        "detection": lambda _shape, classes, **options: finders.build("faster_rcnn", classes, **options),
        "segmentation": partial(
            Segmenter,
            architecture=partial(UNet, widths=(4, 8)),
            posterior=OneMap(),
            optimizer=partial(torch.optim.Adam, lr=1e-2),
            schedule=schedules.constant,
        ),
    }[task]
    return partial(make, data.image_shape, data.num_classes, **changes)


def fit(training: Training, base: Learner | None = None, task: str = "classification", **changes: Any) -> Any:
    """Train on 40 images, of the second half if there is a champion."""
    data = data_of(task)
    positions = np.flatnonzero(~data.source.table.held_out)
    positions = positions[: len(positions) // 2] if base is None else positions[len(positions) // 2 :]
    given = {name: changes.pop(name) for name in ("validation", "seed", "make_trainer") if name in changes}
    samples = TrainingSet(positions, data.source.table.labels[positions], **changes.pop("samples", {}))
    return training.fit(
        maker(task, data, **changes),
        data,
        samples,
        given.get("make_trainer", trainer),
        validation=given.get("validation", NONE),
        seed=given.get("seed", 1),
        base=base,
    )


def champion(task: str = "classification", **changes: Any) -> Any:
    return fit(FromScratch(epochs=2, epoch_size=0), task=task, seed=0, **changes)


def state(learner: Learner) -> dict[str, Tensor]:
    """A copy of all parameters and buffers."""
    return {name: values.clone() for name, values in learner.state_dict().items()}


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def begun(training: Training, base: Learner, **changes: Any) -> Any:
    """A learner as training begins with it."""
    data = data_of("classification")
    torch.manual_seed(5)
    learner = maker("classification", data, **changes)()
    training.begin(learner, base, TrainingSet(NONE, NONE))
    return learner


def fresh(**changes: Any) -> dict[str, Tensor]:
    """The weights that ``begun`` began with."""
    torch.manual_seed(5)
    return state(maker("classification", data_of("classification"), **changes)())


ONE: dict[str, Any] = {"epochs": 1, "epoch_size": 0}
RECALLED = np.full((60, 3), 1 / 3, dtype=np.float32)


@pytest.mark.parametrize(
    ("training", "task"),
    [
        *((FineTune(**ONE, freeze="backbone"), task) for task in TASKS),
        (FineTune(**ONE, shrink=0.5, noise=0.1), "classification"),
        (FineTune(**ONE, regularizer=Distillation()), "classification"),
        (FineTune(**ONE, regularizer=Distillation()), "segmentation"),
        (FineTune(**ONE, regularizer=DarkExperience()), "classification"),
    ],
)
def test_the_champion_is_left_as_it_is(training: Training, task: str) -> None:
    """Bit for bit, in its mode, every weight with or without a gradient as before; the new learner is another one."""
    base = champion(task)
    before, modes = state(base), [module.training for module in base.modules()]
    gradients = [weights.requires_grad for weights in base.parameters()]
    samples = {"recalled": RECALLED} if training.recalls else {}
    learner = fit(training, base, task, samples=samples)
    assert_same(state(base), before)
    assert [module.training for module in base.modules()] == modes
    assert [weights.requires_grad for weights in base.parameters()] == gradients
    assert not {id(weights) for weights in learner.parameters()} & {id(weights) for weights in base.parameters()}
    assert any(not torch.equal(values, before[name]) for name, values in learner.state_dict().items())


@pytest.mark.parametrize("training", [FineTune(**ONE, freeze="backbone"), FineTune(**ONE, regularizer=Distillation())])
def test_a_learner_is_released_after_its_training(training: Training) -> None:
    """Nothing of how it was trained stays with it."""
    learner = fit(training, champion())
    assert learner.penalty is None
    assert all(weights.requires_grad for weights in learner.parameters())
    assert all(module.training for module in learner.train().modules())


def test_the_first_training_is_from_scratch() -> None:
    """Bit for bit, all of it at one rate, and as long as is said for it."""
    training = FineTune(epochs=1, first_epochs=2, epoch_size=0, freeze="backbone", layer_decay=0.5, shrink=0.5)
    assert_same(state(fit(training)), state(fit(FromScratch(epochs=2, epoch_size=0))))


@pytest.mark.parametrize(("first_epochs", "with_base", "expected"), [(3, False, 3), (3, True, 2), (None, False, 2)])
def test_epochs_of_the_first_training_and_of_others(first_epochs: int | None, with_base: bool, expected: int) -> None:
    """The first one may be longer."""
    seen: list[int] = []

    def remember(**options: Any) -> Trainer:
        seen.append(options["max_epochs"])
        return trainer(**options)

    training = FineTune(epochs=2, first_epochs=first_epochs, epoch_size=0)
    fit(training, champion() if with_base else None, make_trainer=remember)
    assert seen == [expected]


@pytest.mark.parametrize("freeze", ["down.1", "backbone"])
def test_what_is_frozen_keeps_its_weights_and_statistics(freeze: str) -> None:
    """Up to the group that is named; what follows learns."""
    base = champion("segmentation")
    learner = fit(FineTune(**ONE, freeze=freeze), base, "segmentation")
    frozen = ("down.0", "down.1") if freeze == "down.1" else ("down", "up")
    before, seen = base.state_dict(), set()
    for name, values in learner.state_dict().items():
        if name.removeprefix("networks.0.").startswith(frozen):
            assert torch.equal(values, before[name]), name
            seen.add(name.rpartition(".")[2])
        elif values.is_floating_point():
            assert not torch.equal(values, before[name]), name
    assert {"weight", "running_mean", "num_batches_tracked"} <= seen


def test_each_group_has_its_rate_in_the_optimiser() -> None:
    """Half the next one's, and a tenth of it below the head."""
    made: list[Any] = []

    def adam(groups: Any) -> Any:
        made.append(torch.optim.Adam(groups, lr=0.01))
        return made[-1]

    base = champion()
    fit(FineTune(**ONE, layer_decay=0.5, backbone_lr=0.1), base, optimizer=adam)
    rates = {tuple(weights.shape): group["lr"] for group in made[-1].param_groups for weights in group["params"]}
    shapes = {name.removeprefix("networks.0."): tuple(weights.shape) for name, weights in base.named_parameters()}
    assert rates[shapes["backbone.layers.0.weight"]] == pytest.approx(0.01 * 0.1 * 0.25)
    assert rates[shapes["backbone.layers.3.weight"]] == pytest.approx(0.01 * 0.1 * 0.5)
    assert rates[shapes["head.layers.0.weight"]] == rates[shapes["head.layers.1.weight"]] == 0.01
    fit(FineTune(**ONE, freeze="conv1"), base, optimizer=adam)
    (group,) = made[-1].param_groups
    assert shapes["backbone.layers.0.weight"] not in {tuple(weights.shape) for weights in group["params"]}


def test_shrinking_and_perturbing_is_a_weighted_sum() -> None:
    """Of the champion's weights and those of a new learner; at the ends it is the one or the other."""
    base = champion()
    old, new = dict(base.named_parameters()), fresh()
    for shrink, noise in ((1.0, 0.0), (0.0, 1.0), (0.4, 0.1)):
        learner = begun(FineTune(shrink=shrink, noise=noise), base)
        for name, weights in learner.named_parameters():
            torch.testing.assert_close(weights.detach(), shrink * old[name].detach() + noise * new[name])


def test_what_is_frozen_is_not_shrunk() -> None:
    """It stays the champion's."""
    base = champion()
    learner = begun(FineTune(shrink=0.5, noise=0.1, freeze="conv1"), base)
    old = dict(base.named_parameters())
    for name, weights in learner.named_parameters():
        assert torch.equal(weights, old[name]) == ("backbone.layers.0" in name)


def test_calibration_of_the_champion_is_left_behind() -> None:
    """Training and what comes of it are as from one without, whether by its labels or by what it said."""
    base = champion()
    for training in (FineTune(**ONE), FineTune(**ONE, regularizer=Distillation())):
        without = state(fit(training, base))
        base.scaling.set([0.2, 1.0, 3.0], [1.0, 0.0, -1.0])
        assert_same(state(fit(training, base)), without)
        base.scaling.reset()


def test_classes_without_a_label_begin_anew() -> None:
    """The others go on."""
    base = champion()
    learnt = np.array([True, False, True])
    data = data_of("classification")
    torch.manual_seed(5)
    learner = maker("classification", data)()
    FineTune().begin(learner, base, TrainingSet(NONE, NONE, learnt=learnt))
    name = "networks.0.head.layers.1.weight"
    weights = learner.state_dict()[name]
    assert torch.equal(weights[learnt], base.state_dict()[name][learnt])
    assert torch.equal(weights[1], fresh()[name][1])


@pytest.mark.parametrize(
    "training", [FineTune(**ONE), FineTune(**ONE, shrink=0.5, noise=0.1), FineTune(**ONE, regularizer=Distillation())]
)
def test_equal_seeds_train_equal_weights(training: Training) -> None:
    """Whatever torch's global generator says."""
    base = champion()
    weights = []
    for global_seed, seed in ((1, 0), (2, 0), (2, 1)):
        torch.manual_seed(global_seed)
        weights.append(torch.cat([values.flatten() for values in fit(training, base, seed=seed).state_dict().values()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_posteriors_go_on_too() -> None:
    """Members from their own, snapshots on the way, Laplace's spread from the new training set, channels dropped."""
    still = FineTune(**ONE, backbone_lr=1e-9, layer_decay=1e-9)
    for posterior in (Ensemble(2), SnapshotEnsemble(2), LastLayerLaplace(4), Evidential(4), MCDropout(2, "conv2")):
        base = champion(posterior=posterior)
        learner = fit(still, base, posterior=posterior)
        layers = [network.backbone.state_dict() for network in learner.networks]
        before = [network.backbone.state_dict() for network in base.networks]
        snapshots = isinstance(posterior, SnapshotEnsemble)  # whose champion is the first network
        for place, own in enumerate(layers):
            torch.testing.assert_close(own, before[0 if snapshots else place], rtol=0, atol=1e-6)
        if isinstance(posterior, LastLayerLaplace):
            scales = [each.networks[0].head.weight_spread.scales for each in (base, learner)]
            assert scales[1].all()
            assert not torch.equal(*scales)


def test_early_stopping_goes_back_to_the_best_weights() -> None:
    """Under a rate that diverges it ends early, with weights that are finite."""
    trainers: list[Trainer] = []

    def remember(**options: Any) -> Trainer:
        trainers.append(trainer(**options))
        return trainers[-1]

    training = FineTune(epochs=30, epoch_size=0, patience=1)
    adam = partial(torch.optim.Adam, lr=0.1)
    learner = fit(training, champion(), optimizer=adam, validation=np.arange(100, 120), make_trainer=remember)
    assert trainers[0].current_epoch < 30
    assert all(values.isfinite().all() for values in learner.state_dict().values())


def refused() -> Iterator[tuple[str, Any]]:
    yield r"training\.first_epochs", partial(FineTune, first_epochs=0)
    yield r"training\.epochs", partial(FineTune, epochs=0)
    yield r"training\.backbone_lr must lie in \(0, 1\], got 0; training\.freeze", partial(FineTune, backbone_lr=0)
    yield r"training\.layer_decay", partial(FineTune, layer_decay=1.5)
    yield r"training\.shrink", partial(FineTune, shrink=-0.1)
    yield r"training\.noise", partial(FineTune, noise=float("nan"))
    yield r"training\.regularizer\.temperature", partial(Distillation, temperature=0)
    yield r"training\.regularizer\.weight", partial(Distillation, weight=float("nan"))
    yield r"training\.regularizer\.alpha", partial(DarkExperience, alpha=0)


@pytest.mark.parametrize(("message", "make"), list(refused()))
def test_impossible_numbers_are_refused(message: str, make: Any) -> None:
    """The message names the key of the configuration."""
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_a_group_that_there_is_not_is_refused() -> None:
    """With those that there are; the head is none that could be frozen."""
    data = data_of("classification")
    learner = maker("classification", data)()
    for name in ("layer7", "head"):
        with pytest.raises(ConfigurationError, match=f"no '{name}' to be frozen .* of conv1, conv2"):
            FineTune(freeze=name).check(learner)
    FineTune(freeze="conv2").check(learner)


def test_snapshots_cannot_be_stopped_early() -> None:
    """What every training refuses."""
    learner = maker("classification", data_of("classification"), posterior=SnapshotEnsemble(2))()
    with pytest.raises(ConfigurationError, match="patience"):
        FineTune(patience=2).check(learner)


def test_another_architecture_is_no_champion() -> None:
    """The message says so."""
    with pytest.raises(RunConflict, match="another architecture"):
        fit(FineTune(**ONE), champion(), posterior=Ensemble(2))

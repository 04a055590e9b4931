"""Training that is held to what the champion says."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import finders
import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from alframe.data import Batch, Digits, ImageData
from alframe.errors import ConfigurationError
from alframe.learner import Classifier, Learner, quiet_trainer
from alframe.learner.posterior import Ensemble, Evidential, PointEstimate
from alframe.scoring import predict
from alframe.training import DarkExperience, Distillation, FineTune, FromScratch, Training
from alframe.training.dark_experience import LEAST, recollection_loss
from alframe.training.distillation import divergence
from alframe.types import TrainingSet

trainer = partial(quiet_trainer, accelerator="cpu")
NONE = np.empty(0, dtype=np.int64)
CLASSES = 3
IMAGES = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def learner(seed: int = 0, classes: int = CLASSES, **changes: Any) -> Classifier:
    torch.manual_seed(seed)
    made: Classifier = tiny.learner(**({"posterior": PointEstimate(), "dropout": 0.0} | changes))((1, 8, 8), classes)
    return made


def begun(training: Training, base: Learner, samples: TrainingSet | None = None, **changes: Any) -> Classifier:
    """A learner as training begins with it."""
    made = learner(seed=1, **changes)
    training.begin(made, base, TrainingSet(NONE, NONE) if samples is None else samples)
    return made


def batch(positions: Tensor | None = None) -> Batch:
    rows = torch.arange(len(IMAGES)) if positions is None else positions
    return Batch(IMAGES, LABELS, rows, {}, torch.full((len(IMAGES), 2), 8))


def penalty(of: Learner, network: int, logits: Tensor, positions: Tensor | None = None) -> Tensor:
    assert of.penalty is not None
    return of.penalty(batch(positions), network, logits)


def test_the_divergence_is_that_of_the_softened_distributions() -> None:
    """Pixel by pixel, by a loop over the definition; in nats, times the squared temperature."""
    rng = np.random.default_rng(0)
    logits, taught = rng.normal(size=(2, 2, 3, 4, 5))
    for temperature in (1.0, 2.0):
        total = 0.0
        for row, i, j in np.ndindex(2, 4, 5):
            now, then = (np.exp(values[row, :, i, j] / temperature) for values in (logits, taught))
            now, then = now / now.sum(), then / then.sum()
            total += float((then * np.log(then / now)).sum())
        found = divergence(torch.from_numpy(logits), torch.from_numpy(taught), temperature)
        assert found.item() == pytest.approx(temperature**2 * total / 40, rel=1e-5)


@given(shift=st.floats(-5, 5), temperature=st.floats(0.5, 5))
def test_there_is_nothing_to_learn_from_oneself(shift: float, temperature: float) -> None:
    """Neither loss nor gradient, whatever is added to all logits of a row."""
    taught = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    logits = (taught + shift).requires_grad_()
    loss = divergence(logits, taught, temperature)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's
    assert loss.item() == pytest.approx(0, abs=1e-5)
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-5


def test_the_teacher_is_the_champion_without_dropout_and_calibration() -> None:
    """On the images of the batch; the weight is that of its divergence. It changes nothing of the champion."""
    base = learner(dropout=0.5)
    base.scaling.set(2.0, 0.0)
    student = begun(FineTune(regularizer=Distillation(weight=3.0, temperature=1.0)), base, dropout=0.5)
    logits = torch.randn(6, CLASSES, generator=torch.Generator().manual_seed(2))
    found = penalty(student, 0, logits)
    assert base.training
    expected = 3 * divergence(logits, base.eval().logits_of(0, IMAGES))
    torch.testing.assert_close(found, expected)
    assert penalty(student, 0, base.logits_of(0, IMAGES)).item() == pytest.approx(0, abs=1e-6)
    assert not any("penalty" in name or "teacher" in name for name in student.state_dict())


def test_a_shrunken_student_is_taught_by_the_champion_itself() -> None:
    """The teacher keeps what the student lost."""
    base = learner().eval()
    student = begun(FineTune(regularizer=Distillation()), base)
    with torch.no_grad():
        for weights in student.parameters():
            weights.zero_()
    assert penalty(student, 0, base.logits_of(0, IMAGES)).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("posterior", [Ensemble(2), Evidential(4)])
def test_each_network_has_its_own_teacher(posterior: Any) -> None:
    """The champion's of the same number, by its mean prediction."""
    base = learner(posterior=posterior).eval()
    student = begun(FineTune(regularizer=Distillation()), base, posterior=posterior)
    for network in range(posterior.members):
        own = base.logits_of(network, IMAGES)
        assert penalty(student, network, own).item() == pytest.approx(0, abs=1e-6)
        assert posterior.members == 1 or penalty(student, 1 - network, own) > 1e-4


@pytest.mark.parametrize("added", [0, 2])
def test_only_classes_that_the_champion_has_learnt_are_taught(added: int) -> None:
    """Those that were added, and one without a label, have no gradient."""
    base = learner()
    learnt = np.array([True, False, True] + [True] * added)
    student = begun(
        FineTune(regularizer=Distillation()), base, TrainingSet(NONE, NONE, learnt=learnt), classes=CLASSES + added
    )
    logits = torch.zeros(6, CLASSES + added, requires_grad=True)
    penalty(student, 0, logits).backward()  # type: ignore[no-untyped-call]  # torch's
    assert logits.grad is not None
    assert (logits.grad != 0).any(dim=0).tolist() == [True, False, True] + [False] * added


def test_the_loss_of_a_step_has_the_penalty_in_it() -> None:
    """Once for each network."""
    student = begun(FineTune(), learner(posterior=Ensemble(2)), posterior=Ensemble(2))
    asked: list[int] = []

    def ten(_batch: Batch, network: int, logits: Tensor) -> Tensor:
        asked.append(network)
        return logits.sum() * 0 + 10

    with (
        patch.object(student, "log"),
        patch.object(student, "_trainer", SimpleNamespace(global_step=0)),
    ):
        plain = student.training_step(batch(), 0)
        student.penalty = ten
        penalised = student.training_step(batch(), 0)
    assert plain is not None
    assert penalised is not None
    assert asked == [0, 1]
    assert (penalised - plain).item() == pytest.approx(20, abs=1e-4)


def test_recollection_compares_logarithms() -> None:
    """Squared differences, mean over the classes that there were and over the batch, by a loop; the rest is free."""
    recalled = np.array([[0.5, 0.3, 0.2, 0], [np.nan] * 4, [0.995, 0.005, 0, 0], [0.995, 0.005, 0, 0]])
    now = np.array([[0.2, 0.2, 0.4, 0.2], [0.25] * 4, [0.5, 0.3, 0.1, 0.1], [0.6399, 0.0001, 0.18, 0.18]])
    total = 0.0
    for row, classes in ((0, 3), (2, 2), (3, 2)):
        known = now[row, :classes] / now[row, :classes].sum()
        for said, then in zip(known, recalled[row, :classes], strict=True):
            difference = np.log(said) - np.log(max(then, LEAST))
            total += (max(difference, 0) if then < LEAST else difference) ** 2 / classes
    found = recollection_loss(torch.from_numpy(np.log(now) + 1), torch.from_numpy(recalled))
    assert found.item() == pytest.approx(total / 4, rel=1e-5)


def test_there_is_nothing_to_correct_in_what_is_recalled() -> None:
    """Neither loss nor gradient where a learner says what it said; none for new samples, nor for a batch of them."""
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(3))
    recalled = logits.softmax(dim=1)
    recalled[3] = torch.nan
    for rows in (slice(None), slice(3, 4)):
        values = logits[rows].clone().requires_grad_()
        loss = recollection_loss(values, recalled[rows])
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        assert loss.item() == pytest.approx(0, abs=1e-9)
        assert values.grad is not None
        assert values.grad.abs().max() < 1e-6


def test_what_is_recalled_is_found_by_the_position_of_a_sample() -> None:
    """Whatever order a batch has; drawn twice, it counts twice."""
    probs = torch.rand(4, CLASSES, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    samples = TrainingSet(np.array([3, 7, 8, 20]), np.zeros(4, dtype=np.int64), recalled=probs.numpy())
    student = begun(FineTune(regularizer=DarkExperience(alpha=2.0)), learner(), samples)
    rows = torch.tensor([1, 0, 3, 1, 2, 2])
    logits = torch.randn(6, CLASSES, generator=torch.Generator().manual_seed(1))
    found = penalty(student, 0, logits, torch.tensor([7, 3, 20, 7, 8, 8]))
    torch.testing.assert_close(found, 2 * recollection_loss(logits, probs[rows]))


def test_learners_without_logits_are_refused() -> None:
    """Before anything is computed, with what to choose instead; a segmenter has some, and nothing to recall."""
    detector = finders.build("faster_rcnn", 2)
    with pytest.raises(ConfigurationError, match=r"Detector has no logits .* training=fine_tune"):
        Distillation().check(detector)
    with pytest.raises(ConfigurationError, match=r"Detector gives no class probabilities .* training=fine_tune"):
        DarkExperience().check(detector)
    for training in (Distillation(), DarkExperience()):
        training.check(learner())


class Tasks:
    """Digits up to 4, and then those from 5 on alone."""

    def __init__(self) -> None:
        self.data = ImageData(Digits(), tiny.transforms(), batch_size=64, workers=0)
        self.labels = self.data.source.table.labels
        held_out = self.data.source.table.held_out
        self.old, self.new = (np.flatnonzero(~held_out & task)[:200] for task in (self.labels < 5, self.labels >= 5))
        self.test = np.flatnonzero(held_out & (self.labels < 5))
        self.first = self.fit(FromScratch(epochs=15), self.old, None)

    def fit(self, training: Training, rows: Any, base: Learner | None, **known: Any) -> Classifier:
        make: Any = partial(tiny.learner(dropout=0.5), self.data.image_shape, self.data.num_classes)
        samples = TrainingSet(rows, self.labels[rows], learnt=np.arange(10) < 5, **known)
        fitted: Classifier = training.fit(make, self.data, samples, trainer, validation=NONE, seed=2, base=base)
        return fitted

    def probs(self, learner: Learner, rows: Any) -> Any:
        return predict(learner, self.data, rows, {"probs"}, trainer, seed=0).probs

    def accuracy(self, learner: Learner, classes: int) -> float:
        """On held-out images of the old task, among so many classes."""
        return float((self.probs(learner, self.test)[:, :classes].argmax(axis=1) == self.labels[self.test]).mean())


def test_what_is_distilled_or_recalled_is_forgotten_less() -> None:
    """After a second task the first is lost without; with a teacher old classes are still told apart from each other.

    That is Li & Hoiem's own setting; that not all is taken for new classes is what samples in memory are for.
    """
    tasks = Tasks()
    kept = tasks.old[:40]
    both = np.sort(np.concatenate([kept, tasks.new]))
    recalled = np.full((len(both), 10), np.nan, dtype=np.float32)
    recalled[np.isin(both, kept)] = tasks.probs(tasks.first, kept) * (np.arange(10) < 5)
    naive = tasks.fit(FineTune(epochs=10), tasks.new, tasks.first)
    distilled = tasks.fit(FineTune(epochs=10, regularizer=Distillation()), tasks.new, tasks.first)
    remembered = tasks.fit(FineTune(epochs=10, regularizer=DarkExperience()), both, tasks.first, recalled=recalled)
    assert tasks.accuracy(tasks.first, 10) > 0.95
    assert tasks.accuracy(naive, 10) < 0.2
    assert 1 - tasks.accuracy(distilled, 5) < (1 - tasks.accuracy(naive, 5)) / 2
    assert tasks.accuracy(remembered, 10) > 0.6

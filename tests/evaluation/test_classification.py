from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tiny
import torch
from sklearn.metrics import log_loss, recall_score

from alframe.data import Image, ImageData
from alframe.errors import DataError, UnreadableImage
from alframe.evaluation import evaluate_classifier, score
from alframe.learner import quiet_trainer

trainer = partial(quiet_trainer, accelerator="cpu")


def test_scores_agree_with_an_independent_library() -> None:
    """Accuracy, NLL and per-class accuracy equal scikit-learn's."""
    generator = torch.Generator().manual_seed(0)
    probs = torch.randn(500, 4, generator=generator, dtype=torch.float64).softmax(-1)
    labels = torch.randint(0, 4, (500,), generator=generator)
    found = score(probs, labels)
    assert found.accuracy == pytest.approx(float((probs.argmax(1) == labels).float().mean()))
    assert found.nll == pytest.approx(log_loss(labels, probs), rel=1e-9)
    np.testing.assert_allclose(
        np.array(found.class_accuracy, dtype=float),
        recall_score(labels, probs.argmax(1), average=None),
        rtol=1e-6,
    )


def test_calibration_error_of_a_known_case() -> None:
    """Always 80 % sure and right in 60 % of the cases: the calibration error is 0.2."""
    probs = torch.tensor([[0.8, 0.2]] * 10)
    labels = torch.tensor([0] * 6 + [1] * 4)
    assert score(probs, labels).calibration_error == pytest.approx(0.2, abs=1e-6)


def test_certain_and_wrong_is_finite_and_an_absent_class_is_none() -> None:
    """A zero probability for the truth costs much but not infinity; a class without samples has no accuracy."""
    found = score(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([1]))
    assert 80 < found.nll < 100
    assert found.class_accuracy == (None, 0.0, None)


def test_slices_are_by_group() -> None:
    """Accuracy of each group by itself; samples of none count in no slice."""
    probs = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9]])
    labels = torch.tensor([0, 0, 1, 0, 0])
    groups = np.array(["b", "b", "a", "b", ""])
    found = score(probs, labels, groups=groups)
    assert found.slices == {"a": 1.0, "b": pytest.approx(2 / 3)}
    assert list(found.slices) == ["a", "b"]
    assert score(probs, labels).slices == {}


class Broken(tiny.Bars):
    broken: tuple[int, ...] = (3,)

    def read(self, position: int, side: int | None = None) -> Image:
        if position in self.broken:
            raise UnreadableImage("truncated")
        return super().read(position, side)


def test_unreadable_images_are_counted_and_shift_no_label() -> None:
    """Leaving an unreadable test image out gives the scores of the test set without it."""
    torch.manual_seed(0)
    learner = tiny.learner()((1, 8, 8), 3).eval()
    positions = np.array([3, 7, 11, 15, 19])
    broken = evaluate_classifier(learner, ImageData(Broken(), tiny.transforms()), positions, trainer, seed=0)
    whole = evaluate_classifier(learner, ImageData(tiny.Bars(), tiny.transforms()), positions[1:], trainer, seed=0)
    assert (broken.samples, broken.unreadable) == (4, 1)
    assert broken.nll == pytest.approx(whole.nll)
    assert broken.class_accuracy == whole.class_accuracy


class Flaky(tiny.Bars):
    """Cannot read sample 3 when it is first asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def read(self, position: int, side: int | None = None) -> Image:
        self.asked += position == 3
        if position == 3 and self.asked == 1:
            raise UnreadableImage("the network was away")
        return super().read(position, side)


def test_an_image_that_can_be_read_again_shifts_no_label() -> None:
    """Noted as unreadable by an earlier pass, it is scored like any other, with its own label."""
    learner = tiny.learner()((1, 8, 8), 3).eval()
    positions = np.array([3, 7, 11, 15, 19])
    data = ImageData(Flaky(), tiny.transforms())
    first = evaluate_classifier(learner, data, positions, trainer, seed=0)
    assert (first.samples, first.unreadable) == (4, 1)
    again = evaluate_classifier(learner, data, positions, trainer, seed=0)
    whole = evaluate_classifier(learner, ImageData(tiny.Bars(), tiny.transforms()), positions, trainer, seed=0)
    assert again == whole


def test_nothing_to_score_is_an_error() -> None:
    """A test set of unreadable images is reported instead of scored as zero."""
    source = Broken()
    source.broken = (3, 7)
    learner = tiny.learner()((1, 8, 8), 3).eval()
    with pytest.raises(DataError, match="none of the 2 held-out samples"):
        evaluate_classifier(learner, ImageData(source, tiny.transforms()), np.array([3, 7]), trainer, seed=0)

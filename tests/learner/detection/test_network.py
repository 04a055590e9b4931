from __future__ import annotations

from typing import Any

import finders
import pytest
import torch
from finders import IMAGES, make, target
from hypothesis import given
from hypothesis import strategies as st

from alframe.learner.detection import PointEstimate
from alframe.learner.detection.network import Suppression, of_class, passed_over, torchvision_targets
from alframe.learner.detection.one_stage import exclusive


def test_what_lies_mostly_in_something_ignored_and_touches_no_object_is_passed_over() -> None:
    """Half inside is mostly; a corner on an object keeps a box."""
    (known,) = torchvision_targets([target([[0, 0, 10, 10], [12, 0, 20, 10]], [-1, 0], [True, False])], first=1)
    boxes = torch.tensor([[0, 0, 8, 8], [5, 5, 10, 15], [5, 8, 10, 15], [4, 0, 13, 10], [20, 20, 25, 25]]).float()
    assert passed_over(boxes, known).tolist() == [True, True, False, False, False]
    assert known["labels"].tolist() == [1]


def test_nothing_is_passed_over_where_nothing_is_ignored() -> None:
    """Nor in an image without any object."""
    boxes = torch.tensor([[0.0, 0.0, 8.0, 8.0]])
    for known in torchvision_targets([target([[0, 0, 10, 10]], [0]), target([], [])], first=0):
        assert passed_over(boxes, known).tolist() == [False]


@pytest.mark.parametrize("architecture", ["retinanet", "fcos", "ssdlite"])
def test_an_image_that_is_to_be_ignored_as_a_whole_teaches_a_one_stage_detector_nothing(architecture: str) -> None:
    """No gradient but from anchors that lie outside for the most part, of which there are none here."""
    detector = make(architecture, dropout=0.0, posterior=PointEstimate())
    crowd = target([[-64, -64, 96, 96]], [-1], [True])
    detector.loss(IMAGES[:1], [crowd]).backward()  # type: ignore[no-untyped-call]
    assert all(weights.grad is None or (weights.grad == 0).all() for weights in detector.parameters())


def test_an_image_that_is_to_be_ignored_as_a_whole_has_no_anchor_that_is_an_example() -> None:
    """Of a two-stage detector neither anchors nor proposals count; without the flag all anchors are background."""
    network: Any = make().networks[0]
    anchors = [torch.tensor([[0.0, 0.0, 8.0, 8.0], [8.0, 8.0, 24.0, 24.0]])]
    ignored = torchvision_targets([target([[0, 0, 32, 32]], [-1], [True])], first=1)
    (labels,), _ = network.model.rpn.assign_targets_to_anchors(anchors, ignored)
    assert labels.tolist() == [-1, -1]
    (labels,), _ = network.model.rpn.assign_targets_to_anchors(anchors, torchvision_targets([target([], [])], first=1))
    assert labels.tolist() == [0, 0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_independent_probabilities_become_a_distribution(values: list[float]) -> None:
    """It sums to one, keeps the order of the classes, and has the background that none of them would leave."""
    probs = torch.tensor(values, dtype=torch.float64)
    found = exclusive(probs)
    assert found.sum().item() == pytest.approx(1, abs=1e-6)
    assert found[-1].item() == pytest.approx((1 - probs).prod().item())
    assert (found >= 0).all()
    if probs.sum() > 1e-3:
        torch.testing.assert_close(found[:-1] / found[:-1].sum().clamp(min=1e-9), probs / probs.sum())


def test_one_class_keeps_its_probability() -> None:
    """And its complement is background."""
    torch.testing.assert_close(exclusive(torch.tensor([0.3])), torch.tensor([0.3, 0.7]))


def test_a_detection_has_the_box_of_its_class() -> None:
    """Whether there is a box for each class, draw by draw, or one for all."""
    boxes = torch.arange(2 * 3 * 4.0).view(2, 3, 4)
    labels = torch.tensor([2, 0])
    assert torch.equal(of_class(boxes, labels), torch.stack([boxes[0, 2], boxes[1, 0]]))
    assert torch.equal(of_class(boxes[:, :1], labels), boxes[:, 0])
    drawn = boxes.unsqueeze(1).repeat(1, 5, 1, 1)
    assert torch.equal(of_class(drawn, labels), of_class(boxes, labels).unsqueeze(1).expand(2, 5, 4))


def test_suppression_keeps_the_surest_of_a_class_and_both_of_two_classes() -> None:
    """By score, by class, not too many; neither unlikely boxes nor empty ones."""
    box = [0.0, 0.0, 8.0, 8.0]
    boxes = torch.tensor([box, box, box, [9.0, 9.0, 9.0, 12.0], [20.0, 20.0, 24.0, 24.0], [30.0, 0.0, 32.0, 2.0]])
    sure = torch.tensor([[0.6, 0.0], [0.8, 0.0], [0.0, 0.7], [0.9, 0.0], [0.01, 0.0], [0.3, 0.0]])
    probs = torch.cat([sure, 1 - sure.sum(dim=1, keepdim=True)], dim=1)
    assert Suppression(0.05, 0.5, 10)(probs, boxes).tolist() == [1, 2, 5]
    assert Suppression(0.05, 0.5, 1)(probs, boxes).tolist() == [1]


def test_grey_images_are_seen_in_colour() -> None:
    """Three equal channels are the one."""
    network: Any = make().networks[0]
    with torch.inference_mode():
        grey, colour = network.maps(IMAGES), network.maps(IMAGES.expand(-1, 3, -1, -1))
    for level in grey:
        torch.testing.assert_close(grey[level], colour[level])
    assert finders.make("fcos").networks[0].image_shape == (1, 32, 32)

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from alframe.learner.segmentation.loss import balanced_weights, segmentation_loss


def slow_loss(logits: Tensor, classes: Tensor, weights: Tensor | None) -> float:
    """Pixel by pixel, in double precision."""
    count = logits.shape[1]
    probs, truth = logits.double().softmax(1).numpy(), classes.numpy()
    weight = np.ones(count) if weights is None else weights.numpy()
    distance = total = 0.0
    overlap, sizes, occurs = np.zeros(count), np.zeros(count), np.zeros(count, dtype=bool)
    for image, y, x in np.ndindex(*truth.shape):
        true, pixel = truth[image, y, x], probs[image, :, y, x]
        if true == 255:
            continue
        distance -= weight[true] * np.log(pixel[true])
        total += weight[true]
        overlap[true] += pixel[true]
        sizes += pixel
        sizes[true] += 1
        occurs[true] = True
    return float(distance / total + 1 - np.mean(2 * overlap[occurs] / sizes[occurs]))


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 2.0, 7.0])])
def test_it_is_cross_entropy_plus_what_dice_lacks(weights: Tensor | None) -> None:
    """Against loops over pixels, with pixels to be ignored and a class that does not occur."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator)
    classes = torch.randint(2, (2, 4, 5), generator=generator).to(torch.uint8)
    classes[0, 0] = 255
    assert float(segmentation_loss(logits, classes, weights)) == pytest.approx(slow_loss(logits, classes, weights))


def test_a_perfect_map_costs_nothing_and_one_to_be_ignored_has_no_gradient() -> None:
    """Certainty of what is there; and a batch in which nothing counts, without NaN."""
    classes = torch.randint(3, (2, 4, 4), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    logits = 100.0 * torch.nn.functional.one_hot(classes.long(), 3).movedim(-1, 1).float()
    assert float(segmentation_loss(logits, classes)) == pytest.approx(0, abs=1e-5)
    logits.requires_grad_()
    loss = segmentation_loss(logits, torch.full_like(classes, 255))
    torch.autograd.backward(loss)
    assert loss.detach() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_pixels_to_be_ignored_do_not_change_the_gradient() -> None:
    """Whatever the network says there."""
    classes = torch.zeros(1, 2, 2, dtype=torch.uint8)
    classes[0, 0, 0] = 255
    logits = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    torch.autograd.backward(segmentation_loss(logits, classes))
    assert logits.grad is not None
    assert not logits.grad[0, :, 0, 0].any()
    assert logits.grad[0, :, 1, 1].any()


def test_balanced_weights_give_each_class_that_occurs_the_same_sum() -> None:
    """Inverse frequencies with mean one over pixels; none for a class that was not seen."""
    pixels = torch.tensor([90, 0, 10])
    weights = balanced_weights(pixels)
    torch.testing.assert_close(weights * pixels, torch.tensor([50.0, 0.0, 50.0]))

"""An ensemble and views: detections that each draw makes for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import finders
import numpy as np
import pytest
import torch
from finders import IMAGES, make, outputs, target
from torch import Tensor

from alframe.errors import ConfigurationError
from alframe.functional import consistency, localisation_stability, match_boxes, unconfirmed
from alframe.learner.detection import Ensemble, Flips, Noise, PointEstimate
from alframe.learner.detection.network import Kept, Suppression
from alframe.learner.detection.posterior import Found
from alframe.types import Need

HERE, NEARLY, ELSEWHERE = [0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 8.0, 6.0], [16.0, 16.0, 20.0, 24.0]
PITS, STAINS, NOTHING = [0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.0, 0.0, 1.0]
KEEP = Suppression(0.05, 0.5, 10)
ONE = torch.zeros(2, 1, 32, 32)


class Scripted:
    """A network that sees what it was told to, image by image, whatever is there: (box, distribution) each."""

    image_shape = (1, 32, 32)

    def __init__(self, *passes: Sequence[Sequence[tuple[list[float], list[float]]]]) -> None:
        self._passes = iter(passes)

    def maps(self, images: Tensor) -> dict[str, Tensor]:
        return {"0": images}

    def detect(self, *_: Any) -> Kept:
        told = [(row, *each) for row, image in enumerate(next(self._passes)) for each in image]
        return Kept(
            rows=torch.tensor([row for row, _, _ in told], dtype=torch.int64),
            probs=torch.tensor([probs for _, _, probs in told]).view(-1, 3),
            boxes=torch.tensor([box for _, box, _ in told]).view(-1, 1, 4),
            candidates=torch.zeros(len(told), 0),
        )


def found_by(posterior: Any, *networks: Any) -> Found:
    draws = posterior.draws(networks, torch.Generator().manual_seed(0))
    found: Found = draws.find(ONE, [network.maps(ONE) for network in networks], KEEP)
    return found


def test_what_most_members_see_is_a_detection_and_the_rest_is_missed() -> None:
    """Three members: two see one thing, at a box that their scores weigh, and one sees another alone."""
    members = [
        Scripted([[(HERE, PITS)], []]),
        Scripted([[(NEARLY, STAINS)], [(ELSEWHERE, STAINS)]]),
        Scripted([[], []]),
    ]
    found = found_by(Ensemble(3), *members)
    assert found.rows.tolist() == [0]
    torch.testing.assert_close(found.samples, torch.tensor([[PITS, STAINS, NOTHING]]))
    torch.testing.assert_close(found.draws, torch.tensor([[HERE, NEARLY, [0.0] * 4]]))
    torch.testing.assert_close(found.boxes, torch.tensor([[0.0, 0.0, 8.0, (0.8 * 8 + 0.6 * 6) / 1.4]]))
    torch.testing.assert_close(found.missed, torch.tensor([0.0, 0.6 / 3]))


def test_half_of_the_members_are_not_most_of_them() -> None:
    """Of two both have to agree."""
    found = found_by(Ensemble(2), Scripted([[(HERE, PITS)], []]), Scripted([[], []]))
    assert len(found.rows) == 0
    torch.testing.assert_close(found.missed, torch.tensor([0.4, 0.0]))


def test_members_are_trained_as_if_alone() -> None:
    """The sum of their losses gives each the gradient of its own."""
    detector = make(posterior=Ensemble(2), dropout=0.0).train()
    targets = [target([[2, 2, 14, 14]], [0]), target([], [])]
    torch.manual_seed(1)
    detector.loss(IMAGES[:2], targets).backward()  # type: ignore[no-untyped-call]
    together = [weights.grad for weights in detector.networks[0].parameters()]
    first: Any = detector.networks[0]
    first.zero_grad()
    torch.manual_seed(1)
    first.loss(IMAGES[:2], targets).backward()
    for before, weights in zip(together, first.parameters(), strict=True):
        torch.testing.assert_close(before, weights.grad)


def test_members_have_weights_of_their_own() -> None:
    """Different initial weights are what makes them differ."""
    first, second = finders.build("faster_rcnn", 2, posterior=Ensemble(2)).networks
    assert not torch.equal(next(first.parameters()), next(second.parameters()))


def test_the_plain_detections_are_looked_for_in_every_view() -> None:
    """Mirrored left to right: one is where its mirror image was, one is not found again, one is seen there alone."""
    mirrored = [24.0, 0.0, 32.0, 8.0]
    network = Scripted([[(HERE, PITS)], [(ELSEWHERE, STAINS)]], [[(mirrored, STAINS)], [(HERE, PITS)]])
    found = found_by(Flips(vertical=False), network)
    assert found.rows.tolist() == [0, 1]
    torch.testing.assert_close(found.boxes, torch.tensor([HERE, ELSEWHERE]))
    torch.testing.assert_close(found.samples, torch.tensor([[STAINS], [NOTHING]]))
    torch.testing.assert_close(found.draws, torch.tensor([[HERE], [[0.0] * 4]]))
    torch.testing.assert_close(found.missed, torch.tensor([0.0, 0.8]))
    torch.testing.assert_close(found.probs, (torch.tensor([PITS, STAINS]) + torch.tensor([STAINS, NOTHING])) / 2)


def test_the_image_as_it_is_does_not_vouch_for_itself() -> None:
    """No view has anything of it: nothing is stable, everything is to be confirmed, and no agreement is counted."""
    found = found_by(Noise([0.1, 0.2]), Scripted([[(HERE, PITS)], []], [[], []], [[], [(HERE, PITS)]]))
    boxes, probs, samples, draws = (
        values.unsqueeze(0).double().numpy() for values in (found.boxes, found.probs, found.samples, found.draws)
    )
    assert localisation_stability(boxes, probs, draws) == 0
    assert consistency(boxes, probs, samples, draws) == 0
    np.testing.assert_allclose(unconfirmed(boxes, probs, samples, draws), [[0.8 / 3]])
    torch.testing.assert_close(found.missed, torch.tensor([0.0, 0.8 / 2]))


def test_flipped_views_are_the_detector_on_flipped_images() -> None:
    """Written out with a trained detector: mirror the image by hand, detect, mirror the boxes back, match."""
    detector, images, side = finders.trained(), finders.held_out().images, finders.SIDE
    plain: set[Need] = {"boxes", "box_probs"}
    alone = finders.under(detector, PointEstimate())
    reference = outputs(alone, images, plain)
    views = [outputs(alone, images.flip(axes), plain) for axes in ((2,), (3,), (2, 3))]
    found = outputs(finders.under(detector, Flips()), images, {"boxes", "box_draws"})
    matches = 0
    for row in range(len(images)):
        boxes, labels, _ = _detections(reference, row)
        draws = np.zeros((len(boxes), 3, 4), dtype=np.float32)
        for number, view in enumerate(views):
            own, own_labels, scores = _detections(view, row)
            left, top, right, bottom = own.T
            if number in (0, 2):
                top, bottom = side - bottom, side - top
            if number in (1, 2):
                left, right = side - right, side - left
            back = np.stack([left, top, right, bottom], axis=1)
            matched = match_boxes(back, scores, own_labels, boxes, labels)
            draws[matched[matched >= 0], number] = back[matched >= 0]
            matches += int((matched >= 0).sum())
        for box, got in zip(found["boxes"][row].numpy(), found["box_draws"][row].numpy(), strict=True):
            if not np.isnan(box).any():
                np.testing.assert_allclose(got, draws[np.abs(boxes - box).sum(axis=1).argmin()], atol=0.01)
    assert matches >= 20


def _detections(found: Any, row: int) -> tuple[Any, Any, Any]:
    there = ~found["boxes"][row].isnan().any(dim=1)
    probs = found["box_probs"][row][there, :-1].numpy()
    return found["boxes"][row][there].numpy(), probs.argmax(axis=1), probs.max(axis=1)


def test_noise_is_one_pattern_for_each_level_whatever_the_image() -> None:
    """Its spread is the level's; another seed makes another pattern."""
    shape = (1, 64, 64)
    views = Noise([0.1, 0.5]).views(shape, torch.Generator().manual_seed(0))
    images = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))
    for view, level in zip(views, (0.1, 0.5), strict=True):
        noise = view.of(images) - images
        torch.testing.assert_close(noise[0], noise[2], atol=1e-5, rtol=0)
        assert noise.std().item() == pytest.approx(level, rel=0.1)
    other, _ = Noise([0.1, 0.5]).views(shape, torch.Generator().manual_seed(1))
    assert not torch.allclose(other.of(images), views[0].of(images))


def test_sure_squares_are_stable_under_little_noise() -> None:
    """A trained detector finds them again in every view, hardly moved."""
    detector = finders.under(finders.trained(), Noise([0.01, 0.02]))
    found = outputs(detector, finders.held_out().images, {"boxes", "box_probs", "box_draws"})
    sure = found["box_probs"][..., :-1].amax(dim=2) > 0.6
    assert sure.sum() >= 10
    assert (found["box_draws"] - found["boxes"].unsqueeze(2))[sure].abs().mean() < 1


@pytest.mark.parametrize("posterior", [Ensemble(2), Flips(), Noise([0.1])])
def test_networks_may_run_in_bfloat16(posterior: Any) -> None:
    """What they see is matched in single precision."""
    detector = make(posterior=posterior).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = outputs(detector, IMAGES, {"boxes", "box_probs", "box_samples", "box_draws", "missed"})
    samples = found["box_samples"][~found["boxes"].isnan().any(dim=2)]
    assert {values.dtype for values in found.values()} == {torch.float32}
    assert len(samples) > 0
    torch.testing.assert_close(samples.sum(dim=2), torch.ones(samples.shape[:2]))


@pytest.mark.parametrize(
    ("make_posterior", "message"),
    [
        (lambda: Ensemble(1), r"learner\.posterior\.members=1"),
        (lambda: Flips(horizontal=False, vertical=False), r"learner\.posterior\.horizontal"),
        (lambda: Noise([]), r"learner\.posterior\.levels"),
        (lambda: Noise([0.1, 0.0]), r"learner\.posterior\.levels"),
    ],
)
def test_posteriors_with_nothing_to_draw_are_refused(make_posterior: Any, message: str) -> None:
    """By name."""
    with pytest.raises(ConfigurationError, match=message):
        make_posterior()

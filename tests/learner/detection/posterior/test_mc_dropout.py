from __future__ import annotations

from typing import Any

import finders
import pytest
import torch
from finders import IMAGES, make, outputs
from torch import Tensor

from alframe.errors import ConfigurationError
from alframe.learner.detection import MCDropout, PointEstimate
from alframe.learner.detection.network import Suppression
from alframe.learner.posterior.mc_dropout import ThinnedHead
from alframe.types import Need

PLAIN: set[Need] = {"boxes", "box_probs"}
DRAWN: set[Need] = PLAIN | {"box_samples", "box_draws", "missed"}


@pytest.mark.parametrize("architecture", sorted(finders.ARCHITECTURES))
def test_draws_that_drop_nothing_are_the_plain_detections(architecture: str) -> None:
    """With a rate of dropout that never drops, every draw is the deterministic pass, box and distribution."""
    found = outputs(make(architecture, dropout=1e-7), needs=DRAWN)
    plain = outputs(make(architecture, dropout=1e-7, posterior=PointEstimate()), needs=PLAIN)
    for name, draws in (("boxes", "box_draws"), ("box_probs", "box_samples")):
        expected = plain[name].unsqueeze(2).expand_as(found[draws])  # type: ignore[index]
        torch.testing.assert_close(found[draws], expected, rtol=1e-4, atol=1e-4, equal_nan=True)  # type: ignore[index]
    assert torch.equal(found["missed"], torch.zeros(len(IMAGES)))


@torch.inference_mode()
def test_a_draw_of_a_box_head_is_one_thinned_head_on_the_same_proposals() -> None:
    """Layer by layer: what is dropped is a unit between the layers of the box head, and the proposal stays."""
    detector = make()
    network: Any = detector.networks[0]
    maps = network.maps(IMAGES)
    kept = network.detect(IMAGES, maps, Suppression(0.001, 0.5, 6))
    probs, boxes = network.thinned(4, torch.Generator().manual_seed(2))(maps, kept)
    head = ThinnedHead(network.head, 4, torch.Generator().manual_seed(2))
    proposals, shared = kept.candidates[:, :4], kept.candidates[:, 4:]
    coder = network.model.roi_heads.box_coder
    for t in range(4):
        hidden = (shared @ head.weights[0][t].T + head.biases[0]).relu()
        last = hidden @ head.weights[1][t].T + head.biases[1]
        logits, deltas = last[:, :3], last[:, 3:]
        background_first = logits.softmax(dim=1)
        torch.testing.assert_close(probs[:, t], background_first[:, [1, 2, 0]])
        torch.testing.assert_close(boxes[:, t], coder.decode_single(deltas, proposals).view(-1, 3, 4)[:, 1:])


@pytest.mark.parametrize("architecture", ["retinanet", "fcos", "ssdlite"])
@torch.inference_mode()
def test_a_draw_of_a_one_stage_detector_is_its_head_on_thinned_maps(architecture: str) -> None:
    """The plain detector whose backbone loses the channels of mask t, read at the anchors of the detections."""
    detector = make(architecture)
    network: Any = detector.networks[0]
    maps = network.maps(IMAGES)
    kept = network.detect(IMAGES, maps, Suppression(0.001, 0.5, 6))
    thinned = network.thinned(3, torch.Generator().manual_seed(2))
    probs, boxes = thinned(maps, kept)
    everything = Suppression(0.0, 1.0, 10_000)
    for t in range(3):
        masks = {level: mask[t] for level, mask in thinned._masks.items()}
        assert all(((mask == 0) | torch.isclose(mask, torch.tensor(1 / 0.7))).all() for mask in masks.values())
        every = network.detect(IMAGES, {level: values * masks[level] for level, values in maps.items()}, everything)
        for row, candidate, own_probs in zip(kept.rows, kept.candidates, probs[:, t], strict=True):
            there = (every.rows == row) & (every.candidates[:, 0] == candidate[0])
            assert there.sum() <= 1  # a box of no size is no candidate
            if there.any():
                torch.testing.assert_close(every.probs[there][0], own_probs)
    assert boxes.shape == (len(kept.rows), 3, 1, 4)


def test_many_draws_scatter_around_the_detection() -> None:
    """Of a trained detector: their means are near the plain distribution and box, and they differ."""
    detector, images = finders.trained(), finders.held_out().images
    found = outputs(finders.under(detector, MCDropout(200)), images, DRAWN)
    plain = outputs(finders.under(detector, PointEstimate()), images, PLAIN)
    sure = (plain["box_probs"][..., :-1].amax(dim=2) > 0.5) & (found["box_probs"][..., :-1].amax(dim=2) > 0.5)
    assert sure.sum() >= 10
    assert (found["box_draws"].mean(dim=2) - found["boxes"])[sure].abs().mean() < 0.5
    assert _gap(found["box_probs"], plain["box_probs"], sure) < 0.05
    spread = found["box_draws"][sure].std(dim=1)
    assert (spread > 0).all()
    assert spread.mean() < 3


def _gap(probs: Tensor, others: Tensor, where: Tensor) -> float:
    """Mean difference of the highest scores, whatever place a detection has."""
    return abs(float(probs[where][:, :-1].amax(dim=1).mean() - others[where][:, :-1].amax(dim=1).mean()))


def test_nothing_to_draw_is_refused() -> None:
    """By name, when draws are asked for and when there would be too few."""
    with pytest.raises(ConfigurationError, match=r"learner\.dropout"):
        make(dropout=0.0).draws(torch.Generator())
    with pytest.raises(ConfigurationError, match=r"learner\.posterior\.draws=1"):
        MCDropout(1)

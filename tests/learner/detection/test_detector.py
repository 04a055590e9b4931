from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import finders
import numpy as np
import pytest
import torch
from finders import ALL, ARCHITECTURES, IMAGES, make, outputs, target
from torch import Tensor
from torchvision.ops import box_iou

from alframe.data import Batch
from alframe.errors import ConfigurationError, RunConflict
from alframe.functional import average_precision, detected
from alframe.learner import load_weights, save_weights
from alframe.learner.detection import Ensemble, Flips, MCDropout, Noise, PointEstimate
from alframe.types import Need

POSTERIORS: dict[str, Any] = {
    "mc_dropout": partial(MCDropout, 3),
    "ensemble": partial(Ensemble, 3),
    "flips": Flips,
    "noise": partial(Noise, [0.1, 0.3]),
}
TARGETS = [
    target([[2, 2, 14, 14]], [0]),
    target([], []),
    target([[4, 4, 30, 20], [20, 20, 28, 28]], [1, -1], [False, True]),
]


def batch(images: Tensor = IMAGES[:3], targets: Any = TARGETS) -> Batch:
    return Batch(images, targets, torch.arange(len(images)), {}, torch.full((len(images), 2), finders.SIDE))


@pytest.mark.parametrize(
    ("architecture", "one_class"),
    [*((name, False) for name in sorted(ARCHITECTURES)), ("faster_rcnn", True), ("retinanet", True)],
)
def test_bright_squares_are_found(architecture: str, one_class: bool) -> None:
    """A problem that is solved when it is understood: nearly every square, in its class, and hardly anything else."""
    unseen = finders.held_out(one_class)
    found = outputs(finders.trained(architecture, one_class=one_class), unseen.images, {"boxes", "box_probs"})
    rows = zip(found["boxes"].numpy(), found["box_probs"].numpy(), strict=True)
    precision, recall = average_precision(list(unseen.labels), [detected(*row) for row in rows], 1 if one_class else 2)
    assert np.nanmin(recall[0, :, 0]) >= 0.9
    assert np.nanmin(precision[0, :, 0]) >= 0.9


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_step_lowers_the_loss_of_images_with_objects_and_without(architecture: str) -> None:
    """Objects, objects to be ignored, and none: every trained parameter has a finite gradient, and the loss falls."""
    detector = make(architecture, dropout=0.0, posterior=PointEstimate()).train()
    optimizer = torch.optim.Adam(detector.trained_parameters(), lr=1e-3)
    losses = []
    for _ in range(8):
        torch.manual_seed(0)
        loss = detector.loss(IMAGES[:3], TARGETS)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert all(torch.isfinite(weights.grad).all() for weights in detector.parameters() if weights.grad is not None)
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_batch_without_any_object_has_a_finite_loss(architecture: str) -> None:
    """Many images of a line are good."""
    loss = make(architecture).train().loss(IMAGES[:2], [target([], []), target([], [])])
    assert torch.isfinite(loss)


@pytest.mark.parametrize("posterior", sorted(POSTERIORS))
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_what_is_given_is_padded_surest_first_and_aligned(architecture: str, posterior: str) -> None:
    """Shapes, order, NaN in the same rows of every array, distributions that sum to one, boxes inside the image."""
    detector = make(architecture, posterior=POSTERIORS[posterior]())
    found = outputs(detector)
    assert detector.gives == (ALL - {"missed"} if posterior == "mc_dropout" else ALL)
    there = ~found["boxes"].isnan().any(dim=2)
    many, draws = there.shape[1], found["box_samples"].shape[2]
    assert there.any()
    assert many == 6
    assert (there[:, :-1] >= there[:, 1:]).all()
    for name, shape in {
        "boxes": (4,),
        "box_probs": (3,),
        "box_samples": (draws, 3),
        "box_draws": (draws, 4),
        "box_embeddings": found["box_embeddings"].shape[2:],
    }.items():
        values = found[name]  # type: ignore[index]
        assert values.shape == (5, many, *shape)
        assert values.dtype == torch.float32
        assert torch.equal(values.isnan().flatten(2).any(dim=2), ~there), name
    torch.testing.assert_close(found["box_samples"][there].sum(dim=-1), torch.ones(int(there.sum()), draws))
    means, probs = found["box_samples"][there].mean(dim=1), found["box_probs"][there]
    if isinstance(detector.posterior, Flips | Noise):
        # The image as it is counts as well, and its detections are a distribution too.
        plain = probs * (draws + 1) - means * draws
        assert (plain >= -1e-5).all()
        torch.testing.assert_close(plain.sum(dim=1), torch.ones(len(plain)), rtol=0, atol=1e-5)
    else:
        torch.testing.assert_close(means, probs)
    scores = found["box_probs"][..., :-1].amax(dim=2).nan_to_num(-1)
    assert (scores[:, :-1] >= scores[:, 1:]).all()
    for boxes in (found["boxes"][there], found["box_draws"][there].flatten(0, 1)):
        assert (boxes >= -1e-4).all()
        assert (boxes <= finders.SIDE + 1e-4).all()
    assert found["missed"].shape == (5,)
    assert (found["missed"] >= 0).all()
    assert found["embeddings"].ndim == 2


@pytest.mark.parametrize("posterior", sorted(POSTERIORS))
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_equal_seeds_give_equal_arrays_in_any_batches(architecture: str, posterior: str) -> None:
    """A draw is the same model, or the same noise, for every image."""
    detector = make(architecture, posterior=POSTERIORS[posterior]())
    with torch.inference_mode():
        draws = detector.draws(torch.Generator().manual_seed(5))
        together = detector.outputs(IMAGES, draws, ALL)
        again = detector.draws(torch.Generator().manual_seed(5))
        parts = [detector.outputs(images, again, ALL) for images in (IMAGES[:1], IMAGES[1:4], IMAGES[4:])]
    for name, values in together.items():
        torch.testing.assert_close(
            torch.cat([part[name] for part in parts]), values, rtol=1e-3, atol=1e-3, equal_nan=True
        )


@pytest.mark.parametrize("posterior", sorted(POSTERIORS))
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_images_in_which_nothing_is_found(architecture: str, posterior: str) -> None:
    """Nothing but NaN, nothing missed, and embeddings all the same."""
    found = outputs(make(architecture, posterior=POSTERIORS[posterior](), score_threshold=1.0))
    for name in ("boxes", "box_probs", "box_samples", "box_draws", "box_embeddings"):
        assert found[name].isnan().all()
    assert torch.equal(found["missed"], torch.zeros(5))
    assert torch.isfinite(found["embeddings"]).all()


def test_a_detection_is_one_candidate_and_no_two_of_a_class_overlap() -> None:
    """Suppression by class: what is left of one class overlaps by the threshold at most."""
    found = outputs(make(posterior=PointEstimate(), nms_threshold=0.3), needs={"boxes", "box_probs"})
    for boxes, probs in zip(found["boxes"], found["box_probs"], strict=True):
        there = ~boxes.isnan().any(dim=1)
        labels = probs[there, :-1].argmax(dim=1)
        for label in labels.unique():
            own = boxes[there][labels == label]
            overlap = box_iou(own, own)
            assert (overlap.fill_diagonal_(0) <= 0.3 + 1e-5).all()


def test_a_point_estimate_offers_no_draws() -> None:
    """What only draws can say is not offered, and what is cheap is."""
    detector = make(posterior=PointEstimate())
    assert detector.gives == {"boxes", "box_probs", "box_embeddings", "embeddings"}
    assert set(outputs(detector, needs={"embeddings"})) == {"embeddings"}


def test_a_region_that_is_the_whole_image_has_the_images_embedding() -> None:
    """Of a one-stage detector both are means over the maps."""
    network: Any = make("retinanet").networks[0]
    with torch.inference_mode():
        maps = network.maps(IMAGES)
        whole = [torch.tensor([[0.0, 0.0, finders.SIDE, finders.SIDE]])] * len(IMAGES)
        torch.testing.assert_close(network.regions(IMAGES, maps, whole), network.embeddings(maps))


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_half_precision_finds_the_same_squares(architecture: str) -> None:
    """A trainer's mixed precision costs scores a little, and places hardly anything."""
    detector, unseen = finders.trained(architecture), finders.held_out()
    sure = outputs(detector, unseen.images, {"boxes", "box_probs"})
    with torch.autocast("cpu", torch.bfloat16):
        half = outputs(detector, unseen.images)
    for full_boxes, probs, boxes in zip(sure["boxes"], sure["box_probs"], half["boxes"], strict=True):
        known = full_boxes[probs[:, :-1].amax(dim=1) > 0.7]
        if len(known):
            there = boxes[~boxes.isnan().any(dim=1)]
            assert (box_iou(known, there).amax(dim=1) > 0.6).all()
    assert half["box_probs"].dtype == torch.float32


def test_weights_come_back_from_a_file(tmp_path: Path) -> None:
    """Another detector of the same shape says the same with them; one of another shape refuses them."""
    detector, other = make(), make(dropout=0.3)
    with torch.no_grad():
        for weights in other.parameters():
            weights.add_(0.1)
    save_weights(detector, tmp_path / "weights")
    load_weights(other, tmp_path / "weights")
    plain: set[Need] = {"boxes", "box_probs"}
    for name, values in outputs(detector, needs=plain).items():
        torch.testing.assert_close(outputs(other, needs=plain)[name], values, equal_nan=True)
    with pytest.raises(RunConflict, match="does not hold weights"):
        load_weights(make("retinanet"), tmp_path / "weights")


def test_validation_measures_the_same_every_time_and_leaves_chance_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which proposals count in the loss is drawn; training draws on as if nobody had looked."""
    logged: list[Tensor] = []
    detector = make()
    monkeypatch.setattr(detector, "log_loss", lambda _name, loss, _batch: logged.append(loss.detach()))
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    detector.validation_step(batch(), 0)
    assert torch.equal(torch.rand(1), expected)
    detector.validation_step(batch(), 0)
    assert torch.equal(logged[0], logged[1])


def test_an_empty_batch_has_no_loss() -> None:
    """A batch in which no image could be read."""
    assert make().training_step(batch(IMAGES[:0], []), 0) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": 1.0}, "learner.dropout"),
        ({"score_threshold": 1.5}, "learner.score_threshold"),
        ({"nms_threshold": -0.1}, "learner.nms_threshold"),
        ({"max_detections": 0}, "learner.max_detections"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    """By name."""
    with pytest.raises(ConfigurationError, match=message):
        make(**changes)

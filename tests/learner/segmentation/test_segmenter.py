from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from alframe.data import Batch
from alframe.data.transforms.objects import Target
from alframe.errors import ConfigurationError, DataError, RunConflict
from alframe.learner import Segmenter, load_weights, save_weights, schedules
from alframe.learner.segmentation import (
    FCN,
    LRASPP,
    DeepLabV3,
    Draws,
    Ensemble,
    Flips,
    MCDropout,
    PointEstimate,
    Posterior,
    UNet,
)
from alframe.types import Need, Object, Objects, Rle, label_array

SMALL = partial(UNet, widths=(4, 8))
ALL: set[Need] = {"class_map", "pixel_classes", "pixel_entropy", "pixel_margin", "pixel_bald", "embeddings"}
IMAGES = torch.randn(5, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def make(**changes: Any) -> Segmenter:
    torch.manual_seed(0)
    options: dict[str, Any] = {
        "architecture": SMALL,
        "posterior": MCDropout(4),
        "optimizer": partial(torch.optim.Adam, lr=1e-2),
        "schedule": schedules.constant,
        "dropout": 0.3,
        "cells": 8,
    }
    segmenter = Segmenter((1, 16, 16), 2, **(options | changes)).eval()
    with torch.no_grad():  # not taking everything for background, as a network that has learnt something
        for name, weights in segmenter.named_parameters():
            if "classify" in name:
                weights.mul_(100 if name.endswith("weight") else 0)
    return segmenter


def draws(segmenter: Segmenter, seed: int = 0) -> Draws:
    return segmenter.draws(torch.Generator().manual_seed(seed))


def outputs(segmenter: Segmenter, images: Tensor = IMAGES, needs: set[Need] = ALL, seed: int = 0) -> dict[Need, Tensor]:
    with torch.inference_mode():
        return segmenter.outputs(images, draws(segmenter, seed), needs)


def samples(segmenter: Segmenter, images: Tensor = IMAGES, seed: int = 0) -> Tensor:
    """Probabilities (B, T, C + 1, S, S) of all draws at once, which the segmenter never holds."""
    with torch.inference_mode():
        made = draws(segmenter, seed)
        return torch.stack([logits.softmax(1) for logits in made.logits(images, made.trunks(images))], dim=1)


def shapes(count: int, side: int = 16, seed: int = 0) -> Batch:
    """A bright disc of class 0 and a dark square of class 1, in noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    images, targets = [], []
    for _ in range(count):
        classes = np.zeros((side, side), dtype=np.uint8)
        (top, left), (y, x) = rng.integers(0, side - 6, 2), rng.integers(4, side - 4, 2)
        classes[top : top + 7, left : left + 7] = 2
        classes[(rows - y) ** 2 + (columns - x) ** 2 <= 16] = 1
        level = np.array([0.0, 2.0, -2.0])[classes]
        images.append(torch.from_numpy(level + rng.normal(scale=0.5, size=classes.shape)).float()[None])
        nothing = torch.empty(0)
        targets.append(Target(nothing.reshape(0, 4), nothing.long(), nothing.bool(), torch.from_numpy(classes)))
    sizes = torch.full((count, 2), side)
    return Batch(torch.stack(images), targets, torch.arange(count), {}, sizes)


def fit(segmenter: Segmenter, batch: Batch, steps: int) -> list[float]:
    """Steps on one batch; the loss of each."""
    segmenter.train()
    segmenter.log = lambda *_args, **_options: None  # type: ignore[method-assign]  # no Trainer to log to
    optimizer = segmenter.make_optimizer(segmenter.parameters())
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = segmenter.training_step(batch, 0)
        assert loss is not None
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    segmenter.eval()
    return losses


@pytest.mark.parametrize("posterior", [PointEstimate(), MCDropout(4), Ensemble(2), Flips()])
def test_it_learns_discs_and_squares(posterior: Posterior) -> None:
    """On noise, of images it has not seen: an intersection over union above 0.8 for background and each class."""
    segmenter = make(posterior=posterior, dropout=0.1, architecture=partial(UNet, widths=(8, 16)))
    fit(segmenter, shapes(16), steps=60)
    unseen = shapes(16, seed=1)
    truth = torch.stack([target.classes for target in unseen.labels])
    found = outputs(segmenter, unseen.images, {"class_map"})["class_map"]
    for value in range(3):
        true, predicted = truth == value, found == value
        assert (true & predicted).sum() / (true | predicted).sum() > 0.8


@pytest.mark.parametrize(("posterior", "count"), [(MCDropout(7), 7), (Ensemble(3), 3), (Flips(), 4), (Flips(False), 2)])
def test_everything_is_said_of_the_mean_of_the_draws(posterior: Posterior, count: int) -> None:
    """Against all draws held at once, pixel by pixel, then summed up cell by cell."""
    segmenter = make(posterior=posterior)
    every = samples(segmenter)
    assert every.shape == (5, count, 3, 16, 16)
    mean = every.mean(1)
    entropy = -(mean * mean.log()).sum(1)
    first, second = mean.sort(1, descending=True).values[:, :2].unbind(1)
    bald = entropy + (every * every.log()).sum(2).mean(1)
    found = outputs(segmenter)
    torch.testing.assert_close(found["class_map"], mean.argmax(1).to(torch.uint8))
    torch.testing.assert_close(found["pixel_classes"], found["class_map"][:, 1::2, 1::2])
    summed: list[tuple[Need, Tensor]] = [
        ("pixel_entropy", entropy),
        ("pixel_margin", 1 - first + second),
        ("pixel_bald", bald),
    ]
    for need, pixels in summed:
        cells = pixels.reshape(5, 8, 2, 8, 2).mean((2, 4))
        torch.testing.assert_close(found[need], cells, atol=1e-5, rtol=1e-4)
    assert (found["pixel_bald"] > 1e-4).any()


def test_only_what_is_needed_is_given_and_there_is_no_disagreement_without_draws() -> None:
    """Each array by itself equals the one among all; ``pixel_bald`` is offered where there is more than one draw."""
    segmenter = make()
    together = outputs(segmenter)
    for need in ALL:
        alone = outputs(segmenter, needs={need})
        assert set(alone) == {need}
        torch.testing.assert_close(alone[need], together[need])
    assert segmenter.gives == ALL
    assert make(posterior=PointEstimate()).gives == ALL - {"pixel_bald"}
    assert segmenter.shows <= segmenter.gives


def test_draws_do_not_depend_on_how_images_are_batched() -> None:
    """Equal seeds give equal masks whatever comes with an image; another seed gives others."""
    segmenter = make()
    whole = outputs(segmenter, seed=1)
    made = draws(segmenter, seed=1)
    with torch.inference_mode():
        parts = [segmenter.outputs(part, made, ALL) for part in (IMAGES[:1], IMAGES[1:4], IMAGES[4:])]
    for need in ALL:
        torch.testing.assert_close(torch.cat([part[need] for part in parts]), whole[need])
    assert not torch.allclose(outputs(segmenter, seed=2)["pixel_bald"], whole["pixel_bald"])


def test_many_draws_agree_on_their_mean() -> None:
    """Two independent sets of many masks nearly do; two of a few do not."""

    def distance(count: int) -> float:
        segmenter = make(posterior=MCDropout(count))
        return float((samples(segmenter, seed=1).mean(1) - samples(segmenter, seed=2).mean(1)).abs().mean())

    assert distance(400) < distance(4) / 5


def test_without_dropout_there_is_nothing_to_draw() -> None:
    """Masks at a rate of zero are all alike and change nothing; a segmenter that would waste them is refused."""
    segmenter = make(posterior=PointEstimate(), dropout=0.0)
    networks = [segmenter.networks[0]]
    made = MCDropout(3).draws(networks, 0.0, torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    with torch.inference_mode():
        for logits in made.logits(IMAGES, made.trunks(IMAGES)):
            torch.testing.assert_close(logits, networks[0](IMAGES))
    with pytest.raises(ConfigurationError, match=r"set learner\.dropout above 0"):
        make(dropout=0.0)


def test_a_flipped_image_gives_flipped_maps() -> None:
    """All four views of an image are the four views of its mirror image."""
    segmenter = make(posterior=Flips())
    plain, flipped = outputs(segmenter), outputs(segmenter, IMAGES.flip(3))
    for need in ALL - {"embeddings", "pixel_classes"}:
        torch.testing.assert_close(flipped[need].flip(2), plain[need])


def test_members_of_an_ensemble_are_its_draws_and_embeddings_side_by_side() -> None:
    """Draw t is what member t alone says."""
    segmenter = make(posterior=Ensemble(3))
    with torch.inference_mode():
        for number, network in enumerate(segmenter.networks):
            torch.testing.assert_close(samples(segmenter)[:, number], network(IMAGES).softmax(1))
    assert outputs(segmenter, needs={"embeddings"})["embeddings"].shape == (5, 3 * 8)


@pytest.mark.parametrize("cells", [1, 5, 64])
def test_an_image_has_as_many_cells_as_asked_for_and_pixels_at_most(cells: int) -> None:
    """Cells may differ in size by a pixel; a pixel is the smallest."""
    found = outputs(make(cells=cells))
    side = min(cells, 16)
    for need in ("pixel_classes", "pixel_entropy", "pixel_margin", "pixel_bald"):
        assert found[need].shape == (5, side, side)


@pytest.mark.parametrize("architecture", [UNet, partial(UNet, widths=(4, 8, 16)), LRASPP, DeepLabV3, FCN])
@pytest.mark.parametrize("channels", [1, 3])
def test_each_architecture_takes_a_step_and_predicts(architecture: Any, channels: int) -> None:
    """At 64 pixels, grey or in colour: every weight that a step can reach changes, and every array has its shape."""
    torch.manual_seed(0)
    segmenter = Segmenter(
        (channels, 64, 64),
        3,
        architecture=architecture,
        posterior=MCDropout(2),
        optimizer=partial(torch.optim.SGD, lr=0.1),
        schedule=schedules.constant,
        cells=16,
    )
    batch = shapes(2, side=64)
    before = [weights.detach().clone() for weights in segmenter.parameters()]
    batch = batch._replace(images=batch.images.expand(-1, channels, -1, -1))
    assert np.isfinite(fit(segmenter, batch, steps=1)).all()
    changed = [not torch.equal(old, new) for old, new in zip(before, segmenter.parameters(), strict=True)]
    assert np.mean(changed) > 0.9
    found = outputs(segmenter, batch.images)
    assert found["class_map"].shape == (2, 64, 64)
    assert found["pixel_bald"].shape == (2, 16, 16)
    assert all(torch.isfinite(values.float()).all() for values in found.values())


@pytest.mark.parametrize("side", [5, 8, 21])
def test_the_u_net_keeps_the_size_of_any_image(side: int) -> None:
    """Sides that halves do not divide, and some smaller than what the network divides them by."""
    assert UNet((1, side, side), 3).eval()(torch.zeros(1, 1, side, side)).shape == (1, 3, side, side)


def test_an_untrained_network_sees_next_to_nothing() -> None:
    """What it has to learn is where objects are, not that they are rare."""
    torch.manual_seed(0)
    for architecture in (UNet, LRASPP):
        probs = architecture((1, 32, 32), 4).eval()(torch.zeros(1, 1, 32, 32)).softmax(1)
        assert probs[:, 0].mean() > 0.9


def test_weights_that_were_saved_predict_the_same(tmp_path: Path) -> None:
    """All members and their running statistics; another architecture is refused."""
    first, second = make(posterior=Ensemble(2)), make(posterior=Ensemble(2), architecture=SMALL)
    fit(first, shapes(4), steps=2)
    save_weights(first, tmp_path / "weights")
    load_weights(second, tmp_path / "weights")
    for need, values in outputs(first).items():
        torch.testing.assert_close(outputs(second)[need], values)
    with pytest.raises(RunConflict):
        load_weights(make(architecture=UNet), tmp_path / "weights")


def test_batches_without_images_are_passed_over() -> None:
    """When no image of a batch could be decoded there is no loss, rather than NaN."""
    empty = Batch(torch.empty(0, 1, 16, 16), [], torch.empty(0).long(), {3: ""}, torch.empty(0, 2).long())
    segmenter = make()
    assert segmenter.training_step(empty, 0) is None
    segmenter.validation_step(empty, 0)


def test_validation_counts_every_class_alike() -> None:
    """The loss that is logged is that of the networks without dropout and without weights."""
    segmenter, batch = make(posterior=Ensemble(2), class_weights="balanced"), shapes(4)
    fit(segmenter, batch, steps=1)
    logged: dict[str, Tensor] = {}
    segmenter.log_loss = lambda name, loss, batch: logged.update({name: loss})  # type: ignore[method-assign]  # noqa: ARG005
    segmenter.validation_step(batch, 0)
    truth = torch.stack([target.classes for target in batch.labels]).long()
    crossed = [F.cross_entropy(network(batch.images), truth) for network in segmenter.networks]
    assert logged["val_loss"] > torch.stack(crossed).mean()
    assert logged["val_loss"] < torch.stack(crossed).mean() + 1


def test_balanced_weights_are_inverse_frequencies_of_the_pixels_seen() -> None:
    """Over the batches so far, until a new training set is prepared."""
    segmenter = make(class_weights="balanced")
    fit(segmenter, shapes(4), steps=1)
    fit(segmenter, shapes(4, seed=1), steps=1)
    truth = torch.stack([target.classes for seed in (0, 1) for target in shapes(4, seed=seed).labels])
    expected = truth.numel() / (3 * truth.flatten().bincount())
    assert segmenter._loss_weights is not None
    torch.testing.assert_close(segmenter._loss_weights, expected.float())
    segmenter.prepare(label_array([Objects()]))
    assert segmenter._pixels.sum() == 0


def test_balanced_weights_stand_batches_of_one_class_and_of_none() -> None:
    """Every class of a batch has been seen by then, so that none of its losses divides by zero."""
    segmenter, batch = make(class_weights="balanced"), shapes(2)
    for value in (255, 0, 2, 0, 255):
        filled = [target._replace(classes=torch.full_like(target.classes, value)) for target in batch.labels]
        fit(segmenter, batch._replace(labels=filled), steps=1)
        assert all(weights.isfinite().all() for weights in segmenter.parameters())


def test_labels_without_masks_are_refused() -> None:
    """Before training where the labels show it, and else at the first batch; an image without objects is welcome."""
    mask = Rle((2, 2), "22")
    with_mask, without = Object((0, 0, 1, 1), 0, mask), Object((0, 0, 1, 1), 0)
    make().prepare(label_array([Objects((with_mask,)), Objects()]))
    for labels in ([Objects((without,))], [Objects((with_mask, without)), Objects()]):
        with pytest.raises(DataError, match="boxes only: use learner=detector"):
            make().prepare(label_array(labels))
    with pytest.raises(DataError, match="classes of images"):
        make().prepare(np.array([0, 1]))
    batch = shapes(2)
    unmasked = [target._replace(classes=torch.empty(0, 0, dtype=torch.uint8)) for target in batch.labels]
    with pytest.raises(DataError, match="boxes only: use learner=detector"):
        make().training_step(batch._replace(labels=unmasked), 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": 1.0}, r"learner\.dropout must lie in"),
        ({"cells": 0}, r"learner\.cells must be at least 1"),
        ({"class_weights": [1.0, 2.0]}, "2 numbers for background and 2 classes"),
        *(
            ({"class_weights": [wrong, 1.0, 2.0]}, r"class_weights must be finite and above 0, got \[")
            for wrong in (0.0, -1.0, float("nan"), float("inf"), 1e-60)
        ),
        ({"architecture": partial(UNet, widths=(4,))}, "two or more widths"),
        ({"architecture": partial(LRASPP, weights="NONE_SUCH")}, "torchvision cannot build lraspp"),
    ],
)
def test_wrong_values_are_refused(changes: dict[str, object], message: str) -> None:
    """The message names the key of the configuration."""
    with pytest.raises(ConfigurationError, match=message):
        make(**changes)


def test_posteriors_without_spread_and_more_classes_than_a_map_holds_are_refused() -> None:
    """One draw, one member; 255 classes, one of which would be the mark of pixels to be ignored."""
    with pytest.raises(ConfigurationError, match="at least 2 draws"):
        MCDropout(1)
    with pytest.raises(ConfigurationError, match="at least 2 members"):
        Ensemble(1)
    with pytest.raises(ConfigurationError, match="room for 254 classes"):
        Segmenter(
            (1, 16, 16),
            255,
            architecture=SMALL,
            posterior=PointEstimate(),
            optimizer=torch.optim.Adam,
            schedule=schedules.constant,
        )

"""Weights of a learner with fewer classes in one with more."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import finders
import pytest
import tiny
import torch
from torch import Tensor, nn

from alframe.errors import RunConflict
from alframe.learner import Classifier, Learner, Segmenter, SmallCNN, load_weights, save_weights, schedules
from alframe.learner.classes import ClassRows, with_new_classes
from alframe.learner.posterior import Ensemble, Evidential, LastLayerLaplace, MCDropout, PointEstimate, Posterior
from alframe.learner.posterior.laplace import STRUCTURES
from alframe.learner.posterior.weight_spread import WeightSpread
from alframe.learner.segmentation import LRASPP, UNet
from alframe.learner.segmentation import PointEstimate as OneMap
from alframe.types import Need

OLD, NEW = 3, 5
NOTHING = 1e-10
IMAGES = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def classifier(classes: int, posterior: Posterior | None = None, seed: int = 0) -> Classifier:
    torch.manual_seed(seed)
    learner: Classifier = tiny.learner(posterior=posterior or MCDropout(4))((1, 8, 8), classes)
    return learner.eval()


def segmenter(classes: int, architecture: Any, seed: int = 0) -> Segmenter:
    torch.manual_seed(seed)
    made = Segmenter(
        (1, 32, 32),
        classes,
        architecture=architecture,
        posterior=OneMap(),
        optimizer=partial(torch.optim.Adam, lr=1e-3),
        schedule=schedules.constant,
    ).eval()
    with torch.no_grad():
        for name, weights in made.named_parameters():
            if "classify" in name:  # not taking everything for background
                weights.copy_(torch.randn_like(weights))
    return made


def grown(old: Learner, new: Learner, folder: Path) -> Any:
    """``new`` with the weights of ``old``."""
    save_weights(old, folder / "weights.safetensors")
    load_weights(new, folder / "weights.safetensors")
    return new


def said(learner: Any, images: Tensor, *needs: Need) -> dict[Need, Tensor]:
    with torch.inference_mode():
        found: dict[Need, Tensor] = learner.outputs(images, learner.draws(torch.Generator().manual_seed(0)), needs)
    return found


@pytest.mark.parametrize("posterior", [PointEstimate(), MCDropout(4), MCDropout(4, from_stage="conv2"), Ensemble(2)])
def test_a_classifier_says_what_it_said_and_of_new_classes_nothing(posterior: Posterior, tmp_path: Path) -> None:
    """Draw by draw; its head and what it learnt to be its loss too."""
    old = classifier(OLD, posterior)
    before = said(old, IMAGES, "probs", "samples", "embeddings")
    learner = grown(old, classifier(NEW, posterior, seed=1), tmp_path)
    after = said(learner, IMAGES, "probs", "samples", "embeddings")
    assert learner.unlearnt == 2
    assert torch.equal(after["embeddings"], before["embeddings"])
    torch.testing.assert_close(after["samples"][..., :OLD], before["samples"], rtol=1e-6, atol=0)
    assert after["samples"][..., OLD:].max() < NOTHING
    torch.testing.assert_close(learner.linear_head()[:OLD], old.linear_head())


def test_a_calibrated_classifier_keeps_its_calibration(tmp_path: Path) -> None:
    """Although where factors differ, each logit is scaled by its distance from the mean over all classes."""
    old = classifier(OLD, PointEstimate())
    old.scaling.set(torch.tensor([0.5, 1.0, 3.0]), torch.tensor([1.0, -2.0, 0.0]))
    learner = grown(old, classifier(NEW, PointEstimate()), tmp_path)
    probs, before = (said(each, IMAGES, "probs")["probs"] for each in (learner, old))
    torch.testing.assert_close(probs[:, :OLD], before, rtol=1e-5, atol=1e-7)
    assert probs[:, OLD:].max() < NOTHING


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_spread_of_the_old_classes_stays(structure: Any, tmp_path: Path) -> None:
    """What Laplace draws of their rows has the covariance that it had, entry by entry."""
    posterior = LastLayerLaplace(4, structure=structure)
    rng = torch.Generator().manual_seed(0)

    def make(classes: int) -> Classifier:
        return cast("Classifier", tiny.learner(posterior=posterior, backbone=Narrow)((1, 8, 8), classes)).eval()

    old = make(OLD)
    old.fit_posterior(torch.randn(20, 4, generator=rng), torch.randint(OLD, (20,), generator=rng))
    learner = grown(old, make(NEW), tmp_path)
    spreads = [cast("WeightSpread", each.networks[0].get_submodule("head.weight_spread")) for each in (old, learner)]
    before, after = (covariance(spread) for spread in spreads)
    torch.testing.assert_close(after[:OLD, :, :OLD, :], before)
    assert said(learner, IMAGES, "probs")["probs"][:, OLD:].max() < NOTHING


class Narrow(SmallCNN):
    """So narrow that the last layer's weights have a full covariance."""

    hidden = (4,)


def covariance(spread: WeightSpread) -> Tensor:
    """(C, D + 1, C, D + 1) of the deviations that a spread draws, from what it makes of each coordinate alone."""
    shape = spread.scales.shape
    units = torch.eye(shape.numel()).view(-1, *shape)
    deviations = spread.rotate(units * spread.scales).flatten(1)
    return (deviations.T @ deviations).view(*shape, *shape)


def test_evidence_for_old_classes_stays_and_new_ones_have_no_share(tmp_path: Path) -> None:
    """The mean of many draws is the old one's: a Dirichlet distribution without some of its classes is one again."""
    posterior = Evidential(draws=2000)
    old = classifier(OLD, posterior)
    learner = grown(old, classifier(NEW, posterior), tmp_path)
    probs, before = (said(each, IMAGES, "probs")["probs"] for each in (learner, old))
    torch.testing.assert_close(probs[:, :OLD], before, rtol=0, atol=0.01)
    assert probs[:, OLD:].max() < NOTHING


@pytest.mark.parametrize("architecture", finders.ARCHITECTURES)
def test_a_detector_finds_what_it_found(architecture: str, tmp_path: Path) -> None:
    """The same boxes, background last; dropout's draws too."""
    torch.manual_seed(0)
    old, new = (finders.build(architecture, classes).eval() for classes in (OLD, NEW))
    needs: tuple[Need, ...] = ("boxes", "box_probs", "box_samples", "box_draws", "embeddings")
    before = said(old, finders.IMAGES, *needs)
    after = said(grown(old, new, tmp_path), finders.IMAGES, *needs)
    assert not before["boxes"].isnan().all()
    for name in needs:
        values = after[name]
        if name in ("box_probs", "box_samples"):
            assert values[..., OLD:NEW].nan_to_num(0).max() < NOTHING
            values = values[..., [*range(OLD), NEW]]
        torch.testing.assert_close(values, before[name], rtol=1e-5, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("architecture", [partial(UNet, widths=(4, 8)), LRASPP])
def test_a_segmenter_sees_what_it_saw(architecture: Any, tmp_path: Path) -> None:
    """Pixel by pixel, background first."""
    old = segmenter(OLD, architecture)
    learner = grown(old, segmenter(NEW, architecture, seed=1), tmp_path)
    images = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before, after = (each.logits_of(0, images).softmax(dim=1) for each in (old, learner))
    torch.testing.assert_close(after[:, : OLD + 1], before, rtol=1e-5, atol=1e-7)
    assert after[:, OLD + 1 :].max() < NOTHING
    assert torch.equal(said(learner, images, "class_map")["class_map"], said(old, images, "class_map")["class_map"])


LEARNERS: dict[str, Callable[[int], Learner]] = {
    "classifier": classifier,
    "laplace": lambda classes: classifier(classes, LastLayerLaplace(4)),
    "u_net": lambda classes: segmenter(classes, partial(UNet, widths=(4, 8))),
    **{name: partial(finders.build, name) for name in finders.ARCHITECTURES},
}


@pytest.mark.parametrize("name", LEARNERS)
def test_all_and_only_what_depends_on_the_number_of_classes_has_rows_for_them(name: str) -> None:
    """As the shapes of two learners tell."""
    few, many = LEARNERS[name](2), LEARNERS[name](4)
    shapes = {key: values.shape for key, values in few.state_dict().items()}
    differ = {key for key, values in many.state_dict().items() if values.shape != shapes[key]}
    assert differ == set(few.class_rows(2)) == set(many.class_rows(4))
    for learner, classes in ((few, 2), (many, 4)):
        for key, rows in learner.class_rows(classes).items():
            assert len(rows.classes) == len(learner.state_dict()[key])
            counts = [int((rows.classes == one).sum()) for one in range(classes)]
            assert len(set(counts)) == 1


@pytest.mark.parametrize("name", LEARNERS)
def test_training_begins_with_its_own_rows_for_classes_that_were_not_learnt(name: str) -> None:
    """Whichever they are: here the second of three, and two that were added."""
    torch.manual_seed(0)
    base, learner = LEARNERS[name](3), LEARNERS[name](5)
    own, theirs = dict(learner.state_dict()), base.state_dict()
    own = {key: values.clone() for key, values in own.items()}
    learnt = torch.tensor([True, False, True, False, False])
    state = with_new_classes(learner, theirs, learnt)
    for key, values in state.items():
        rows, before = learner.class_rows(5).get(key), base.class_rows(3).get(key)
        if rows is None or before is None:
            assert torch.equal(values, theirs[key])
        elif not rows.columns:
            for one in (-1, 0, 2):
                assert torch.equal(values[rows.classes == one], theirs[key][before.classes == one])
            for one in (1, 3, 4):
                assert torch.equal(values[rows.classes == one], own[key][rows.classes == one])


def test_classes_cannot_be_taken_away(tmp_path: Path) -> None:
    """The message says how many there were."""
    path = tmp_path / "weights.safetensors"
    save_weights(classifier(NEW), path)
    with pytest.raises(RunConflict, match=r"weights\.safetensors .* tell 5 classes apart and there are 3 now"):
        load_weights(classifier(OLD), path)
    with pytest.raises(RunConflict, match="tell 5 classes apart"):
        classifier(OLD).take_on(classifier(NEW), torch.ones(OLD, dtype=torch.bool))


@pytest.mark.parametrize("classes", [OLD, NEW])
def test_weights_of_another_architecture_are_refused(classes: int, tmp_path: Path) -> None:
    """With as many classes or with fewer."""
    path = tmp_path / "weights.safetensors"
    save_weights(classifier(OLD), path)
    with pytest.raises(RunConflict, match="does not hold weights of this learner"):
        load_weights(classifier(classes, Ensemble(2)), path)
    with pytest.raises(RunConflict, match="another architecture"):
        classifier(classes, Ensemble(2)).take_on(classifier(OLD), torch.arange(classes) < OLD)


def test_as_many_classes_are_loaded_as_they_are(tmp_path: Path) -> None:
    """Nothing is unlearnt, also where something was before."""
    old, learner = classifier(OLD), classifier(OLD, seed=1)
    learner.unlearnt = 1
    grown(old, learner, tmp_path)
    assert learner.unlearnt == 0
    torch.testing.assert_close(learner.state_dict(), old.state_dict(), rtol=0, atol=0)


def test_modules_that_are_no_learner_have_no_classes(tmp_path: Path) -> None:
    """Their weights fit or are refused."""
    path = tmp_path / "weights.safetensors"
    save_weights(nn.Linear(2, 3), path)
    with pytest.raises(RunConflict):
        load_weights(nn.Linear(2, 4), path)
    assert not ClassRows(torch.arange(2)).columns

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tiny
import torch
from sklearn.utils.class_weight import compute_class_weight

from alframe.data import Batch
from alframe.errors import ConfigurationError
from alframe.learner import Classifier, Draws, Ensemble, MCDropout, PointEstimate
from alframe.types import Need

IMAGES = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
ALL: set[Need] = {"probs", "embeddings", "samples"}


def make(**changes: object) -> Classifier:
    torch.manual_seed(0)
    classifier: Classifier = tiny.learner(**changes)((1, 8, 8), 3)
    return classifier.eval()


def draws(classifier: Classifier, seed: int = 0) -> Draws:
    return classifier.draws(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("posterior", "count"),
    [(PointEstimate(), 1), (MCDropout(7), 7), (MCDropout(7, from_stage="head"), 7), (Ensemble(3), 3)],
)
def test_probabilities_are_the_mean_of_the_draws(posterior: PointEstimate, count: int) -> None:
    """Whatever the posterior, there are T draws, each a distribution, and ``probs`` is their mean."""
    classifier = make(posterior=posterior)
    found = classifier.outputs(IMAGES, draws(classifier), ALL)
    assert found["samples"].shape == (5, count, 3)
    torch.testing.assert_close(found["samples"].sum(-1), torch.ones(5, count))
    torch.testing.assert_close(found["probs"], found["samples"].mean(dim=1))


def test_only_what_is_needed_is_given() -> None:
    """A strategy that declared embeddings is given embeddings and nothing else."""
    classifier = make()
    for need in ALL:
        assert set(classifier.outputs(IMAGES, draws(classifier), {need})) == {need}


def test_draws_are_reproducible_and_seeded() -> None:
    """Equal seeds give equal masks and so equal draws; another seed gives others."""
    classifier = make()
    first, again, other = (classifier.outputs(IMAGES, draws(classifier, seed), ALL)["samples"] for seed in (1, 1, 2))
    torch.testing.assert_close(first, again)
    assert not torch.allclose(first, other)


def test_members_of_an_ensemble_are_its_draws() -> None:
    """Members differ from the start, and draw t is what member t alone says."""
    classifier = make(posterior=Ensemble(3))
    samples = classifier.outputs(IMAGES, draws(classifier), {"samples"})["samples"]
    torch.testing.assert_close(samples, classifier(IMAGES).softmax(-1))
    assert not torch.allclose(samples[:, 0], samples[:, 1])


def test_members_learn_as_if_alone() -> None:
    """The joint loss gives each member the gradient of its own: after steps of SGD a member equals a lone network."""
    sgd = partial(torch.optim.SGD, lr=0.1)
    together = make(posterior=Ensemble(2), optimizer=sgd, dropout=0.0).train()
    alone = make(posterior=PointEstimate(), optimizer=sgd, dropout=0.0).train()
    alone.networks[0].load_state_dict(together.networks[1].state_dict())
    batch = Batch(IMAGES, torch.tensor([0, 1, 2, 0, 1]), torch.arange(5), {}, torch.full((5, 2), 8))
    for classifier in (together, alone):
        classifier.log = lambda *_args, **_options: None  # type: ignore[method-assign]  # no Trainer to log to
        optimizer = sgd(classifier.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            loss = classifier.training_step(batch, 0)
            assert loss is not None
            torch.autograd.backward(loss)
            optimizer.step()
    for mine, its in zip(alone.networks[0].parameters(), together.networks[1].parameters(), strict=True):
        torch.testing.assert_close(mine, its)


def test_a_batch_without_images_is_passed_over() -> None:
    """When no image of a batch could be decoded there is no loss, rather than NaN."""
    none = torch.empty(0, dtype=torch.long)
    nothing = Batch(torch.empty(0, 1, 8, 8), none, none, {3: ""}, torch.empty(0, 2))
    assert make().training_step(nothing, 0) is None


def test_balanced_class_weights_are_inverse_frequencies() -> None:
    """Weights agree with scikit-learn's for the classes there are; an absent class has none."""
    labels = np.array([0, 0, 0, 2])
    classifier = make(class_weights="balanced")
    classifier.prepare(labels)
    weight = classifier._loss_weights
    assert weight is not None
    expected = compute_class_weight("balanced", classes=np.array([0, 2]), y=labels)
    np.testing.assert_allclose(weight.numpy(), [expected[0], 0, expected[1]], rtol=1e-6)
    make().load_state_dict(classifier.state_dict())  # they belong to a training set, not to the model


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": 1.0}, r"learner\.dropout must lie in"),
        ({"label_smoothing": -0.1}, r"learner\.label_smoothing must lie in"),
        ({"class_weights": [1.0, 2.0]}, "2 numbers for 3 classes"),
    ],
)
def test_wrong_values_are_refused(changes: dict[str, object], message: str) -> None:
    """The message names the key of the configuration."""
    with pytest.raises(ConfigurationError, match=message):
        make(**changes)


def test_posteriors_without_spread_are_refused() -> None:
    """One draw, one member or no dropout cannot disagree with itself."""
    with pytest.raises(ConfigurationError, match="at least 2 draws"):
        MCDropout(1)
    with pytest.raises(ConfigurationError, match="at least 2 members"):
        Ensemble(1)
    with pytest.raises(ConfigurationError, match=r"set learner\.dropout above 0"):
        draws(make(dropout=0.0))

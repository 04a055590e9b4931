from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from scipy.stats import spearmanr

from alframe.data import ImageData
from alframe.errors import ConfigurationError
from alframe.learner import Classifier, Ensemble, PointEstimate, load_weights, quiet_trainer, save_weights
from alframe.learner.loss_prediction import LossHead, ranking_loss
from alframe.scoring import predict
from alframe.training import FromScratch
from alframe.types import TrainingSet

trainer = partial(quiet_trainer, accelerator="cpu")


def fitted(*, predicts_loss: bool, **changes: object) -> Classifier:
    """Trained on the labelled bars."""
    source = tiny.Bars()
    positions = np.flatnonzero(~source.table.held_out)
    make: Callable[[], Classifier] = partial(tiny.learner(**changes), (1, 8, 8), 3, predicts_loss=predicts_loss)
    data = ImageData(source, tiny.transforms(), batch_size=16)
    labels = source.table.labels[positions]
    training = FromScratch(epochs=3, epoch_size=64)
    return training.fit(
        make, data, TrainingSet(positions, labels), trainer, validation=np.array([], dtype=np.int64), seed=0
    )


def test_the_ranking_loss_is_the_shortfall_of_the_order() -> None:
    """Pairs (0, 2) and (1, 3): the first ordered by more than the margin, the second the wrong way round."""
    losses = torch.tensor([3.0, 1.0, 1.0, 2.0])
    predicted = torch.tensor([5.0, 0.5, 1.0, 0.0])
    assert ranking_loss(predicted, losses).item() == pytest.approx((0 + 1.5) / 2)
    assert ranking_loss(predicted[:1], losses[:1]).item() == 0


def test_a_loss_head_learns_an_order() -> None:
    """On features of which one is the loss, held-out samples are put in nearly the right order."""
    torch.manual_seed(0)
    features = torch.rand(400, 6)
    losses = features[:, 2] ** 2
    head = LossHead([6], hidden=16)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    for _ in range(200):
        batch = torch.randperm(300)[:64]
        optimizer.zero_grad()
        torch.autograd.backward(ranking_loss(head([features[batch]]), losses[batch]))
        optimizer.step()
    assert spearmanr(head([features[300:]]).detach(), losses[300:]).statistic > 0.95


def test_predicting_the_loss_leaves_the_model_as_it_is() -> None:
    """Backbone and head are trained bit for bit as without it."""
    without, given = (fitted(predicts_loss=asked).state_dict() for asked in (False, True))
    assert set(given) > set(without)
    assert all(torch.equal(values, given[name]) for name, values in without.items())


@pytest.mark.parametrize("posterior", [PointEstimate(), Ensemble(2)])
def test_the_predicted_loss_is_the_mean_over_the_networks(posterior: PointEstimate, tmp_path: Path) -> None:
    """It comes from the same pass as the other arrays, and survives saving and loading."""
    learner = fitted(predicts_loss=True, posterior=posterior)
    save_weights(learner, tmp_path / "weights.safetensors")
    loaded = tiny.learner(posterior=posterior)((1, 8, 8), 3, predicts_loss=True)
    load_weights(loaded, tmp_path / "weights.safetensors")
    data, positions = ImageData(tiny.Bars(), tiny.transforms()), np.arange(5)
    found = predict(loaded.eval(), data, positions, {"predicted_loss", "probs"}, trainer, seed=0)
    data.predict_on(positions)
    images = next(iter(data.predict_dataloader())).images
    each = []
    for network in learner._each_network():
        features = network.backbone(images)
        each.append(network.predict_loss(features, network.head.embed(features)).detach().numpy())
    assert found.predicted_loss is not None
    np.testing.assert_allclose(found.predicted_loss, np.mean(each, axis=0), rtol=1e-5)
    assert len(each) == posterior.members


def test_a_learner_without_the_head_says_so() -> None:
    """The message says how to make one that has it."""
    learner = tiny.learner()((1, 8, 8), 3).eval()
    with pytest.raises(ConfigurationError, match="predicts_loss=True"):
        learner.outputs(torch.zeros(2, 1, 8, 8), learner.draws(torch.Generator()), {"predicted_loss"})


@pytest.mark.parametrize("posterior", [PointEstimate(), Ensemble(3)])
def test_the_linear_head_leads_from_embeddings_to_mean_logits(posterior: PointEstimate) -> None:
    """Embeddings times weights plus bias are the mean of the networks' logits."""
    learner = tiny.learner(posterior=posterior)((1, 8, 8), 3).eval()
    found = predict(
        learner, ImageData(tiny.Bars(), tiny.transforms()), np.arange(9), {"embeddings", "head"}, trainer, seed=0
    )
    assert found.head is not None
    assert found.embeddings is not None
    data = ImageData(tiny.Bars(), tiny.transforms())
    data.predict_on(np.arange(9))
    logits = learner(next(iter(data.predict_dataloader())).images).mean(dim=1).detach().numpy()
    np.testing.assert_allclose(found.embeddings @ found.head[:, :-1].T + found.head[:, -1], logits, atol=1e-5)

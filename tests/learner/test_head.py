from __future__ import annotations

import pytest
import torch
from torch import nn

from alframe.learner.head import Head
from alframe.learner.posterior import ThinnedHead


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(params=[(), (7,), (7, 5)], ids=["linear", "one hidden", "two hidden"])
def head(request: pytest.FixtureRequest) -> Head:
    torch.manual_seed(1)
    return Head(20, request.param, 3, dropout=0.4).eval()


def test_every_draw_is_one_thinned_network(head: Head) -> None:
    """Each draw equals a plain head whose weights have the dropped inputs' columns set to zero and the rest scaled."""
    draws = ThinnedHead(head, 4, generator())
    features = torch.randn(6, 20)
    for t in range(4):
        values = features
        for depth, (weight, bias) in enumerate(zip(draws.weights, draws.biases, strict=True)):
            ratio = weight[t] / [layer for layer in head.layers if isinstance(layer, nn.Linear)][depth].weight
            assert (torch.isclose(ratio, torch.tensor(1 / 0.6)) | (ratio == 0)).all()
            values = (values if depth == 0 else values.relu()) @ weight[t].T + bias
        torch.testing.assert_close(draws(features)[:, t], values)


def test_masks_are_the_same_for_every_sample(head: Head) -> None:
    """A sample has the same draws alone as in any batch, so that joint distributions over samples mean something."""
    draws, features = ThinnedHead(head, 8, generator()), torch.randn(6, 20)
    alone = torch.cat([draws(row.unsqueeze(0)) for row in features])
    torch.testing.assert_close(draws(features), alone)
    torch.testing.assert_close(draws(features.flip(0)).flip(0), draws(features))


def test_draws_have_the_distribution_of_dropout(head: Head) -> None:
    """Mean and spread over many draws agree with as many stochastic forward passes through the head itself."""
    features = torch.randn(1, 20)
    drawn = ThinnedHead(head, 20_000, generator())(features)[0]
    torch.manual_seed(2)
    passes = head.train()(features.expand(20_000, -1))
    standard_error = passes.std(dim=0) / 20_000**0.5
    assert ((drawn.mean(dim=0) - passes.mean(dim=0)).abs() < 6 * standard_error).all()
    torch.testing.assert_close(drawn.std(dim=0), passes.std(dim=0), rtol=0.05, atol=0)


def test_without_training_the_head_is_deterministic(head: Head) -> None:
    """Embeddings and logits of a trained head use no dropout, and agree with each other."""
    features = torch.randn(5, 20)
    torch.testing.assert_close(head(features), head.classify(head.embed(features)))
    torch.testing.assert_close(head(features), head(features))

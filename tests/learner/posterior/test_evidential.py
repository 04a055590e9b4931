"""Against the Dirichlet distribution's own moments and quantiles, and losses integrated over drawn probabilities."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaincinv
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence
from torch.nn.functional import cross_entropy

from alframe.data import ImageData
from alframe.errors import ConfigurationError
from alframe.functional import entropy
from alframe.learner import Classifier, Evidential, quiet_trainer
from alframe.learner.posterior.dirichlet import LEAST_LEVEL, DirichletDraws, _quantile_polynomials, kl_to_uniform
from alframe.learner.posterior.evidential import STEEPEST, concentration
from alframe.training import FromScratch
from alframe.types import TrainingSet


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


ALPHA = torch.tensor([[1.0, 1.0, 1.0], [1.0, 3.0, 8.0], [40.0, 2.0, 1.5], [3000.0, 900.0, 1.0]])


@given(
    levels=st.lists(st.floats(LEAST_LEVEL, 1 - LEAST_LEVEL), min_size=1, max_size=4),
    shape=st.floats(1.0, 1e7),
)
def test_quantiles_are_scipys(levels: list[float], shape: float) -> None:
    """At every level and shape within the bounds the polynomial errs by less than 1e-5 in the logarithm."""
    coefficients = _quantile_polynomials(np.array(levels)).numpy()
    found = np.polynomial.chebyshev.chebval(2 / math.sqrt(shape) - 1, coefficients)
    np.testing.assert_allclose(found, np.log(gammaincinv(shape, np.array(levels)) / shape), rtol=0, atol=1e-5)


def test_draws_are_those_quantiles_divided_by_their_sum() -> None:
    """Written out with SciPy for the levels of the draws, which lie in equal parts of (0, 1), class by class."""
    draws = 6
    parts = torch.rand(draws, 3, generator=(generator := rng())).argsort(dim=0)
    levels = ((parts + torch.rand(draws, 3, generator=generator, dtype=torch.float64)) / draws).numpy()
    assert (np.sort(np.floor(levels * draws), axis=0) == np.arange(draws)[:, None]).all()
    gammas = gammaincinv(ALPHA.double().numpy()[:, None], levels)
    found = DirichletDraws(draws, 3, rng()).log_probs(ALPHA)
    np.testing.assert_allclose(found.exp(), gammas / gammas.sum(-1, keepdims=True), rtol=5e-5, atol=1e-8)


def test_draws_have_the_dirichlets_mean_and_covariance() -> None:
    """Over many draws, against torch.distributions."""
    drawn = DirichletDraws(40_000, 3, rng()).log_probs(ALPHA).exp()
    expected = Dirichlet(ALPHA)
    torch.testing.assert_close(drawn.mean(1), expected.mean, rtol=4e-3, atol=1e-5)
    torch.testing.assert_close(drawn.var(1), expected.variance, rtol=0.03, atol=1e-7)
    total = ALPHA.sum(1)
    covariance = -expected.mean[:, 0] * expected.mean[:, 1] / (total + 1)
    found = ((drawn - drawn.mean(1, keepdim=True))[..., :2].prod(-1)).mean(1)
    torch.testing.assert_close(found, covariance, rtol=0.05, atol=1e-6)


def test_single_draws_are_dirichlet_too() -> None:
    """The first of four draws, over many generators: equal parts are dealt out at random."""
    generator = rng()
    first = torch.stack([DirichletDraws(4, 3, generator).log_probs(ALPHA)[:, 0] for _ in range(4000)], dim=1).exp()
    expected = Dirichlet(ALPHA)
    standard_error = expected.stddev / 4000**0.5
    assert ((first.mean(1) - expected.mean).abs() < 5 * standard_error).all()
    torch.testing.assert_close(first.var(1), expected.variance, rtol=0.15, atol=1e-7)


def test_the_mean_of_twenty_draws_is_near_the_distributions_mean() -> None:
    """Nearer than twenty independent draws would come on average: a fifth of their standard error and less."""
    found = DirichletDraws(20, 3, rng()).log_probs(ALPHA).exp().mean(1)
    standard_error = Dirichlet(ALPHA).stddev / 20**0.5
    assert (found - Dirichlet(ALPHA).mean).abs().mean() < 0.3 * standard_error.mean()


def test_draws_are_the_same_random_numbers_for_every_image() -> None:
    """Equal distributions have equal draws, alone or in a batch; equal seeds give equal draws, and others do not."""
    together = DirichletDraws(5, 3, rng()).log_probs(ALPHA)
    alone = torch.cat([DirichletDraws(5, 3, rng()).log_probs(row[None]) for row in ALPHA])
    torch.testing.assert_close(alone, together)
    assert not torch.allclose(DirichletDraws(5, 3, rng(1)).log_probs(ALPHA), together)


def test_the_divergence_is_torchs() -> None:
    """Zero for the uniform distribution, and else what torch.distributions computes."""
    found = kl_to_uniform(ALPHA.double())
    torch.testing.assert_close(found, kl_divergence(Dirichlet(ALPHA.double()), Dirichlet(torch.ones(4, 3).double())))
    torch.testing.assert_close(found[0], torch.tensor(0.0).double())


LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, -0.3], [-2.0, 3.0, 1.0]])
LABELS = torch.tensor([0, 2, 0])


def slow_loss(
    logits: Tensor, labels: Tensor, weights: Tensor | None, label_smoothing: float, divergence_share: float
) -> float:
    """The cross entropy of very many drawn probabilities, and the divergence by torch.distributions, one by one."""
    torch.manual_seed(0)
    losses, importance = [], []
    for row, label in zip(logits, labels, strict=True):
        alpha = 1 + row.exp()
        drawn = Dirichlet(alpha).sample((400_000,))
        target = torch.full((3,), label_smoothing / 3)
        target[label] += 1 - label_smoothing
        risk = -(target * drawn.log()).sum(1).mean()
        misleading = alpha.clone()
        misleading[label] = 1.0
        losses.append(risk + divergence_share * kl_divergence(Dirichlet(misleading), Dirichlet(torch.ones(3))))
        importance.append(1.0 if weights is None else float(weights[label]))
    return float(np.average([float(loss) for loss in losses], weights=importance))


@pytest.mark.parametrize(
    ("weights", "label_smoothing", "progress", "share"),
    [
        (None, 0.0, 0.0, 0.0),
        (None, 0.0, 0.1, 0.25),
        (None, 0.1, 1.0, 1.0),
        (torch.tensor([3.0, 1.0, 0.5]), 0.1, 0.4, 1.0),
    ],
)
def test_the_loss_is_the_papers(weights: Tensor | None, label_smoothing: float, progress: float, share: float) -> None:
    """Expected cross entropy plus annealed divergence of the misleading evidence, weighed by class."""
    options: dict[str, Any] = {"weights": weights, "label_smoothing": label_smoothing, "progress": progress}
    found = float(Evidential(anneal=0.4).loss(LOGITS, LABELS, **options))
    assert found == pytest.approx(slow_loss(LOGITS, LABELS, weights, label_smoothing, share), rel=5e-3)


def test_without_misleading_evidence_there_is_no_divergence() -> None:
    """However much evidence there is for the label."""
    logits = torch.tensor([[5.0, -200.0, -200.0]])
    options: dict[str, Any] = {"weights": None, "label_smoothing": 0.0}
    before, after = (Evidential().loss(logits, torch.tensor([0]), progress=share, **options) for share in (0.0, 1.0))
    torch.testing.assert_close(before, after)


@pytest.mark.parametrize("size", [1e2, 1e4, 1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_are_finite_at_extreme_logits(size: float, dtype: torch.dtype) -> None:
    """And evidence for the wrong class is still taken back there."""
    logits = torch.tensor([[size, -size, 0.0], [-size, size, size]], dtype=dtype, requires_grad=True)
    loss = Evidential().loss(logits, torch.tensor([1, 0]), weights=None, label_smoothing=0.0, progress=1.0)
    torch.autograd.backward(loss)
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 0] > 0


def test_evidence_is_smooth_where_it_changes_from_exponential_to_linear() -> None:
    """Value and slope agree on both sides."""
    logits = torch.tensor([STEEPEST - 1e-3, STEEPEST + 1e-3], requires_grad=True)
    torch.autograd.backward(concentration(logits).sum())
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad[0], logits.grad[1], rtol=2e-3, atol=0)
    torch.testing.assert_close(concentration(torch.tensor(STEEPEST)).log(), torch.tensor(STEEPEST), rtol=1e-4, atol=0)


def fit_bars() -> tuple[Classifier, ImageData]:
    data = ImageData(tiny.Bars(count=200), tiny.transforms(), batch_size=16, evaluation_batch_size=64)
    positions = np.flatnonzero(~data.source.table.held_out)[:60]
    learner = FromScratch(epochs=20, epoch_size=128).fit(
        partial(tiny.learner(posterior=Evidential()), data.image_shape, data.num_classes),
        data,
        TrainingSet(positions, data.source.table.labels[positions]),
        partial(quiet_trainer, accelerator="cpu"),
        validation=np.flatnonzero(data.source.table.held_out)[:20],
        seed=0,
    )
    return learner, data


def test_it_learns_and_knows_noise_from_images() -> None:
    """Held-out images are classified, and of images with shuffled pixels the mean prediction is less sure.

    ``probs`` are near the mean of the distribution, and the last validation loss is the cross entropy of that mean.
    """
    learner, data = fit_bars()
    held_out = np.flatnonzero(data.source.table.held_out)
    data.predict_on(held_out)
    images = torch.cat([batch.images for batch in data.predict_dataloader()])
    noise = images.flatten(2)[..., torch.randperm(64, generator=rng())].view_as(images)
    with torch.inference_mode():
        draws = learner.draws(rng())
        known, strange = (learner.outputs(batch, draws, {"probs", "samples"}) for batch in (images, noise))
        alpha = concentration(learner.networks[0](images))
        mean = alpha / alpha.sum(1, keepdim=True)
        torch.testing.assert_close(learner(images)[:, 0].softmax(1), mean)
    labels = torch.from_numpy(data.source.table.labels[held_out])
    assert (known["probs"].argmax(1) == labels).double().mean() > 0.9
    torch.testing.assert_close(known["probs"], mean, rtol=0, atol=0.02)
    torch.testing.assert_close(known["samples"].sum(-1), torch.ones(len(images), 20))
    assert entropy(strange["probs"].numpy()).mean() > 2 * entropy(known["probs"].numpy()).mean()
    logged = learner.trainer.callback_metrics["val_loss"]
    torch.testing.assert_close(logged, cross_entropy(mean[:20].log(), labels[:20]))


def test_the_raw_logits_rank_classes_as_the_mean_does() -> None:
    """So that what strategies read from the linear head holds."""
    logits = 8 * torch.randn(100, 5, generator=rng())
    predictive = Evidential().predictive(logits)
    assert (predictive.argmax(1) == logits.argmax(1)).all()
    alpha = concentration(logits)
    torch.testing.assert_close(predictive.softmax(1), alpha / alpha.sum(1, keepdim=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": 1}, "at least 2 draws"),
        ({"anneal": 0.0}, r"anneal must lie in \(0, 1\], got 0"),
        ({"anneal": 1.5}, "anneal must lie in"),
        ({"anneal": math.nan}, "anneal must lie in"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, Any], message: str) -> None:
    """The message names the key of the configuration."""
    with pytest.raises(ConfigurationError, match=message):
        Evidential(**options)

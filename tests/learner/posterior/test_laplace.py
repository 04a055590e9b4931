"""Against an automatic Hessian, written-out definitions, closed forms and laplace-torch."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import pytest
import tiny
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from alframe.data import Image, ImageData, Source
from alframe.errors import ConfigurationError, DataError, InvalidInput, RunConflict, UnreadableImage
from alframe.learner import Backbone, Classifier, PointEstimate, load_weights, quiet_trainer, save_weights
from alframe.learner.head import Head
from alframe.learner.network import Network
from alframe.learner.posterior import LastLayerLaplace
from alframe.learner.posterior.laplace import PRECISIONS, PriorRule, Structure, precision_of_highest_evidence
from alframe.learner.posterior.weight_spread import WeightSpread
from alframe.training import FromScratch
from alframe.types import TrainingSet

CLASSES, WIDTH = 3, 4
STRUCTURES: tuple[Structure, ...] = ("full", "kron", "diag")


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def embeddings() -> Tensor:
    return torch.randn(12, WIDTH, generator=rng())


@pytest.fixture
def labels() -> Tensor:
    return torch.randint(CLASSES, (12,), generator=rng(1))


def network() -> Network:
    """A linear layer on embeddings that come as they are."""
    torch.manual_seed(2)
    return identity(Head(WIDTH, (), CLASSES, dropout=0.0))


def identity(head: Head) -> Network:
    return Network(cast("Backbone", nn.Identity()), head).eval()


def fitted(posterior: LastLayerLaplace, embeddings: Tensor, labels: Tensor, weights: Tensor | None = None) -> Network:
    made = network()
    posterior.prepare(made)
    posterior.fit([made], embeddings, labels, weights)
    return made


def drawn(posterior: LastLayerLaplace, made: Network, embeddings: Tensor, seed: int = 0) -> Tensor:
    draws = posterior.draws([made], rng(seed))
    return draws.logits(draws.trunk(embeddings))


def spread_of(made: Network) -> WeightSpread:
    spread = made.head.get_submodule("weight_spread")
    assert isinstance(spread, WeightSpread)
    return spread


def covariance(spread: WeightSpread) -> Tensor:
    """What the spread's factor is a factor of, (C * (D + 1), C * (D + 1)): it is linear, so unit vectors tell it."""
    size = spread.scales.numel()
    units = torch.eye(size).view(size, *spread.scales.shape)
    factor = spread.rotate(units * spread.scales).flatten(1).T.double()
    return factor @ factor.T


def layer_of(made: Network) -> Tensor:
    layer = made.head.layers[-1]
    assert isinstance(layer, nn.Linear)
    return torch.cat([layer.weight, layer.bias[:, None]], dim=1).detach().double()


def with_ones(embeddings: Tensor) -> Tensor:
    return F.pad(embeddings.double(), (0, 1), value=1.0)


def hessian(made: Network, embeddings: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Of the summed cross entropy in the last layer, by automatic differentiation."""
    size = CLASSES * (WIDTH + 1)

    def loss(layer: Tensor) -> Tensor:
        return F.cross_entropy(with_ones(embeddings) @ layer.T, labels, weights, reduction="sum")

    found: Tensor = torch.autograd.functional.hessian(loss, layer_of(made))  # type: ignore[no-untyped-call]
    return found.reshape(size, size)


def test_the_full_covariance_inverts_hessian_and_prior(embeddings: Tensor, labels: Tensor) -> None:
    """In a linear layer the Gauss-Newton matrix is the Hessian; to it the prior precision is added."""
    made = fitted(LastLayerLaplace(structure="full", prior_precision=0.7), embeddings, labels)
    size = CLASSES * (WIDTH + 1)
    expected = torch.linalg.inv(hessian(made, embeddings, labels) + 0.7 * torch.eye(size))
    torch.testing.assert_close(covariance(spread_of(made)), expected, rtol=1e-4, atol=1e-5)


def test_class_weights_count_samples_as_more_or_less_than_one(embeddings: Tensor, labels: Tensor) -> None:
    """The curvature is that of the weighted loss, with weights scaled to a mean of one over the samples."""
    weights = torch.tensor([5.0, 1.0, 2.0])
    made = fitted(LastLayerLaplace(structure="full", prior_precision=0.7), embeddings, labels, weights)
    scaled = (weights / weights[labels].mean()).double()
    expected = torch.linalg.inv(hessian(made, embeddings, labels, scaled) + 0.7 * torch.eye(CLASSES * (WIDTH + 1)))
    torch.testing.assert_close(covariance(spread_of(made)), expected, rtol=1e-4, atol=1e-5)
    again = fitted(LastLayerLaplace(structure="full", prior_precision=0.7), embeddings, labels, 10 * weights)
    torch.testing.assert_close(covariance(spread_of(again)), covariance(spread_of(made)))


def test_the_diagonal_inverts_the_hessians_diagonal(embeddings: Tensor, labels: Tensor) -> None:
    """And has no covariances."""
    made = fitted(LastLayerLaplace(structure="diag", prior_precision=0.7), embeddings, labels)
    expected = torch.diag(1 / (hessian(made, embeddings, labels).diagonal() + 0.7))
    torch.testing.assert_close(covariance(spread_of(made)), expected, rtol=1e-4, atol=1e-6)


def test_the_kronecker_covariance_is_as_it_is_defined(embeddings: Tensor, labels: Tensor) -> None:
    """Mean of diag(p) - p p^T, kron the sum of x x^T, plus the prior, inverted; all written out in loops."""
    made = fitted(LastLayerLaplace(structure="kron", prior_precision=0.7), embeddings, labels)
    inputs = with_ones(embeddings)
    between, within = torch.zeros(CLASSES, CLASSES).double(), torch.zeros(WIDTH + 1, WIDTH + 1).double()
    for x in inputs:
        p = (layer_of(made) @ x).softmax(0)
        between += (torch.diag(p) - torch.outer(p, p)) / len(inputs)
        within += torch.outer(x, x)
    expected = torch.linalg.inv(torch.kron(between, within) + 0.7 * torch.eye(CLASSES * (WIDTH + 1)))
    torch.testing.assert_close(covariance(spread_of(made)), expected, rtol=1e-4, atol=1e-5)


def test_the_kronecker_covariance_is_exact_for_equal_probabilities(embeddings: Tensor, labels: Tensor) -> None:
    """Where every sample has the same probabilities the sum of products is a product of sums."""
    covariances = []
    for posterior in (LastLayerLaplace(structure=name, prior_precision=0.7) for name in STRUCTURES[:2]):
        made = network()
        made.head.layers[-1].load_state_dict({"weight": torch.zeros(CLASSES, WIDTH), "bias": torch.arange(CLASSES)})
        posterior.prepare(made)
        posterior.fit([made], embeddings, labels, None)
        covariances.append(covariance(spread_of(made)))
    torch.testing.assert_close(*covariances, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_drawn_logits_have_the_mean_and_covariance_of_the_closed_form(
    structure: Structure, embeddings: Tensor, labels: Tensor
) -> None:
    """Logits are linear in the weights: mean W x and covariance (I kron x)^T S (I kron x), over very many draws."""
    count = 100_000
    posterior = LastLayerLaplace(draws=count, structure=structure, prior_precision=0.7)
    made = fitted(posterior, embeddings, labels)
    x = with_ones(torch.randn(1, WIDTH, generator=rng(5)))[0]
    with torch.inference_mode():
        logits = drawn(posterior, made, x[None, :-1].float())[0].double()
    jacobian = torch.kron(torch.eye(CLASSES).double(), x[None])
    expected = jacobian @ covariance(spread_of(made)) @ jacobian.T
    torch.testing.assert_close(logits.mean(0), layer_of(made) @ x, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits.T.cov(), expected, rtol=0.05, atol=0.01)


def test_single_draws_have_the_posteriors_variance(embeddings: Tensor, labels: Tensor) -> None:
    """Taking the mean from few draws is made up for: draw by draw the variance is that of the posterior."""
    posterior = LastLayerLaplace(draws=3, prior_precision=0.7)
    spread = spread_of(fitted(posterior, embeddings, labels))
    generator = rng()
    first = torch.stack([spread.draw(3, generator)[0] for _ in range(20_000)]).flatten(1)
    torch.testing.assert_close(first.T.cov().double(), covariance(spread), rtol=0.05, atol=0.03)


def test_draws_are_the_same_models_for_every_image(embeddings: Tensor, labels: Tensor) -> None:
    """A sample has the same draws alone as in a batch, equal seeds give equal draws, and another seed others."""
    posterior = LastLayerLaplace(draws=5)
    made = fitted(posterior, embeddings, labels)
    together = drawn(posterior, made, embeddings)
    alone = torch.cat([drawn(posterior, made, row[None]) for row in embeddings])
    torch.testing.assert_close(alone, together)
    assert not torch.allclose(drawn(posterior, made, embeddings, seed=1), together)


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_the_precision_of_highest_evidence_is_the_best_of_a_grid(scale: float) -> None:
    """Against Laplace's evidence itself, up to terms without the precision, on a fine grid."""
    eigenvalues = torch.rand(40, generator=rng()).double() * scale
    grid = np.geomspace(*PRECISIONS, 100_001)
    logdet = np.log(eigenvalues.numpy()[:, None] + grid).sum(axis=0)
    evidence = 40 / 2 * np.log(grid) - grid * 2.5 / 2 - logdet / 2
    found = precision_of_highest_evidence(eigenvalues, squared_norm=2.5)
    assert found == pytest.approx(grid[evidence.argmax()], rel=1e-3)


def test_a_precision_beyond_the_bounds_is_a_bound() -> None:
    """Without curvature no precision is too low, and without weights none too high."""
    assert precision_of_highest_evidence(torch.zeros(3), squared_norm=1.0) == PRECISIONS[0]
    assert precision_of_highest_evidence(torch.ones(3), squared_norm=0.0) == PRECISIONS[1]


@pytest.mark.parametrize("rule", get_args(PriorRule))
def test_rules_for_the_prior_precision(rule: PriorRule, embeddings: Tensor, labels: Tensor) -> None:
    """Each rule is the number that it stands for."""
    made = fitted(LastLayerLaplace(structure="full", prior_precision=rule), embeddings, labels)
    squared_norm = float(layer_of(made).square().sum())
    eigenvalues = torch.linalg.eigvalsh(hessian(made, embeddings, labels)).clamp_min(0)
    number = {
        "weights": CLASSES * (WIDTH + 1) / squared_norm,
        "marginal_likelihood": precision_of_highest_evidence(eigenvalues, squared_norm),
    }[rule]
    same = fitted(LastLayerLaplace(structure="full", prior_precision=number), embeddings, labels)
    torch.testing.assert_close(covariance(spread_of(made)), covariance(spread_of(same)), rtol=1e-3, atol=1e-5)


def fit_bars(count: int = 60, source: Source | None = None, **changes: Any) -> tuple[Classifier, ImageData]:
    data = ImageData(source or tiny.Bars(count=200), tiny.transforms(), batch_size=16, evaluation_batch_size=32)
    positions = np.flatnonzero(~data.source.table.held_out)[:count]
    learner = FromScratch(epochs=12, epoch_size=128).fit(
        partial(tiny.learner(**({"posterior": LastLayerLaplace()} | changes)), data.image_shape, data.num_classes),
        data,
        TrainingSet(positions, data.source.table.labels[positions]),
        partial(quiet_trainer, accelerator="cpu"),
        validation=np.empty(0, dtype=np.int64),
        seed=0,
    )
    return learner, data


def held_out(data: ImageData) -> tuple[Tensor, Tensor]:
    positions = np.flatnonzero(data.source.table.held_out)
    data.predict_on(positions)
    images = torch.cat([batch.images for batch in data.predict_dataloader()])
    return images, torch.from_numpy(data.source.table.labels[positions])


@torch.inference_mode()
def samples(learner: Classifier, images: Tensor) -> Tensor:
    return learner.outputs(images, learner.draws(rng()), {"samples"})["samples"]


def test_a_fit_learns_a_posterior_that_is_wider_far_from_the_data() -> None:
    """It predicts as well as its network, and its draws disagree more about strong noise than about images."""
    learner, data = fit_bars()
    images, labels = held_out(data)
    assert (samples(learner, images).mean(1).argmax(1) == labels).double().mean() > 0.9
    draws = learner.draws(rng())
    with torch.inference_mode():
        known, strange = (
            draws.logits(draws.trunk(pictures)) for pictures in (images, 20 * torch.randn(50, 1, 8, 8, generator=rng()))
        )
    assert strange.var(dim=1).mean() > 10 * known.var(dim=1).mean()
    assert strange.softmax(-1).var(dim=1).mean() > known.softmax(-1).var(dim=1).mean()


def test_the_fit_is_saved_with_the_weights(tmp_path: Path) -> None:
    """A learner that loads the weights makes the same draws, and one of another structure refuses them."""
    learner, data = fit_bars()
    images, _ = held_out(data)
    save_weights(learner, tmp_path / "weights.safetensors")
    again: Classifier = tiny.learner(posterior=LastLayerLaplace())(data.image_shape, data.num_classes)
    load_weights(again, tmp_path / "weights.safetensors")
    torch.testing.assert_close(samples(again.eval(), images), samples(learner, images))
    other: Classifier = tiny.learner(posterior=LastLayerLaplace(structure="full"))(data.image_shape, data.num_classes)
    with pytest.raises(RunConflict, match="does not hold weights of this learner"):
        load_weights(other, tmp_path / "weights.safetensors")


def test_training_is_that_of_a_network_without() -> None:
    """The fit comes after the training and changes none of its weights."""
    with_posterior, _ = fit_bars()
    without, _ = fit_bars(posterior=PointEstimate())
    for mine, its in zip(with_posterior.parameters(), without.parameters(), strict=True):
        torch.testing.assert_close(mine, its)


class Damaged(tiny.Bars):
    """Bars of which some cannot be read."""

    def __init__(self, every: int) -> None:
        super().__init__(count=200)
        self._every = every

    def read(self, position: int, side: int | None = None) -> Image:
        if position % self._every == 0:
            raise UnreadableImage("broken")
        return super().read(position, side)


def test_the_fit_reads_the_training_set_once_as_an_evaluation_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reaches the posterior are the eval-mode embeddings of the labelled images that can be read, in order."""
    seen: list[tuple[Tensor, Tensor]] = []
    original = LastLayerLaplace.fit

    def keep(self: LastLayerLaplace, networks: Any, embeddings: Tensor, labels: Tensor, weights: Any) -> None:
        seen.append((embeddings, labels))
        original(self, networks, embeddings, labels, weights)

    monkeypatch.setattr(LastLayerLaplace, "fit", keep)
    learner, data = fit_bars(count=40, source=Damaged(every=5))
    positions = np.flatnonzero(~data.source.table.held_out)[:40]
    positions = positions[positions % 5 != 0]
    data.predict_on(positions)
    images = torch.cat([batch.images for batch in data.predict_dataloader()])
    with torch.inference_mode():
        expected = learner.outputs(images, learner.draws(rng()), {"embeddings"})["embeddings"]
    ((embeddings, labels),) = seen
    torch.testing.assert_close(embeddings, expected)
    np.testing.assert_array_equal(labels, data.source.table.labels[positions])


def test_a_training_image_that_can_be_read_again_shifts_no_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noted as unreadable by an earlier pass, it reaches the posterior like any other, with its own label."""
    seen: list[Tensor] = []
    monkeypatch.setattr(
        LastLayerLaplace, "fit", lambda _self, _networks, _embeddings, labels, _weights: seen.append(labels)
    )
    data = ImageData(tiny.Bars(), tiny.transforms())
    data.note_unreadable(3, "the network was away")
    positions, labels = np.arange(10), data.source.table.labels[:10]
    make = partial(tiny.learner(posterior=LastLayerLaplace()), (1, 8, 8), CLASSES)
    training, trainer = FromScratch(epochs=1, epoch_size=0), partial(quiet_trainer, accelerator="cpu")
    training.fit(make, data, TrainingSet(positions, labels), trainer, validation=positions[:0], seed=0)
    np.testing.assert_array_equal(seen[0], labels)


def test_a_training_set_that_cannot_be_read_is_an_error() -> None:
    """There is nothing to learn from, and the message says so."""
    with pytest.raises(DataError, match="none of the 10 labelled images can be read"):
        fit_bars(count=10, source=Damaged(every=1))


def test_without_a_fit_there_are_no_draws() -> None:
    """The message says what is missing; embeddings are given all the same."""
    learner: Classifier = tiny.learner(posterior=LastLayerLaplace())((1, 8, 8), CLASSES).eval()
    images = torch.zeros(2, 1, 8, 8)
    assert len(learner.outputs(images, learner.draws(rng()), {"embeddings"})["embeddings"]) == 2
    with pytest.raises(InvalidInput, match="has not seen its training set"):
        samples(learner, images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": 1}, "at least 2 draws"),
        ({"structure": "block"}, "must be full, kron or diag, got block"),
        *(({"prior_precision": value}, "above 0, weights or") for value in (0.0, -1.0, math.nan, math.inf, "evidence")),
    ],
)
def test_wrong_values_are_refused(options: dict[str, Any], message: str) -> None:
    """The message names the key of the configuration."""
    with pytest.raises(ConfigurationError, match=message):
        LastLayerLaplace(**options)


def test_a_full_covariance_of_a_large_layer_is_refused_when_the_learner_is_built() -> None:
    """Before anything is trained, and with the way out."""
    large = identity(Head(2048, (), 10, dropout=0.0))
    with pytest.raises(ConfigurationError, match=r"20490 weights is too large .*structure=kron"):
        LastLayerLaplace(structure="full").prepare(large)
    LastLayerLaplace(structure="kron").prepare(large)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")
def test_the_full_posterior_is_laplace_torchs(embeddings: Tensor, labels: Tensor) -> None:
    """Equal covariances (theirs lists the weights before the biases) and, over many draws, equal probabilities."""
    laplace = pytest.importorskip("laplace")
    posterior = LastLayerLaplace(draws=50_000, structure="full", prior_precision=0.7)
    made = fitted(posterior, embeddings, labels)
    theirs = laplace.Laplace(
        nn.Sequential(nn.Identity(), made.head.layers[-1]),
        "classification",
        subset_of_weights="last_layer",
        hessian_structure="full",
        prior_precision=0.7,
    )
    theirs.fit(DataLoader(TensorDataset(embeddings, labels), batch_size=6))
    rows = torch.arange(CLASSES * (WIDTH + 1)).view(CLASSES, WIDTH + 1)
    order = torch.cat([rows[:, :-1].flatten(), rows[:, -1]])
    ours = covariance(spread_of(made))[order][:, order]
    torch.testing.assert_close(ours, theirs.posterior_covariance.double(), rtol=1e-4, atol=1e-5)
    images = 3 * torch.randn(6, WIDTH, generator=rng(7))
    expected = theirs(images, pred_type="nn", link_approx="mc", n_samples=50_000)
    found = drawn(posterior, made, images).softmax(-1).mean(1)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.01)

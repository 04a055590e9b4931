"""Dirichlet distributions over class probabilities: how far one is from uniform, and draws from it."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.polynomial.chebyshev import chebfit, chebpts1
from numpy.typing import NDArray
from scipy.special import gammaincinv
from torch import Tensor

LEAST_LEVEL = 1e-6
DEGREE = 12
"""Of the polynomials for quantiles: with levels no nearer to 0 and 1 than the least, their logarithms err by < 1e-5."""


def kl_to_uniform(alpha: Tensor) -> Tensor:
    """Kullback-Leibler divergence (nats) from the uniform Dirichlet to those of ``alpha``, (..., C) -> (...).

    >>> kl_to_uniform(torch.tensor([[1.0, 1.0], [2.0, 1.0]])).round(decimals=4)
    tensor([0.0000, 0.1931])
    """
    total = alpha.sum(dim=-1)
    normaliser = total.lgamma() - alpha.lgamma().sum(dim=-1) - math.lgamma(alpha.shape[-1])
    excess: Tensor = ((alpha - 1) * (alpha.digamma() - total[..., None].digamma())).sum(dim=-1)
    return normaliser + excess


class DirichletDraws:
    """T draws from any Dirichlet distributions over C classes, by the same random numbers for each of them.

    A draw is made of gamma quantiles at random levels, so that it moves smoothly with ``alpha``, and of two alike
    distributions the draws are alike. For each class, one draw's level lies in each of T equal parts of (0, 1): the
    mean of few draws is near the true mean, and each draw by itself has the Dirichlet distribution.

    Of a gamma variable of shape a, log(quantile / a) is a smooth function of 1 / sqrt(a); the quantiles are those of
    SciPy at the knots of a Chebyshev polynomial in it, which is then evaluated on whatever device ``alpha`` lies.

    Args:
        draws: T.
        classes: C.
        generator: a CPU generator, so that draws do not depend on the device.
    """

    def __init__(self, draws: int, classes: int, generator: torch.Generator) -> None:
        parts = torch.rand(draws, classes, generator=generator).argsort(dim=0)
        places = torch.rand(draws, classes, generator=generator, dtype=torch.float64)
        levels = ((parts + places) / draws).clamp(LEAST_LEVEL, 1 - LEAST_LEVEL)
        self._coefficients = _quantile_polynomials(levels.flatten().numpy()).view(-1, draws, classes)

    def log_probs(self, alpha: Tensor) -> Tensor:
        """Logarithms of the drawn probabilities, (B, T, C), for ``alpha`` (B, C), of which none is under 1."""
        alpha = alpha[:, None]
        place = 2 * alpha.rsqrt() - 1
        higher = above = torch.zeros_like(place)
        constant, *rest = self._coefficients.to(alpha)
        for coefficient in reversed(rest):  # Clenshaw's recurrence
            higher, above = coefficient + 2 * place * higher - above, higher
        log_gammas: Tensor = alpha.log() + constant + place * higher - above
        return log_gammas.log_softmax(dim=-1)


def _quantile_polynomials(levels: NDArray[np.float64]) -> Tensor:
    """Chebyshev coefficients (DEGREE + 1, K) of log(quantile / a) in 2 / sqrt(a) - 1, for levels (K,) and a >= 1."""
    knots = chebpts1(DEGREE + 1)
    shapes = (2 / (1 + knots[:, None])) ** 2
    return torch.from_numpy(chebfit(knots, np.log(gammaincinv(shapes, levels) / shapes), DEGREE))

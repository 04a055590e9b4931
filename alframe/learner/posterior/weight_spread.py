"""Gaussians over the weights of a linear layer, from the curvature of the cross entropy: full, Kronecker, diagonal."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from alframe.errors import ConfigurationError
from alframe.learner.classes import ClassRows, rows_of

FULL_LIMIT = 4096
"""The most weights with a full covariance: it then takes 64 MiB beside the network's weights, and a minute to make."""


class WeightSpread(nn.Module, ABC):
    """How the weights and bias of a linear layer, (C, D + 1) with the bias last, scatter around what they are.

    Their precision is the generalised Gauss-Newton matrix of the summed cross entropy (of a linear layer: its Hessian),
    sum over samples of (diag(p) - p p^T) kron (x x^T) with x the embedding and a one, or what the structure keeps of
    it, plus a prior precision times the identity. It is stored as scales along the axes of a basis.

    Args:
        classes: C.
        inputs: D + 1.
    """

    scales: Tensor

    def __init__(self, classes: int, inputs: int) -> None:
        super().__init__()
        self.register_buffer("scales", torch.zeros(classes, inputs))

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """What has rows for classes, by name, and for which, if there were so many classes."""
        return {"scales": ClassRows(rows_of(classes))}

    @abstractmethod
    def decompose(self, inputs: Tensor, probs: Tensor, importance: Tensor) -> Tensor:
        """Take on the basis of the curvature's eigenvectors; its eigenvalues (C, D + 1).

        Args:
            inputs: (n, D + 1) embeddings with a last column of ones, in float64.
            probs: (n, C) the layer's probabilities for them, in float64.
            importance: (n,) how many samples each counts as, in float64.
        """

    @abstractmethod
    def rotate(self, coordinates: Tensor) -> Tensor:
        """From coordinates (T, C, D + 1) along the basis to weights (T, C, D + 1), in float32."""

    def narrow(self, eigenvalues: Tensor, prior_precision: float) -> None:
        """Take on the scales of the posterior, given the curvature's eigenvalues (C, D + 1)."""
        self.scales = (eigenvalues + prior_precision).rsqrt().to(self.scales)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Deviations from the layer's weights, (count, C, D + 1) in float32; all zero before there is a fit.

        Each has the posterior's distribution; their mean is zero, so that few draws do not move the mean logits.
        """
        noise = torch.randn(count, *self.scales.shape, generator=generator)
        noise = (noise - noise.mean(dim=0)) * math.sqrt(count / (count - 1))
        return self.rotate(noise.to(self.scales.device) * self.scales.float())


class FullSpread(WeightSpread):
    """All covariances between weights (MacKay 1992).

    Raises:
        ConfigurationError: more than ``FULL_LIMIT`` weights.
    """

    basis: Tensor

    def __init__(self, classes: int, inputs: int) -> None:
        super().__init__(classes, inputs)
        size = classes * inputs
        if size > FULL_LIMIT:
            raise ConfigurationError(
                f"a full covariance of the last layer's {classes} x {inputs} = {size} weights is too large "
                f"(at most {FULL_LIMIT}): set learner.posterior.structure=kron"
            )
        self.register_buffer("basis", torch.zeros(size, size))

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """The basis has a row and a column for each weight."""
        weights = rows_of(classes, each=self.scales.shape[1])
        return {**super().class_rows(classes), "basis": ClassRows(weights, columns=True)}

    def decompose(self, inputs: Tensor, probs: Tensor, importance: Tensor) -> Tensor:
        """Of the matrix itself."""
        classes, width = self.scales.shape
        curvature = inputs.new_empty(classes, width, classes, width)
        for one in range(classes):
            for other in range(one, classes):
                share = importance * probs[:, one] * (float(one == other) - probs[:, other])
                block = inputs.T @ (inputs * share[:, None])
                curvature[one, :, other] = curvature[other, :, one] = block
        values, basis = torch.linalg.eigh(curvature.flatten(2).flatten(0, 1))
        self.basis = basis.to(self.basis)
        eigenvalues: Tensor = values.clamp_min(0)
        return eigenvalues.view(classes, width)

    def rotate(self, coordinates: Tensor) -> Tensor:
        """By one matrix."""
        rotated = coordinates.flatten(1) @ self.basis.float().T
        return rotated.view_as(coordinates)


class KroneckerSpread(WeightSpread):
    """What of the covariance is an outer product of classes and inputs (Ritter et al. 2018).

    The curvature is taken as the mean over samples of diag(p) - p p^T, kron the sum of x x^T; that is exact where all
    samples have the same probabilities. The prior precision is added to the eigenvalues, not to the factors.
    """

    of_classes: Tensor
    of_inputs: Tensor

    def __init__(self, classes: int, inputs: int) -> None:
        super().__init__(classes, inputs)
        self.register_buffer("of_classes", torch.zeros(classes, classes))
        self.register_buffer("of_inputs", torch.zeros(inputs, inputs))

    def class_rows(self, classes: int) -> Mapping[str, ClassRows]:
        """Classes have a basis of their own."""
        return {**super().class_rows(classes), "of_classes": ClassRows(rows_of(classes), columns=True)}

    def decompose(self, inputs: Tensor, probs: Tensor, importance: Tensor) -> Tensor:
        """Of either factor; products of their eigenvalues."""
        weighted = probs * importance[:, None]
        between = (torch.diag(weighted.sum(dim=0)) - weighted.T @ probs) / importance.sum()
        class_values, of_classes = torch.linalg.eigh(between)
        input_values, of_inputs = torch.linalg.eigh(inputs.T @ (inputs * importance[:, None]))
        self.of_classes, self.of_inputs = of_classes.to(self.of_classes), of_inputs.to(self.of_inputs)
        return torch.outer(class_values.clamp_min(0), input_values.clamp_min(0))

    def rotate(self, coordinates: Tensor) -> Tensor:
        """Classes and inputs, each by a matrix."""
        rotated: Tensor = self.of_classes.float() @ coordinates @ self.of_inputs.float().T
        return rotated


class DiagonalSpread(WeightSpread):
    """Variances alone."""

    def decompose(self, inputs: Tensor, probs: Tensor, importance: Tensor) -> Tensor:
        """Of the diagonal, whose basis is the weights themselves."""
        return (probs * (1 - probs) * importance[:, None]).T @ inputs.square()

    def rotate(self, coordinates: Tensor) -> Tensor:
        """The coordinates as they are."""
        return coordinates

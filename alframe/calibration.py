"""Scale a trained learner's logits so that its probabilities can be taken at their word."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Trainer

from alframe.data import ImageData
from alframe.errors import DataError
from alframe.functional import fit_temperature, fit_vector_scaling
from alframe.functional.blocks import finite_log
from alframe.learner import Classifier
from alframe.scoring import predict, were_read
from alframe.types import Positions

log = logging.getLogger(__name__)


class Calibration(ABC):
    """What happens to a learner's probabilities between its training and everything that reads them.

    Attributes:
        needs_held_out: whether ``fit`` looks at held-out samples.
    """

    needs_held_out: bool = True

    @abstractmethod
    def fit(
        self,
        learner: Classifier,
        data: ImageData,
        positions: Positions,
        make_trainer: Callable[..., Trainer],
        *,
        seed: int,
    ) -> None:
        """Set the learner's ``scaling``; whatever it was before is forgotten.

        Args:
            learner: trained.
            data: reads the images; its source knows the labels.
            positions: samples that the learner was not trained on. Where early stopping chose the weights by them they
                look a little better than others would, and so do the probabilities.
            make_trainer: builds a Trainer.
            seed: of the posterior's draws.

        Raises:
            DataError: none of the samples can be read.
        """


class Uncalibrated(Calibration):
    """Probabilities as the learner gives them."""

    needs_held_out = False

    def fit(
        self,
        learner: Classifier,
        data: ImageData,  # noqa: ARG002 (for those that are fitted)
        positions: Positions,  # noqa: ARG002
        make_trainer: Callable[..., Trainer],  # noqa: ARG002
        *,
        seed: int,  # noqa: ARG002
    ) -> None:
        """Leave the learner's logits alone."""
        learner.scaling.reset()


class _Fitted(Calibration):
    """Logits of held-out samples, draw by draw, and what a subclass makes of them."""

    def fit(
        self,
        learner: Classifier,
        data: ImageData,
        positions: Positions,
        make_trainer: Callable[..., Trainer],
        *,
        seed: int,
    ) -> None:
        """Fit the scaling to the likelihood of held-out labels under the mean over the posterior's draws."""
        learner.scaling.reset()
        found = predict(learner, data, positions, {"samples"}, make_trainer, seed=seed, description="calibrate")
        if len(found) == 0 or found.samples is None:
            raise DataError(f"none of the {len(positions)} validation samples can be read: calibration needs some")
        labels = data.source.table.labels[positions[were_read(data, positions, found)]]
        # Logarithms of probabilities are logits, but for what is added to all of a draw: nothing to a scaling.
        factor, offset = self._scaling(finite_log(found.samples), labels)
        learner.scaling.set(factor, offset)
        values = {"factor": np.asarray(factor).tolist(), "offset": np.asarray(offset).tolist()}
        log.info("calibrated", extra={"samples": len(labels), **values})

    @abstractmethod
    def _scaling(
        self, logits: NDArray[Any], labels: NDArray[np.int64]
    ) -> tuple[float | NDArray[np.float64], float | NDArray[np.float64]]:
        """Factor and offset, of all classes or (C,), for logits (N, T, C) and labels (N,)."""


class TemperatureScaling(_Fitted):
    """One temperature for all logits (Guo et al. 2017): it makes all probabilities more or less sure.

    The most probable class of a single draw stays the same. A few dozen held-out samples are enough.
    """

    def _scaling(self, logits: NDArray[Any], labels: NDArray[np.int64]) -> tuple[float, float]:
        return 1 / fit_temperature(logits, labels), 0.0


class VectorScaling(_Fitted):
    """A factor and an offset for each class (Guo et al. 2017): it also corrects classes that are given too often.

    Predicted classes can change. It wants ten or more held-out samples of each class, with fewer it does hardly more
    than a temperature; a class without any has nothing but the temperature, and the log names it.
    """

    def _scaling(
        self, logits: NDArray[Any], labels: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        absent = np.setdiff1d(np.arange(logits.shape[-1]), labels)
        if len(absent):
            log.warning("no validation sample of the classes %s: they share a temperature", absent.tolist())
        return fit_vector_scaling(logits, labels)

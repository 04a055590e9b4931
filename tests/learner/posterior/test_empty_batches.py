from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import tiny
import torch

from alframe.learner import (
    AugmentedViews,
    Classifier,
    Ensemble,
    Evidential,
    LastLayerLaplace,
    MCDropout,
    PointEstimate,
    SnapshotEnsemble,
)
from alframe.types import Need

POSTERIORS = [
    (PointEstimate, 1),
    (partial(MCDropout, 4), 4),
    (partial(MCDropout, 4, from_stage="head"), 4),
    (partial(MCDropout, 4, from_stage="conv2"), 4),
    (partial(Ensemble, 3, stacked=False), 3),
    (partial(Ensemble, 3, stacked=True), 3),
    (partial(SnapshotEnsemble, 3), 3),
    (partial(LastLayerLaplace, 4), 4),
    (partial(Evidential, 4), 4),
    (partial(AugmentedViews, 4), 4),
]


@pytest.mark.parametrize(("make", "draws"), POSTERIORS)
@torch.inference_mode()
def test_a_batch_without_images_has_outputs_without_rows(make: Any, draws: int) -> None:
    """As where no image of it can be read; and the draws serve the next batch as if it had been the first."""
    torch.manual_seed(0)
    learner: Classifier = tiny.learner(posterior=make())((1, 8, 8), 3)
    if learner.posterior.reads_training_set:
        width = learner.linear_head().shape[1] - 1
        learner.fit_posterior(torch.randn(9, width), torch.arange(9) % 3)
    needs: set[Need] = {"probs", "samples", "embeddings"}
    images = torch.randn(5, 1, 8, 8)
    warm, cold = (learner.eval().draws(torch.Generator().manual_seed(0)) for _ in range(2))
    empty = learner.outputs(images[:0], warm, needs)
    full = learner.outputs(images, cold, needs)
    assert full["samples"].shape == (5, draws, 3)
    for need in needs:
        assert empty[need].shape == (0, *full[need].shape[1:])
        torch.testing.assert_close(learner.outputs(images, warm, needs)[need], full[need])

"""Candidates where labels are the objects in an image."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import squares
import tiny
import told
from torch import Tensor

from alframe.candidates import Candidates, NearestLabelled, ProxyShortlist, RandomSubset, Situation
from alframe.data import Batch
from alframe.embeddings import PixelComponents
from alframe.errors import ConfigurationError
from alframe.index import Exact
from alframe.learner import quiet_trainer
from alframe.run import run
from alframe.strategy import Margin, ScoreStrategy, required
from alframe.training import FromScratch
from alframe.types import Floats, Need, Predictions

COUNT = 24
SCORES = np.random.default_rng(0).permutation(COUNT) / COUNT


class Numbered(squares.Squares):
    """Squares on images that say which they are."""

    def __init__(self) -> None:
        super().__init__(COUNT, size=8)
        self.pixels = np.broadcast_to(np.arange(COUNT, dtype=np.uint8)[:, None, None, None], self.pixels.shape).copy()


class Detector(told.ToldDetector):
    """Finds one box in each image, as surely as it was told; keeps the objects it was trained on."""

    trained_on: tuple[int, ...] = ()

    def __init__(self, image_shape: Any, num_classes: int) -> None:  # noqa: ARG002 (what builds learners passes both)
        box_probs = np.stack([SCORES, np.zeros(COUNT), 1 - SCORES], axis=1)[:, None].astype(np.float32)
        super().__init__({"boxes": np.ones((COUNT, 1, 4), np.float32), "box_probs": box_probs})

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        type(self).trained_on = (*self.trained_on, *(len(target.boxes) for target in batch.labels))
        return super().training_step(batch, batch_idx)


class LeastSure(ScoreStrategy):
    needs: frozenset[Need] = frozenset({"box_probs"})

    def score(self, predictions: Predictions) -> Floats:
        scores: Floats = -required(predictions, "box_probs")[:, 0, :-1].max(axis=1)
        return scores


def situation(folder: Path) -> Situation:
    images = told.data(Numbered())
    labelled = np.arange(0, 6)
    return Situation(
        round=1,
        known=COUNT,
        data=images,
        unlabelled=np.arange(6, COUNT),
        labelled=labelled,
        labels=images.source.table.labels[labelled],
        budget=3,
        make_trainer=partial(quiet_trainer, accelerator="cpu"),
        folder=folder,
        seed=0,
    )


def proxy(**changes: Any) -> ProxyShortlist:
    options: dict[str, Any] = {
        "learner": Detector,
        "training": FromScratch(epochs=1, epoch_size=6),
        "strategy": LeastSure(),
        "size": 5,
    }
    return ProxyShortlist(**(options | changes))


def test_a_detector_makes_a_shortlist_for_a_detector(tmp_path: Path) -> None:
    """It is trained on the objects at hand, and what it is least sure of is the shortlist."""
    known = situation(tmp_path)
    choice = proxy()
    choice.check(known.data)
    Detector.trained_on = ()
    found = choice.choose(known)
    assert sorted(Detector.trained_on) == sorted(len(objects) for objects in known.labels)
    assert set(found.tolist()) == set((6 + np.argsort(SCORES[6:])[:5]).tolist())


@pytest.mark.parametrize(
    "choice", [RandomSubset(9), NearestLabelled(embeddings=PixelComponents(), index=Exact(), neighbors=4)]
)
def test_what_looks_at_images_alone_looks_at_these_too(tmp_path: Path, choice: Candidates) -> None:
    """Whatever people drew in them."""
    found = choice.choose(situation(tmp_path))
    assert len(found) >= 3
    assert set(found.tolist()) <= set(range(6, COUNT))


def test_a_proxy_that_learns_something_else_is_refused(tmp_path: Path) -> None:
    """A classifier where labels are objects, a detector where they are classes; before there is a folder."""
    classifier = proxy(learner=tiny.learner(), strategy=Margin())
    objects = {"data": Numbered(), "learner": Detector, "strategy": LeastSure(), "transforms": tiny.transforms()}
    for changes, remedy in (
        ({**objects, "candidates": classifier}, "learner@candidates.learner=detector"),
        ({"candidates": proxy()}, "learner@candidates.learner=classifier"),
    ):
        with pytest.raises(ConfigurationError, match=remedy):
            run(tiny.parts(**changes), tmp_path / "run", tiny.CONFIG)
        assert not (tmp_path / "run").exists()

"""BALD, checks of the input included, against baal and scikit-activeml."""

from __future__ import annotations

from typing import Any

import numpy as np
from contest import Contest, faster
from numpy.typing import NDArray

from alframe.functional import bald


def make(count: int = 50_000, draws: int = 20, classes: int = 10) -> NDArray[np.float32]:
    """Softmax of logits that vary from draw to draw."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(count, 1, classes)) + rng.normal(size=(count, draws, classes))
    odds = np.exp(logits)
    return np.asarray(odds / odds.sum(axis=2, keepdims=True), dtype=np.float32)


def reference(samples: NDArray[np.float32]) -> Any:
    """Entropy of the mean less mean of the entropies."""
    mean = samples.mean(axis=1)
    return (samples * np.log(samples)).sum(axis=2).mean(axis=1) - (mean * np.log(mean)).sum(axis=1)


def baal(samples: NDArray[np.float32]) -> Any:
    """baal, which takes (N, C, T)."""
    from baal.active.heuristics import BALD

    return BALD().compute_score(samples.swapaxes(1, 2))


def skactiveml(samples: NDArray[np.float32]) -> Any:
    """scikit-activeml, which takes (T, N, C) and clips it in place."""
    from skactiveml.pool._bald import batch_bald

    return batch_bald(np.ascontiguousarray(samples.swapaxes(0, 1)), batch_size=1)[0]


def classes_first(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same numbers, laid out in memory as (N, C, T)."""
    return np.ascontiguousarray(samples.swapaxes(1, 2)).swapaxes(1, 2)


CONTESTS = [
    Contest(
        name=f"BALD, 50,000 samples x {draws} draws x {classes} classes, in memory as {order}",
        make=lambda draws=draws, classes=classes, laid=laid: laid(make(draws=draws, classes=classes)),
        contenders={"alframe": bald, "reference": reference, "baal": baal, "scikit-activeml": skactiveml},
        warm_up=lambda: make(100),
        agree=lambda ours, theirs: np.allclose(ours, theirs, atol=1e-5),
        repeats=7,
        targets={"at least 2x faster than baal": faster(2, "baal")},
    )
    for draws, classes in ((20, 10), (10, 20))
    for order, laid in (("(N, T, C)", np.ascontiguousarray), ("(N, C, T)", classes_first))
]

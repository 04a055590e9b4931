"""What each buffer keeps, where it can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from remembered import remembered

from alframe.errors import ConfigurationError
from alframe.functional import box_loss, entropy, highest, k_center_greedy, pixel_loss, unit_length
from alframe.functional.regions import encode_region
from alframe.replay import HardestByLoss, Herding, KCenter, Replay, UncertaintyDiverse
from alframe.types import Object, Objects, Predictions, label_array

RNG = np.random.default_rng(0)


def rows_of(buffer: Replay, old: Predictions) -> list[int]:
    place = {name: row for row, name in enumerate(old.ids.tolist())}
    return [place[name] for name in buffer.keep(old, RNG)]


def known(count: int, **arrays: Any) -> Predictions:
    return Predictions(np.array([f"{row:02}" for row in range(count)]), **arrays)


def test_herding_keeps_the_mean_of_each_class() -> None:
    """The mean of its exemplars is nearer to that of the class than those of 19 in 20 random sets of that size."""
    rng = np.random.default_rng(1)
    embeddings, labels = rng.normal(1, 1, (150, 4)), np.repeat([0, 1, 2], 50)
    kept = np.array(rows_of(Herding(capacity=45), known(150, embeddings=embeddings, labels=labels)))
    directions = unit_length(embeddings)
    for label in range(3):
        members = np.flatnonzero(labels == label)
        mean = directions[members].mean(axis=0)

        def away(rows: Any, mean: Any = mean) -> float:
            return float(np.linalg.norm(directions[rows].mean(axis=0) - mean))

        exemplars = kept[labels[kept] == label]
        assert len(exemplars) == 15
        random = [away(rng.choice(members, 15, replace=False)) for _ in range(200)]
        assert away(exemplars) < np.quantile(random, 0.05)


def test_herding_looks_at_directions_alone() -> None:
    """Embeddings that are longer point nowhere else."""
    rng = np.random.default_rng(2)
    embeddings, labels = rng.normal(size=(20, 3)), np.zeros(20, dtype=np.int64)
    lengths = 2.0 ** rng.integers(-3, 4, (20, 1))
    plain = rows_of(Herding(capacity=6), known(20, embeddings=embeddings, labels=labels))
    assert rows_of(Herding(capacity=6), known(20, embeddings=embeddings * lengths, labels=labels)) == plain


def test_herding_counts_images_of_objects_by_their_rarest_class() -> None:
    """Two images have what only they have, and both stay."""
    common, rare = Object((0, 0, 1, 1), 0), Object((0, 0, 1, 1), 1)
    drawn = [Objects((common,))] * 10 + [Objects((common, rare))] * 2
    old = known(12, embeddings=np.random.default_rng(0).normal(size=(12, 3)), objects=label_array(drawn))
    assert {10, 11} < set(rows_of(Herding(capacity=5), old))


def test_k_center_is_the_core_set() -> None:
    """The choice of the function, over plain embeddings."""
    old = remembered("classification")
    assert old.embeddings is not None
    assert rows_of(KCenter(capacity=7), old) == k_center_greedy(old.embeddings, 7).tolist()


def test_the_hardest_have_labels_that_the_champion_did_not_expect() -> None:
    """Confidently wrong first, then unsure; what it is right about goes."""
    probs = np.array([[0.9, 0.1], [0.5, 0.5], [0.01, 0.99], [0.4, 0.6]])
    old = known(4, probs=probs, labels=np.array([0, 0, 0, 1]))
    assert HardestByLoss(capacity=3).keep(old, RNG) == {"02": "loss 4.61", "01": "loss 0.693", "03": "loss 0.511"}


def test_the_hardest_images_of_a_detector() -> None:
    """An object that nothing was found at, then one that was found with doubts, then false alarms, then all right."""
    box, other = (0.0, 0.0, 4.0, 4.0), (8.0, 8.0, 12.0, 12.0)
    drawn = [Objects((Object(box, 0),)), Objects((Object(other, 0),)), Objects((Object(box, 0),)), Objects()]
    probs = [[0.95, 0.05], [0.9, 0.1], [0.4, 0.6], [0.3, 0.7]]
    old = known(
        4,
        objects=label_array(drawn),
        boxes=np.tile(np.array(box), (4, 1, 1)),
        box_probs=np.array(probs)[:, np.newaxis],
    )
    assert rows_of(HardestByLoss(capacity=3), old) == [1, 2, 3]


def test_the_hardest_images_of_a_segmenter() -> None:
    """Everything wrong, half of it, nothing."""
    pixels = np.zeros((8, 8), dtype=np.bool_)
    pixels[:, 4:] = True
    right = Objects((Object((4, 0, 8, 8), 0, encode_region(pixels)),))
    seen = np.zeros((3, 2, 2), dtype=np.uint8)
    seen[0, :, 1], seen[1, :, 0], seen[2, 0, 1] = 1, 1, 1
    old = known(3, objects=label_array([right] * 3), sizes=np.full((3, 2), 8), pixel_classes=seen)
    assert rows_of(HardestByLoss(capacity=2), old) == [1, 2]


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_the_hardest_have_the_highest_loss(task: Any) -> None:
    """As the functions compute it, ties by row."""
    old = remembered(task)
    assert old.objects is not None
    if task == "detection":
        assert old.boxes is not None
        assert old.box_probs is not None
        losses = box_loss(old.objects.tolist(), old.boxes, old.box_probs)
    else:
        assert old.sizes is not None
        assert old.pixel_classes is not None
        losses = pixel_loss(old.objects.tolist(), old.sizes, old.pixel_classes)
    assert rows_of(HardestByLoss(capacity=9), old) == highest(losses, 9).tolist()


def test_between_unsure_and_diverse() -> None:
    """At 0 the least sure stay, at 1 the core-set, and between a core-set of the less sure."""
    old = remembered("classification")
    assert old.probs is not None
    assert old.embeddings is not None
    unsure = highest(entropy(old.probs), 40)
    assert set(rows_of(UncertaintyDiverse(capacity=10, diversity=0), old)) == set(unsure[:10].tolist())
    assert set(rows_of(UncertaintyDiverse(capacity=10, diversity=1), old)) == set(
        k_center_greedy(old.embeddings, 10).tolist()
    )
    half = rows_of(UncertaintyDiverse(capacity=10), old)
    assert half == unsure[:25][k_center_greedy(old.embeddings[unsure[:25]], 10)].tolist()


BOX_PROBS = np.array([[[0.5, 0.5], [0.9, 0.1]], [[0.9, 0.1], [0.9, 0.1]]])
PIXEL_ENTROPY = np.array([[[0.6, 0.5]], [[0.6, 0.1]]])


@pytest.mark.parametrize(
    ("unsure", "value"), [({"box_probs": BOX_PROBS}, "0.693"), ({"pixel_entropy": PIXEL_ENTROPY}, "0.55")]
)
def test_uncertainty_of_objects(unsure: dict[str, Any], value: str) -> None:
    """Of a detector that of its least sure detection, of a segmenter the mean over pixels."""
    old = known(2, embeddings=np.zeros((2, 2)), objects=label_array([Objects()] * 2), **unsure)
    kept = UncertaintyDiverse(capacity=1, diversity=0).keep(old, RNG)
    assert kept == {"00": f"entropy {value}, unlike the others kept"}


@pytest.mark.parametrize("diversity", [-0.1, 1.1])
def test_a_diversity_that_is_no_share_is_refused(diversity: float) -> None:
    """The message names the key."""
    with pytest.raises(ConfigurationError, match=r"replay.diversity must lie in \[0, 1\]"):
        UncertaintyDiverse(diversity=diversity)

"""Which labelled samples are held out, where the data itself does not say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from alframe.errors import DataError
from alframe.types import UNLABELLED, Labels, Objects


def held_out_mask(labels: NDArray[np.int64], classes: tuple[str, ...], share: float, seed: int) -> NDArray[np.bool_]:
    """Draw ``share`` of the labelled samples of each class, (N,) -> (N,) bool.

    Raises:
        DataError: a share outside (0, 1), a class with a single sample, fewer samples drawn than classes.
    """
    if not 0 < share < 1:
        raise DataError(f"held_out must lie between 0 and 1, got {share}")
    labelled = np.flatnonzero(labels != UNLABELLED)
    counts = np.bincount(labels[labelled], minlength=len(classes))
    single = [name for name, count in zip(classes, counts, strict=True) if count == 1]
    if single:
        raise DataError(
            f"cannot hold out {share:g} of each class: only one sample of {', '.join(single)}; "
            "add samples, remove the class or give a split of your own"
        )
    try:
        _, drawn = train_test_split(labelled, test_size=share, stratify=labels[labelled], random_state=seed)
    except ValueError as error:
        raise DataError(
            f"cannot hold out {share:g} of {len(labelled)} samples in {len(classes)} classes: {error}; "
            "change held_out or give a split of your own"
        ) from error
    mask = np.zeros(len(labels), dtype=np.bool_)
    mask[drawn] = True
    return mask


def held_out_images(labels: Labels, share: float, seed: int) -> NDArray[np.bool_]:
    """Draw ``share`` of the images whose objects are known, (N,) -> (N,) bool.

    Of the images with the same rarest class that share is drawn, give or take one image, and so of those without
    objects: a class may occur in a single image.

    Raises:
        DataError: a share outside (0, 1), or so few images that all of them or none would be drawn.
    """
    if not 0 < share < 1:
        raise DataError(f"held_out must lie between 0 and 1, got {share}")
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(np.flatnonzero([label is not None for label in labels]))
    strata = _rarest_classes(labels[shuffled])
    ordered = shuffled[np.argsort(strata, kind="stable")]
    # Every 1 / share-th of them, from a random one on.
    passed = np.floor(np.arange(len(ordered) + 1) * share + rng.random())
    mask = np.zeros(len(labels), dtype=np.bool_)
    mask[ordered[np.diff(passed) > 0]] = True
    if not mask.any() or mask.sum() == len(ordered):
        raise DataError(
            f"cannot hold out {share:g} of {len(ordered)} annotated images: {mask.sum()} would be drawn; "
            "change held_out or give a split of your own"
        )
    return mask


def _rarest_classes(labels: Iterable[Objects]) -> NDArray[np.int64]:
    """Of the classes in each image the one that is in the fewest images; ``UNLABELLED`` where there is none."""
    present = [sorted(set(objects.labels[~objects.ignored].tolist())) for objects in labels]
    images = Counter(label for classes in present for label in classes)
    rarest = (min(classes, key=lambda label: images[label], default=UNLABELLED) for classes in present)
    return np.fromiter(rarest, dtype=np.int64, count=len(present))

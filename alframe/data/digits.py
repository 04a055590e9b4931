"""The embedded data set: scikit-learn's bundled handwritten digits."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from alframe.data.arrays import ArraySource
from alframe.data.splits import held_out_mask


class Digits(ArraySource):
    """1,797 real handwritten digits of 8 x 8 pixels in 17 grey levels; nothing is downloaded.

    From E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998.

    Args:
        held_out: share of each class that is held out.
        split_seed: which samples that are.

    Raises:
        DataError: a share outside (0, 1) or too small or too large to split.
    """

    def __init__(self, held_out: float = 0.25, split_seed: int = 0) -> None:
        bunch = load_digits()
        labels = bunch.target.astype(np.int64)
        classes = tuple(str(name) for name in bunch.target_names)
        super().__init__(
            name="digits",
            classes=classes,
            images=np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., None],
            ids=[f"digits/{row:04d}" for row in range(len(labels))],
            labels=labels,
            held_out=held_out_mask(labels, classes, held_out, split_seed),
        )

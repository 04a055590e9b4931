"""Randomness as an argument: one stream per seed and purpose, the same on every machine and every start."""

from __future__ import annotations

import json
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from alframe.types import Ids


def generator(seed: int, *key: int | str) -> np.random.Generator:
    """A NumPy generator for ``seed`` and whatever names the purpose; other keys give independent streams.

    >>> first = generator(7, "query", 3).integers(100, size=4)
    >>> again = generator(7, "query", 3).integers(100, size=4)
    >>> (first == again).all().item()
    True
    """
    return np.random.default_rng(_sequence(seed, key))


def derive_seed(seed: int, *key: int | str) -> int:
    """A seed in [0, 2**32) for ``seed`` and whatever names the purpose, for libraries that take no generator.

    >>> derive_seed(7, "train", 3) == derive_seed(7, "train", 3)
    True
    >>> derive_seed(7, "train", 3) == derive_seed(7, "train", 4)
    False
    """
    return int(_sequence(seed, key).generate_state(1, np.uint32)[0])


def hashed_shares(ids: Ids) -> NDArray[np.float64]:
    """Where each name falls in [0, 1), the same wherever and whenever it is asked, (N,) -> (N,); uniform over names.

    Names below 0.05 are 5 % of all, chosen without memory, and among those below 0.25.

    >>> hashed_shares(np.array(["image/1", "image/2"])).round(3).tolist()
    [0.723, 0.126]
    """
    heads = [int.from_bytes(sha256(name.encode()).digest()[:6], "big") for name in ids.tolist()]
    return np.array(heads, dtype=np.float64) / 2**48


def _sequence(seed: int, key: tuple[int | str, ...]) -> np.random.SeedSequence:
    # JSON tells 1 from "1" and ("ab", "c") from ("a", "bc"); hash() differs from process to process.
    digest = sha256(json.dumps([seed, *key]).encode()).digest()
    return np.random.SeedSequence(int.from_bytes(digest, "big"))

"""Streams of random numbers by purpose."""

from __future__ import annotations

import numpy as np

from alframe.functional import derive_seed, generator


def test_streams_are_the_same_on_every_machine() -> None:
    """Pinned numbers: should they change, a run resumed under a new version would decide otherwise."""
    assert derive_seed(0, "query", 3) == 3734456933
    assert generator(0, "query", 3).integers(1000, size=3).tolist() == [527, 724, 523]


def test_every_key_has_its_own_stream() -> None:
    """Neither type, nor where one part ends, nor a large number split in two makes keys collide."""
    keys: list[tuple[int | str, ...]] = [
        (0,), (1,), (0, 0), (0, 1), (0, 2**32), (0, "1"), (0, "query", 1), (0, "query", 2), (0, "train", 1),
        (0, "ab", "c"), (0, "a", "bc"), (0, "abc"), (0, ""), (-1,), (2**64,),
    ]  # fmt: skip
    seeds = [derive_seed(int(seed), *key) for seed, *key in keys]
    draws = [generator(int(seed), *key).integers(2**63) for seed, *key in keys]
    assert len(set(seeds)) == len(set(draws)) == len(keys)


def test_derived_seeds_are_what_torch_takes() -> None:
    """Plain integers of 32 bits, spread over their range."""
    seeds = [derive_seed(7, "train", round_) for round_ in range(500)]
    assert all(type(seed) is int and 0 <= seed < 2**32 for seed in seeds)
    assert abs(np.mean(seeds) / 2**32 - 0.5) < 0.05


def test_the_global_state_is_left_alone() -> None:
    """A generator is made from its arguments alone: what others draw in between changes nothing."""
    before = generator(3, "query").random(5)
    generator(3, "train").random(100)
    np.testing.assert_array_equal(generator(3, "query").random(5), before)

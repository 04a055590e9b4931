from __future__ import annotations

import numpy as np
import pytest
import squares
import tiny

from alframe.errors import ConfigurationError, RunConflict
from alframe.pool import Ledger, Pool, State
from alframe.types import UNLABELLED, Annotation, Object, Objects


def make_pool(validation: int = 5, seed: int = 0) -> Pool:
    source = tiny.Bars()
    source.table.labels[:2] = UNLABELLED
    return Pool(source.table, Ledger(tiny.memory_engine()), validation=validation, rng=np.random.default_rng(seed))


def label(pool: Pool, position: int, value: int | None, key: str = "") -> None:
    sample_id = str(pool.table.ids[position])
    reason = "blurred" if value is None else None
    pool.ledger.append([Annotation(f"{key}{sample_id}", sample_id, value, "ann", 0, "", reason)])


def test_every_sample_is_in_exactly_one_state() -> None:
    """The states partition the table, whatever has been labelled or set aside."""
    pool = make_pool()
    first, second = pool.in_state(State.UNLABELLED)[:2]
    label(pool, first, 2)
    label(pool, second, None)
    parts = [pool.in_state(state) for state in State]
    assert sorted(np.concatenate(parts).tolist()) == list(range(60))
    assert [len(part) for part in parts] == [60 - 15 - 5 - 2, 1, 1, 5, 15, 0]


def test_labels_come_from_the_ledger_not_from_the_source() -> None:
    """Training sees what the annotator said, even where the source knows better; the latest entry holds."""
    pool = make_pool()
    position = pool.in_state(State.UNLABELLED)[3]
    wrong = (int(pool.table.labels[position]) + 1) % 3
    label(pool, position, wrong)
    positions, labels = pool.labelled()
    assert (positions.tolist(), labels.tolist()) == ([position], [wrong])
    label(pool, position, None, key="second look/")
    assert len(pool.labelled()[0]) == 0


def test_held_out_samples_cannot_be_labelled() -> None:
    """A ledger that has a label for a test or validation sample is refused: it would leak into training."""
    for state in (State.TEST, State.VALIDATION):
        pool = make_pool()
        label(pool, pool.in_state(state)[0], 1)
        with pytest.raises(RunConflict, match="held out"):
            pool.states()


def test_held_out_samples_can_be_set_aside() -> None:
    """An unreadable test image leaves the test set, with its reason, and setting it aside twice is one entry."""
    pool = make_pool()
    position = int(pool.in_state(State.TEST)[0])
    pool.set_aside({position: "truncated"}, round=2)
    pool.set_aside({position: "truncated, still"}, round=3)
    assert position not in pool.in_state(State.TEST)
    assert [entry.annotation.reason for entry in pool.ledger.entries()] == ["truncated"]


def test_validation_samples_are_seeded_and_have_labels() -> None:
    """The same seed holds out the same samples; samples without a label are never among them."""
    drawn = [make_pool(validation=20, seed=seed).in_state(State.VALIDATION).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all((make_pool().table.labels[positions] != UNLABELLED).all() for positions in drawn)
    with pytest.raises(ConfigurationError, match="cannot hold out 44 validation samples"):
        make_pool(validation=44)


def test_ids_and_positions_are_inverse() -> None:
    """Positions of ids come in the order asked for; an unknown id is refused by name."""
    pool = make_pool()
    positions = np.array([7, 0, 31])
    assert pool.positions(pool.table.ids[positions]).tolist() == positions.tolist()
    with pytest.raises(RunConflict, match="bars/999"):
        pool.positions(["bars/999"])


def test_labels_of_images_are_objects() -> None:
    """Those that the ledger has, an empty image among them; images whose objects nobody knows are not held out."""
    table = squares.Squares().table
    table.labels[3] = None
    pool = Pool(table, Ledger(tiny.memory_engine()), validation=4, rng=np.random.default_rng(0))
    assert State.TEST not in pool.states()[:4].tolist()
    assert (pool.states() == State.VALIDATION).sum() == 4
    first, second = pool.in_state(State.UNLABELLED)[:2].tolist()
    drawn = Objects((Object((1, 2, 3, 4), 1),))
    pool.ledger.append(
        Annotation(f"{at}", str(table.ids[at]), label, "ann", 0, "")
        for at, label in ((second, drawn), (first, Objects()))
    )
    positions, labels = pool.labelled()
    assert positions.tolist() == [first, second]
    assert labels.tolist() == [Objects(), drawn]

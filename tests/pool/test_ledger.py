from __future__ import annotations

from dataclasses import replace

import pytest
import tiny

from alframe.errors import LedgerConflict
from alframe.pool import Ledger
from alframe.types import Annotation, Object, Objects, Polygons, Rle

CAT = Annotation("0/a/ann", "a", 1, "ann", 0, "")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(tiny.memory_engine())


def test_offering_an_annotation_again_changes_nothing(ledger: Ledger) -> None:
    """A step that was killed after it wrote to the ledger can be done again."""
    assert ledger.append([CAT, replace(CAT, key="0/b/ann", sample_id="b")]) == 2
    assert ledger.append([CAT]) == 0
    assert [entry.entry for entry in ledger.entries()] == [1, 2]


def test_one_key_cannot_say_two_things(ledger: Ledger) -> None:
    """A key that is offered with another content is refused, and nothing of that call is kept."""
    ledger.append([CAT])
    with pytest.raises(LedgerConflict, match="append it under a new key"):
        ledger.append([replace(CAT, key="new"), replace(CAT, label=2)])
    assert [entry.annotation for entry in ledger.entries()] == [CAT]


def test_a_corrected_label_is_a_new_entry(ledger: Ledger) -> None:
    """The latest entry holds; the history still has the first."""
    ledger.append([CAT])
    ledger.append([replace(CAT, key="correction", label=0, annotator="reviewer")])
    assert ledger.current()["a"].label == 0
    assert [entry.annotation.label for entry in ledger.entries()] == [1, 0]


def test_entries_know_when_they_were_made(ledger: Ledger) -> None:
    """Times are aware, in UTC, and do not run backwards."""
    ledger.append([CAT])
    ledger.append([replace(CAT, key="later")])
    first, second = (entry.created_at for entry in ledger.entries())
    assert first.tzname() == "UTC"
    assert first <= second


def test_objects_come_back_as_they_went_in(ledger: Ledger) -> None:
    """Boxes, masks of both kinds and flags survive; an image without objects is not one without a label."""
    cat = Object((0.5, 1.0, 7.25, 9.0), 3, Rle((4, 4), "22"), crowd=True)
    dog = Object((1.0, 2.0, 3.0, 4.0), 0, Polygons(((1.0, 2.0, 3.0, 2.0, 3.0, 4.0),)), difficult=True)
    drawn = replace(CAT, label=Objects((cat, dog)))
    empty = replace(CAT, key="0/b/ann", sample_id="b", label=Objects())
    aside = replace(CAT, key="0/c/ann", sample_id="c", label=None, reason="blurred")
    assert ledger.append([drawn, empty, aside]) == 3
    assert ledger.append([drawn, empty, aside]) == 0
    assert ledger.current() == {"a": drawn, "b": empty, "c": aside}
    with pytest.raises(LedgerConflict, match="append it under a new key"):
        ledger.append([replace(drawn, label=Objects((cat,)))])

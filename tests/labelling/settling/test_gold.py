"""Gold is mixed in once for each person, looks like everything else, and tells who can be relied on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled import Team, team_of
from sqlalchemy import select

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling import Gold, GoldScore, NewTask, Queue, Reviews, settle
from alframe.labelling.items import Items
from alframe.labelling.settling.gold_scores import GoldAnswer, gold_scores
from alframe.labelling.settling.settlements import current
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AuditRow, SubmissionRow, TaskRow
from alframe.types import Object, Objects, Prediction


def with_gold(database: ServiceDatabase, rows: int = 2, share: float = 1.0, seed: int = 0, **how: Any) -> Team:
    team = team_of(database, gold_share=share, **how)
    gold = Gold(database, np.random.default_rng(seed))
    for row in range(rows):
        gold.add(team.project.id, team.items[row], row, by="root")
    team.mix = gold.mix
    return team


def kinds(database: ServiceDatabase) -> list[str]:
    rows = select(TaskRow.kind).join(SubmissionRow, SubmissionRow.task_id == TaskRow.id).order_by(SubmissionRow.id)
    with database.read() as session:
        return list(session.scalars(rows))


def test_each_person_gets_each_gold_item_once(database: ServiceDatabase) -> None:
    team = with_gold(database)
    team.ask(2, 3)
    for name in ("ann", "bob"):
        leases = [team.answer(name, 0) for _ in range(3)]
        assert {lease.item_id for lease in leases[:2] if lease} == set(team.items[:2])
    assert kinds(database) == ["gold", "gold", "label"] * 2
    scores = Gold(database).scores(team.project.id)
    assert [(each.annotator_id, each.asked, each.right) for each in scores] == [
        (team.people["ann"], 2, 1),
        (team.people["bob"], 2, 1),
    ]


def test_no_id_tells_gold_from_the_rest(database: ServiceDatabase) -> None:
    """Neither lies above the other: gold is made when it is leased, long after what was asked for."""
    team = with_gold(database, rows=12, share=0.5, items=36, people=("ann",), leases=100)
    team.ask(*range(12, 36))
    leases = [lease for _ in range(30) if (lease := team.answer("ann", 0))]
    gold = np.array([kind == "gold" for kind in kinds(database)])
    for ids in ([each.task_id for each in leases], [each.assignment_id for each in leases]):
        assert len(set(ids)) == len(ids)
        assert min(ids) > 0
        assert max(ids) < 2**53
        # Counted ids are all above or all below; of 10 and 20 random ones, once in 30 million.
        assert min(np.array(ids)[gold]) < max(np.array(ids)[~gold])
        assert min(np.array(ids)[~gold]) < max(np.array(ids)[gold])


def test_gold_never_becomes_a_settlement(database: ServiceDatabase) -> None:
    team = with_gold(database)
    team.ask(2, 3)
    for name in team.people:
        for _ in range(2):
            team.answer(name, 0)
    assert kinds(database) == ["gold"] * 6
    assert settle(database, team.project.id, rng=np.random.default_rng(0)) == 0
    assert current(database, team.project.id) == {}


def test_about_the_share_that_was_asked_for_is_gold(database: ServiceDatabase) -> None:
    team = with_gold(database, rows=20, share=0.25, items=60, people=("ann",), leases=100)
    team.ask(*range(20, 60))
    for _ in range(40):
        team.answer("ann", 0)
    # 40 draws at 0.25: 3 to 18 with a probability of 0.999.
    assert 3 <= kinds(database).count("gold") <= 18


def test_what_somebody_has_seen_is_no_gold_for_them(database: ServiceDatabase) -> None:
    team = with_gold(database, rows=1)
    mix, team.mix = team.mix, None
    team.ask(0)
    team.answer("ann", 0)
    team.mix = mix
    team.ask(2, overlap=3)
    lease = team.answer("ann", 0)
    assert lease is not None
    assert lease.item_id == team.items[2]
    lease = team.answer("bob", 0)
    assert lease is not None
    assert lease.item_id == team.items[0]


@pytest.mark.parametrize("how", ["passed on", "retired", "held"])
def test_what_is_out_of_the_question_is_not_mixed_in(database: ServiceDatabase, how: str) -> None:
    team = with_gold(database, rows=1)
    ann = team.people["ann"]
    team.ask(2)
    match how:
        case "passed on":
            lease = team.queue.lease(team.project.id, ann)
            assert lease is not None
            team.queue.pass_on(lease.assignment_id, ann, lease.fence, "skip")
        case "retired":
            Gold(database).retire(team.project.id, team.items[0], by="root")
        case _:
            Items(database).hold(team.project.id, ["image/0"], "no consent", by="root")
    next_one = team.queue.lease(team.project.id, ann)
    assert next_one is not None
    assert next_one.item_id == team.items[2]


def test_a_lease_that_ran_out_is_offered_to_nobody_else(database: ServiceDatabase) -> None:
    team = with_gold(database, rows=1, lease_seconds=1e-6)
    team.ask(2)
    team.queue.lease(team.project.id, team.people["ann"])
    team.mix = None
    team.queue.withdraw(team.project.id, 0)
    assert team.queue.lease(team.project.id, team.people["bob"]) is None
    again = team.queue.lease(team.project.id, team.people["ann"])
    assert again is not None
    assert again.item_id == team.items[0]


def test_gold_shows_a_prediction_where_others_do_and_its_own(database: ServiceDatabase) -> None:
    """What a model never said anything of is not mixed in among what it did, and no other item's is shown."""
    team = with_gold(database, prefill="always")
    team.ask(2)
    without = team.queue.lease(team.project.id, team.people["ann"])
    queue = Queue(database)
    queue.ask(team.project.id, 0, [NewTask(team.items[3], 9.0, Prediction(2))])
    queue.ask(team.project.id, 0, [NewTask(team.items[1], -9.0, Prediction(1))])
    assert without is not None
    assert without.item_id in team.items[:2]
    assert (without.prefill, without.prediction) == (None, False)
    leases = [team.queue.lease(team.project.id, team.people["bob"]) for _ in range(2)]
    assert [lease and (lease.item_id, lease.prefill, lease.prediction) for lease in leases] == [
        (team.items[1], 1, True),
        (team.items[3], 2, True),
    ]


def test_gold_is_mixed_in_among_others_only(database: ServiceDatabase) -> None:
    """Somebody who waits for work neither uses it up nor knows it by coming alone."""
    team = with_gold(database)
    assert team.answer("ann", 0) is None
    team.ask(2)
    leases = [team.answer("ann", 0) for _ in range(4)]
    assert [lease is None for lease in leases] == [False, False, False, True]


def test_what_is_wrong_with_gold_is_for_managers_and_trains_nothing(database: ServiceDatabase) -> None:
    team = with_gold(database, rows=1)
    team.ask(2)
    for name in ("ann", "bob"):
        lease = team.queue.lease(team.project.id, team.people[name])
        assert lease is not None
        assert lease.item_id == team.items[0]
        team.queue.pass_on(lease.assignment_id, team.people[name], lease.fence, "flag", "two cats")
    assert Reviews(database).waiting(team.project.id) == []
    gold = Gold(database).all(team.project.id)
    assert [each.note for each in gold] == ["flagged by ann: two cats; flagged by bob: two cats"]
    with database.read() as session:
        assert session.scalars(select(TaskRow.state).where(TaskRow.kind == "gold")).all() == ["withdrawn"] * 2
        actors = session.scalars(select(AuditRow.actor).where(AuditRow.action == "gold.flag").order_by(AuditRow.entry))
        assert actors.all() == ["ann", "bob"]


def test_what_somebody_had_as_gold_is_not_asked_of_them(database: ServiceDatabase) -> None:
    team = with_gold(database, rows=1)
    team.ask(2)
    team.answer("ann", 0)
    team.ask(0, round=1)
    team.mix = None
    leases = [team.answer("ann", 0), team.answer("ann", 0)]
    assert [lease and lease.item_id for lease in leases] == [team.items[2], None]
    lease = team.answer("bob", 0)
    assert lease is not None
    assert lease.item_id == team.items[0]


def test_gold_is_retired_before_its_label_changes(database: ServiceDatabase) -> None:
    team = with_gold(database, rows=1)
    gold = Gold(database)
    gold.add(team.project.id, team.items[0], 0, by="root")
    with pytest.raises(Conflict, match="retire it first"):
        gold.add(team.project.id, team.items[0], 1, by="root")
    gold.retire(team.project.id, team.items[0], by="root")
    assert [(each.sample_id, each.label, each.retired) for each in gold.all(team.project.id)] == [("image/0", 0, True)]
    gold.add(team.project.id, team.items[0], 1, by="root")
    assert [(each.label, each.retired) for each in gold.all(team.project.id)] == [(1, False)]
    with pytest.raises(NotFound, match="no item 999"):
        gold.add(team.project.id, 999, 1, by="root")
    with pytest.raises(NotFound, match="no gold item"):
        gold.retire(team.project.id, team.items[2], by="root")
    with pytest.raises(InvalidInput, match="certain"):
        gold.add(team.project.id, team.items[2], None, by="root")  # type: ignore[arg-type]


def test_boxes_are_right_where_they_match(database: ServiceDatabase) -> None:
    team = team_of(database, "detection", gold_share=1.0)
    gold = Gold(database, np.random.default_rng(0))
    gold.add(team.project.id, team.items[0], Objects((Object((0.0, 0.0, 4.0, 4.0), 0),)), by="root")
    team.mix = gold.mix
    team.ask(1)
    team.answer("ann", Objects((Object((0.0, 0.0, 4.0, 3.0), 0),)))
    team.answer("bob", Objects((Object((0.0, 0.0, 4.0, 4.0), 1),)))
    team.answer("cyd", None)
    assert [each.right for each in gold.scores(team.project.id)] == [1, 0, 0]


def scored(rights: list[bool], by_chance: float) -> GoldScore:
    return gold_scores([GoldAnswer(7, item, 0, 0, right) for item, right in enumerate(rights)], by_chance)[0]


@pytest.mark.parametrize(
    ("right", "asked", "verdict"),
    [(0, 1, "open"), (1, 20, "bad"), (2, 20, "bad"), (16, 20, "good"), (19, 20, "good"), (4, 8, "open")],
)
def test_a_verdict_waits_for_evidence(right: int, asked: int, verdict: str) -> None:
    """Among ten classes; 80 % right is not bad, and a tenth is what a guess gets."""
    score = scored([True] * right + [False] * (asked - right), 0.1)
    assert score.verdict == verdict
    assert 0 <= score.low <= right / asked <= score.high <= 1


def test_the_interval_is_the_one_of_the_textbook() -> None:
    """Wilson's for 8 of 10, and the probability of 8 heads or more of 10."""
    score = scored([True] * 8 + [False] * 2, 0.5)
    assert (score.low, score.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert score.p_value == pytest.approx((45 + 10 + 1) / 1024)


@given(seed=st.integers(0, 2**32 - 1))
def test_hardly_anybody_who_is_right_half_way_is_called_bad(seed: int) -> None:
    """However often one looks: at 55 % of ten classes the level is 1 %, and at 80 % it is never reached here."""
    rights = (np.random.default_rng(seed).random(60) < 0.8).tolist()
    assert all(scored(rights[:count], 0.1).verdict != "bad" for count in range(5, 61, 5))

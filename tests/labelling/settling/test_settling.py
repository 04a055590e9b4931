"""Answers become labels that hold, questions to one more, or cases for a reviewer; nothing else trains."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from labelled import Team, team_of
from sqlalchemy import select

from alframe.errors import Conflict, InvalidInput, NotFound
from alframe.labelling import Answer, Gold, NewTask, Queue, Reviews, settle
from alframe.labelling.items import Items
from alframe.labelling.queue.eligible import NOBODY_LEFT
from alframe.labelling.settling.settlements import Source, append, current, history
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import AuditRow, MembershipRow, TaskRow
from alframe.types import Label, Object, Objects, Prediction


def settled(team: Team) -> int:
    return settle(team.database, team.project.id, rng=np.random.default_rng(0))


def states(team: Team) -> list[tuple[str, str]]:
    with team.database.read() as session:
        rows = select(TaskRow.state, TaskRow.reason).where(TaskRow.kind != "gold").order_by(TaskRow.item_id)
        return [(state, reason) for state, reason in session.execute(rows)]


def holding(team: Team) -> dict[str, Label | None]:
    return {name: each.label for name, each in current(team.database, team.project.id).items()}


def box(right: float, label: int = 0) -> Objects:
    return Objects((Object((0.0, 0.0, right, 4.0), label),))


def test_what_people_agree_on_holds(database: ServiceDatabase) -> None:
    team = team_of(database, overlap=3)
    team.ask(0)
    for name, label in (("ann", 1), ("bob", 2), ("cyd", 1)):
        assert holding(team) == {}
        team.answer(name, label)
    assert (settled(team), settled(team)) == (1, 0)
    (found,) = history(database, team.items[0])
    assert (found.label, found.source, found.settled_by, found.version) == (1, "consensus", "ann, bob, cyd", 1)
    assert (found.agreement, found.confidence) == pytest.approx((2 / 3, 2 / 3))
    assert states(team) == [("settled", "")]
    with database.read() as session:
        actions = session.scalars(select(AuditRow.action).order_by(AuditRow.entry)).all()
    assert actions[-2:] == ["item.settle", "task.settle"]


def test_an_open_task_is_left_alone(database: ServiceDatabase) -> None:
    team = team_of(database, overlap=2)
    team.ask(0)
    team.answer("ann", 1)
    assert settled(team) == 0
    assert states(team) == [("open", "")]


def test_where_people_disagree_one_more_is_asked_and_then_a_reviewer(database: ServiceDatabase) -> None:
    team = team_of(database, people=("ann", "bob", "cyd", "dan", "eve"), overlap=2, max_overlap=4, agreement=0.7)
    team.ask(0)
    team.answer("ann", 0)
    team.answer("bob", 1)
    more: list[tuple[str, int | None]] = [("cyd", 1), ("dan", None)]
    for name, label in more:
        assert settled(team) == 1
        assert states(team) == [("open", "")]
        team.answer(name, label)
    assert settled(team) == 1
    assert states(team) == [("review", 'people disagree: 2 say "dog", 1 says "cat", 1 cannot tell')]
    assert team.answer("eve", 1) is None
    assert holding(team) == {}


def test_nobody_is_waited_for_who_is_not_there(database: ServiceDatabase) -> None:
    """Of a team of two both have answered: a reviewer decides, though five might be asked."""
    team = team_of(database, people=("ann", "bob"), overlap=2, max_overlap=5)
    team.ask(0)
    team.answer("ann", 0)
    team.answer("bob", 1)
    settled(team)
    assert states(team) == [("review", 'people disagree: 1 says "cat", 1 says "dog"')]


def test_where_nobody_can_tell_that_holds(database: ServiceDatabase) -> None:
    team = team_of(database, overlap=2)
    team.ask(0)
    for name in ("ann", "bob"):
        team.answer(name, None)
    settled(team)
    (found,) = history(database, team.items[0])
    assert (found.label, found.reason) == (None, "too dark")


@pytest.mark.parametrize(
    ("settings", "label", "reason"),
    [
        ({"rules": {"allowed_classes": ["cat"]}}, 1, "rules: ann: class 'dog' is not among"),
        ({"rules": {"needs_rationale": ["dog"]}}, 1, "rules: ann: class 'dog' needs a rationale"),
        ({"safety_critical": ["dog"]}, 1, "second look: dog is safety-critical"),
        ({"review_share": 1.0}, 1, "second look: drawn by chance"),
    ],
)
def test_what_needs_a_reviewer_holds_when_one_has_decided(
    database: ServiceDatabase, settings: dict[str, Any], label: int, reason: str
) -> None:
    team = team_of(database, **settings)
    team.ask(0)
    team.answer("ann", label)
    assert settled(team) == 1
    assert holding(team) == {}
    reviews = Reviews(database)
    (waiting,) = reviews.waiting(team.project.id)
    assert waiting.reason.startswith(reason)
    case = reviews.opened(waiting.task_id)
    assert (case.proposed, case.sample_id, case.version) == (1, "image/0", 0)
    assert [(each.annotator, each.answer.label, bool(each.broken)) for each in case.answers] == [
        ("ann", 1, "rules" in settings)
    ]
    found = reviews.decide(waiting.task_id, 0, "a cat, see its ears", "k", by="rita")
    assert (found.label, found.source, found.settled_by) == (0, "review", "rita")
    assert holding(team) == {"image/0": 0}
    assert reviews.waiting(team.project.id) == []
    assert settled(team) == 0


def test_one_broken_rule_among_many_answers_is_enough(database: ServiceDatabase) -> None:
    team = team_of(database, overlap=3, rules={"allowed_classes": ["cat", "dog"]})
    team.ask(0)
    for name, label in (("ann", 0), ("bob", 0), ("cyd", 2)):
        team.answer(name, label)
    settled(team)
    assert states(team) == [("review", "rules: cyd: class 'owl' is not among those that may be given")]
    assert holding(team) == {}


def test_a_share_is_drawn_for_review(database: ServiceDatabase) -> None:
    team = team_of(database, items=40, review_share=0.5, leases=40)
    team.ask(*range(40))
    for _ in range(40):
        team.answer("ann", 0)
    assert settled(team) == 40
    # 40 draws at 1/2: 9 to 31 with a probability of 0.9997.
    assert 9 <= len(Reviews(database).waiting(team.project.id)) <= 31
    assert len(holding(team)) + len(Reviews(database).waiting(team.project.id)) == 40


def test_two_who_settle_at_once_settle_once(database: ServiceDatabase) -> None:
    team = team_of(database, items=12, overlap=2, people=("ann", "bob", "cyd"), leases=12)
    team.ask(*range(12))
    for name in ("ann", "bob"):
        for number in range(12):
            team.answer(name, 0 if name == "ann" or number % 3 else 1)
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: settled(team), range(4)))
    assert sum(counts) == 12
    assert all(len(history(database, item)) <= 1 for item in team.items)
    assert sorted(states(team)).count(("open", "")) == 4
    with database.read() as session:
        asked = session.scalars(select(AuditRow.subject).where(AuditRow.action == "task.reopen")).all()
    assert len(set(asked)) == len(asked) == 4


def test_a_spammer_is_outvoted_by_whoever_gold_trusts(database: ServiceDatabase) -> None:
    """By number two say dog, and one says cat; gold has seen that the two are wrong throughout."""
    team = team_of(database, items=22, overlap=3, gold_share=1.0)
    gold = Gold(database, np.random.default_rng(0))
    for row in range(20):
        gold.add(team.project.id, team.items[row], row % 3, by="root")
    team.mix = gold.mix
    truth = {team.items[row]: row % 3 for row in range(20)}
    team.ask(20)
    for name, wrong in (("ann", 0), ("bob", 1), ("cyd", 2)):
        for _ in range(20):
            team.work(name, lambda lease: Answer((truth[lease.item_id] + wrong) % 3))  # noqa: B023 (called at once)
    assert [each.verdict for each in gold.scores(team.project.id)] == ["good", "bad", "bad"]
    for name, label in (("ann", 0), ("bob", 1), ("cyd", 1)):
        team.answer(name, label)
    settled(team)
    (found,) = history(database, team.items[20])
    assert (found.label, found.agreement) == (0, 1.0)


@pytest.mark.parametrize("consensus", ["one_coin", "dawid_skene", "crowdlab"])
def test_skill_decides_where_the_project_says_so(database: ServiceDatabase, consensus: str) -> None:
    """Ann and bob always agree; of the other three each says something else of every image."""
    if consensus == "crowdlab":
        pytest.importorskip("cleanlab")
    rng = np.random.default_rng(0)
    people = ("ann", "bob", "cyd", "dan", "eve")
    team = team_of(database, people=people, items=30, overlap=5, max_overlap=5, leases=30, consensus=consensus)
    truth = {item: row % 3 for row, item in enumerate(team.items)}
    probs = [tuple(0.8 if each == label else 0.1 for each in range(3)) for label in truth.values()]
    tasks = [NewTask(item, prediction=Prediction(0, given)) for item, given in zip(team.items, probs, strict=True)]
    Queue(database).ask(team.project.id, 0, tasks)
    for _ in range(30):
        for name in ("ann", "bob"):
            team.work(name, lambda lease: Answer(truth[lease.item_id]))
        for name in ("cyd", "dan", "eve"):
            team.work(name, lambda _: Answer(int(rng.integers(3))))
    assert settled(team) == 30
    assert {name: label for name, label in holding(team).items() if label is not None} == {
        f"image/{row}": row % 3 for row in range(30)
    }


def test_boxes_that_match_are_made_one(database: ServiceDatabase) -> None:
    team = team_of(database, "detection", overlap=2, agreement=0.7)
    team.ask(0)
    team.answer("ann", Objects((Object((0.0, 0.0, 4.0, 4.0), 0, score=0.9),)))
    team.answer("bob", box(5.0))
    settled(team)
    (found,) = history(database, team.items[0])
    assert found.label == box(4.5)
    assert found.agreement == pytest.approx(0.8)


def test_boxes_that_do_not_match_are_a_case(database: ServiceDatabase) -> None:
    team = team_of(database, "detection", overlap=2, max_overlap=2)
    team.ask(0, 1)
    for name, label in (("ann", 0), ("bob", 1)):
        team.answer(name, box(4.0, label))
    team.answer("ann", box(4.0))
    team.answer("bob", None)
    settled(team)
    assert [state for state, _ in states(team)] == ["review", "review"]
    assert states(team)[0][1] == "people disagree: what 2 of them drew overlaps by 0.00"
    assert holding(team) == {}


def test_what_one_person_drew_is_kept_as_it_is(database: ServiceDatabase) -> None:
    team = team_of(database, "detection")
    team.ask(0)
    team.answer("ann", Objects())
    settled(team)
    assert holding(team) == {"image/0": Objects()}


def test_a_new_answer_is_weighed_with_the_old_ones(database: ServiceDatabase) -> None:
    """Three said cat, and relabelling asks one more who says dog: cat holds, with less agreement."""
    team = team_of(database, people=("ann", "bob", "cyd", "dan"), overlap=3)
    team.ask(0)
    for name in ("ann", "bob", "cyd"):
        team.answer(name, 0)
    settled(team)
    team.ask(0, kind="relabel", overlap=1, round=1)
    team.answer("dan", 1)
    settled(team)
    versions = history(database, team.items[0])
    assert [each.label for each in versions] == [0, 0]
    assert versions[1].agreement == pytest.approx(0.75)


def test_an_audit_overrules_the_model_and_not_a_reviewer(database: ServiceDatabase) -> None:
    team = team_of(database)
    before: list[tuple[int, Source]] = [(0, "auto"), (1, "review")]
    for row, source in before:
        with database.write() as session:
            append(session, team.project, team.items[row], key=source, label=2, source=source, settled_by="rita")
    team.ask(0, 1, kind="audit")
    for _ in range(2):
        team.answer("ann", 1)
    assert settled(team) == 2
    assert holding(team) == {"image/0": 1, "image/1": 2}
    assert [state for state, _ in states(team)] == ["settled", "settled"]


def test_held_items_wait(database: ServiceDatabase) -> None:
    team = team_of(database)
    team.ask(0)
    team.answer("ann", 1)
    Items(database).hold(team.project.id, ["image/0"], "no consent", by="root")
    assert settled(team) == 0
    assert holding(team) == {}
    Items(database).release(team.project.id, ["image/0"], by="root")
    assert settled(team) == 1


def in_review(team: Team) -> int:
    team.ask(0)
    team.answer("ann", 1)
    settled(team)
    return Reviews(team.database).waiting(team.project.id)[0].task_id


def test_a_decision_is_taken_once(database: ServiceDatabase) -> None:
    team = team_of(database, review_share=1.0)
    task, reviews = in_review(team), Reviews(database)
    first = reviews.decide(task, 2, "", "k", by="rita")
    assert reviews.decide(task, 2, "", "k", by="rita") == first
    with pytest.raises(Conflict, match="stands for another"):
        reviews.decide(task, 1, "", "k", by="rita")
    with pytest.raises(Conflict, match="is settled, not in review"):
        reviews.decide(task, 1, "", "other", by="rita")
    with pytest.raises(Conflict, match="is settled, not in review"):
        reviews.decide(task, 2, "", "k", by="sam")
    assert [each.label for each in history(database, team.items[0])] == [2]


def test_a_decision_without_a_label_says_why(database: ServiceDatabase) -> None:
    team = team_of(database, review_share=1.0)
    task, reviews = in_review(team), Reviews(database)
    with pytest.raises(InvalidInput, match="needs a reason"):
        reviews.decide(task, None, " ", "k", by="rita")
    assert reviews.decide(task, None, "nothing to see", "k", by="rita").label is None
    with pytest.raises(NotFound, match="no task 999"):
        reviews.opened(999)
    with pytest.raises(NotFound, match="no task 999"):
        reviews.decide(999, 1, "", "k", by="rita")


def test_what_somebody_flags_is_a_case(database: ServiceDatabase) -> None:
    team = team_of(database)
    team.ask(0)
    ann = team.people["ann"]
    lease = team.queue.lease(team.project.id, ann)
    assert lease is not None
    team.queue.pass_on(lease.assignment_id, ann, lease.fence, "flag", "a face")
    reviews = Reviews(database)
    (waiting,) = reviews.waiting(team.project.id)
    case = reviews.opened(waiting.task_id)
    assert (case.reason, case.proposed, case.answers) == ("flagged: a face", None, [])
    reviews.decide(waiting.task_id, None, "a face", "k", by="rita")
    assert holding(team) == {"image/0": None}


def test_reviews_come_in_pages(database: ServiceDatabase) -> None:
    team = team_of(database, review_share=1.0, leases=4)
    team.ask(0, 1, 2, 3)
    for _ in range(4):
        team.answer("ann", 1)
    settled(team)
    reviews = Reviews(database)
    first = reviews.waiting(team.project.id, limit=3)
    rest = reviews.waiting(team.project.id, after=first[-1].task_id)
    assert sorted(each.sample_id for each in [*first, *rest]) == [f"image/{row}" for row in range(4)]


def test_what_nobody_is_left_to_answer_goes_to_a_reviewer(database: ServiceDatabase) -> None:
    """One of the two who were to answer it leaves the project."""
    team = team_of(database, overlap=2, people=("ann", "bob"))
    team.ask(0, 1)
    team.answer("ann", 1)
    with database.write() as session:
        session.delete(session.get_one(MembershipRow, (team.people["bob"], team.project.id)))
    assert settle(database, team.project.id, rng=np.random.default_rng(0)) == 1
    assert states(team) == [("review", NOBODY_LEFT), ("open", "")]

"""What people say of an item, and the label that they propose together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from alframe.functional import annotator_signals, consensus_boxes, crowdlab, dawid_skene, majority_vote, one_coin
from alframe.labelling.labels import load_label
from alframe.labelling.projects import Project
from alframe.labelling.queue.submissions import Answer
from alframe.labelling.queue.tasks import probs_when_asked
from alframe.labelling.settling.agreement import class_votes
from alframe.labelling.settling.gold_scores import GoldAnswer, chance, gold_answers, gold_scores
from alframe.storage.service.tables import ItemRow, SubmissionRow, TaskRow, UserRow
from alframe.types import UNLABELLED, Consensus, Label, Objects

TRUST = {"good": 1.0, "copying": 0.5, "constant": 0.0, "random": 0.0}
"""What the votes of people count by what they look like; of two of whom one copies the other, both count one."""


@dataclass(frozen=True)
class Opinion:
    """The last that one person said of one item."""

    submission_id: int
    annotator_id: int
    annotator: str
    answer: Answer


@dataclass(frozen=True)
class Proposal:
    """What all opinions on an item come to.

    Attributes:
        label: what most of their weight is for; ``None`` if no label has any.
        confidence: how sure the method is of it, in [0, 1].
        agreement: for a class, the share of the weight of all who were asked that is for it; for objects, the mean IoU
            of what was drawn, times the share of the weight of those who could tell.
        of: ids of the submissions that were heard.
    """

    label: Label | None
    confidence: float
    agreement: float
    of: frozenset[int]


Opinions = dict[int, list[Opinion]]
"""By item."""


def opinions(session: Session, *which: ColumnElement[bool]) -> Opinions:
    """Everybody's last answer to each item among the submissions that ``which`` names; gold does not count."""
    said = SubmissionRow
    answer = said.label, said.reason, said.rationale, said.prediction_shown, said.seconds
    rows = (  # columns, because a project has many and all are read whenever something is settled
        select(said.id, said.item_id, said.annotator_id, UserRow.name, *answer)
        .join(TaskRow, TaskRow.id == SubmissionRow.task_id)
        .join(UserRow, UserRow.id == SubmissionRow.annotator_id)
        .where(TaskRow.kind != "gold", *which)
        .order_by(SubmissionRow.id)
    )
    last: dict[int, dict[int, Opinion]] = defaultdict(dict)
    for submission_id, item_id, annotator_id, name, label, *more in session.execute(rows):
        last[item_id][annotator_id] = Opinion(submission_id, annotator_id, name, Answer(load_label(label), *more))
    return {item_id: list(given.values()) for item_id, given in last.items()}


def proposals(session: Session, project: Project, item_ids: Collection[int]) -> dict[int, Proposal]:
    """What opinions on these items come to; what people said of all others, and of gold, shows whom to believe."""
    gold = gold_answers(session, project)
    bad = {score.annotator_id for score in gold_scores(gold, chance(session, project)) if score.verdict == "bad"}
    if project.kind == "classification":
        heard = opinions(session, SubmissionRow.project_id == project.id)
        return _of_classes(session, project, heard, gold, bad, item_ids)
    found = {}
    for item_id in item_ids:
        item = session.get_one(ItemRow, item_id)
        given = opinions(session, SubmissionRow.item_id == item_id).get(item_id, [])
        found[item_id] = _of_objects(project, given, bad, (item.height, item.width))
    return found


def _of_classes(
    session: Session,
    project: Project,
    heard: Opinions,
    gold: Sequence[GoldAnswer],
    bad: Collection[int],
    item_ids: Collection[int],
) -> dict[int, Proposal]:
    items = sorted(heard)
    asked = sorted({answer.item_id for answer in gold})
    people = sorted({each.annotator_id for given in heard.values() for each in given} | {a.annotator_id for a in gold})
    said: list[dict[int, Label]] = [
        {each.annotator_id: each.answer.label for each in heard[item_id] if each.answer.label is not None}
        for item_id in items
    ]
    said += [{a.annotator_id: a.said for a in gold if a.item_id == item_id and a.said is not None} for item_id in asked]
    certain = {answer.item_id: answer.known for answer in gold}
    votes = class_votes(said, people)
    known = np.array([UNLABELLED] * len(items) + [certain[item_id] for item_id in asked], dtype=np.int64)
    trust = _trust(votes, known, len(project.classes)) * [each not in bad for each in people]
    probs = _probs(session, project, items) if project.settings.consensus == "crowdlab" else {}
    consensus, weights = _consensus(project, votes, known, trust, probs)
    weight = dict(zip(people, weights.tolist(), strict=True))
    rows = {item_id: row for row, item_id in enumerate(items)}
    return {
        item_id: _of_class(heard[item_id], weight, int(consensus.labels[row]), float(consensus.confidence[row]))
        for item_id, row in rows.items()
        if item_id in item_ids
    }


def _of_class(given: Sequence[Opinion], weight: Mapping[int, float], label: int, confidence: float) -> Proposal:
    asked = sum(weight[each.annotator_id] for each in given)
    agreed = sum(weight[each.annotator_id] for each in given if each.answer.label == label)
    of = frozenset(each.submission_id for each in given)
    if label == UNLABELLED or not asked:
        return Proposal(None, 0.0, 0.0, of)
    return Proposal(label, confidence, agreed / asked, of)


def _trust(votes: NDArray[np.int64], known: NDArray[np.int64], num_classes: int) -> NDArray[np.float64]:
    """(A,) what each annotator's votes look like, as a weight."""
    verdicts = annotator_signals(votes, num_classes, known=known).verdict
    return np.array([TRUST[verdict] for verdict in verdicts], dtype=np.float64)


def _consensus(
    project: Project,
    votes: NDArray[np.int64],
    known: NDArray[np.int64],
    trust: NDArray[np.float64],
    probs: Mapping[int, Sequence[float]],
) -> tuple[Consensus, NDArray[np.float64]]:
    """The consensus by the project's method, and what each annotator counts in agreement."""
    num_classes = len(project.classes)
    if project.settings.consensus == "majority":
        return majority_vote(votes, num_classes, weights=trust, known=known), trust
    method = one_coin if project.settings.consensus == "one_coin" else dawid_skene
    consensus = method(votes, num_classes, known=known)
    weights = trust * _informed(consensus, num_classes)
    rows = np.array(sorted(probs), dtype=np.int64)
    if (np.count_nonzero(votes[rows] != UNLABELLED, axis=1) > 1).any():
        # The model was not trained on what was asked while it was the champion.
        aided = crowdlab(votes[rows], np.array([probs[row] for row in rows.tolist()]))
        labels, confidence = consensus.labels.copy(), np.array(consensus.confidence)
        labels[rows], confidence[rows] = aided.labels, aided.confidence
        consensus = replace(consensus, labels=labels, confidence=confidence)
    return consensus, weights


def _informed(consensus: Consensus, num_classes: int) -> NDArray[np.float64]:
    """(A,) how far beyond chance each annotator tells classes apart, on average over the classes, in [0, 1]."""
    if consensus.confusion is None or num_classes < 2:
        return np.ones(len(consensus.skill))
    right = np.einsum("acc->a", consensus.confusion) / num_classes
    return np.asarray(np.clip((right - 1 / num_classes) / (1 - 1 / num_classes), 0, 1))


def _probs(session: Session, project: Project, items: Sequence[int]) -> dict[int, tuple[float, ...]]:
    """What the model held the item in each row for when it was asked about, where it said so."""
    known = probs_when_asked(session, project)
    return {row: known[item_id] for row, item_id in enumerate(items) if item_id in known}


def _of_objects(project: Project, given: Sequence[Opinion], bad: Collection[int], size: tuple[int, int]) -> Proposal:
    of = frozenset(each.submission_id for each in given)
    believed = [each.answer.label for each in given if each.annotator_id not in bad]
    drawn = [_drawn_by_hand(label) for label in believed if isinstance(label, Objects)]
    if not drawn:
        return Proposal(None, 0.0, 0.0, of)
    could_tell = len(drawn) / len(believed)
    if len(drawn) == 1:
        return Proposal(drawn[0], 1.0, could_tell, of)
    found = consensus_boxes(drawn, min_iou=project.settings.min_iou, size=size)
    confidence = float(np.mean(found.support)) if len(found.support) else found.agreement
    return Proposal(found.objects, confidence, found.agreement * could_tell, of)


def _drawn_by_hand(label: Objects) -> Objects:
    """Without the scores of a prediction that somebody took over."""
    return Objects(tuple(replace(each, score=None) for each in label))

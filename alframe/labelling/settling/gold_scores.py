"""What gold items say of the people who answered them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import stats
from sqlalchemy import select
from sqlalchemy.orm import Session

from alframe.functional import evidence_below, share_interval
from alframe.labelling.labels import load_label
from alframe.labelling.projects import Project
from alframe.labelling.settling.agreement import alike
from alframe.storage.service.tables import GoldRow, ItemRow, SubmissionRow, TaskRow
from alframe.types import Label

LEVEL = 0.01
"""Probability of ever calling somebody bad who is not, or good, however often one looks."""

GoldVerdict: TypeAlias = Literal["good", "bad", "open"]


@dataclass(frozen=True)
class GoldAnswer:
    """What somebody said of a gold item, and whether it is so: for objects, whether they match well enough."""

    annotator_id: int
    item_id: int
    said: Label | None
    known: Label
    right: bool


@dataclass(frozen=True)
class GoldScore:
    """What gold items say of one person.

    Attributes:
        annotator_id: who.
        asked: gold items that they answered.
        right: how many of them rightly; "cannot tell" is not right.
        low: lower end of Wilson's 95 % interval of how often they are right.
        high: its upper end.
        p_value: probability of so many right answers, or more, by the best guess that looks at no image.
        verdict: "bad" is surely right less often than half way between that guess and always, "good" is surely better
            than the guess and not bad; "open" is what cannot be said yet.
    """

    annotator_id: int
    asked: int
    right: int
    low: float
    high: float
    p_value: float
    verdict: GoldVerdict


def gold_answers(session: Session, project: Project) -> list[GoldAnswer]:
    """Every answer to a gold item that is not retired, in the order they were given."""
    rows = (
        select(SubmissionRow, GoldRow, ItemRow)
        .join(TaskRow, TaskRow.id == SubmissionRow.task_id)
        .join(GoldRow, GoldRow.item_id == SubmissionRow.item_id)
        .join(ItemRow, ItemRow.id == SubmissionRow.item_id)
        .where(SubmissionRow.project_id == project.id, TaskRow.kind == "gold", ~GoldRow.retired)
        .order_by(SubmissionRow.id)
    )
    found = []
    for submission, gold, item in session.execute(rows):
        said, known = load_label(submission.label), known_label(gold)
        right = alike(said, known, project, (item.height, item.width))
        found.append(GoldAnswer(submission.annotator_id, item.id, said, known, right))
    return found


def chance(session: Session, project: Project) -> float:
    """How often somebody is right who always gives the same class; 0 for objects, which nobody draws by chance."""
    if project.kind != "classification":
        return 0.0
    labels = session.scalars(select(GoldRow.label).where(GoldRow.project_id == project.id, ~GoldRow.retired)).all()
    counts = np.bincount(np.array(labels, dtype=np.int64), minlength=len(project.classes))
    return float(max(counts.max() / max(len(labels), 1), 1 / len(project.classes)))


def gold_scores(answers: Iterable[GoldAnswer], by_chance: float) -> list[GoldScore]:
    """The score of everybody who gave these answers, by annotator."""
    rights: dict[int, list[bool]] = defaultdict(list)
    for answer in answers:
        rights[answer.annotator_id].append(answer.right)
    return [_score(annotator_id, rights[annotator_id], by_chance) for annotator_id in sorted(rights)]


def _score(annotator_id: int, rights: list[bool], by_chance: float) -> GoldScore:
    asked, right = len(rights), sum(rights)
    test = stats.binomtest(right, asked, by_chance, alternative="greater")
    interval = stats.binomtest(right, asked).proportion_ci(method="wilson")
    verdict: GoldVerdict = "open"
    if evidence_below(right, asked, (1 + by_chance) / 2) >= 1 / LEVEL:
        verdict = "bad"
    elif share_interval(right, asked, LEVEL)[0] > by_chance:
        verdict = "good"
    return GoldScore(annotator_id, asked, right, float(interval.low), float(interval.high), float(test.pvalue), verdict)


def known_label(row: GoldRow) -> Label:
    """What is certain of a gold item."""
    label = load_label(row.label)
    assert label is not None  # noqa: S101 (refused when it was added)
    return label

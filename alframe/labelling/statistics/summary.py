"""What a manager wants to know of a project: how far it is, what it cost, who agrees with whom, who is left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from alframe.functional import annotator_signals, one_coin
from alframe.labelling.labels import classes_of
from alframe.labelling.projects import Project, load_project
from alframe.labelling.settling.agreement import Agreement, Measure, Pair, class_votes, compare, known
from alframe.labelling.settling.gold import Gold
from alframe.labelling.statistics.tally import Tally, read_tally
from alframe.storage.service import ServiceDatabase
from alframe.types import UNLABELLED, Label, Signal

JUDGED = 10_000
"""Annotators are judged by so many items: more would only take longer."""


@dataclass(frozen=True)
class Day:
    """What was done on one day (UTC)."""

    day: str
    answers: int
    settled: int


@dataclass(frozen=True)
class AnnotatorLine:
    """One person's work.

    Attributes:
        id: user id.
        name: theirs.
        answers: how many they gave.
        seconds: the median time of one, where clients tell.
        gold_asked: gold items that they answered.
        gold_right: of these, those they answered right.
        skill: how often they are right, as far as gold and the others tell; ``None`` where labels are no classes.
        verdict: what their votes look like; likewise.
    """

    id: int
    name: str
    answers: int
    seconds: float | None
    gold_asked: int
    gold_right: int
    skill: float | None
    verdict: Signal | None


@dataclass(frozen=True)
class ClassLine:
    """One class, and how many items have it in the label that holds."""

    class_: str
    settled: int


@dataclass(frozen=True)
class ClassValue:
    """Agreement on one class."""

    class_: str
    value: float | None


@dataclass(frozen=True)
class DayValue:
    """Agreement on the items that were last labelled on one day."""

    day: str
    value: float | None


@dataclass(frozen=True)
class AgreementLines:
    """How far people agree on items whose label is not certain; ``None`` where that is undefined."""

    measure: Measure
    value: float | None
    per_class: tuple[ClassValue, ...]
    pairs: tuple[Pair, ...]
    over_time: tuple[DayValue, ...]


@dataclass(frozen=True)
class GroupLine:
    """One slice of the items: whether it is asked about, and labelled, as others are.

    Attributes:
        group: its name; empty for items without one.
        items: how many.
        queried: the share of them that people were asked about.
        labelled: the share of them that has a label.
        agreement: how far people agree on them.
    """

    group: str
    items: int
    queried: float
    labelled: float
    agreement: float | None


@dataclass(frozen=True)
class Statistics:
    """A project in numbers.

    Attributes:
        tasks: how many are in each state; gold does not count.
        backlog: tasks that wait for answers.
        answers: how many were given, to gold items too.
        cost: of them, in the team's money.
        per_day: days on which something happened, in order.
        annotators: everybody who answered, by name.
        agreement: how far they agree.
        classes: each class.
        groups: each slice, by name.
    """

    tasks: Mapping[str, int]
    backlog: int
    answers: int
    cost: float
    per_day: tuple[Day, ...]
    annotators: tuple[AnnotatorLine, ...]
    agreement: AgreementLines
    classes: tuple[ClassLine, ...]
    groups: tuple[GroupLine, ...]

    def document(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self, dict_factory=lambda pairs: {name.rstrip("_"): value for name, value in pairs})


def statistics(database: ServiceDatabase, project_id: int) -> Statistics:
    """Everything at once, in a few queries.

    Raises:
        NotFound: there is no such project.
    """
    with database.read() as session:
        project = load_project(session, project_id)
        tally = read_tally(session, project_id)
    given: dict[int, dict[int, Label]] = defaultdict(dict)
    last_day: dict[int, str] = {}
    for answer in tally.answers:
        if answer.label is not None:
            given[answer.item_id][answer.annotator_id] = answer.label
            last_day[answer.item_id] = answer.day
    unsure = [item for item in last_day if item not in tally.gold]
    sizes = {item.id: item.size for item in tally.items}
    found = compare(project, [given[item] for item in unsure], [sizes[item] for item in unsure], sorted(tally.names))
    answered_on = Counter(answer.day for answer in tally.answers)
    days = sorted({*answered_on, *tally.settled_on})
    return Statistics(
        tasks=tally.tasks,
        backlog=tally.tasks["open"],
        answers=len(tally.answers),
        cost=len(tally.answers) * project.settings.cost,
        per_day=tuple(Day(day, answered_on[day], tally.settled_on.get(day, 0)) for day in days),
        annotators=_annotators(database, project, tally, given),
        agreement=_agreement(project, found, [last_day[item] for item in unsure]),
        classes=_classes(project, tally.labels.values()),
        groups=_groups(tally, found, unsure),
    )


def _annotators(
    database: ServiceDatabase, project: Project, tally: Tally, given: Mapping[int, Mapping[int, Label]]
) -> tuple[AnnotatorLine, ...]:
    people = sorted(tally.names, key=lambda each: tally.names[each])
    answers = Counter(answer.annotator_id for answer in tally.answers)
    seconds: dict[int, list[float]] = defaultdict(list)
    for answer in tally.answers:
        if answer.seconds is not None:
            seconds[answer.annotator_id].append(answer.seconds)
    gold = {score.annotator_id: (score.asked, score.right) for score in Gold(database).scores(project.id)}
    votes = _judged(project, tally, given, people)
    return tuple(
        AnnotatorLine(
            each,
            tally.names[each],
            answers[each],
            median(seconds[each]) if seconds[each] else None,
            *gold.get(each, (0, 0)),
            *votes[each],
        )
        for each in people
    )


def _judged(
    project: Project, tally: Tally, given: Mapping[int, Mapping[int, Label]], people: Sequence[int]
) -> dict[int, tuple[float | None, Signal | None]]:
    """Each annotator's skill and verdict, by what all said of the latest items and of gold, which is certain."""
    if project.kind != "classification" or not people:
        return dict.fromkeys(people, (None, None))
    items = sorted(given, key=lambda item: item in tally.gold)[-JUDGED:]
    votes = class_votes([given[item] for item in items], people)
    certain = np.array([tally.gold.get(item, UNLABELLED) for item in items], dtype=np.int64)
    skill = one_coin(votes, len(project.classes), known=certain).skill
    verdict = annotator_signals(votes, len(project.classes), known=certain).verdict
    return {each: (known(right), said) for each, right, said in zip(people, skill, verdict, strict=True)}


def _agreement(project: Project, found: Agreement, last_days: Sequence[str]) -> AgreementLines:
    rows = _positions(last_days)
    return AgreementLines(
        measure=found.measure,
        value=found.value(),
        per_class=tuple(map(ClassValue, project.classes, found.per_class())),
        pairs=tuple(found.pairs()),
        over_time=tuple(DayValue(day, found.value(rows[day])) for day in sorted(rows)),
    )


def _classes(project: Project, labels: Iterable[Label]) -> tuple[ClassLine, ...]:
    counts: Counter[int] = Counter()
    for label in labels:
        counts.update(classes_of(label))
    return tuple(ClassLine(name, counts[number]) for number, name in enumerate(project.classes))


def _groups(tally: Tally, found: Agreement, unsure: Sequence[int]) -> tuple[GroupLine, ...]:
    group_of = {item.id: item.group for item in tally.items}
    rows = _positions([group_of[item] for item in unsure])
    size = Counter(group_of.values())
    queried = Counter(group_of[item] for item in tally.queried)
    labelled = Counter(group_of[item] for item in tally.labels)
    return tuple(
        GroupLine(
            group, size[group], queried[group] / size[group], labelled[group] / size[group], found.value(rows[group])
        )
        for group in sorted(size)
    )


def _positions(values: Sequence[str]) -> dict[str, list[int]]:
    """Where each value stands."""
    found: dict[str, list[int]] = defaultdict(list)
    for position, value in enumerate(values):
        found[value].append(position)
    return found

"""A project in numbers, for its manager."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from alframe.access.roles import Role
from alframe.labelling.settling.agreement import Pair
from alframe.labelling.statistics.summary import AnnotatorLine, Day, DayValue, GroupLine, statistics
from alframe.server.bodies import JsonRoute
from alframe.server.permission import Caller, InProject, ServiceHere
from alframe.server.wire import Answer

router = APIRouter(prefix="/projects/{project}/statistics", route_class=JsonRoute, tags=["statistics"])

ClassName = Annotated[str, Field(alias="class")]


class ClassSettled(Answer):
    """Items whose label that holds has the class."""

    class_: ClassName
    settled: int


class ClassAgreement(Answer):
    """How far people agree on a class."""

    class_: ClassName
    value: float | None


class AgreementOut(Answer):
    """How far people agree; null where nobody labelled the same items."""

    measure: str
    value: float | None
    per_class: list[ClassAgreement]
    pairs: list[Pair]
    over_time: list[DayValue]


class StatisticsOut(Answer):
    """A project in numbers."""

    tasks: dict[str, int]
    backlog: int
    answers: int
    cost: float
    per_day: list[Day]
    annotators: list[AnnotatorLine]
    agreement: AgreementOut
    classes: list[ClassSettled]
    groups: list[GroupLine]


@router.get("")
def show_statistics(caller: Annotated[Caller, Depends(InProject(Role.manager))], service: ServiceHere) -> StatisticsOut:
    """Progress, cost, who agrees with whom, who is left out."""
    return StatisticsOut.model_validate(statistics(service.database, caller.project.id).document())

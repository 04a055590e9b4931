"""The queue: what a round asks for is given out, one item to one person at a time, and their answers come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alframe.errors import Conflict, InvalidInput
from alframe.labelling.projects import Project, load_project
from alframe.labelling.queue import assignments, leases, submissions
from alframe.labelling.queue import tasks as asked
from alframe.labelling.queue.leases import Lease
from alframe.labelling.queue.submissions import Answer, Receipt
from alframe.labelling.queue.tasks import NewTask
from alframe.storage.service import ServiceDatabase, record
from alframe.storage.service.tables import AssignmentRow, ItemRow, TaskRow
from alframe.types import Prediction

Mix: TypeAlias = Callable[[Session, Project, int, int], int | None]
"""For a project, an annotator and the assignment that is next for them: one just for them to have first; or none."""


class Queue:
    """The tasks of a service's projects.

    Times are the database's. Who leases, renews or answers is named by their id and is taken to be who they say they
    are, with a role in the project.

    Args:
        database: of the service.
        mix: what is mixed in among what was asked for: gold items.
    """

    def __init__(self, database: ServiceDatabase, mix: Mix | None = None) -> None:
        self._database = database
        self._mix = mix

    def ask(
        self,
        project_id: int,
        round: int,
        tasks: Sequence[NewTask],
        *,
        model: str = "",
        kind: Literal["label", "relabel", "audit"] = "label",
        priority: int = 0,
        overlap: int | None = None,
    ) -> int:
        """Ask people for labels; asking again for what a round has asked for already changes nothing.

        Args:
            project_id: whose items they are.
            round: the cycle's round.
            tasks: which items, with what the strategy and the model say of them.
            model: whose predictions they are.
            kind: for new labels, for known ones that are doubted, or to check on predictions that were taken.
            priority: before all scores.
            overlap: people who are asked; the project's if ``None``.

        Returns:
            How many tasks are new.

        Raises:
            NotFound: no such project, or an item that is not its.
            InvalidInput: a score that is no number, a priority of the express lane, an overlap below one.
        """
        if overlap is not None and overlap < 1:
            raise InvalidInput(f"at least one person must be asked; got overlap {overlap}")
        with self._database.write() as session:
            project = load_project(session, project_id, lock=True)
            people = project.settings.overlap if overlap is None else overlap
            added = asked.add_tasks(session, project, round, tasks, model, kind, priority, people)
            if added:
                detail = {"round": round, "kind": kind, "tasks": added, "model": model}
                record(session, "system", "tasks.ask", f"project/{project_id}", detail)
            return added

    def lease(self, project_id: int, annotator_id: int) -> Lease | None:
        """Give them what is to be labelled next; ``None`` where there is nothing for them now.

        Next is the highest priority, then the highest score. Nobody is given a task twice, except what they let run
        out before somebody else took it; nor an item again that they had as gold, or in the same round. What is mixed
        in comes before something that was asked for, never alone.

        Raises:
            NotFound: no such project or user.
            Conflict: the project is paused.
            TooMany: they hold, or had within a minute, as many items as they may.
        """
        with self._database.write() as session:
            project = load_project(session, project_id)
            if project.paused:
                raise Conflict(f"project {project.name!r} is paused: its manager says when it goes on")
            leases.check_limits(session, project, annotator_id)
            free = leases.first_free(session, project, annotator_id)
            if free is None:
                return None
            mixed = None
            if self._mix and free.kind != "gold":
                mixed = self._mix(session, project, annotator_id, free.assignment_id)
            if mixed is None and free.former != annotator_id:
                leases.keep_place(session, free)
            return leases.take(session, project, annotator_id, mixed or free.assignment_id)

    def held(self, project_id: int, annotator_id: int) -> list[Lease]:
        """What they hold, the latest last."""
        with self._database.read() as session:
            project = load_project(session, project_id)
            return leases.held(session, project, AssignmentRow.annotator_id == annotator_id)

    def holds(self, item_id: int, annotator_id: int) -> bool:
        """Whether they hold this item now."""
        with self._database.read() as session:
            item = session.get(ItemRow, item_id)
            if item is None:
                return False
            project = load_project(session, item.project_id)
            theirs = leases.held(session, project, AssignmentRow.annotator_id == annotator_id, ItemRow.id == item_id)
            return bool(theirs)

    def project_of(self, assignment_id: int) -> int:
        """The id of the project that an assignment is in.

        Raises:
            NotFound: there is no such assignment.
        """
        with self._database.read() as session:
            return assignments.assignment_of(session, assignment_id).project_id

    def image_size(self, assignment_id: int) -> tuple[int, int]:
        """Width and height, in pixels, of the image that an assignment is about.

        Raises:
            NotFound: there is no such assignment.
        """
        with self._database.read() as session:
            item = assignments.item_of(session, assignment_id)
            return item.width, item.height

    def prediction(self, assignment_id: int, annotator_id: int) -> Prediction:
        """What the model says of an item that they hold.

        Raises:
            NotFound: there is no such assignment, or no prediction.
            Forbidden: the project shows no predictions.
            Conflict: they do not hold it.
        """
        with self._database.read() as session:
            return assignments.shown_prediction(session, assignment_id, annotator_id)

    def renew(self, assignment_id: int, annotator_id: int, fence: int) -> Lease:
        """Hold it as long again as a lease runs; one that has run out is taken up again if nobody else has it.

        Raises:
            NotFound: there is no such assignment.
            Conflict: it is theirs no longer, or has been for ``longest_seconds``.
        """
        with self._database.write() as session:
            task, assignment = submissions.lock_assignment(session, assignment_id)
            if why := submissions.why_not_theirs(task, assignment, annotator_id, fence):
                raise Conflict(why)
            project = load_project(session, task.project_id)
            return leases.prolong(session, project, assignment_id)

    def pass_on(
        self, assignment_id: int, annotator_id: int, fence: int, kind: Literal["skip", "flag"], reason: str = ""
    ) -> None:
        """Give it back unanswered: it is not offered to them again.

        A reviewer gets what is flagged, skipped often, or skipped by the last who may answer. Gold is withdrawn for
        them; a flag is noted beside its label, for managers.

        Raises:
            NotFound: there is no such assignment.
            Conflict: it is theirs no longer.
            InvalidInput: a flag without a reason.
        """
        if kind == "flag" and not reason.strip():
            raise InvalidInput("a flag needs a reason: what is wrong with the image?")
        with self._database.write() as session:
            task, assignment = submissions.lock_assignment(session, assignment_id)
            if why := submissions.why_not_theirs(task, assignment, annotator_id, fence):
                raise Conflict(why)
            project = load_project(session, task.project_id)
            submissions.pass_on(session, project, task, assignment, annotator_id, kind, reason)

    def save_draft(self, assignment_id: int, annotator_id: int, fence: int, body: dict[str, Any]) -> None:
        """Keep what they have done so far, whatever their client makes of it; also when it comes too late.

        Raises:
            NotFound: there is no such assignment.
            Conflict: it is theirs no longer, or never was: then nothing is kept.
        """
        with self._database.write() as session:
            task, assignment = submissions.lock_assignment(session, assignment_id)
            why = submissions.why_not_theirs(task, assignment, annotator_id, fence)
            submissions.keep_draft(session, assignment, annotator_id, body)
        if why:
            raise Conflict(why)

    def submit(self, assignment_id: int, annotator_id: int, fence: int, key: str, answer: Answer) -> Receipt:
        """Take their answer; sent again under the same ``key``, it gets the first receipt again, however late.

        A lease that has run out still counts until somebody else takes the item. What comes later is refused, and
        kept as their draft.

        Raises:
            NotFound: there is no such assignment.
            Conflict: it is theirs no longer, or the key stands for another answer.
            InvalidInput: a label of another kind, or of a class that the project does not have.
        """
        try:
            with self._database.write() as session:
                task, assignment = submissions.lock_assignment(session, assignment_id)
                if there := submissions.receipt(session, assignment_id, annotator_id, key, answer):
                    return there
                why = submissions.why_not_theirs(task, assignment, annotator_id, fence)
                if why is None:
                    submissions.check_label(load_project(session, task.project_id), answer.label)
                    return submissions.write_down(session, task, assignment, annotator_id, key, answer)
                submissions.keep_draft(session, assignment, annotator_id, submissions.answer_body(answer))
        except IntegrityError as error:  # the same key, at the same moment, for another assignment
            raise submissions.taken(key) from error
        raise Conflict(why)

    def express(self, project_id: int, item_ids: Sequence[int], *, by: str) -> int:
        """Put what is asked of these items before everything but what has waited too long; how many tasks moved."""
        with self._database.write() as session:
            load_project(session, project_id, lock=True)
            which = (TaskRow.project_id == project_id, TaskRow.item_id.in_(item_ids))
            moved = asked.raise_priority(session, asked.EXPRESS, *which)
            record(session, by, "tasks.express", f"project/{project_id}", {"items": list(item_ids)})
            return moved

    def escalate(self, project_id: int) -> int:
        """Put what has waited longer than ``escalate_after_hours`` before everything else; how many tasks moved."""
        with self._database.write() as session:
            hours = load_project(session, project_id, lock=True).settings.escalate_after_hours
            if hours is None:
                return 0
            which = (TaskRow.project_id == project_id, asked.older_than(session, hours))
            return asked.raise_priority(session, asked.ESCALATED, *which)

    def withdraw(self, project_id: int, round: int) -> int:
        """Take back what a round asked for and is still open; how many tasks there were."""
        with self._database.write() as session:
            load_project(session, project_id, lock=True)
            withdrawn = asked.withdraw_tasks(session, project_id, round)
            record(session, "system", "tasks.withdraw", f"project/{project_id}", {"round": round, "tasks": withdrawn})
            return withdrawn

    def backlog(self, project_id: int) -> int:
        """How many tasks wait for answers."""
        with self._database.read() as session:
            load_project(session, project_id)
            waiting = select(func.count()).where(TaskRow.project_id == project_id, TaskRow.state == "open")
            return session.scalars(waiting.where(TaskRow.kind != "gold")).one()

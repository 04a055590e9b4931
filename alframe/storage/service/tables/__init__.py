"""The tables of the labelling service. A change here comes with a migration under ``migrations/versions``."""

from alframe.storage.service.tables.answers import FeedbackRow, GoldRow, SettlementRow, SubmissionRow
from alframe.storage.service.tables.base import ServiceBase
from alframe.storage.service.tables.people import (
    AttemptRow,
    AuditRow,
    DeliveryRow,
    MembershipRow,
    RefreshTokenRow,
    UserRow,
    ViewRow,
    WebhookRow,
)
from alframe.storage.service.tables.work import AssignmentRow, DraftRow, ItemRow, ProjectRow, SkipRow, TaskRow

__all__ = [
    "AssignmentRow",
    "AttemptRow",
    "AuditRow",
    "DeliveryRow",
    "DraftRow",
    "FeedbackRow",
    "GoldRow",
    "ItemRow",
    "MembershipRow",
    "ProjectRow",
    "RefreshTokenRow",
    "ServiceBase",
    "SettlementRow",
    "SkipRow",
    "SubmissionRow",
    "TaskRow",
    "UserRow",
    "ViewRow",
    "WebhookRow",
]

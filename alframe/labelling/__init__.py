"""People label: what is asked of whom, what they answer, and what holds in the end."""

from alframe.labelling.auto_accept import Accepted, Confident, accept
from alframe.labelling.exporting import export
from alframe.labelling.feedback import Reported
from alframe.labelling.gold import Gold, GoldItem
from alframe.labelling.gold_scores import GoldScore
from alframe.labelling.importing import Imported, import_zip
from alframe.labelling.labels import dump_label, load_label, parse_label
from alframe.labelling.leases import Lease
from alframe.labelling.projects import Project, Projects
from alframe.labelling.queue import Mix, Queue
from alframe.labelling.reviewing import Case, Reviews
from alframe.labelling.rules import broken
from alframe.labelling.settings import ProjectSettings
from alframe.labelling.settlements import Settlement
from alframe.labelling.settling import settle
from alframe.labelling.submissions import Answer, Receipt
from alframe.labelling.tasks import NewTask, Prediction
from alframe.labelling.webhooks import Webhooks, announce, deliver, verify_signature

__all__ = [
    "Accepted",
    "Answer",
    "Case",
    "Confident",
    "Gold",
    "GoldItem",
    "GoldScore",
    "Imported",
    "Lease",
    "Mix",
    "NewTask",
    "Prediction",
    "Project",
    "ProjectSettings",
    "Projects",
    "Queue",
    "Receipt",
    "Reported",
    "Reviews",
    "Settlement",
    "Webhooks",
    "accept",
    "announce",
    "broken",
    "deliver",
    "dump_label",
    "export",
    "import_zip",
    "load_label",
    "parse_label",
    "settle",
    "verify_signature",
]

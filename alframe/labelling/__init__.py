"""People label: what is asked of whom, what they answer, and what holds in the end."""

from alframe.labelling.exchange.exporting import export
from alframe.labelling.exchange.importing import Imported, import_zip
from alframe.labelling.labels import dump_label, load_label, parse_label
from alframe.labelling.projects import Project, Projects
from alframe.labelling.queue.leases import Lease
from alframe.labelling.queue.queue import Mix, Queue
from alframe.labelling.queue.submissions import Answer, Receipt
from alframe.labelling.queue.tasks import NewTask
from alframe.labelling.rules import broken
from alframe.labelling.settings import ProjectSettings
from alframe.labelling.settling.gold import Gold, GoldItem
from alframe.labelling.settling.gold_scores import GoldScore
from alframe.labelling.settling.reviewing import Case, Reviews
from alframe.labelling.settling.settlements import Settlement
from alframe.labelling.settling.settling import settle
from alframe.labelling.signals.auto_accept import Accepted, Confident, accept
from alframe.labelling.signals.feedback import Reported
from alframe.labelling.webhooks.delivering import deliver
from alframe.labelling.webhooks.outbox import Webhooks, announce
from alframe.labelling.webhooks.signatures import verify_signature

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

"""People label: what is asked of whom, what they answer, and what holds in the end."""

from alframe.labelling.gold import Gold, GoldItem
from alframe.labelling.gold_scores import GoldScore
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

__all__ = [
    "Answer",
    "Case",
    "Gold",
    "GoldItem",
    "GoldScore",
    "Lease",
    "Mix",
    "NewTask",
    "Prediction",
    "Project",
    "ProjectSettings",
    "Projects",
    "Queue",
    "Receipt",
    "Reviews",
    "Settlement",
    "broken",
    "dump_label",
    "load_label",
    "parse_label",
    "settle",
]

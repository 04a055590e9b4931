"""People label: what is asked of whom, what they answer, and what holds in the end."""

from alframe.labelling.leases import Lease
from alframe.labelling.projects import Project, Projects
from alframe.labelling.queue import Mix, Queue
from alframe.labelling.settings import ProjectSettings
from alframe.labelling.submissions import Answer, Receipt
from alframe.labelling.tasks import NewTask, Prediction

__all__ = [
    "Answer",
    "Lease",
    "Mix",
    "NewTask",
    "Prediction",
    "Project",
    "ProjectSettings",
    "Projects",
    "Queue",
    "Receipt",
]

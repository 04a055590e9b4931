"""The versions of a run's model: which there are, which is champion, and copies of one for elsewhere."""

from alframe.models.canary import roll_out
from alframe.models.versions import Models, Version, opened_models, promote, roll_back

__all__ = ["Models", "Version", "opened_models", "promote", "roll_back", "roll_out"]

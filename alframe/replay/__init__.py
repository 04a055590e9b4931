"""Which old samples are trained on again, and with what weight."""

from alframe.replay.base import Replay
from alframe.replay.simple import KeepAll, NewOnly

__all__ = ["KeepAll", "NewOnly", "Replay"]

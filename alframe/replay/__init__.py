"""Which old samples are trained on again, and with what weight."""

from alframe.replay.base import Replay
from alframe.replay.difficult import HardestByLoss, UncertaintyDiverse
from alframe.replay.representative import Herding, KCenter
from alframe.replay.reservoir import ClassBalanced, Reservoir
from alframe.replay.simple import KeepAll, NewOnly

__all__ = [
    "ClassBalanced",
    "HardestByLoss",
    "Herding",
    "KCenter",
    "KeepAll",
    "NewOnly",
    "Replay",
    "Reservoir",
    "UncertaintyDiverse",
]

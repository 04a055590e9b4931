"""Is what arrives still what the model was made for?"""

from alframe.monitor.base import Monitor

__all__ = ["Monitor"]

"""Rules that say when to stop asking for labels; they combine."""

from alframe.stopping.base import Never, StoppingRule

__all__ = ["Never", "StoppingRule"]

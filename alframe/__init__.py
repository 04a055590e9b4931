"""alframe: deep active learning for vision. Start with ``alframe --help`` or ``docs/architecture.md``."""

from importlib.metadata import version

__version__ = version("alframe")

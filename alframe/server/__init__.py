"""The labelling service over HTTP: routes of a few lines over the rooms that do the work, and the page."""

from alframe.server.app import create_app
from alframe.server.service import Service, Settings, open_folder

__all__ = ["Service", "Settings", "create_app", "open_folder"]

"""The labelling service's database: its tables, its clock, its audit trail."""

from alframe.storage.service.audit import record
from alframe.storage.service.clock import database_now
from alframe.storage.service.database import DATABASE, ServiceDatabase, open_service

__all__ = ["DATABASE", "ServiceDatabase", "database_now", "open_service", "record"]

"""How property tests run, where a slow machine is no failure; and the fixtures that rooms share."""

from databases import database, migrated_database, migrated_file, postgres, service_url
from hypothesis import settings

__all__ = ["database", "migrated_database", "migrated_file", "postgres", "service_url"]

settings.register_profile("alframe", deadline=None)
settings.load_profile("alframe")

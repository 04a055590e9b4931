"""Alembic's entry: migrate over the connection that ``open_service`` hands in."""

from alembic import context

from alframe.storage.service.tables import ServiceBase

context.configure(connection=context.config.attributes["connection"], target_metadata=ServiceBase.metadata)
with context.begin_transaction():
    context.run_migrations()

"""The API's routes, a module for each noun."""

from alframe.server.routes import assignments, health, images, items, me, projects, session, users, webhooks

ROUTERS = tuple(
    module.router for module in (health, session, me, users, projects, assignments, images, items, webhooks)
)

__all__ = ["ROUTERS"]

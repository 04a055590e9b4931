"""The API's routes, a module for each noun."""

from alframe.server.routes import (
    archives,
    assignments,
    audit,
    elsewhere,
    feedback,
    gold,
    health,
    images,
    items,
    labels,
    me,
    projects,
    reviews,
    session,
    statistics,
    users,
    webhooks,
)

ROUTERS = tuple(
    module.router
    for module in (
        health,
        session,
        elsewhere,
        me,
        users,
        projects,
        assignments,
        images,
        items,
        gold,
        reviews,
        labels,
        archives,
        feedback,
        statistics,
        webhooks,
        audit,
    )
)

__all__ = ["ROUTERS"]

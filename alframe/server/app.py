"""The app: routes under ``/api``, the page under everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from alframe import __version__
from alframe.server import problems
from alframe.server.bodies import BodyLimit
from alframe.server.headers import Headers
from alframe.server.housekeeping import Housekeeping
from alframe.server.page_files import STATIC, PageFiles
from alframe.server.permission import declared
from alframe.server.routes import ROUTERS
from alframe.server.service import Service

PREFIX = "/api"
PROBLEMS = problems.documented(400, 401, 403, 404, 409, 413, 415, 422, 429, 503)


class App(FastAPI):
    """A FastAPI whose every response has our headers, also those to errors that nobody foresaw."""

    def build_middleware_stack(self) -> ASGIApp:
        """What a request goes through; FastAPI answers those errors outside all middleware that is added."""
        return Headers(super().build_middleware_stack())


def create_app(service: Service, *, page: Path = STATIC) -> FastAPI:
    """The service as an ASGI application; whoever opened ``service`` closes it.

    Args:
        service: what requests work with.
        page: the folder of the page's built files; without them there is the API alone.

    Raises:
        TypeError: a route that does not declare who may use it.
    """

    @asynccontextmanager
    async def at_work(_: FastAPI) -> AsyncIterator[None]:
        with Housekeeping(service):
            yield

    app = App(
        title="alframe",
        summary="The labelling service: tasks for people, their answers, what holds.",
        version=__version__,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its page takes scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=at_work,
    )
    app.state.service = service
    for router in ROUTERS:
        _include(app, router)
    app.router.default = PageFiles(page)
    problems.install(app)
    settings = service.settings
    app.add_middleware(BodyLimit, most=settings.most_bytes, most_of_upload=settings.most_bytes_of_upload)
    return app


def _include(app: FastAPI, router: APIRouter) -> None:
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route} cannot declare who may use it: make it an APIRoute")
        declared(route)
    app.include_router(router, prefix=PREFIX, responses=PROBLEMS)

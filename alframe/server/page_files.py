"""The page's files, as npm has built them into ``static/``."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from alframe.server.headers import is_api

STATIC = Path(__file__).parent / "static"
UNBUILT = (
    "The page has not been built. In a checkout: npm ci && npm run build, in alframe/server/page; "
    "in a wheel it is there. The API works without: /api/openapi.json\n"
)


class PageFiles(StaticFiles):
    """Files under a folder; every other path without an ending is the page itself, which knows its own paths.

    Args:
        folder: with ``index.html``, and under ``assets/`` files whose names change with their content.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        super().__init__(directory=folder, check_dir=False)
        self.config_checked = True  # the folder may come later: the API works without
        self._folder = folder

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at ``path``, or the page."""
        if is_api(scope["path"]):
            raise HTTPException(404, "there is no such path in this API")
        if not (self._folder / "index.html").is_file():
            return PlainTextResponse(UNBUILT, 404)
        is_asset = path.startswith("assets/")
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or Path(path).suffix or is_asset:
                raise
            return await super().get_response("index.html", scope)
        if is_asset:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

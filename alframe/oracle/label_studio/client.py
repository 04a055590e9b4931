"""Label Studio's REST API, as far as an oracle needs it; each call is one attempt."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from alframe.errors import ConfigurationError, Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn, Unavailable
from alframe.labelling.webhooks.outside import check_url

if TYPE_CHECKING:
    import httpx

PAGE = 100
"""Tasks or projects at once."""

SHOWN = 300
"""So many characters of an error are passed on."""


class Client:
    """Speaks with one Label Studio. It follows no redirects, so that the token reaches no other host.

    Args:
        url: of the server.
        token_variable: the environment variable with the token: a personal access token, or a legacy one.
        timeout: seconds that each answer may take.

    Raises:
        ConfigurationError: no such URL, or httpx is not installed.
    """

    def __init__(self, url: str, token_variable: str, timeout: float) -> None:
        if find_spec("httpx") is None:
            raise ConfigurationError(
                "oracle=label_studio needs httpx, which is not installed: pip install 'alframe[server]'"
            )
        try:
            check_url(url)
        except InvalidInput as error:
            raise ConfigurationError(f"oracle.url: {error}") from error
        self.url = url.rstrip("/")
        self._variable, self._timeout = token_variable, timeout
        self._opened: httpx.Client | None = None

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def projects(self, title: str) -> list[dict[str, Any]]:
        """The projects that are called exactly so."""
        found: list[dict[str, Any]] = []
        page, more = 1, True
        while more:
            said = self._call("GET", "/api/projects", params={"title": title, "page": page, "page_size": PAGE})
            found += [each for each in said["results"] if each["title"] == title]
            page, more = page + 1, bool(said.get("next"))
        return found

    def create_project(self, **values: Any) -> dict[str, Any]:
        """A new project."""
        made: dict[str, Any] = self._call("POST", "/api/projects", json=values)
        return made

    def change_project(self, project: int, **values: Any) -> None:
        """Change a project's settings."""
        self._call("PATCH", f"/api/projects/{project}", json=values)

    def uploads(self, project: int) -> dict[str, str]:
        """The address, for tasks, of each file that was uploaded to a project, by the name it was given."""
        prefix = urlsplit(self.url).path
        said = self._call("GET", f"/api/projects/{project}/file-uploads", params={"all": "true"})
        # The server puts eight random characters and a dash before the name.
        return {each["file"].rpartition("-")[2]: f"{prefix}/data/{each['file']}" for each in said}

    def upload(self, project: int, files: Mapping[str, bytes]) -> None:
        """Upload PNGs to a project, by name, without making tasks of them."""
        sent = [(name, (name, data, "image/png")) for name, data in files.items()]
        self._call("POST", f"/api/projects/{project}/import", params={"commit_to_project": "false"}, files=sent)

    def create_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Make tasks."""
        self._call("POST", f"/api/projects/{project}/import", json=list(tasks))

    def tasks(self, project: int, round: int | None = None) -> Iterator[dict[str, Any]]:
        """The tasks of a project, or of one round, with their annotations, in the order in which they were made."""
        which: dict[str, str] = {}
        if round is not None:
            column = {"filter": "filter:tasks:data.round", "operator": "equal", "type": "Number", "value": round}
            which = {"query": json.dumps({"filters": {"conjunction": "and", "items": [column]}})}
        page, seen, total = 1, 0, 1
        while seen < total:
            params = {"project": project, "fields": "all", "page": page, "page_size": PAGE, **which}
            said = self._call("GET", "/api/tasks", params=params)
            yield from said["tasks"]
            page, seen, total = page + 1, seen + len(said["tasks"]), said["total"] if said["tasks"] else 0

    def _call(self, method: str, path: str, **content: Any) -> Any:
        """One request; an access token that has run out is refreshed once."""
        answer = self._send(method, path, **content)
        if answer.status_code == 401 and self._personal():
            self.close()
            answer = self._send(method, path, **content)
        return self._checked(answer, path)

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        import httpx  # an extra

        try:
            if self._opened is None:
                self._opened = httpx.Client(base_url=self.url, timeout=self._timeout, follow_redirects=False)
                self._opened.headers["Authorization"] = self._authorization(self._opened)
            return self._opened.request(method, path, **content)
        except httpx.HTTPError as error:
            raise Unavailable(f"Label Studio at {self.url} does not answer: {type(error).__name__}: {error}") from error

    def _authorization(self, client: httpx.Client) -> str:
        """The header. A personal access token is exchanged for one that lives for minutes."""
        if not self._personal():
            return f"Token {self._token()}"
        said = client.post("/api/token/refresh/", json={"refresh": self._token()})
        try:
            return f"Bearer {self._checked(said, '/api/token/refresh/')['access']}"
        except BaseException:
            self.close()  # the next call asks for one again
            raise

    def _token(self) -> str:
        token = os.environ.get(self._variable, "").strip()
        if not token:
            raise ConfigurationError(
                f"the environment variable {self._variable} is empty: put an access token of Label Studio there "
                "(Account & Settings), or name another variable with oracle.token_variable"
            )
        return token

    def _personal(self) -> bool:
        return self._token().count(".") == 2  # a JSON Web Token

    def _checked(self, answer: httpx.Response, path: str) -> Any:
        """The JSON of an answer.

        Raises:
            AlframeError: of the kind that the status is.
        """
        status, place = answer.status_code, f"Label Studio at {self.url}"
        if answer.is_success:
            try:
                return answer.json() if answer.content else None
            except ValueError as error:
                raise Unavailable(f"{place} answers {path} with something else than JSON; is the URL right?") from error
        if answer.is_redirect:
            raise ConfigurationError(
                f"{place} says to go to {answer.headers.get('location')}; if that is right, give it as oracle.url"
            )
        said = answer.text[:SHOWN]
        if status in (408, 429) or status >= 500:
            raise Unavailable(f"{place} is busy or broken: {status} {said}")
        if status == 401:
            raise NotSignedIn(
                f"{place} does not accept the token in {self._variable}: {said}; make a new one, or allow "
                "legacy tokens in the organization's settings"
            )
        kinds = {403: Forbidden, 404: NotFound, 409: Conflict}
        raise kinds.get(status, InvalidInput)(f"{place} refuses {path}: {status} {said}")

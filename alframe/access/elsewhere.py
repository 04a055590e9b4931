"""What an organisation's provider says, kept for a while: anybody may make us ask, and nobody may make us ask often."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import Any

import httpx

from alframe.errors import NotSignedIn, Unavailable

TIMEOUT = 10.0
"""Seconds that the provider may take for each step of an answer."""

FRESH = 300.0
"""Seconds for which what it says of itself is kept."""

AWAY = 5.0
"""Seconds for which it is not asked again after it did not answer."""

PATIENCE = 2.0
"""Seconds that one request waits while another one asks."""


class Answers:
    """Documents of a provider, asked for by one request at a time."""

    def __init__(self) -> None:
        self._asking = Lock()
        self._kept: dict[str, tuple[float, dict[str, Any] | Unavailable]] = {}

    def get(self, url: str, *, anew: bool = False) -> dict[str, Any]:
        """The JSON object at ``url``, as it was some minutes ago at most; with ``anew``, as it is.

        Raises:
            Unavailable: the provider does not answer as it should, or others are waiting for it.
        """
        found = None if anew else self._fresh(url)
        if found is None:
            if not self._asking.acquire(timeout=PATIENCE):
                raise Unavailable("the organisation's provider is slow to answer: try again")
            try:
                found = (None if anew else self._fresh(url)) or self._ask(url)
            finally:
                self._asking.release()
        if isinstance(found, Unavailable):
            raise Unavailable(str(found)) from found
        return found

    def _fresh(self, url: str) -> dict[str, Any] | Unavailable | None:
        until, found = self._kept.get(url, (0.0, None))
        return found if monotonic() < until else None

    def _ask(self, url: str) -> dict[str, Any] | Unavailable:
        found: dict[str, Any] | Unavailable
        try:
            found, kept = ask("GET", url), FRESH
        except (NotSignedIn, Unavailable) as error:
            found, kept = Unavailable(str(error)), AWAY
        self._kept[url] = monotonic() + kept, found
        return found


def ask(method: str, url: str, **sent: Any) -> dict[str, Any]:
    """The JSON object that the provider answers.

    Raises:
        NotSignedIn: it refuses what was sent.
        Unavailable: it does not answer as it should.
    """
    try:
        answer = httpx.request(method, url, timeout=TIMEOUT, **sent).raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        refused = isinstance(error, httpx.HTTPStatusError) and error.response.is_client_error
        kind = NotSignedIn if refused else Unavailable
        raise kind(f"the organisation's provider does not answer as it should: {error}") from error
    if not isinstance(answer, dict):
        raise Unavailable("the organisation's provider does not answer as it should")
    return answer

"""Waiting for people: look, sleep, look again, until what has come in is enough."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from rich.markup import escape

from alframe.errors import Unavailable
from alframe.oracle.base import Oracle
from alframe.progress import bar, say
from alframe.types import Annotation, Query

log = logging.getLogger(__name__)


def wait(oracle: Oracle, query: Query, *, sleep: Callable[[float], None] = time.sleep) -> list[Annotation]:
    """What has come in for ``query``: when the oracle is satisfied with it, or at once where nobody waits for more.

    Nothing is kept here, so that who stops the process loses nothing. What holds the answers may be away meanwhile.

    Args:
        oracle: looked at every ``oracle.poll`` seconds.
        query: that was asked.
        sleep: waits for so many seconds.
    """
    if oracle.poll is None:
        return oracle.collect(query)
    found, enough = _look(oracle, query)
    if found is not None and enough:
        return found
    name, came, away = f"round {query.round:>3}", len(found or ()), found is None
    say(f"{name}   {came} of {len(query.ids)} samples labelled; waiting for people: {escape(oracle.where())}")
    with bar("labels", total=len(query.ids)) as advance:
        advance(came)
        while found is None or not enough:
            sleep(oracle.poll)
            found, enough = _look(oracle, query, quietly=away)
            if away and found is not None:
                say(f"{name}   the labels can be reached again")
            away = found is None
            if found is not None and len(found) != came:
                advance(len(found) - came)
                came = len(found)
                log.info("labels came", extra={"round": query.round, "labels": came, "asked": len(query.ids)})
    say(f"{name}   {came} of {len(query.ids)} samples labelled")
    return found


def _look(oracle: Oracle, query: Query, *, quietly: bool = False) -> tuple[list[Annotation] | None, bool]:
    """What has come in, and whether it is enough; ``None`` while that cannot be seen, which is said unless it was."""
    try:
        found = oracle.collect(query)
        return found, oracle.satisfied(query, found)
    except Unavailable as error:
        if not quietly:
            say(f"[yellow]{escape(str(error))}[/]; still waiting")
            log.warning("labels cannot be reached", extra={"reason": str(error)})
        return None, False

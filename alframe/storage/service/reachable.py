"""Telling a database that is away from one that refuses what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from alframe.errors import Unavailable

AWAY = ("'C': '08", "'C': '57P")
"""In a message of PostgreSQL: no connection; stopped by its operator, or starting."""


@contextmanager
def reachable() -> Iterator[None]:
    """Work with the service's database during the block.

    Raises:
        Unavailable: it could not be reached, or was stopped meanwhile; what was not acknowledged may be lost.
    """
    try:
        yield
    except ConnectionError as error:
        raise _unavailable(error) from error
    except DBAPIError as error:
        if _is_away(error):
            raise _unavailable(error.orig) from error
        raise


def _unavailable(why: BaseException | None) -> Unavailable:
    return Unavailable(f"the labelling service's database does not answer: {why}")


def _is_away(error: DBAPIError) -> bool:
    lost = isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated
    return lost or any(sign in str(error.orig) for sign in AWAY)

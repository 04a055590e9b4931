"""Telling a database that is away, or too busy for now, from one that refuses what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from alframe.errors import Unavailable

AWAY = ("08", "57P")
"""What PostgreSQL's codes begin with: no connection; stopped by its operator, or starting."""

GAVE_WAY = ("40001", "40P01")
"""PostgreSQL's codes of a transaction that was given up for another one: done again, it would hold."""


@contextmanager
def reachable() -> Iterator[None]:
    """Work with the service's database during the block.

    Raises:
        Unavailable: it could not be reached, was stopped meanwhile, has too much to do, or gave the transaction up for
            another one; what was not acknowledged may be lost.
    """
    try:
        yield
    except ConnectionError as error:
        raise _unavailable(error) from error
    except PoolTimeout as error:
        raise Unavailable("every connection to the labelling service's database is in use; try again") from error
    except DBAPIError as error:
        if _is_away(error):
            raise _unavailable(error.orig) from error
        raise


def _unavailable(why: BaseException | None) -> Unavailable:
    return Unavailable(f"the labelling service's database does not answer: {why}")


def _is_away(error: DBAPIError) -> bool:
    lost = isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated
    return lost or _code(error).startswith(AWAY + GAVE_WAY)


def _code(error: DBAPIError) -> str:
    """PostgreSQL's code of what went wrong; empty where it is another database's."""
    said = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else ""

"""SQLAlchemy's dialect for pg8000, which tells a lost connection as an error of the database, wherever it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000

DRIVER = "postgresql+alframe_pg8000"
"""What stands before ``://`` in the URL of a database that this dialect is for."""

registry.register(DRIVER.replace("+", "."), __name__, "Dialect")


class Dialect(PGDialect_pg8000):
    """pg8000 lets through what a socket says; said as "network error" SQLAlchemy knows the connection is gone."""

    supports_statement_cache = True

    def connect(self, *words: Any, **options: Any) -> Any:
        """Connect."""
        with self._told():
            return super().connect(*words, **options)

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Whether the connection is alive."""
        with self._told():
            return super().do_ping(dbapi_connection)

    def do_begin(self, dbapi_connection: Any) -> None:
        """Begin a transaction."""
        with self._told():
            super().do_begin(dbapi_connection)  # type: ignore[no-untyped-call]

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        """Execute one statement."""
        with self._told():
            super().do_execute(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]

    def do_executemany(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        """Execute one statement many times."""
        with self._told():
            super().do_executemany(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]

    def do_commit(self, dbapi_connection: Any) -> None:
        """Commit the transaction."""
        with self._told():
            super().do_commit(dbapi_connection)  # type: ignore[no-untyped-call]

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Roll the transaction back."""
        with self._told():
            super().do_rollback(dbapi_connection)  # type: ignore[no-untyped-call]

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.loaded_dbapi.InterfaceError(f"network error: {error}") from error

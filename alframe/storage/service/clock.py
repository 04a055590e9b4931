"""The database's clock: the one that all who lease from it share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class database_now(FunctionElement[float]):  # noqa: N801 (an SQL function)
    """Seconds since 1970 by the database's clock, at the moment the statement runs."""

    type = Double()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **_: Any) -> str:  # noqa: ARG001 (SQLAlchemy's signature)
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_now, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **_: Any) -> str:  # noqa: ARG001 (SQLAlchemy's signature)
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"

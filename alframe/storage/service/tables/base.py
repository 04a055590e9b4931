"""What every table of the service shares."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Double
from sqlalchemy.orm import DeclarativeBase

from alframe.storage.tables import UtcDateTime


class ServiceBase(DeclarativeBase):
    """Every table of the labelling service's database."""

    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it from the class)
        datetime: UtcDateTime,
        float: Double,
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        Any: JSON(none_as_null=True),
    }

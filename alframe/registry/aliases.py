"""Which versions the aliases of a model stand for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from alframe.registry.promotions import PromotionLog

Alias = Literal["champion", "challenger", "previous"]


def holders(log: PromotionLog, rounds: Collection[int]) -> dict[Alias, int | None]:
    """The round that each alias stands for, ``None`` where there is none; the champion's is the first.

    Args:
        log: says who is champion, and who was before.
        rounds: those that have a version.
    """
    champion = log.champion
    later = [round for round in rounds if champion is None or round > champion]
    return {"champion": champion, "previous": log.previous, "challenger": max(later, default=None)}

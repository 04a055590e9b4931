"""What every registry is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alframe.registry.promotions import PromotionLog

STEPS = ("begin", "replay", "train", "evaluate", "gate")
"""The steps of a round whose files make up a version."""


@dataclass(frozen=True)
class ModelVersion:
    """What a version of a model is made of.

    Attributes:
        name: the run's.
        round: the round that trained it.
        files: by name, what it consists of: the weights, as safetensors, and records.
        sha256: of each file.
        tags: where it comes from, by name: data window, ledger version, trigger, what its cycle did otherwise than the
            configuration says, decision, code version.
        metrics: its evaluation.
        config: the run's resolved configuration.
    """

    name: str
    round: int
    files: Mapping[str, Path]
    sha256: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Registered:
    """What a registry has of a round.

    Attributes:
        place: where: a server, or a store of the run's own.
        version: its name there; empty where it has none.
        aliases: those that stand for it there.
        damage: what is wrong with it; empty where its files are what was registered.
    """

    place: str
    version: str
    aliases: tuple[str, ...]
    damage: str


class Registry(ABC):
    """Keeps versions where others find them, with aliases that follow the promotion log.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def register(self, version: ModelVersion) -> str:
        """Keep a version and return its name there; a version that is there already is not kept twice."""

    @abstractmethod
    def follow(self, log: PromotionLog) -> None:
        """Set the aliases ``champion``, ``challenger`` and ``previous`` to what the log says; may be repeated.

        The challenger is the latest version that is not champion and was trained after it.
        """

    @abstractmethod
    def find(self, round: int) -> Registered | None:
        """What it has of a round; ``None`` where it keeps nothing besides the run's own folder."""


class LocalRegistry(Registry):
    """The run's own folder: the weights lie there already, and the promotion log says which are the champion's."""

    def register(self, version: ModelVersion) -> str:
        """Nothing is to be done."""
        return str(version.round)

    def follow(self, log: PromotionLog) -> None:
        """There is no alias besides the log."""

    def find(self, round: int) -> Registered | None:  # noqa: ARG002 (every round is in the run's folder)
        """Nothing is kept elsewhere."""
        return None

"""A fit on several devices of one machine: a process each for as long as the fit lasts, and one that waits for them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from multiprocessing import get_context
from threading import Event, Thread
from typing import Any

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment, find_free_network_port
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.strategies import DDPStrategy


class OneMachine(LightningEnvironment):
    """This process and those that it starts, whatever a scheduler's variables say of others."""

    @property
    def creates_processes_externally(self) -> bool:
        """Lightning starts them."""
        return False

    @property
    def main_address(self) -> str:
        """They meet here ..."""
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        """... at a port that was free when the fit began."""
        if self._main_port < 0:
            self._main_port = find_free_network_port()
        return self._main_port

    def node_rank(self) -> int:
        """There is no other machine."""
        return 0


def one_process_each(*, find_unused_parameters: bool) -> DDPStrategy:
    """Lightning's DDP with processes that begin and end with the fit.

    Lightning's own ``ddp`` would start the whole command again for each device, and a run's folder is for one process.
    These are spawned instead: they are handed copies of the learner and the data, and the weights come back.

    Args:
        find_unused_parameters: whether a step may leave parameters without a gradient, at the price of a search.
    """
    return DDPStrategy(
        start_method="spawn", cluster_environment=OneMachine(), find_unused_parameters=find_unused_parameters
    )


def alone() -> bool:
    """Whether no other process trains with this one."""
    return not (torch.distributed.is_available() and torch.distributed.is_initialized())


class Relay:
    """``function``, for this process and for those that it starts: what they call it with is done here, as it comes.

    A relay that is handed to a new process takes a queue along. At the end of its ``with`` block everything that was
    said has been done.

    Args:
        function: called with what can be pickled; returns nothing.
    """

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function
        self._queue: Any = None
        self._over = Event()
        self._listener: Thread | None = None

    def __call__(self, *arguments: Any) -> None:
        """Have it done."""
        self._function(*arguments)

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._listener is not None:
            self._listener.join(timeout=10)  # a process that was killed in the middle of a word never ends it

    def __getstate__(self) -> dict[str, Any]:
        if self._listener is None:
            self._queue = get_context("spawn").SimpleQueue()
            self._listener = Thread(target=self._listen, daemon=True)
            self._listener.start()
        return {"_queue": self._queue}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._queue = state["_queue"]
        self._function = lambda *arguments: self._queue.put(arguments)

    def _listen(self) -> None:
        while not self._over.wait(0.05) or not self._queue.empty():
            while not self._queue.empty():
                self._function(*self._queue.get())


class Unreadable(Callback):
    """Says after each epoch which images this process could not read so far.

    Args:
        note: takes a table position and a reason; may hear of the same position again.
    """

    def __init__(self, note: Callable[[int, str], None]) -> None:
        self._note = note

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 (Lightning's)
        """After training and validation."""
        for position, reason in trainer.datamodule.unreadable.items():  # type: ignore[attr-defined]  # an ImageData
            self._note(position, reason)


class OneOfSeveral(Callback):
    """What tells a process that trains with others apart from them, and from the one that waits."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:  # noqa: ARG002 (Lightning's)
        """It has no log: what is worth a line is relayed."""
        logging.getLogger("alframe").addHandler(logging.NullHandler())

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 (Lightning's)
        """Its dropout masks are its own, although all are handed the same generator."""
        torch.manual_seed(torch.initial_seed() + trainer.global_rank)

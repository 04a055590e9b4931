"""Lightning's Trainer, without what a cycle of many short fits has no use for."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from alframe.errors import ConfigurationError

logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
# Lightning 2.6 under torch 2.15, several times a fit; nothing that a user could mend.
warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated", FutureWarning)
# A batch in which no image can be read is passed over on purpose.
warnings.filterwarnings("ignore", "`training_step` returned `None`", UserWarning)

Precision = Literal["32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true"]


def quiet_trainer(
    *,
    accelerator: str = "auto",
    devices: Sequence[int] | Literal[1] = 1,
    precision: Precision = "32-true",
    gradient_clip_val: float | None = None,
    max_epochs: int = 1,
    validate: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Trainer:
    """A Trainer that writes and prints nothing of its own.

    Args:
        accelerator: ``auto``, ``cpu``, ``gpu``, ``mps``, ...: Lightning's.
        devices: 1, or the index of the one to use, as ``[2]``.
        precision: Lightning's.
        gradient_clip_val: largest norm of the gradient, or ``None``.
        max_epochs: how long to fit.
        validate: whether to score validation samples after each epoch.
        callbacks: run beside.

    Raises:
        ConfigurationError: several devices: a cycle's journal is kept by one process.
    """
    if devices != 1 and len(devices) != 1:
        raise ConfigurationError(f"a run computes on one device, got trainer.devices={devices}; give one index")
    return Trainer(
        accelerator=accelerator,
        devices=devices if devices == 1 else list(devices),
        precision=precision,
        gradient_clip_val=gradient_clip_val,
        max_epochs=max_epochs,
        limit_val_batches=1.0 if validate else 0,
        callbacks=list(callbacks),
        deterministic="warn",
        logger=False,
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


class Advance(Callback):
    """Moves a progress bar on by one for each training epoch or predicted batch."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance = advance

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 (Lightning's signature)
        """One epoch."""
        self._advance(1)

    def on_predict_batch_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 (Lightning's signature)
        """One batch."""
        self._advance(1)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C reach the caller: Lightning answers it by ignoring further ones and leaving the process."""
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as leaving:
        if isinstance(leaving.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from leaving
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is not on_interrupt:
            signal.signal(signal.SIGINT, on_interrupt)


@contextmanager
def torch_seed(seed: int) -> Iterator[None]:
    """Start torch's global generators from ``seed`` inside the block; outside they go on as if nothing had been."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield

"""Lightning's Trainer, without what a cycle of many short fits has no use for."""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import active_children
from typing import Any, Literal

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from alframe.errors import ConfigurationError
from alframe.learner.distributed import OneMachine, OneOfSeveral, one_process_each

for chatty in ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.distributed"):
    logging.getLogger(chatty).setLevel(logging.WARNING)
# Lightning 2.6 under torch 2.15, several times a fit; nothing that a user could mend.
warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated", FutureWarning)
# A run is one process, whether or not a scheduler could start more.
warnings.filterwarnings("ignore", "The `srun` command is available", UserWarning)
# Of the kernels of a convolution over grey images, in each process of a fit.
warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides", UserWarning)
# A batch in which no image can be read is passed over on purpose.
warnings.filterwarnings("ignore", "`training_step` returned `None`", UserWarning)

Precision = Literal["32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true"]


def quiet_trainer(
    *,
    accelerator: str = "auto",
    devices: Sequence[int] | int = 1,
    strategy: Literal["auto", "ddp", "ddp_find_unused_parameters_true"] = "auto",
    precision: Precision = "32-true",
    gradient_clip_val: float | None = None,
    max_epochs: int = 1,
    validate: bool = False,
    callbacks: Sequence[Callback] = (),
    on_all_devices: bool = False,
) -> Trainer:
    """A Trainer that writes and prints nothing of its own.

    Args:
        accelerator: ``auto``, ``cpu``, ``gpu``, ``mps``, ...: Lightning's.
        devices: how many devices of this machine share a fit, or the indices of those to use, as ``[2]`` or ``[0, 1]``.
        strategy: how several devices share a fit: ``ddp``, which ``auto`` is too, gives each a process with a copy of
            the learner and averages the gradients; ``ddp_find_unused_parameters_true`` is for networks of which a
            step does not reach every trained parameter.
        precision: Lightning's.
        gradient_clip_val: largest norm of the gradient, or ``None``.
        max_epochs: how long to fit.
        validate: whether to score validation samples after each epoch.
        callbacks: run beside; where several devices share the fit, each process has copies.
        on_all_devices: whether to compute on all ``devices``; only a fit does, everything else is the first one's.

    Raises:
        ConfigurationError: no device, or a process of ``torchrun``.
    """
    if (devices if isinstance(devices, int) else len(devices)) < 1:
        raise ConfigurationError(f"trainer.devices must be a number from 1 up or a list of indices, got {devices}")
    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise ConfigurationError(
            "a run is one process on one machine and starts its helpers itself: give the command without torchrun, "
            "and trainer.devices=N for N devices"
        )
    if not on_all_devices:
        devices = 1 if isinstance(devices, int) else devices[:1]
    several = devices != 1 if isinstance(devices, int) else len(devices) > 1
    return Trainer(
        accelerator=accelerator,
        devices=devices if isinstance(devices, int) else list(devices),
        strategy=one_process_each(find_unused_parameters=strategy.endswith("_true")) if several else "auto",
        plugins=None if several else [OneMachine()],
        precision=precision,
        gradient_clip_val=gradient_clip_val,
        max_epochs=max_epochs,
        limit_val_batches=1.0 if validate else 0,
        callbacks=[*callbacks, OneOfSeveral()] if several else list(callbacks),
        deterministic="warn",
        use_distributed_sampler=False,  # the data module knows which process reads what
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

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 (Lightning's)
        """One epoch, of the first process."""
        if trainer.is_global_zero:
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
def processes_of(trainer: Trainer) -> Iterator[None]:
    """Around ``trainer.fit``: Ctrl-C reaches the caller, and no process that the fit started outlives the block.

    One that waits for another to begin would not hear Ctrl-C itself.
    """
    before = active_children()
    try:
        with interruptible():
            yield
    finally:
        if trainer.strategy.launcher is not None:
            for process in set(active_children()).difference(before):
                process.kill()


@contextmanager
def torch_seed(seed: int) -> Iterator[None]:
    """Start torch's global generators from ``seed`` inside the block; outside they go on as if nothing had been."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield

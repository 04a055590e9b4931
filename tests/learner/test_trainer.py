from __future__ import annotations

from typing import Any

import pytest
from pytorch_lightning.strategies import DDPStrategy

from alframe.errors import ConfigurationError
from alframe.learner import quiet_trainer


def test_it_writes_nothing_of_its_own() -> None:
    """No logger, no progress bar, no checkpoints: a cycle has its own."""
    trainer = quiet_trainer(accelerator="cpu", max_epochs=3)
    assert trainer.logger is None
    assert trainer.progress_bar_callback is None
    assert trainer.checkpoint_callback is None
    assert trainer.max_epochs == 3


@pytest.mark.parametrize("strategy", ["auto", "ddp", "ddp_find_unused_parameters_true"])
def test_several_devices_share_a_fit_and_nothing_else(strategy: Any) -> None:
    """A fit has a spawned process for each device; a pass of prediction stays in this one, on the first."""
    fits = quiet_trainer(accelerator="cpu", devices=3, strategy=strategy, on_all_devices=True)
    assert isinstance(fits.strategy, DDPStrategy)
    assert fits.strategy.num_processes == 3
    assert fits.strategy.launcher is not None
    assert fits.strategy._start_method == "spawn"
    assert fits.strategy._ddp_kwargs["find_unused_parameters"] == (strategy == "ddp_find_unused_parameters_true")
    predicts = quiet_trainer(accelerator="cpu", devices=3, strategy=strategy)
    assert predicts.world_size == 1
    assert predicts.strategy.launcher is None


def test_one_device_needs_no_process() -> None:
    """A fit on one device is this process's, whatever the strategy."""
    trainer = quiet_trainer(accelerator="cpu", devices=1, strategy="ddp", on_all_devices=True)
    assert trainer.strategy.launcher is None


@pytest.mark.parametrize("devices", [0, -1, []])
def test_no_device_is_refused(devices: Any) -> None:
    """The message names the key and what was given."""
    with pytest.raises(ConfigurationError, match=r"trainer\.devices must be a number from 1 up"):
        quiet_trainer(accelerator="cpu", devices=devices)


def test_torchrun_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its processes each would run the whole cycle; the message says what to give instead."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job")
    with pytest.raises(ConfigurationError, match=r"without torchrun, and trainer\.devices=N"):
        quiet_trainer(accelerator="cpu")


@pytest.mark.parametrize("devices", [1, 2])
def test_a_scheduler_says_nothing_of_these_processes(devices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a job of SLURM with four tasks on two nodes a fit still has the processes of its devices, all of them here."""
    variables = {"NTASKS": "4", "PROCID": "3", "LOCALID": "1", "NODEID": "1", "JOB_NAME": "sweep", "NNODES": "2"}
    for name, value in variables.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setenv("MASTER_ADDR", "192.0.2.1")
    monkeypatch.setenv("NODE_RANK", "1")
    trainer = quiet_trainer(accelerator="cpu", devices=devices, on_all_devices=True)
    assert trainer.world_size == devices
    assert trainer.node_rank == 0
    if isinstance(trainer.strategy, DDPStrategy):
        environment = trainer.strategy.cluster_environment
        assert environment is not None
        assert environment.main_address == "127.0.0.1"
        assert environment.main_port == environment.main_port > 0

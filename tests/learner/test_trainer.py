from __future__ import annotations

import pytest

from alframe.errors import ConfigurationError
from alframe.learner import quiet_trainer


def test_it_writes_nothing_of_its_own() -> None:
    """No logger, no progress bar, no checkpoints: a cycle has its own."""
    trainer = quiet_trainer(accelerator="cpu", max_epochs=3)
    assert trainer.logger is None
    assert trainer.progress_bar_callback is None
    assert trainer.checkpoint_callback is None
    assert trainer.max_epochs == 3


def test_several_devices_are_refused() -> None:
    """One process keeps the journal, so one device computes; the message says what to give instead."""
    with pytest.raises(ConfigurationError, match="give one index"):
        quiet_trainer(accelerator="cpu", devices=[0, 1])
